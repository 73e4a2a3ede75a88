"""Facts of what a selection tells others, and of the voicing logged in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from tfg.selectors.base import CandidateScore, Selection
from tfg.selectors.report import selection_json, selection_plot, selection_text
from tfg.selectors.voicing import voiced_frames
from tfg.types import Segment

COST = {"seconds": 1.5, "processor_seconds": 2.75, "frames": 250, "faces": "read by mediapipe"}
SELECTION = Selection(
    segment=Segment.whole(start=50, num_frames=125),
    method="isexplore",
    scores=(
        CandidateScore(start=0, diversity=1.0, extras={"voiced_ratio": 0.5}),
        CandidateScore(start=25, diversity=3.0, note="no face in frame 30"),
        CandidateScore(start=50, diversity=2.0, motion_complexity=0.25, score=8.0),
    ),
    definition="largest D / MC",
    timeline=("diversity", "audio diversity D"),
    panels=(("motion_complexity", "MC"), ("score", "I")),
)


def test_json_is_what_tfg_select_promises() -> None:
    assert selection_json(SELECTION, COST) == {
        "start": 2.0,
        "seconds": 5.0,
        "method": "isexplore",
        "scores": [
            {"start": 0.0, "diversity": 1.0, "motion_complexity": None, "score": None},
            {"start": 1.0, "diversity": 3.0, "motion_complexity": None, "score": None},
            {"start": 2.0, "diversity": 2.0, "motion_complexity": 0.25, "score": 8.0},
        ],
        "cost": COST,
        "definition": "largest D / MC",
    }


def test_details_add_notes_and_extras_and_survive_json() -> None:
    record = json.loads(json.dumps(selection_json(SELECTION, COST, details=True), allow_nan=False))
    assert record["scores"][1]["note"] == "no face in frame 30"
    assert record["scores"][0]["extras"] == {"voiced_ratio": 0.5}


def test_text_ranks_the_scored_candidates() -> None:
    assert selection_text(selection_json(SELECTION, COST)) == (
        "isexplore chose 2.00 to 7.00 s, one of 3 candidates\n"
        "  start s   diversity   motion       score\n"
        "     2.00           2     0.25           8  <- chosen\n"
        "largest D / MC\n"
        "cost: 1.5 s (2.8 processor seconds), faces of 250 frames, read by mediapipe"
    )


def test_text_says_that_faces_were_given_and_which_cost_is_not_known() -> None:
    def cost(**changes: object) -> str:
        return selection_text(selection_json(SELECTION, COST | changes)).splitlines()[-1]

    assert cost(faces="given by the sidecar").endswith("faces of 250 frames, given by the sidecar")
    assert cost(processor_seconds=None, frames=0) == "cost: 1.5 s (processor seconds not known), no face"


def test_plot_is_a_picture_for_every_kind_of_selection(tmp_path: Path) -> None:
    nothing = tuple(CandidateScore(start=start) for start in (0, 25, 50))
    lips = tuple(CandidateScore(start=start, motion_complexity=0.3, score=-0.3) for start in (0, 25, 50))
    even = (*nothing[:2], CandidateScore(start=50, score=0.5, extras={"angle": 0.5}))
    selections = {
        "isexplore": SELECTION,
        "random": replace(SELECTION, scores=nothing, timeline=None, panels=()),
        "lip": replace(SELECTION, scores=lips, timeline=("motion_complexity", "MC"), panels=()),
        "pose_coverage": replace(SELECTION, scores=even, timeline=None, panels=(("angle", "degrees"),)),
    }
    for name, selection in selections.items():
        path = tmp_path / f"{name}.png"
        selection_plot(replace(selection, method=name), path)
        assert path.read_bytes().startswith(b"\x89PNG")


def test_a_voice_is_voiced_and_noise_tone_and_silence_are_told_apart() -> None:
    time = np.arange(16_000) / 16_000
    pulses = np.sum([np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 20)], axis=0)  # a buzz of 120 Hz
    noise = np.random.default_rng(0).standard_normal(16_000)
    track = np.concatenate([pulses, noise, np.zeros(16_000)]).astype(np.float32)
    voiced = voiced_frames(track)
    assert voiced.shape == (75,)
    assert voiced[2:23].all()
    assert voiced[27:48].mean() < 0.1
    assert not voiced[51:].any()


def test_silence_has_no_voice() -> None:
    assert not voiced_frames(np.zeros(6400, np.float32)).any()


PIECES = replace(
    SELECTION,
    segment=Segment.joined([0, 50, 75], 25),
    scores=(
        CandidateScore(start=0, motion_complexity=0.125, score=2.0),
        CandidateScore(start=25, motion_complexity=0.5),
        CandidateScore(start=50, motion_complexity=0.25, score=1.0),
        CandidateScore(start=75, motion_complexity=0.25, score=0.5),
        CandidateScore(start=100, note="no face in frame 101"),
    ),
    timeline=None,
    piece_frames=25,
)


def test_json_of_several_pieces_says_where_each_lies_and_how_long_a_candidate_is() -> None:
    record = selection_json(PIECES, COST)
    assert (record["start"], record["seconds"], record["piece_seconds"]) == (0.0, 3.0, 1.0)
    assert record["pieces"] == [{"start": 0.0, "seconds": 1.0}, {"start": 2.0, "seconds": 2.0}]


def test_text_of_several_pieces_marks_each_candidate_that_was_taken() -> None:
    lines = selection_text(selection_json(PIECES, COST)).splitlines()
    assert lines[0] == "isexplore chose 0.00 to 1.00, 2.00 to 4.00 s, of 5 candidates of 1 s"
    assert [line.endswith("<- chosen") for line in lines[2:5]] == [True, True, True]
    read = replace(PIECES, segment=Segment.joined([0, 50, 100], 25))
    text = selection_text(selection_json(read, COST))
    assert "     3.00           -     0.25         0.5\n" in text  # not chosen


def test_plot_of_several_pieces_shades_each(tmp_path: Path) -> None:
    for name, selection in {"starts": PIECES, "time": replace(PIECES, timeline=("motion_complexity", "MC"))}.items():
        selection_plot(selection, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
