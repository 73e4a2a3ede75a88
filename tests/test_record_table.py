"""The table of runs: a row a run with every axis that varies, its controls, and reasons for what is missing."""

from __future__ import annotations

from dataclasses import replace

from result_records import metric, result

from tfg.record import table
from tfg.record.identity import label
from tfg.record.results import RunResult
from tfg.scoring.run import NO_CONTROLS


def run(name: str, audio: str, axes: list[str]) -> tuple[str, RunResult]:
    """A run under the name that a sweep over `axes` gives it."""
    config = {
        "selector": {"name": "random"},
        "backbone": {"name": "instag"},
        "audio": {"name": audio},
        "seed": 0,
        "sweep": {"axes": axes, "size": 2},
    }
    return label(config), result(name, config=config, psnr=20.0)


def rows(text: str) -> list[str]:
    return [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")][2:]


def test_runs_that_differ_in_an_axis_differ_in_their_row() -> None:
    shown = rows(table.markdown([run("a", "logmel", ["audio"]), run("b", "whisper", ["audio"])]))
    assert shown[::5] == ["random instag audio=logmel", "random instag audio=whisper"]


def test_a_single_run_is_called_by_selector_and_backbone() -> None:
    assert rows(table.markdown([run("a", "logmel", [])])) == [
        *("random instag", "control static", "control nearest", "control mute", "ground truth")
    ]


def test_a_missing_number_is_a_dash_and_its_reason_stands_below() -> None:
    shown = table.markdown([run("a", "logmel", [])])
    (reason,) = [line for line in shown.splitlines() if line.startswith("LPIPS")]
    assert reason == "LPIPS: unavailable: no weights (random instag, control static, control nearest)"


def test_a_run_without_truth_digest_takes_no_other_method() -> None:
    other = {"name": "X", "pred": "x.mp4", "digests": ["1", "2"], "reader": "r", "metrics": {}}
    name, made = run("a", "logmel", [])
    assert "X (x.mp4)" not in table.markdown([(name, replace(made, notes={}))], [other])


def test_runs_that_share_a_head_are_said_to_be_one_measurement() -> None:
    one, other = run("a", "logmel", ["seed"]), run("b", "logmel", ["seed"])
    assert "One head" not in table.markdown([one, other])
    shared = table.markdown([one, (other[0], replace(other[1], head=one[1].head))])
    assert "One head, head-of-a: random instag seed=0, random instag seed=0" in shared


def test_a_column_that_no_run_was_scored_for_is_left_out() -> None:
    assert "shuffled" not in table.markdown([run("a", "logmel", [])]).splitlines()[0]


def quick(name: str, why: str = "switched off (metrics.lpips=false)") -> tuple[str, RunResult]:
    """A run without LPIPS for this reason, and without the controls that its head renders."""
    label, made = run(name, "logmel", [])
    absent = {"lpips": metric("lpips", None, why)}
    gains = {"psnr_mouth": made.gains["psnr_mouth"] | {"value": None, "unavailable": NO_CONTROLS}}
    controls = {kind: made.controls[kind] | absent for kind in ("static", "nearest")}
    changed = {"metrics": made.metrics | absent, "controls": controls, "gains": gains}
    return label, replace(made, verdict=f"speech is not judged: {NO_CONTROLS}", **changed)


def test_what_the_user_switched_off_has_neither_a_column_nor_a_sentence() -> None:
    off, full = quick("a"), run("b", "logmel", [])
    text = table.markdown([off])
    assert not [word for word in ("LPIPS", "switched off", "not judged", "Speech:") if word in text]
    assert "random instag: pose gap 3.0 degrees" in text
    assert "Mouth r" in text  # unavailable for another reason in a control
    assert "LPIPS: unavailable: no weights (random instag" in table.markdown([quick("a", "no weights")])
    both = table.markdown([off, full])  # the other run was to have it
    assert "LPIPS: unavailable: switched off (metrics.lpips=false) (random instag" in both
    assert "Speech: the run minus its mute control" in both


def costs_of(text: str) -> list[str]:
    """The last three cells of the first row: selection's and training's processor seconds, training's seconds."""
    return [cell.strip() for cell in text.splitlines()[2].split("|")[-4:-1]]


def test_processor_seconds_stand_beside_wall_seconds_and_given_faces_are_marked() -> None:
    name, made = run("a", "logmel", [])
    assert costs_of(table.markdown([(name, made)])) == ["3.0", "90", "60"]
    given = made.selection["cost"] | {"faces": "given by the sidecar"}
    shown = table.markdown([(name, replace(made, selection=made.selection | {"cost": given}))])
    assert costs_of(shown) == ["3.0 + faces", "90", "60"]
    assert (
        "select cpu s + faces: the faces were given by the sidecar, reading them is not in it (random instag)" in shown
    )


def test_a_record_older_than_processor_seconds_shows_a_dash() -> None:
    name, made = run("a", "logmel", [])
    older = replace(
        made,
        selection=made.selection | {"cost": {"seconds": 2.0, "frames": 125}},
        stages={"training": {"seconds": 60.0, "peak_mb": 500}},
    )
    assert costs_of(table.markdown([(name, older)])) == ["-", "-", "60"]


def test_a_run_of_several_pieces_shows_where_each_begins() -> None:
    name, made = run("a", "logmel", [])
    pieces = [{"start": 1.0, "seconds": 1.0}, {"start": 7.2, "seconds": 4.0}]
    text = table.markdown([(name, replace(made, selection=made.selection | {"start": 1.0, "pieces": pieces}))])
    assert [line.split("|")[2].strip() for line in text.splitlines() if line.startswith("|")][2] == "1.00 + 7.20"


def test_training_lengths_stand_beside_the_start_where_they_vary() -> None:
    def of_steps(name: str, steps: int | None) -> tuple[str, RunResult]:
        label, made = run(name, "logmel", [])
        training = made.stages["training"] | ({} if steps is None else {"steps": steps})
        return label, replace(made, stages={"training": training})

    def shown(*runs: tuple[str, RunResult]) -> list[list[str]]:
        lines = [line for line in table.markdown(runs).splitlines() if line.startswith("|")]
        return [[cell.strip() for cell in line.split("|")[2:4]] for line in (lines[0], lines[2], lines[3], lines[7])]

    assert shown(of_steps("a", 60), of_steps("b", 60))[0] == ["start s", "PSNR face dB \u2191"]
    assert shown(of_steps("a", 60), of_steps("b", None)) == [["start s", "steps"], *[["3.00", "60"]] * 2, ["3.00", "-"]]


def test_the_clip_stands_in_every_row_and_sentence_where_it_varies() -> None:
    def of_clip(name: str, clip: str) -> tuple[str, RunResult]:
        label, made = run(name, "logmel", [])
        return label, replace(made, notes={"clip": {"name": clip, "identity": "0"}, "truth_digest": clip})

    other = {"name": "X", "pred": "x.mp4", "digests": ["1", "ben"], "reader": "r", "metrics": {}}
    text = table.markdown([of_clip("a", "anna"), of_clip("b", "ben")], [other])
    cells = [[cell.strip() for cell in line.split("|")[1:4]] for line in text.splitlines() if line.startswith("|")]
    assert cells[0] == ["run", "clip", "start s"]
    assert [clip for _, clip, _ in cells[2:]] == [*["anna"] * 5, *["ben"] * 6]
    assert "random instag (anna): speech helps" in text
    assert "LPIPS: unavailable: no weights (random instag (anna), control static" in text
    assert "clip" not in table.markdown([of_clip("a", "anna"), of_clip("b", "anna")])
