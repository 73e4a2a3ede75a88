"""The table of metric sensitivity: what its edits do, when a claim holds, and what is printed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks import metric_sensitivity, sensitivity_edits
from benchmarks.metric_sensitivity import Measured, table, unavailable, verdicts
from benchmarks.sensitivity_claims import Claim, Term, claims
from benchmarks.sensitivity_edits import MARGIN, Footage, edits
from tfg.metrics.base import MetricFacts, MetricValue

COUNT, SIZE = 10, 96


@pytest.fixture(scope="module")
def footage():
    """Smooth random pictures with a face of 68 points that moves a pixel a frame."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(40, 200, (SIZE // 8, SIZE // 8, 3))
    picture = np.kron(coarse, np.ones((8, 8, 1)))
    total = COUNT + 2 * MARGIN
    pictures = np.stack([np.roll(picture, frame, axis=1) for frame in range(total)]).astype(np.uint8)
    face = rng.uniform(30, 60, (68, 2))
    landmarks = face + np.arange(COUNT)[:, None, None] * np.array([1.0, 0.0])
    return Footage(
        pictures=pictures,
        sound=np.arange(total * 640, dtype=np.float32),
        landmarks=landmarks.astype(np.float32),
        stranger=np.full((3, SIZE, SIZE, 3), [[[[1]]], [[[2]]], [[[3]]]], np.uint8),
        other_sound=np.ones(COUNT * 640, np.float32),
    )


def made(footage, name):
    edit = next(edit for edit in edits(footage) if edit.name == name)
    assert edit.change is not None
    return edit.change(footage)


def test_every_edit_gives_pictures_or_sound_of_the_truths_form(footage):
    for edit in edits(footage):
        if edit.change is not None:
            images = edit.change(footage)
            assert images.shape == footage.truth.shape
            assert images.dtype == np.uint8
            # The footage's mouth and eyes are as still as its head, so freezing them changes nothing.
            assert np.array_equal(images, footage.truth) == edit.name.startswith("frozen")
        if edit.resound is not None:
            assert edit.resound(footage).shape == footage.audio.shape


def test_edits_are_the_same_each_time(footage):
    for name in ("noise 8", "shift 2", "tilt 1"):
        np.testing.assert_array_equal(made(footage, name), made(footage, name))


def test_late_pictures_and_sound_are_those_of_frames_before(footage):
    np.testing.assert_array_equal(made(footage, "pictures late 4"), footage.pictures[MARGIN - 4 : MARGIN - 4 + COUNT])
    edit = next(edit for edit in edits(footage) if edit.name == "sound late 8")
    assert edit.resound(footage)[0] == footage.audio[0] - 8 * 640


def test_a_brighter_picture_differs_by_as_much_everywhere_and_never_wraps_around(footage):
    np.testing.assert_array_equal(made(footage, "brightness +5"), footage.truth + 5)
    white = Footage(**{**vars(footage), "pictures": np.full_like(footage.pictures, 253)})
    assert (made(white, "brightness +5") == 255).all()


def test_noise_has_the_deviation_it_is_named_after(footage):
    difference = made(footage, "noise 4").astype(float) - footage.truth
    assert difference.std() == pytest.approx(4, abs=0.05)
    assert difference.mean() == pytest.approx(0, abs=0.05)


def test_a_frozen_mouth_stays_as_in_the_first_frame_and_moves_with_the_head(footage):
    speaking = footage.pictures.copy()
    left, top = (int(v) for v in footage.landmarks[0, 48:68].mean(axis=0) - 4)
    for frame in range(COUNT):
        speaking[MARGIN + frame, top : top + 8, left + frame : left + frame + 8] = 10 * frame
    talks = Footage(**{**vars(footage), "pictures": speaking})
    frozen = made(talks, "frozen mouth")
    mouths = [picture[top : top + 8, left + frame : left + frame + 8] for frame, picture in enumerate(frozen)]
    assert max(float(mouth.max()) for mouth in mouths) == 0
    np.testing.assert_array_equal(frozen[:, 90:], talks.truth[:, 90:])


def test_a_stranger_is_played_to_and_fro(footage):
    assert made(footage, "other person")[:, 0, 0, 0].tolist() == [1, 2, 3, 2, 1, 2, 3, 2, 1, 2]


def test_without_a_stranger_and_other_words_their_edits_are_left_out(footage):
    alone = Footage(**{**vars(footage), "stranger": None, "other_sound": None})
    names = {edit.name for edit in edits(footage)} - {edit.name for edit in edits(alone)}
    assert names == {"other person", "other sound", "sound late 1", "sound late 4", "sound late 8"}
    asked = {
        term.edit for claim in claims([edit.name for edit in edits(alone)], has_listener=False) for term in claim.terms
    }
    assert not names & asked


