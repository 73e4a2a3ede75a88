"""Facts of `pieces`: which it takes of planted sounds and motions, that they add up, and what it reads."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from selector_candidates import Watched, opening_mouth
from support.parts import part

from tfg.selectors.base import Candidates, Selection
from tfg.selectors.candidates import candidates_for
from tfg.selectors.coverage import Coverage
from tfg.selectors.isexplore import ISExplore
from tfg.selectors.pairwise import distances, window_nearest
from tfg.types import InputError

PIECE, SEGMENT, TOTAL = 25, 125, 1500
SOUNDS = (2, 11, 20, 37)  # pieces of a second that hold a sound of their own; all others hold a fifth one
CALM, WILD = 0.05 * np.sin(np.arange(PIECE) / 4), 0.3 * (-1.0) ** np.arange(PIECE)


def sounds(places: dict[int, int], total: int = TOTAL) -> np.ndarray:
    """(total, 8): near zero, but for pieces `place -> which` that hold the sound of a direction of their own."""
    audio = 0.01 * np.random.default_rng(0).standard_normal((total, 8))
    for place, which in places.items():
        audio[place * PIECE : (place + 1) * PIECE, which] += 10
    return audio.astype(np.float32)


def world(audio: np.ndarray | None = None, wild: tuple[int, ...] = (), **given: np.ndarray) -> Watched:
    audio = sounds({place: row for row, place in enumerate(SOUNDS)}) if audio is None else audio
    opening = np.tile(CALM, -(-len(audio) // PIECE))[: len(audio)]
    for place in wild:
        opening[place * PIECE : (place + 1) * PIECE] = WILD
    return Watched(audio=audio, landmarks=opening_mouth(0.4 + opening), **given)


def candidates(watched: Watched, num_frames: int = SEGMENT) -> Candidates:
    return watched.candidates(candidates_for(len(watched.audio), num_frames / 25), num_frames)


def select(watched: Watched, num_frames: int = SEGMENT, **changes: object) -> Selection:
    return part("selector/pieces", **changes).select(candidates(watched, num_frames), np.random.default_rng(0))


def taken(selection: Selection) -> list[float]:
    """The chosen candidates by their first second."""
    return [score.start / PIECE for score in selection.scores if score.score is not None]


def test_every_sound_that_the_person_makes_is_in_one_of_the_pieces() -> None:
    selection = select(world())
    assert set(SOUNDS) < set(taken(selection))
    assert selection.segment.numbers == tuple((round(PIECE * place), PIECE) for place in taken(selection))
    assert (selection.segment.num_frames, selection.candidate_frames) == (SEGMENT, PIECE)


def test_pieces_that_follow_each_other_are_one() -> None:
    selection = select(world(sounds({0: 0, 1: 1, 2: 2, 3: 3})))
    assert selection.segment.numbers[0] == (0, 100)
    assert taken(selection)[:4] == [0, 1, 2, 3]


def test_of_two_pieces_with_almost_the_same_sound_the_calmer_is_taken() -> None:
    twice = sounds({place: row for row, place in enumerate(SOUNDS)} | {30: 2})
    twice[30 * PIECE : 31 * PIECE, 5] += 3  # else near that at 20
    for wild, calm in ((30, 20), (20, 30)):
        found = taken(select(world(twice, wild=(wild,)), dropped=0.2))
        assert (wild in found, calm in found) == (False, True)


def test_nothing_is_dropped_where_motion_shall_not_count() -> None:
    assert set(SOUNDS) < set(taken(select(world(wild=SOUNDS), dropped=0.0)))
    assert not set(SOUNDS) <= set(taken(select(world(wild=SOUNDS), dropped=0.4)))


def test_no_more_faces_are_read_than_the_fewest_that_isexplore_can_read() -> None:
    watched, paper = world(), world()
    selection = select(watched)
    frames = watched.frames_read()
    assert len(frames) == len(set(frames)) == SEGMENT + 100
    isexplore = part("selector/isexplore", top=5)
    assert isinstance(isexplore, ISExplore)
    neighbours = Watched(audio=_louder(), landmarks=paper.landmarks)
    isexplore.select(candidates(neighbours), np.random.default_rng(0))
    assert len(frames) <= len(neighbours.frames_read()) == SEGMENT + 4 * PIECE
    assert sum(score.motion_complexity is not None for score in selection.scores) == 9
    assert watched.audio_reads == 1


def _louder() -> np.ndarray:
    """(TOTAL, 8) ever more varied towards the end: ISExplore's best five candidates are neighbours."""
    grown = np.random.default_rng(1).standard_normal((TOTAL, 8)) * np.arange(TOTAL)[:, None]
    return grown.astype(np.float32)


