"""Facts of the selectors that are not of the paper: what each is for, planted and found; and what each reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from selector_candidates import Watched, opening_mouth
from support.parts import part

from tfg.rotations import nearest_angles
from tfg.selectors.base import CandidateScore, Selection
from tfg.selectors.candidates import candidates_for
from tfg.selectors.decorrelated import explained
from tfg.selectors.pairwise import distances, window_least_distances
from tfg.types import FaceTrack, InputError

NUM_FRAMES, TOTAL = 125, 1500
STARTS = candidates_for(TOTAL, 5.0)
LISTED = (0, 250, 500, 1000, 1250)  # the planted windows of varied speech


def turned(degrees: np.ndarray) -> np.ndarray:
    """(n,) -> (n, 3, 3) about the vertical axis."""
    angle = np.radians(degrees)
    zero, one = np.zeros_like(angle), np.ones_like(angle)
    rows = [[np.cos(angle), zero, np.sin(angle)], [zero, one, zero], [-np.sin(angle), zero, np.cos(angle)]]
    return np.moveaxis(np.array(rows), -1, 0)


def varied_speech() -> np.ndarray:
    audio = np.random.default_rng(0).standard_normal((TOTAL, 16)).astype(np.float32)
    for start in LISTED:
        audio[start : start + NUM_FRAMES] *= 3
    return audio


def world(**given: np.ndarray) -> Watched:
    mouth = opening_mouth(0.3 + 0.3 * np.sin(np.arange(TOTAL) / 7))
    return Watched(**{"audio": varied_speech(), "landmarks": mouth, **given})


def select(name: str, watched: Watched, **changes: object) -> Selection:
    selector = part(f"selector/{name}", **changes)
    return selector.select(watched.candidates(STARTS, NUM_FRAMES), np.random.default_rng(0))


def chosen(selection: Selection) -> CandidateScore:
    return next(score for score in selection.scores if score.start == selection.segment.start)


def finalists(selection: Selection) -> tuple[int, ...]:
    return tuple(score.start for score in selection.scores if score.score is not None)


def test_angles_are_to_the_nearest_rotation() -> None:
    found = nearest_angles(turned(np.array([0.0, 8.0, 30.0])), turned(np.array([0.0, 10.0])))
    assert found == pytest.approx([0.0, 2.0, 20.0], abs=1e-3)


def test_pose_coverage_chooses_the_poses_of_the_whole_part() -> None:
    degrees = np.random.default_rng(1).uniform(-20, 20, TOTAL)
    for start in LISTED:
        degrees[start : start + NUM_FRAMES] = 3.0
    degrees[500:625] = np.linspace(-20, 20, NUM_FRAMES)
    degrees[750:875] = np.linspace(-20, 20, NUM_FRAMES)  # as good, of dull speech
    watched = world(rotation=turned(degrees))
    selection = select("pose_coverage", watched)
    assert (selection.segment.start, finalists(selection)) == (500, LISTED)
    assert chosen(selection).extras is not None
    assert chosen(selection).extras["pose_angle_degrees"] < 0.2  # a pose every 40 / 124 degrees
    single = [stop - start for start, stop in watched.face_reads if stop - start == 1]
    assert len(single) == 60
    assert len(watched.frames_read()) == 60 + len(LISTED) * NUM_FRAMES


def test_pose_coverage_of_an_even_grid_uses_no_sound() -> None:
    degrees = np.zeros(TOTAL)
    degrees[1100:1225] = np.linspace(-20, 20, NUM_FRAMES)
    degrees[:50] = np.linspace(-20, 20, 50)
    watched = world(rotation=turned(degrees))
    selection = select("pose_coverage", watched, shortlist={"by": "even", "top": 6})
    assert finalists(selection) == (0, 275, 550, 825, 1100, 1375)
    assert selection.segment.start == 1100
    assert watched.audio_reads == 0


def test_poses_are_sampled_in_one_reading_where_the_clip_can() -> None:
    plain = world().candidates(STARTS, NUM_FRAMES)
    asked: list[list[int]] = []

    def sample(frames: Sequence[int]) -> FaceTrack:
        asked.append(list(frames))
        return plain.face(0, len(frames))

    part("selector/pose_coverage", sampled_frames=4).select(replace(plain, sample=sample), np.random.default_rng(0))
    assert asked == [[187, 562, 937, 1312]]


def test_decorrelated_leaves_the_mouth_that_follows_the_head() -> None:
    degrees = 10 * np.sin(np.arange(TOTAL) / 7)  # as the mouth opens
    degrees[1000:1125] = 10 * np.sin(np.arange(NUM_FRAMES) / 3.1)
    selection = select("decorrelated", world(rotation=turned(degrees)))
    assert (selection.segment.start, finalists(selection)) == (1000, LISTED)
    shares = {score.start: (score.extras or {}).get("mouth_explained_by_pose") for score in selection.scores}
    assert shares[1000] is not None
    assert shares[1000] < 0.1
    assert all(shares[start] is not None and shares[start] > 0.9 for start in LISTED if start != 1000)


def test_a_still_mouth_is_not_decorrelated() -> None:
    landmarks = opening_mouth(0.3 + 0.3 * np.sin(np.arange(TOTAL) / 7))
    landmarks[:125] = landmarks[:1]
    degrees = 10 * np.sin(np.arange(TOTAL) / 7)
    selection = select("decorrelated", world(landmarks=landmarks, rotation=turned(degrees)))
    assert selection.scores[0].note == "the mouth does not move"
    assert selection.segment.start != 0


def test_explained_is_r_squared_of_least_squares() -> None:
    rng = np.random.default_rng(0)
    regressors = rng.standard_normal((40, 3))
    values = regressors @ [1.0, -2.0, 0.5] + rng.standard_normal(40)
    design = np.column_stack([np.ones(40), regressors])
    left = values - design @ np.linalg.solve(design.T @ design, design.T @ values)
    assert explained(values, regressors) == pytest.approx(1 - left.var() / values.var())
    assert explained(values, np.column_stack([regressors, np.full(40, 5.0)])) == pytest.approx(
        explained(values, regressors)
    )
    assert explained(values, np.zeros((40, 2))) == 0.0


@pytest.mark.parametrize("measure", ["mean", "largest"])
def test_least_distances_are_those_of_every_window_by_itself(measure: str) -> None:
    vectors = np.random.default_rng(0).standard_normal((300, 5))
    starts = np.array([0, 13, 100, 250])
    found = window_least_distances(vectors, starts, 50, measure)
    summary = {"mean": np.mean, "largest": np.max}[measure]
    assert found == pytest.approx([summary(distances(vectors, vectors[s : s + 50]).min(axis=1)) for s in starts])


def test_speech_coverage_finds_the_window_that_holds_every_sound_and_then_the_widest_mouth() -> None:
    rng = np.random.default_rng(0)
    sounds = rng.standard_normal((20, 16)) * 5
    spoken = np.arange(TOTAL) // 75 % 20  # one sound for three seconds
    for start in (300, 900):
        spoken[start : start + NUM_FRAMES] = np.arange(NUM_FRAMES) % 20  # all of them in five
    audio = (sounds[spoken] + 0.1 * rng.standard_normal((TOTAL, 16))).astype(np.float32)
    opening = 0.1 + 0.1 * np.sin(np.arange(TOTAL) / 7)
    opening[900:1025] *= 3
    opening[600:725] *= 6  # the widest, but of one sound or two
    selection = select("speech_coverage", world(audio=audio, landmarks=opening_mouth(opening)), top=2)
    assert (finalists(selection), selection.segment.start) == ((300, 900), 900)
    distance = {score.start: (score.extras or {})["audio_coverage_distance"] for score in selection.scores}
    assert max(distance[300], distance[900]) < min(
        value for start, value in distance.items() if start not in (300, 900)
    )


@pytest.mark.parametrize("name", ["pose_coverage", "decorrelated", "speech_coverage"])
def test_a_candidate_without_a_face_drops_out_and_no_face_at_all_is_one_line(name: str) -> None:
    faces = np.ones(TOTAL)
    first = select(name, world()).segment.start
    faces[first + 20 : first + 80] = 0
    selection = select(name, world(num_faces=faces))
    assert selection.segment.start != first
    assert "60 of 125 frames without one clear face, 5 allowed" in " ".join(
        score.note or "" for score in selection.scores
    )
    with pytest.raises(
        InputError, match=r"(all 5 candidates looked at were rejected|none of 60 frames).*face"
    ) as caught:
        select(name, world(num_faces=np.zeros(TOTAL)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "key"),
    [
        ("pose_coverage", {"sampled_frames": 0}, "sampled_frames"),
        ("pose_coverage", {"shortlist": {"by": "sound"}}, "shortlist.by"),
        ("decorrelated", {"shortlist": {"top": 0}}, "shortlist.top"),
        ("speech_coverage", {"measure": "least"}, "measure"),
        ("speech_coverage", {"max_overlap": 1.0}, "max_overlap"),
    ],
)
def test_options_out_of_range_name_their_key(name: str, options: dict, key: str) -> None:
    with pytest.raises(InputError, match=f"^selector.{key}: "):
        part(f"selector/{name}", **options)
