"""`tfg compare` on records made by hand: its JSON, its table, and one line for what cannot be compared."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from result_records import result, write

from tfg import cli
from tfg.commands.compare import table
from tfg.record.results import HEADS
from tfg.statistics.comparison import Difference


def made(results, name, psnr, *, seed=0, frames=200):
    """A run folder whose PSNR face has numbers per frame of this mean."""
    noise = np.random.default_rng(seed + int(10 * psnr)).standard_normal(frames)
    run = result(name, config={"seed": seed, "clip": {}}, psnr=psnr)
    per_frame = (noise - noise.mean() + psnr).tolist()
    entry = run.metrics["psnr_face"] | {"per_frame": per_frame}
    return str(write(results, replace(run, metrics=run.metrics | {"psnr_face": entry})))


def scores(results, run):
    return next((results / HEADS / f"head-of-{run}").glob("scores-*.json"))


def test_one_pair_as_json(tmp_path, capsys):
    first, second = made(tmp_path, "a", 31.0), made(tmp_path, "b", 30.0)
    assert cli.run(["compare", first, second, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    psnr = found["psnr_face"]
    assert psnr["difference"] == pytest.approx(1.0)
    assert 0 < psnr["low"] < 1 < psnr["high"]
    assert psnr["probability"] > 0.99
    assert psnr["over"].startswith("the frames of one pair")
    assert found["lpips"]["difference"] is None
    assert found["lpips"]["reason"] == "both: no weights"


def test_the_table_says_what_its_intervals_are_over(tmp_path, capsys):
    first, second = (
        [made(tmp_path, f"{x}{k}", p + k * step, seed=k) for k in range(3)]
        for x, p, step in (("a", 31.0, 0.3), ("b", 30.0, 0.2))
    )
    assert cli.run(["compare", *first, "--against", *second]) == 0
    out = capsys.readouterr().out
    assert "| PSNR face dB \u2191 | +1.10" in out
    assert "95 % interval over 3 seeds and the frames they share: PSNR face" in out
    assert "left out, no difference, all 6 runs: no weights: LPIPS" in out
    assert not [line for line in out.splitlines() if line.startswith("| LPIPS")]


def test_titles_that_hold_commas_are_parted_by_semicolons():
    titles = ("PSNR, decoded", "SSIM, decoded")
    facts = {"unit": "", "better": "up", "digits": 2}
    found = {t: Difference(entry={**facts, "title": t}, difference=None, reason="both: no weights") for t in titles}
    lines = table(found, ["a"], ["b"], "alike").splitlines()
    assert lines[-1] == "left out, no difference, both: no weights: PSNR, decoded; SSIM, decoded"
    assert lines[3] == "no metric has a number on both sides"
    assert not [line for line in lines if line.startswith("|")]


def test_a_written_comparison_has_rows_for_what_differs_and_records_for_all(tmp_path, capsys):
    first, second = made(tmp_path, "a", 31.0), made(tmp_path, "b", 30.0)
    for name in ("pair.md", "pair.csv"):
        assert cli.run(["compare", first, second, "-o", str(tmp_path / name)]) == 0
    shown = (tmp_path / "pair.md").read_text()
    assert "| LPIPS" not in shown
    assert "- left out, no difference, both: no weights: LPIPS" in shown
    assert "lpips,LPIPS,,,,,,,both: no weights" in (tmp_path / "pair.csv").read_text()


def test_a_head_folder_stands_for_its_run(tmp_path, capsys):
    first, second = made(tmp_path, "a", 31.0), made(tmp_path, "b", 30.0)
    assert cli.run(["compare", first, second, "--json"]) == 0
    of_runs = capsys.readouterr().out
    heads = [str(tmp_path / HEADS / f"head-of-{name}") for name in "ab"]
    assert cli.run(["compare", *heads, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["psnr_face"] == json.loads(of_runs)["psnr_face"]


def with_steps(results, name, steps):
    """Its head's record as one of a training of so many steps at 64 px."""
    path = results / HEADS / f"head-of-{name}" / "head.json"
    record = json.loads(path.read_text())
    record["stages"]["training"]["steps"] = steps
    record["config"] |= {"clip": {"size": 64, "path": f"{steps}.mp4"}, "selector": {"name": str(steps)}}
    path.write_text(json.dumps(record))
    run = results / name / "result.json"
    run.write_text(json.dumps(json.loads(run.read_text()) | {"stages": record["stages"]}))


@pytest.mark.parametrize("whole", [True, False])
def test_what_the_two_differ_in_beside_their_segments_is_one_line(tmp_path, capsys, whole):
    """Of runs as of heads; neither where the video lies nor how the segment was chosen is named."""
    first, second = made(tmp_path, "a", 31.0), made(tmp_path, "b", 30.0)
    if not whole:
        first, second = (str(tmp_path / HEADS / f"head-of-{name}") for name in "ab")
    assert cli.run(["compare", first, second]) == 0
    assert "\nBeside their segments nothing differs" in capsys.readouterr().out
    with_steps(tmp_path, "b", 2800)
    line = "Beside their segments they differ in (first | second): training steps - | 2800; clip.size - | 64"
    assert cli.run(["compare", first, second, "-o", str(tmp_path / "pair.md")]) == 0
    assert capsys.readouterr().out.splitlines()[1] == line
    assert f"- {line}" in (tmp_path / "pair.md").read_text()
    assert cli.run(["compare", first, second, "--json"]) == 0
    assert capsys.readouterr().err == f"tfg: {line}\n"


def test_what_differs_is_of_runs_that_stand_beside_each_other(tmp_path, capsys):
    """Seeds that both groups have are no difference."""
    groups = [[made(tmp_path, f"{x}{k}", p, seed=k) for k in range(2)] for x, p in (("a", 31.0), ("b", 30.0))]
    assert cli.run(["compare", *groups[0], "--against", *groups[1]]) == 0
    assert "Beside their segments nothing differs" in capsys.readouterr().out
    other = made(tmp_path, "c", 30.0, seed=7)
    assert cli.run(["compare", groups[0][0], other]) == 0
    assert "they differ in (first | second): seed 0 | 7\n" in capsys.readouterr().out


def refused(capsys, *arguments):
    assert cli.run(["compare", *arguments]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    return error


def test_bad_input_is_one_line(tmp_path, capsys):
    first, second = made(tmp_path, "a", 31.0), made(tmp_path, "b", 30.0)
    assert "no run (result.json) and no head (head.json)" in refused(capsys, first, str(tmp_path))
    assert "no run" in refused(capsys, first, str(tmp_path / "none"))
    assert "compare: 1 folder; give two" in refused(capsys, first)
    assert "give two" in refused(capsys, first, second, second)
    path = scores(tmp_path, "b")
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"truth_digest": "other"}))
    assert "other held-out frames" in refused(capsys, first, second)
    path.with_name("scores-1.json").write_text(path.read_text())
    assert "2 scores files" in refused(capsys, str(path.parent), first)
    path.write_text("{")
    assert "not a readable record" in refused(capsys, first, second)