def test_a_piece_without_a_clear_face_drops_out() -> None:
    num_faces = np.ones(TOTAL, np.int64)
    num_faces[20 * PIECE + 3 : 20 * PIECE + 5] = 0
    selection = select(world(num_faces=num_faces))
    assert 20 not in taken(selection)
    assert len(taken(selection)) == 5
    (note,) = [score.note for score in selection.scores if score.start == 20 * PIECE]
    assert note == "no face in frame 503: 2 of 25 frames without one clear face, 1 allowed"


def test_too_few_clear_faces_are_an_error_that_names_the_remedy() -> None:
    num_faces = np.full(TOTAL, 2)
    num_faces[: 4 * PIECE] = 1
    with pytest.raises(InputError, match=r"4 of 9 pieces looked at show one clear face, 5 are needed; .*spare_seconds"):
        select(world(sounds({0: 0, 1: 1, 2: 2, 3: 3, 20: 4}), num_faces=num_faces))


@pytest.mark.parametrize("total", [125, 130, 149, 151])
def test_pieces_fit_wherever_the_segment_fits(total: int) -> None:
    audio = sounds({}, total)
    audio[12:25, 0] += 10  # what a first piece in the middle of nowhere would be taken for
    selection = select(world(audio), stride_seconds=0.2)
    assert selection.segment.num_frames == SEGMENT
    assert selection.segment.pieces[-1].stop <= total


def test_a_segment_that_is_no_whole_number_of_pieces_is_refused() -> None:
    line = r"piece_seconds=1: pieces of 25 frames do not add up to seconds=5\.52, 138 frames; give a length that does, as 0\.92"
    with pytest.raises(InputError, match=line):
        select(world(), num_frames=138)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"piece_seconds": 0.2}, "piece_seconds"),
        ({"stride_seconds": 0.0}, "stride_seconds"),
        ({"spare_seconds": -1.0}, "spare_seconds"),
        ({"dropped": 1.0}, "dropped"),
        ({"mc": "ears"}, "mc"),
    ],
)
def test_a_value_that_means_nothing_is_refused_by_its_key(changes: dict[str, object], key: str) -> None:
    with pytest.raises(InputError, match=rf"^selector\.{key}: "):
        part("selector/pieces", **changes)


def test_greedy_steps_reach_what_theory_promises_of_the_best_set() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((96, 3)) * rng.uniform(0.2, 4, (96, 1))
    starts = tuple(range(0, 96, 8))
    coverage = Coverage.of(vectors, starts, 8)

    def gain(rows: tuple[int, ...]) -> float:
        least = np.minimum(coverage.unaided, coverage.nearest[:, list(rows)].min(axis=1))
        return float((coverage.unaided - least).mean())

    picks = coverage.greedy(range(len(starts)), 3, needed=3)
    reached = gain(tuple(pick.row for pick in picks))
    assert sum(pick.gain for pick in picks) == pytest.approx(reached)
    assert [pick.gain for pick in picks] == sorted((pick.gain for pick in picks), reverse=True)  # submodular
    best = max(gain(rows) for rows in combinations(range(len(starts)), 3))
    assert (1 - 1 / np.e) * best <= reached <= best


def test_the_first_of_equal_pieces_is_taken() -> None:
    coverage = Coverage(
        starts=(0, 8, 16), num_frames=8, nearest=np.array([[1.0, 0.5, 0.5 + 1e-12]]), unaided=np.array([2.0])
    )
    assert [pick.row for pick in coverage.greedy((0, 1, 2), 1, needed=1)] == [1]


@pytest.mark.parametrize("num_frames", [1, 5, 8, 13])
def test_the_nearest_vector_of_a_window_is_that_of_all_its_distances(num_frames: int) -> None:
    rng = np.random.default_rng(num_frames)
    vectors, targets = rng.standard_normal((300, 4)), rng.standard_normal((270, 4))  # more than a block
    starts = np.array([0, 7, 200, 300 - num_frames])
    plain = distances(targets, vectors)
    expected = np.stack([plain[:, start : start + num_frames].min(axis=1) for start in starts], axis=1)
    np.testing.assert_allclose(window_nearest(targets, vectors, starts, num_frames), expected, atol=1e-12)
