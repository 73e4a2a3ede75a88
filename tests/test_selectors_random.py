"""Facts of the selectors that look at nothing: random draws without replacement, a silent candidate is passed over, at is exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from selector_candidates import Watched, face_points

from tfg.selectors.at import At
from tfg.selectors.base import Candidates, Selection
from tfg.selectors.candidates import candidates_for
from tfg.selectors.random import SILENT, Random
from tfg.types import InputError

NUM_FRAMES, TOTAL = 125, 1500
STARTS = candidates_for(TOTAL, 5.0)


def candidates(silent: tuple[int, int] = (0, 0)) -> Candidates:
    """Candidates of a minute that speaks but in frames [silent)."""
    voiced = np.ones(TOTAL, np.bool_)
    voiced[slice(*silent)] = False
    still = np.tile(face_points(), (TOTAL, 1, 1))
    world = Watched(audio=np.zeros((TOTAL, 2), np.float32), landmarks=still)
    return world.candidates(STARTS, NUM_FRAMES, lambda: voiced)


def draw(seed: int, among: Candidates | None = None, clip: int = 0) -> Selection:
    among = candidates() if among is None else among
    return Random(name="random").select(replace(among, draw=seed), np.random.default_rng(clip))


def test_seeds_walk_one_permutation_of_all_candidates() -> None:
    drawn = [draw(seed).segment.start for seed in range(len(STARTS))]
    assert sorted(drawn) == list(STARTS)
    assert drawn != list(STARTS)


def test_another_clip_has_another_order() -> None:
    assert [draw(seed, clip=0).segment.start for seed in range(5)] != [
        draw(seed, clip=1).segment.start for seed in range(5)
    ]


def test_the_order_is_the_same_on_every_machine() -> None:
    assert [draw(seed).segment.start for seed in range(6)] == [1150, 275, 450, 250, 575, 700]


def test_every_candidate_comes_first_about_equally_often() -> None:
    few = replace(candidates(), starts=STARTS[:4])
    first = [draw(0, few, clip).segment.start for clip in range(400)]
    assert all(70 <= first.count(start) <= 130 for start in few.starts)  # 100 +- 3.5 standard deviations of 8.7


def test_a_silent_candidate_is_passed_over_and_recorded() -> None:
    order = [draw(seed).segment.start for seed in range(len(STARTS))]
    second = order[1]
    among = candidates((second, second + NUM_FRAMES))
    silent = {start for start in STARTS if abs(start - second) * 20 < NUM_FRAMES}  # more than 95 % of it is silent
    chosen = [draw(seed, among) for seed in range(len(STARTS) - len(silent))]
    assert [one.segment.start for one in chosen] == [start for start in order if start not in silent]
    assert {score.start for score in chosen[1].scores if score.note == SILENT} == {second}
    assert not any(score.note for score in chosen[0].scores)


def test_more_seeds_than_candidates_with_speech_are_refused() -> None:
    with pytest.raises(
        InputError, match=f"there are {len(STARTS)} candidates with speech; give a seed below {len(STARTS)}"
    ):
        draw(len(STARTS))


@pytest.mark.parametrize(("start", "frame"), [(0.0, 0), (12, 300), (12.04, 301), (12.05, 301)])
def test_at_takes_the_frame_nearest_to_its_second(start: float, frame: int) -> None:
    selection = At(name="at", start=start).select(candidates(), np.random.default_rng(0))
    assert (selection.segment.start, selection.segment.num_frames) == (frame, NUM_FRAMES)


@pytest.mark.parametrize(
    ("start", "line"),
    [
        (None, "start: selector=at trains the segment that begins there; give start=SECONDS"),
        (-1.0, "start=-1.0: must be a number of seconds, 0 or above"),
        (float("nan"), "start=nan: must be a number"),
        (56.0, "clip: start=56: a segment of 5 s must begin by 55 s to end inside the training part"),
    ],
)
def test_at_refuses_what_is_no_segment(start: float | None, line: str) -> None:
    with pytest.raises(InputError) as caught:
        At(name="at", start=start).select(candidates(), np.random.default_rng(0))
    assert str(caught.value).startswith(line)


def test_at_takes_pieces_of_equal_length_in_the_order_of_time() -> None:
    selection = At(name="at", start=[7.2, 1.0, 20.0, 2.0, 40.0]).select(candidates(), np.random.default_rng(0))
    assert selection.segment.numbers == ((25, 50), (180, 25), (500, 25), (1000, 25))
    assert [score.start for score in selection.scores] == [25, 50, 180, 500, 1000]
    assert selection.candidate_frames == 25
    assert selection.definition == "the 5 pieces of 1 s that begin at 1, 2, 7.2, 20, 40 s, as given"


@pytest.mark.parametrize(
    ("start", "line"),
    [
        ([], "start=[]: must be a number of seconds, 0 or above, or a list of them as [1.0,7.2]"),
        (["a", 1.0], "start=['a', 1.0]: must be a number of seconds"),
        ([1.0, 1.5, 9.0, 20.0, 30.0], "start=[1.0, 1.5, 9.0, 20.0, 30.0]: pieces of 1 s that begin there overlap"),
        ([1.0, 9.0], "start=[1.0, 9.0]: seconds=5, 125 frames, cannot be shared by 2 pieces"),
        (
            [1.0, 9.0, 20.0, 30.0, 59.5],
            "clip: start=59.5: a piece of 1 s must begin by 59 s to end inside the training part",
        ),
    ],
)
def test_at_refuses_what_are_no_pieces_of_a_segment(start: list[float], line: str) -> None:
    with pytest.raises(InputError) as caught:
        At(name="at", start=start).select(candidates(), np.random.default_rng(0))
    assert str(caught.value).startswith(line)
