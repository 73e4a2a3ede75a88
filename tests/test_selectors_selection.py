"""Facts of whole selections: what is chosen, what is looked at, ties, and that nothing beyond the training part is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from selector_candidates import Watched, face_points, opening_mouth
from support.parts import part

from tfg.ranking import best
from tfg.selectors.base import Selection, Selector
from tfg.selectors.candidates import candidates_for
from tfg.types import InputError

NUM_FRAMES, TOTAL = 125, 1500
STARTS = candidates_for(TOTAL, 5.0)
CONF = Path(__file__).parents[1] / "conf" / "selector"
ALL = sorted(
    path.stem for path in CONF.glob("*.yaml") if path.stem != "at"
)  # `at` is told where: test_selectors_random


def speech(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((TOTAL, 16)).astype(np.float32)


def moving_face(seed: int = 0) -> np.ndarray:
    """Lips and head move slowly everywhere, with white noise on top: MC is much the same in every window."""
    rng = np.random.default_rng(seed)
    landmarks = opening_mouth(0.3 * np.sin(np.arange(TOTAL) / 7)) + rng.normal(0, 1, (TOTAL, 68, 2))
    landmarks += 5 * np.sin(np.arange(TOTAL) / 31)[:, None, None]
    return landmarks.astype(np.float32)


def watched(**given: np.ndarray) -> Watched:
    return Watched(**{"audio": speech(), "landmarks": moving_face(), **given})


def select(selector: Selector, world: Watched, seed: int = 0, starts: tuple[int, ...] = STARTS) -> Selection:
    candidates = world.candidates(starts, NUM_FRAMES, lambda: np.ones(TOTAL, np.bool_))
    return selector.select(candidates, np.random.default_rng(seed))


def test_the_folder_holds_every_row_of_table_4() -> None:
    assert {"random", "first", "audio", "camera", "lip", "lip_camera", "isexplore"} <= set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_every_selector_is_deterministic_and_stays_inside_the_training_part(name: str) -> None:
    selector = part(f"selector/{name}")
    world = watched()
    one, two = select(selector, world), select(selector, watched())
    assert one == two
    assert one.method == name
    assert one.segment.num_frames == NUM_FRAMES
    assert one.segment.frames[-1] < TOTAL
    if one.piece_frames is None:
        assert one.segment.start in STARTS
        assert [score.start for score in one.scores] == sorted(STARTS)
    assert one.definition
    assert world.audio_reads <= 1
    assert all(0 <= frame < TOTAL for frame in world.frames_read())


@pytest.mark.parametrize("name", [name for name in ALL if name != "random"])
def test_only_random_depends_on_the_generator(name: str) -> None:
    assert len({select(part(f"selector/{name}"), watched(), seed).segment for seed in range(5)}) == 1


@pytest.mark.parametrize(
    ("name", "hears", "sees"), [("random", 0, 0), ("first", 0, 0), ("audio", 1, 0), ("lip", 0, TOTAL)]
)
def test_a_selector_asks_only_for_what_it_needs(name: str, hears: int, sees: int) -> None:
    world = watched()
    select(part(f"selector/{name}"), world)
    assert (world.audio_reads, len(world.frames_read())) == (hears, sees)


def test_first_is_the_first() -> None:
    assert select(part("selector/first"), watched()).segment.start == 0


def test_audio_finds_a_planted_varied_segment() -> None:
    audio = speech()
    audio[700:825] *= 3
    selection = select(part("selector/audio"), watched(audio=audio))
    assert selection.segment.start == 700
    assert max(selection.scores, key=lambda score: score.score or 0.0).start == 700


@pytest.mark.parametrize(
    ("name", "start"),
    [("lip", 900), ("lip_camera", 900), ("camera", 300)],
)
def test_motion_selectors_find_planted_simple_motion(name: str, start: int) -> None:
    landmarks = moving_face()
    time = np.arange(NUM_FRAMES)
    landmarks[900:1025] = opening_mouth(
        0.4 * np.sin(2 * np.pi * 3 * time / NUM_FRAMES)
    )  # lips: one slow tone, head still
    if name == "camera":
        # The head swings at a changing speed of 2 +- 1 pixels a frame, with one slow tone, and trembles elsewhere.
        landmarks[900:1025] += np.random.default_rng(7).normal(0, 9, (NUM_FRAMES, 1, 2)).astype(np.float32)
        landmarks[300:425] = face_points()
        landmarks[300:425, :, 0] += np.cumsum(2 + np.sin(2 * np.pi * 3 * time / NUM_FRAMES))[:, None]
    selection = select(part(f"selector/{name}"), watched(landmarks=landmarks))
    assert selection.segment.start == start
    chosen = next(score for score in selection.scores if score.start == start)
    assert chosen.motion_complexity == min(score.motion_complexity or 1.0 for score in selection.scores)
    assert chosen.score == -(chosen.motion_complexity or 0.0)
    assert chosen.diversity is None


def planted() -> Watched:
    """Five far apart windows of varied speech; the fourth of them, at 1000, has the simplest motion of these five.

    The simplest motion of all is elsewhere, in a dull window.
    """
    audio = speech()
    for start in (0, 250, 500, 1000, 1250):
        audio[start : start + NUM_FRAMES] *= 3
    landmarks = moving_face()
    simple = opening_mouth(0.4 * np.sin(2 * np.pi * 3 * np.arange(NUM_FRAMES) / NUM_FRAMES))
    landmarks[1000:1125] = simple + np.random.default_rng(5).normal(0, 0.1, simple.shape)
    landmarks[750:875] = simple
    return watched(audio=audio, landmarks=landmarks)


def test_isexplore_chooses_simple_motion_among_varied_speech() -> None:
    selection = select(part("selector/isexplore", max_overlap=0.0), planted())
    assert selection.segment.start == 1000
    finalists = {score.start for score in selection.scores if score.motion_complexity is not None}
    assert finalists == {0, 250, 500, 1000, 1250}
    for score in selection.scores:
        assert (score.score is None) == (score.start not in finalists)
        if score.score is not None:
            assert score.score == pytest.approx(score.diversity / (score.motion_complexity + 1e-8))  # paper equation 3


def test_isexplore_looks_at_the_top_windows_only_and_at_no_frame_twice() -> None:
    world = watched()
    selection = select(part("selector/isexplore"), world)
    diverse = sorted(selection.scores, key=lambda score: -(score.diversity or 0.0))[:5]
    allowed = {frame for score in diverse for frame in range(score.start, score.start + NUM_FRAMES)}
    seen = world.frames_read()
    assert set(seen) == allowed
    assert len(seen) == len(set(seen)) <= 5 * NUM_FRAMES


@pytest.mark.parametrize("mc", ["lips", "camera", "both"])
def test_isexplore_pools_what_it_is_told(mc: str) -> None:
    world = watched()
    selection = select(part("selector/isexplore", mc=mc), world)
    score = next(score for score in selection.scores if score.start == selection.segment.start)
    landmarks = world.landmarks[score.start : score.start + NUM_FRAMES]
    assert score.motion_complexity == pytest.approx(part("selector/isexplore", "motion").of(landmarks, mc).complexity)


def test_equal_windows_go_to_the_smaller_start() -> None:
    tile = np.random.default_rng(8).standard_normal((250, 16)).astype(np.float32)
    audio = np.tile(tile, (6, 1))  # windows 250 frames apart hold the same numbers
    landmarks = np.tile(moving_face()[:250], (6, 1, 1))
    world = Watched(audio=audio, landmarks=landmarks)
    for name in ("audio", "isexplore", "lip", "lip_camera", "camera"):
        # Camera speed at a window's first frame is repeated from its second, so windows are equal in all signals.
        assert select(part(f"selector/{name}"), world).segment.start < 250


def test_best_breaks_ties_of_rounding_and_keeps_the_order() -> None:
    scores = np.array([1.0, 2.0, 2.0 + 1e-12, 0.5, 2.0])
    assert best(scores, (10, 40, 30, 0, 20), 3) == [4, 2, 1]


def test_suppression_keeps_finalists_apart() -> None:
    scores = np.array([5.0, 4.9, 4.8, 1.0, 0.9])
    starts = (0, 25, 60, 125, 300)
    assert best(scores, starts, 3) == [0, 1, 2]
    assert best(scores, starts, 5, num_frames=125, max_overlap=0.0) == [0, 3, 4]
    assert best(scores, starts, 2, num_frames=125, max_overlap=0.6) == [0, 2]


def test_a_finalist_without_a_face_is_rejected_and_the_others_go_on() -> None:
    world = planted()
    faces = np.ones(TOTAL)
    faces[1020:1080] = 0
    world.num_faces = faces
    selection = select(part("selector/isexplore", max_overlap=0.0), world)
    assert selection.segment.start in (0, 250, 500, 1250)
    rejected = next(score for score in selection.scores if score.start == 1000)
    assert (rejected.motion_complexity, rejected.score) == (None, None)
    assert rejected.note == "no face in frame 1020: 60 of 125 frames without one clear face, 5 allowed"


@pytest.mark.parametrize("name", ["isexplore", "lip", "camera", "lip_camera"])
def test_no_face_anywhere_is_one_clear_error(name: str) -> None:
    with pytest.raises(InputError, match=r"candidates looked at were rejected.* no face in frame \d+") as caught:
        select(part(f"selector/{name}"), watched(num_faces=np.zeros(TOTAL)))
    assert "\n" not in str(caught.value)


def test_voiced_ratio_and_motion_amplitude_are_logged() -> None:
    world = watched()
    voiced = np.arange(TOTAL) % 5 == 0
    candidates = world.candidates(STARTS, NUM_FRAMES, voiced=lambda: voiced)
    selection = part("selector/isexplore").select(candidates, np.random.default_rng(0))
    for score in selection.scores:
        assert score.extras is not None
        assert score.extras["voiced_ratio"] == pytest.approx(0.2)
        assert ("motion_amplitude_pixels" in score.extras) == (score.motion_complexity is not None)


def test_candidates_are_floor_of_t_minus_l_plus_one() -> None:
    assert candidates_for(5385, 5.0) == tuple(range(0, 211 * 25, 25))  # T = 215.4 s: floor(210.4) + 1
    assert candidates_for(125, 5.0) == (0,)
    assert candidates_for(149, 5.0) == (0,)
    assert candidates_for(150, 5.0) == (0, 25)
    assert candidates_for(50, 1.0, 0.5) == (0, 13, 25)  # half a second is 12.5 frames
    assert candidates_for(1500, 10.0, 1.0)[-1] + 250 <= 1500


def test_a_clip_too_short_is_one_clear_error() -> None:
    with pytest.raises(InputError, match=r"4\.96 s, less than seconds=5; use a longer clip or fewer seconds"):
        candidates_for(124, 5.0)


@pytest.mark.parametrize(
    ("seconds", "stride", "key"), [(0.1, 1.0, "seconds: "), (-5.0, 1.0, "seconds: "), (5.0, 0.0, "stride_seconds: ")]
)
def test_candidate_options_out_of_range_name_their_key(seconds: float, stride: float, key: str) -> None:
    with pytest.raises(InputError, match=f"^{key}"):
        candidates_for(1500, seconds, stride)


def test_a_bad_value_of_a_nested_option_names_its_key() -> None:
    with pytest.raises(InputError, match=r"^selector.motion.threshold: 0.7 is not allowed"):
        part("selector/isexplore", motion={"threshold": 0.7})


@pytest.mark.parametrize(
    ("options", "key"), [({"top": 0}, "top"), ({"mc": "lip"}, "mc"), ({"max_overlap": 1.0}, "max_overlap")]
)
def test_isexplore_options_out_of_range_name_their_key(options: dict, key: str) -> None:
    with pytest.raises(InputError, match=f"^selector.{key}: "):
        part("selector/isexplore", **options)
