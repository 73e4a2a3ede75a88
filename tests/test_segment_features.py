"""Features of segments: the selectors' own numbers, and the measures of pose and mouth by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from selector_candidates import face_track, opening_mouth
from support.parts import part

from tfg import overrides, parts
from tfg.atlas.columns import FEATURES, NAMED
from tfg.atlas.table import Person
from tfg.segment_features import (
    Reference,
    clusters,
    explained,
    face_columns,
    motion_columns,
    segment_features,
)
from tfg.selection import select_only
from tfg.selectors.columns import of_sound
from tfg.types import Segment

CLIP = ["clip=embedded", "clip.size=64", "clip.synthetic.seconds=12", "split.held_out=4", "audio=logmel"]


def turned(*degrees: float) -> np.ndarray:
    """(n, 3, 3) yaws."""
    return Rotation.from_rotvec([(0, angle, 0) for angle in degrees], degrees=True).as_matrix()


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFG_CACHE", str(tmp_path_factory.getbasetemp() / "segment-features"))


def test_diversity_and_motion_are_what_the_selector_computes_and_every_column_is_there(cache: None) -> None:
    """Four candidates of five seconds of eight, all looked at by ISExplore."""
    config = overrides.composed([*CLIP, "selector=isexplore", "face=sidecar", *overrides.UNTRAINED])
    selection, _ = select_only(config)
    assert len(selection.scores) == 4
    rows, costs = segment_features(
        CLIP, [Segment.whole(start=score.start, num_frames=125) for score in selection.scores]
    )
    for row, score in zip(rows, selection.scores, strict=True):
        assert row["audio_pairs"] == score.diversity
        assert row["logmel_pairs"] == score.diversity
        assert row["mc_both_0.25_pooled_radial"] == score.motion_complexity
        assert score.extras is not None
        assert row["voiced_share"] == score.extras["voiced_ratio"]
        assert row["motion_amplitude_both"] == score.extras["motion_amplitude_pixels"]
        assert set(row) == {*FEATURES, "faces_seconds"}
        assert row["faces_seconds"] is None  # given by the sidecar
        assert all(row[name] is not None and np.isfinite(row[name]) for name in FEATURES)
    assert set(costs) == {"audio_seconds"}


def test_linear_and_the_bench_choose_by_the_atlas_s_own_columns(cache: None) -> None:
    config = overrides.composed([*CLIP, "selector=linear", "face=sidecar", *overrides.UNTRAINED])
    rule = parts.build(config).selector.rule
    selection, _ = select_only(config)
    starts = [score.start for score in selection.scores]
    rows, _ = segment_features(CLIP, [Segment.whole(start=start, num_frames=125) for start in starts])
    rated = {score.start: score for score in selection.scores if score.score is not None}
    for row, score in zip(rows, selection.scores, strict=True):
        reads = ("sound", "faces") if score.start in rated else ("sound",)
        columns = [name for name in rule.columns if NAMED[name].reads in reads]
        assert score.extras is not None
        assert {name: row[name] for name in columns} == {name: score.extras[name] for name in columns}
    numbers = {name: np.array([row[name] for row in rows], float) for name in rule.columns}
    person = Person(
        name="a", kind="real", tuned=False, seconds=125, starts=np.array(starts, float), numbers=numbers, seeds={}
    )
    assert selection.segment.start == starts[int(rule.shares(person, ()).argmax())]


def test_readings_that_are_left_out_are_those_that_cannot_differ() -> None:
    """Of one signal no reading matters, and lips alone are one group."""
    motion = part("selector/isexplore", "motion")
    rng = np.random.default_rng(0)
    landmarks = (opening_mouth(rng.random(50)) + rng.normal(0, 1, (50, 68, 2))).astype(np.float32)

    def of(signals: str, **given: str) -> float:
        return replace(motion, **given).of(landmarks, signals).complexity

    camera = {
        of("camera", aggregation=one, coordinates=other)
        for one in ("pooled", "mean_of_groups", "mean_of_ratios")
        for other in ("radial", "xy")
    }
    assert max(camera) == pytest.approx(min(camera))
    assert of("lips", aggregation="pooled") == pytest.approx(of("lips", aggregation="mean_of_groups"))
    found = motion_columns(face_track(landmarks, 0), Segment.whole(start=0, num_frames=50))
    assert found["mc_camera_0.25"] == pytest.approx(of("camera"))
    assert found["mc_lips_0.25_mean_of_ratios_xy"] == of("lips", aggregation="mean_of_ratios", coordinates="xy")
    assert found["mc_both_0.25_pooled_radial_hann"] == of("both", window="hann")


def test_a_segment_that_a_selector_rejects_has_no_motion() -> None:
    faces = np.ones(50)
    faces[:6] = 0
    track = face_track(opening_mouth(np.sin(np.arange(50))), 0, faces)
    assert set(motion_columns(track, Segment.whole(start=0, num_frames=50)).values()) == {None}


def test_the_audio_gap_is_the_mean_distance_to_the_nearest_own_vector() -> None:
    """Vectors 0, 1, 2, 10 on a line, own are 0 and 1: (0 + 0 + 1 + 9) / 4."""
    vectors = np.array([[0.0], [1.0], [2.0], [10.0]], np.float32)
    assert of_sound("audio_gap", vectors, None, [0], 2) == pytest.approx([2.5])
    assert of_sound("audio_gap", vectors, None, [0], 4) == pytest.approx([0])


def test_poses_are_clustered_greedily_in_the_order_of_time() -> None:
    """Of yaws 0, 1.5, 3, 1, 5: 0, then 3 (more than 2 from 0), then 5 is within 2 of 3."""
    assert clusters(turned(0, 1.5, 3, 1, 4.9), 2.0) == [0, 2]
    assert clusters(turned(0, 1.5, 3, 1, 5.1), 2.0) == [0, 2, 4]


def test_pose_and_mouth_of_a_segment_by_hand() -> None:
    """Ten frames, of which the first five turn from 0 to 4 degrees with the mouth, and the rest look 10 degrees away."""
    yaws = np.array([0.0, 1, 2, 3, 4, 10, 10, 10, 10, 10])
    reference = Reference(
        track=face_track(np.zeros((10, 68, 2)), 0),
        frames=np.arange(10),
        rotation=turned(*yaws),
        translation=np.zeros((10, 3)),
        opening=np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.8, 0.8, 0.8, 0.8, 0.8], np.float32),
    )
    found = face_columns(reference, Segment.whole(start=0, num_frames=5))
    assert found["reference_gap"] == pytest.approx(5 * 6 / 10, abs=1e-4)
    assert found["pose_spread"] == pytest.approx((2 + 1 + 0 + 1 + 2) / 5, abs=1e-4)
    assert found["pose_clusters"] == 2
    assert found["pose_mouth_r2"] == pytest.approx(1, abs=1e-4)
    assert found["mouth_closed"] == pytest.approx(2 / 5)  # below 0.25 x 0.8
    assert found["mouth_range"] == pytest.approx(0.4 * 0.96, abs=1e-6)
    assert found["mouth_share"] == pytest.approx((0.392 - 0.018) / (0.8 - 0.018), abs=1e-3)


def test_a_segment_without_faces_has_no_pose() -> None:
    reference = Reference(
        track=face_track(np.zeros((4, 68, 2)), 0),
        frames=np.array([3]),
        rotation=turned(0),
        translation=np.zeros((1, 3)),
        opening=np.zeros(1, np.float32),
    )
    assert set(face_columns(reference, Segment.whole(start=0, num_frames=3)).values()) == {None}


def test_a_linear_map_explains_its_own_values_and_nothing_of_noise() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((500, 3))
    assert explained(inputs, inputs @ [1.0, 2.0, 3.0] + 4) == pytest.approx(1)
    found = explained(inputs, rng.standard_normal(500))
    assert found is not None
    assert found < 0.03
    assert explained(inputs, np.ones(500)) is None
