"""Facts of audio diversity: the banded pass against a double loop, hand-computed measures, and what they must ignore."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.parts import part

from tfg.selectors.diversity import MEASURES, cumulative_variance, entropy, explained_variance
from tfg.selectors.kmeans import cluster
from tfg.selectors.pairwise import distances, window_mean_distances
from tfg.types import InputError


def diversity(**changes):
    return part("selector/isexplore", "diversity", **changes)


def double_loop(features: np.ndarray, start: int, num_frames: int) -> float:
    total = 0.0
    for i in range(start, start + num_frames):
        for j in range(i + 1, start + num_frames):
            total += math.dist(features[i].tolist(), features[j].tolist())
    return total / (num_frames * (num_frames - 1) / 2)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    total=st.integers(20, 90),
    num_frames=st.integers(2, 20),
    scale=st.sampled_from([1e-4, 1.0, 1e4]),
    offset=st.sampled_from([0.0, 1e3]),
)
def test_all_windows_equal_a_double_loop(seed: int, total: int, num_frames: int, scale: float, offset: float) -> None:
    features = np.random.default_rng(seed).standard_normal((total, 5)) * scale + offset
    starts = np.arange(total - num_frames + 1)
    found = window_mean_distances(features, starts, num_frames)
    expected = [double_loop(features, start, num_frames) for start in starts]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_windows_across_several_blocks_equal_a_double_loop() -> None:
    rng = np.random.default_rng(3)
    features = rng.standard_normal((700, 12))  # blocks are of 256 frames
    features[300:340] = features[300]  # silence: many distances are exactly 0
    starts = np.array([0, 130, 200, 255, 256, 300, 500, 575])
    expected = [double_loop(features, start, 125) for start in starts]
    np.testing.assert_allclose(window_mean_distances(features, starts, 125), expected, rtol=1e-6)


def test_distances_far_from_the_origin_do_not_cancel() -> None:
    rows = np.array([[1e6, 0.0], [1e6, 0.0], [-1e6, 0.0]])
    columns = np.array([[1e6, 1e-3], [1e6, 0.0], [3.0, 4.0]])
    expected = [[math.dist(a, b) for b in columns] for a in rows]
    np.testing.assert_allclose(distances(rows, columns), expected, rtol=1e-9)


def test_pairs_of_three_points_on_a_line_is_four_thirds() -> None:
    features = np.array([[0.0], [1.0], [2.0]])  # distances 1, 2, 1
    assert diversity().of(features, (0,), 3) == pytest.approx([4 / 3])


def test_consecutive_is_the_mean_step() -> None:
    features = np.array([[0.0], [1.0], [3.0], [3.0]])  # steps 1, 2, 0
    assert diversity(measure="consecutive").of(features, (0, 1), 3) == pytest.approx([1.5, 1.0])


def test_centroid_is_the_mean_distance_to_the_mean() -> None:
    features = np.array([[0.0], [2.0], [10.0], [10.0]])
    assert diversity(measure="centroid").of(features, (0, 2), 2) == pytest.approx([1.0, 0.0])


def test_explained_and_cumulative_variance_of_known_axes() -> None:
    # Variances 9, 4, 1 on three axes: ratios 9/14, 4/14, 1/14.
    vectors = np.array([[3, 0, 0], [-3, 0, 0], [0, 2, 0], [0, -2, 0], [0, 0, 1], [0, 0, -1]], float)
    assert explained_variance(vectors, 1) == pytest.approx(9 / 14)
    assert explained_variance(vectors, 2) == pytest.approx(13 / 28)
    assert cumulative_variance(vectors, 1) == pytest.approx(9 / 14)
    assert cumulative_variance(vectors, 2) == pytest.approx((9 / 14 + 13 / 14) / 2)
    assert diversity(measure="cumulative_variance", components=3).of(vectors, (0,), 6) == pytest.approx(
        [1 - (9 + 13 + 14) / 42]
    )
    assert diversity(measure="explained_variance").of(vectors, (0,), 6) == pytest.approx([5 / 14])


def test_explained_variance_of_a_still_window_is_no_diversity() -> None:
    features = np.concatenate([np.ones((4, 3)), np.eye(3), np.zeros((1, 3))])
    scores = diversity(measure="explained_variance").of(features, (0, 4), 4)
    assert scores[0] == 0.0
    assert scores[1] > 0.3


def test_entropy_of_even_and_single_histograms() -> None:
    assert entropy(np.array([5, 5, 0, 5, 5])) == pytest.approx(math.log(4))
    assert entropy(np.array([0, 7])) == 0.0


def test_semantic_entropy_counts_the_clusters_of_the_window() -> None:
    centers = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    features = centers[[0, 0, 0, 0, 0, 1, 2, 0]] + np.random.default_rng(0).normal(0, 0.01, (8, 2))
    scores = diversity(measure="semantic_entropy", clusters=3).of(features, (0, 4), 4)
    expected = -(2 * 0.25 * math.log(0.25) + 0.5 * math.log(0.5))
    assert scores == pytest.approx([0.0, expected])


def test_clusters_depend_on_their_seed_alone_and_survive_fewer_points_than_clusters() -> None:
    vectors = np.random.default_rng(1).standard_normal((200, 4))
    assert (cluster(vectors, 10, 7) == cluster(vectors, 10, 7)).all()
    assert len(np.unique(cluster(vectors, 10, 7))) == 10
    twins = np.repeat(np.eye(2), 5, axis=0)
    assert len(np.unique(cluster(twins, 6, 0))) == 2


def test_l2norm_ignores_loudness_and_keeps_zero_vectors() -> None:
    rng = np.random.default_rng(5)
    features = rng.standard_normal((40, 6))
    features[3] = 0.0
    louder = features * rng.uniform(0.5, 2, (40, 1))
    normalised = diversity(l2norm=True)
    np.testing.assert_allclose(normalised.of(features, (0, 9), 20), normalised.of(louder, (0, 9), 20), rtol=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
def test_a_varied_window_beats_a_monotone_one_under_every_measure(measure: str) -> None:
    rng = np.random.default_rng(2)
    features = np.concatenate(
        [
            np.outer(np.sin(np.arange(60) / 9), np.ones(8)) + rng.normal(0, 0.02, (60, 8)),  # one direction, slow
            rng.standard_normal((60, 8)) * 2,
        ]
    )
    monotone, varied = diversity(measure=measure).of(features, (0, 60), 60)
    assert varied > monotone


@pytest.mark.parametrize("measure", MEASURES)
def test_silence_throughout_is_refused(measure: str) -> None:
    with pytest.raises(InputError, match="silence"):
        diversity(measure=measure).of(np.full((50, 4), 0.7, np.float32), (0, 10), 20)


def test_features_that_are_no_numbers_are_refused() -> None:
    features = np.ones((50, 4))
    features[7, 2] = np.nan
    with pytest.raises(InputError, match="audio features"):
        diversity().of(features, (0,), 20)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"measure": "pair"}, r"selector\.diversity\.measure: 'pair' is unknown; did you mean 'pairs'"),
        ({"l2norm": "yes"}, r"selector\.diversity\.l2norm"),
        ({"components": 0}, r"selector\.diversity\.components"),
        ({"clusters": 1}, r"selector\.diversity\.clusters"),
        ({"clusters": 2.5}, r"selector\.diversity\.clusters"),
        ({"cluster_seed": -1}, r"selector\.diversity\.cluster_seed"),
    ],
)
def test_options_out_of_range_name_their_key(options: dict, key: str) -> None:
    with pytest.raises(InputError, match=key):
        diversity(**options)


def test_more_components_or_clusters_than_the_clip_has_name_their_key() -> None:
    features = np.random.default_rng(0).standard_normal((15, 6))
    with pytest.raises(InputError, match=r"selector\.diversity\.components.*at most 6"):
        diversity(measure="explained_variance", components=7).of(features, (0,), 10)
    with pytest.raises(InputError, match=r"selector\.diversity\.clusters.*at most 15"):
        diversity(measure="semantic_entropy").of(features, (0,), 10)


@pytest.mark.parametrize("measure", MEASURES)
def test_definition_names_what_was_measured(measure: str) -> None:
    raw, scaled = diversity(measure=measure).definition(), diversity(measure=measure, l2norm=True).definition()
    assert "raw" in raw
    assert "L2-normalised" in scaled
