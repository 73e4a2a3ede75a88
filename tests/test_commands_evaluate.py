"""`tfg evaluate` without any pretrained file: one video, folders, jobs, what is kept, and one line for a mistake."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from clip_media import tone
from result_records import result

from tfg import cli
from tfg.clip.write import write_video
from tfg.commands import sweep
from tfg.record import table
from tfg.scoring import folder
from tfg.scoring.folder import summary
from tfg.scoring.setting import Switches

ROOT = Path(__file__).parents[1]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder and cache; no pretrained file at all."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFG_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TFG_ASSETS", raising=False)
    return tmp_path


def video(path, noise=0, seconds=1.0, seed=0):
    """A fixed pattern that drifts, with sound; `noise` grey levels of error on top."""
    rng = np.random.default_rng(0)
    count = round(seconds * 25)
    pattern = rng.integers(60, 190, (40, 48 + count, 3))
    images = np.stack([pattern[:, i : i + 48] for i in range(count)])
    images = images + np.random.default_rng(seed).integers(-noise, noise + 1, images.shape)
    path.parent.mkdir(exist_ok=True)
    write_video(path, np.clip(images, 0, 255).astype(np.uint8), tone(seconds, rate=16_000)[0])
    return str(path)


def evaluate(*arguments, code=0):
    assert cli.run(["evaluate", *arguments]) == code


def test_one_pair_gives_scores_the_ground_truth_and_definitions(here, capsys):
    made, true = video(here / "made.mp4", noise=8), video(here / "true.mp4")
    evaluate("--pred", made, "--truth", true, "--json", "scores.json")
    out = capsys.readouterr().out
    assert out.startswith("| metric")  # the table comes first
    rows = {line.split("|")[1].strip(): line for line in out.splitlines() if line.startswith("| ")}
    assert "inf" in rows["psnr \u2191"]  # the truth against itself
    assert "| - |" in " ".join(rows["psnr \u2191"].split())  # 25 frames are too few for an interval
    assert "flicker \u2193" in rows
    assert not [name for name in rows if name.startswith("psnr_face")]
    (line,) = [line for line in out.splitlines() if line.startswith("unavailable: psnr_face, psnr_mouth, ")]
    assert line.endswith("face_landmarker.task is missing; run `tfg assets fetch face_landmarker`")
    assert "Definitions:" not in out
    assert "mean over frames of 10 log10" not in out
    record = json.loads((here / "scores.json").read_text())
    assert (record["pred"], record["truth"], record["num_frames"]) == (made, true, 25)
    psnr = record["metrics"]["psnr"]
    assert 15 < psnr["value"] < 40
    assert len(psnr["per_frame"]) == 25
    assert psnr["definition"].endswith("25 frames of 48x40 at 25 fps decoded from the files")
    assert record["metrics"]["psnr_decoded"]["value"] == psnr["value"]
    assert record["ground_truth"]["psnr"]["value"] == "inf"
    for metric in record["metrics"].values():
        assert (metric["value"] is None) != (metric["unavailable"] is None)
        assert {"title", "unit", "better", "digits"} <= metric.keys()
    evaluate("--pred", made, "--truth", true, "--definitions")
    assert f"Definitions:\n  psnr: {psnr['definition']}\n" in capsys.readouterr().out


def test_the_mean_over_the_frames_of_one_video_has_an_interval(here, capsys):
    made, true = video(here / "made.mp4", noise=8, seconds=5), video(here / "true.mp4", seconds=5)
    evaluate("--pred", made, "--truth", true, "--json", "scores.json")
    record = json.loads((here / "scores.json").read_text())
    low, high = record["intervals"]["metrics"]["psnr"]
    assert low < record["metrics"]["psnr"]["value"] < high
    assert record["intervals"]["metrics"]["fid"] is None
    out = capsys.readouterr().out
    assert f"{low:.2f} to {high:.2f}" in out
    assert "moving-block bootstrap, blocks of at least 25 consecutive frames" in out


def test_the_same_evaluation_is_not_computed_twice(here, capsys, monkeypatch):
    made, true = video(here / "made.mp4", noise=8), video(here / "true.mp4")
    evaluate("--pred", made, "--truth", true)
    first = capsys.readouterr().out

    def never(*arguments):
        raise AssertionError("scored again")

    monkeypatch.setattr("tfg.scoring.pair.score", never)
    evaluate("--pred", made, "--truth", true)
    assert capsys.readouterr().out == first


def test_a_damaged_cached_evaluation_is_named_and_made_anew(here, capsys):
    made, true = video(here / "made.mp4", noise=8), video(here / "true.mp4")
    evaluate("--pred", made, "--truth", true)
    first = capsys.readouterr().out
    (cached,) = (here / "cache" / "evaluations").glob("*.json")
    cached.write_text(cached.read_text().replace('"value": ', '"value": 1', 1))
    evaluate("--pred", made, "--truth", true)
    out, err = capsys.readouterr()
    assert out == first
    assert f"tfg: {cached}: an evaluation whose checksum is missing or does not fit; scored anew" in err
    evaluate("--pred", made, "--truth", true)
    assert "scored anew" not in capsys.readouterr().err


def test_a_damaged_kept_evaluation_is_named_and_the_others_stay(here, capsys):
    made, true = video(here / "made.mp4", noise=8), video(here / "true.mp4")
    for name in ("a", "b", "c", "d"):
        evaluate("--pred", made, "--truth", true, "--name", name)
    a, b, c, _ = sorted((here / "results" / "evaluations").glob("*.json"))
    a.write_text(a.read_text()[:400])
    b.write_text("[]")
    c.write_text(c.read_text().replace('"title"', '"tittle"', 1))
    capsys.readouterr()
    assert [record["name"] for record in sweep.evaluations(here / "results")] == ["d"]
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": not a readable evaluation (")[0] for line in lines] == [f"tfg: {path}" for path in (a, b, c)]
    assert "psnr lacks title" in lines[2]


@pytest.mark.parametrize("arguments", ["--pred nowhere.mp4", "--pred made.mp4 --truth small.mp4", "--pred text.mp4"])
def test_a_mistake_is_refused_before_torch_is_imported(here, arguments):
    video(here / "made.mp4", seconds=0.2)
    write_video(here / "small.mp4", np.zeros((5, 16, 16, 3), np.uint8), tone(0.2, rate=16_000)[0])
    (here / "text.mp4").write_text("no video")
    script = "import sys; from tfg import cli; code = cli.run(sys.argv[1:]); print(code, 'torch' in sys.modules)"
    command = [sys.executable, "-c", script, "evaluate", *arguments.split()]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert done.stdout == "2 False\n"
    assert done.stderr.count("\n") == 1


def test_action_units_of_the_truth_are_compared_with_themselves(here):
    made, true = video(here / "made.mp4"), video(here / "true.mp4")
    units = [1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45]
    for name, level in (("made.csv", 2.0), ("true.csv", 1.0)):
        header = "frame, success, confidence, " + ", ".join(f"AU{unit:02d}_r" for unit in units)
        rows = [f"{frame}, 1, 0.98, " + ", ".join([f"{level}"] * len(units)) for frame in range(1, 26)]
        (here / name).write_text("\n".join([header, *rows]))
    evaluate(
        "--pred", made, "--truth", true, "--au-pred", "made.csv", "--au-truth", "true.csv", "--json", "scores.json"
    )
    record = json.loads((here / "scores.json").read_text())
    assert record["metrics"]["aue"]["value"] == pytest.approx(17)
    assert (record["metrics"]["aue_l"]["value"], record["metrics"]["aue_u"]["value"]) == (9, 8)
    assert record["ground_truth"]["aue"]["value"] == 0


def test_without_a_truth_only_what_needs_none_is_left(here, capsys):
    evaluate("--pred", video(here / "made.mp4"), "--json", "scores.json")
    metrics = json.loads((here / "scores.json").read_text())["metrics"]
    assert metrics["psnr"]["unavailable"] == "no truth was given"
    assert json.loads((here / "scores.json").read_text())["ground_truth"] == {}


def test_folders_pair_by_name_and_do_not_depend_on_jobs(here, capsys):
    for name, noise in (("a", 4), ("b", 9), ("c", 0)):
        video(here / "made" / f"{name}.mp4", noise=noise)
        video(here / "true" / f"{name}.mp4")
    scores = []
    for jobs in ("1", "2"):
        (here / "cache").rename(here / f"cache{jobs}") if (here / "cache").exists() else None
        evaluate("--pred", "made", "--truth", "true", "--jobs", jobs, "--json", "scores.json")
        scores.append(json.loads((here / "scores.json").read_text()))
    assert scores[0]["videos"] == scores[1]["videos"]
    assert [record["name"] for record in scores[0]["videos"]] == ["a", "b", "c"]
    values = [float(record["metrics"]["psnr"]["value"]) for record in scores[0]["videos"]]
    assert math.isinf(values[2])
    mean = scores[0]["mean"]["psnr"]
    assert mean["mean"] == pytest.approx((values[0] + values[1] + 100) / 3)
    assert mean["low"] < mean["mean"] < mean["high"]
    out = capsys.readouterr().out
    assert "| mean of 3" in out
    assert "| ground truth" in out


def test_a_video_that_fails_does_not_lose_the_others(here, capsys):
    for name in ("a", "b"):
        video(here / "made" / f"{name}.mp4", noise=4)
        video(here / "true" / f"{name}.mp4")
    (here / "made" / "b.mp4").write_text("no video")
    evaluate("--pred", "made", "--truth", "true", "--json", "scores.json", code=2)
    assert [record["name"] for record in json.loads((here / "scores.json").read_text())["videos"]] == ["a"]
    assert "1 of 2 videos could not be scored; the first: made/b.mp4" in capsys.readouterr().err.splitlines()[-1]


def test_named_scores_are_kept_and_join_the_table_of_the_same_truth(here, capsys):
    made, true = video(here / "made.mp4", noise=8), video(here / "true.mp4")
    evaluate("--pred", made, "--truth", true, "--name", "GeneFace")
    kept = sweep.evaluations(here / "results")
    assert [record["name"] for record in kept] == ["GeneFace"]
    config = {"selector": {"name": "random"}, "backbone": {"name": "instag"}}
    run = replace(result("a", config=config, psnr=20.0), notes={"truth_digest": kept[0]["digests"][1]})
    shown = table.markdown([("random instag", run)], kept)
    assert "GeneFace (made.mp4)" in shown
    assert "Scored on decoded files: compare with the runs' psnr_decoded and the like (GeneFace (made.mp4))" in shown
    assert "PSNR face dB: unavailable: its faces were not read as the runs' were" in shown
    same = replace(
        run,
        metrics={**run.metrics, "lmd": kept[0]["metrics"]["lmd"] | {"value": 1.0, "definition": "by no face reader"}},
    )
    assert "were not read as" not in table.markdown([("random instag", same)], kept)
    assert "GeneFace" not in table.markdown([("random instag", replace(run, notes={"truth_digest": "other"}))], kept)


def test_mean_and_interval_are_students():
    records = [{"metrics": {"psnr": {"value": value}}} for value in (1.0, 2.0, 3.0, None)]
    found = summary(records)["psnr"]
    assert found == {
        "mean": 2.0,
        "low": pytest.approx(2 - 4.302653 / math.sqrt(3), abs=1e-5),
        "high": pytest.approx(2 + 4.302653 / math.sqrt(3), abs=1e-5),
        "count": 3,
    }
    assert summary([{"metrics": {"psnr": {"value": "inf"}}}])["psnr"]["mean"] == folder.IDENTICAL_DB
    assert summary([{"metrics": {"psnr": {"value": None}}}])["psnr"]["mean"] is None


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("--pred nowhere.mp4", "tfg: --pred nowhere.mp4: no such file or folder"),
        (
            "--pred made --truth true.mp4",
            "tfg: --truth true.mp4: is no folder, but --pred is; give two folders or two files",
        ),
        ("--pred made.mp4 --truth made", "tfg: --truth made: is a folder; give a video, or folders for both"),
        ("--pred made --truth empty", "tfg: --truth empty: holds no video (.mp4, "),
        ("--pred made --truth more", "tfg: --pred made: has no video named b; both folders must hold the same names"),
        (
            "--pred made --audio made.mp4",
            "tfg: --audio, --au-pred and --au-truth go with one video; --pred is a folder",
        ),
        ("--pred made.mp4 --name a/b", "tfg: --name a/b: it names files; "),
        ("--pred made --jobs 0", "tfg: --jobs 0: must be 1 or more"),
        ("--pred made.mp4 --json no/where.json", "tfg: --json no/where.json: its folder does not exist; make it first"),
        ("--pred made.mp4 --au-pred made.mp4", "tfg: --au-pred and --au-truth: give both OpenFace tables, or neither"),
        ("--pred made.mp4 --json made", "tfg: --json made: is a folder; name a file"),
        ("--pred made.mp4 --sheet true.mp4", "tfg: --sheet true.mp4: is a file; name a new folder"),
        ("--pred more --sheet sheet", "tfg: --sheet shows one video; give --pred a file"),
    ],
)
def test_a_wrong_use_is_one_line_and_writes_nothing(here, capsys, arguments, line):
    video(here / "made" / "a.mp4", seconds=0.2)
    video(here / "made.mp4", seconds=0.2)
    video(here / "true.mp4", seconds=0.2)
    (here / "empty").mkdir()
    for name in ("a", "b"):
        video(here / "more" / f"{name}.mp4", seconds=0.2)
    before = sorted(here.iterdir())
    evaluate(*arguments.split(), code=2)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(line)
    assert err.count("\n") == 1
    assert [path for path in sorted(here.iterdir()) if path.name != "cache"] == before


def test_the_command_line_knows_every_switch_of_the_suite():
    assert set(cli.SWITCHES) == {field.name for field in fields(Switches)}


def test_an_unknown_metric_to_leave_out_is_refused(here, capsys):
    with pytest.raises(SystemExit):
        evaluate("--pred", "a.mp4", "--without", "psnr")
    assert "invalid choice: 'psnr'" in capsys.readouterr().err


def test_a_video_is_not_scored_from_the_side(here, capsys):
    evaluate("--pred", video(here / "made.mp4"), "--views", code=2)
    assert capsys.readouterr().err == "tfg: --views: goes with --head; a video shows one pose a frame\n"