SCORES = {"none": {"psnr": math.inf, "lmd": 0.0, "fid": None}, "blur 1": {"psnr": 31.256, "lmd": 0.5, "fid": None}}


def chain(*terms, equal=False):
    return Claim(
        text="a claim",
        terms=tuple(Term(bound=t) if isinstance(t, float) else Term(edit=t[0], metric=t[1]) for t in terms),
        equal=equal,
    )


@pytest.mark.parametrize(
    ("claim", "holds", "shown"),
    [
        (chain(("blur 1", "psnr"), ("none", "psnr")), True, "31.26 < inf"),
        (chain(("none", "lmd"), ("blur 1", "lmd"), 0.4), False, "0 < 0.5 < 0.4"),
        (chain(("none", "lmd"), ("none", "lmd")), False, "0 < 0"),
        (chain(("none", "psnr"), math.inf, equal=True), True, "inf = inf"),
        (chain(("none", "fid"), ("blur 1", "fid")), False, "missing < missing"),
        (chain(0.0, ("none", "fid"), 1.0), False, "0 < missing < 1"),
    ],
)
def test_a_claim_is_a_chain_that_rises_and_a_missing_number_fails_it(claim, holds, shown):
    assert claim.holds(SCORES) is holds
    assert claim.shown(SCORES) == shown


def test_a_factor_scales_a_term():
    half = Term(edit="blur 1", metric="lmd", factor=0.5)
    assert half.value(SCORES) == 0.25


FACTS = MetricFacts(title="t", better="up", digits=1)


def measured_of(scores):
    values = {
        edit: {
            name: MetricValue(
                definition="", facts=FACTS, value=value, unavailable="no weights" if value is None else None
            )
            for name, value in found.items()
        }
        for edit, found in scores.items()
    }
    listening = MetricValue(definition="", facts=FACTS, unavailable="too short")
    values["none"]["sync_c_listener"] = listening
    return Measured(title="a clip", values=values, seconds=1.0)


def test_the_table_points_where_a_number_went_and_leaves_out_what_was_not_scored():
    measured = measured_of(SCORES | {"sound late 1": {"sync_c_listener": None}})
    assert table(measured, ("psnr", "lmd", "fid")) == [
        "| edit | psnr | lmd |",
        "|---|--:|--:|",
        "| none | inf | 0 |",
        f"| blur 1 | 31.26 {metric_sensitivity.DOWN} | 0.5 {metric_sensitivity.UP} |",
        "",
    ]
    assert unavailable(measured) == [
        "Unavailable: `fid`: no weights.",
        "Unavailable: `sync_c_listener`: too short.",
        "",
    ]


def test_a_claim_that_fails_is_marked_and_fails_the_run(monkeypatch, tmp_path, capsys):
    measured = measured_of(SCORES)
    monkeypatch.setattr(
        metric_sensitivity, "expectations", lambda found: [chain(("none", "psnr"), 5.0), chain(("blur 1", "lmd"), 5.0)]
    )
    assert verdicts(measured)[2:] == ["| a claim | inf < 5 | **FAILS** |", "| a claim | 0.5 < 5 | holds |", ""]
    for name in ("on_grid", "on_german"):
        monkeypatch.setattr(metric_sensitivity, name, lambda folder: measured)
    assert metric_sensitivity.main(["--assets", str(tmp_path), "--out", str(tmp_path / "out.md")]) == 1
    text = (tmp_path / "out.md").read_text()
    assert text == capsys.readouterr().out
    assert "2 of 4 expectations hold. Commit " in text


def test_every_claim_is_about_a_printed_number():
    names = [edit.name for edit in edits(_full())]
    printed = {name for columns in metric_sensitivity.COLUMNS for name in columns}
    found = claims(names, has_listener=True)
    assert {term.metric for claim in found for term in claim.terms if term.bound is None} <= printed
    assert {term.edit for claim in found for term in claim.terms if term.bound is None} == set(names)


def _full():
    return Footage(
        pictures=np.zeros((1 + 2 * MARGIN, 2, 2, 3), np.uint8),
        sound=np.zeros(1, np.float32),
        landmarks=np.zeros((1, 68, 2), np.float32),
        stranger=np.zeros((2, 2, 2, 3), np.uint8),
        other_sound=np.zeros(1, np.float32),
    )


def test_the_margin_covers_the_latest_edit():
    late = [int(edit.name.split()[-1]) for edit in edits(_full()) if "late" in edit.name]
    assert max(late) <= sensitivity_edits.MARGIN
