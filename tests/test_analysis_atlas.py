"""The atlas's CSV from records made by hand, and the tables that read it."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from result_records import result, write
from sample_atlas import people
from sample_atlas import write as write_atlas

from analysis import atlas, selectors
from analysis.load import IncompleteGrid
from experiments.atlas import FULL, cell
from experiments.atlas_features import FOLDER
from experiments.grid import Grid
from experiments.ledger import write_ledger
from tfg.atlas.columns import COLUMNS, FEATURES, METRICS
from tfg.atlas.table import read

GRID = Grid(
    name="atlas",
    cells=(cell("german", 3.0, 5.0), cell("german", 0.0, FULL, growth=0), cell("german", 7.0, 5.0)),
)
CONFIG: dict[str, Any] = {
    "clip": {"size": 128},
    "audio": {"name": "whisper"},
    "prior": {"name": "universal"},
    "selector": {"name": "at"},
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Heads of the first two cells and features of all three."""
    folder = tmp_path / "results"
    runs = []
    for name, start, commit in (("one", 3.0, "a" * 40), ("two", 0.0, "b" * 40)):
        made = result(name, config=CONFIG, psnr=25.0, commit=commit)
        selection = {**made.selection, "start": start}
        write(folder, replace(made, selection=selection))
        runs.append(name)
    write_ledger(folder, GRID, dict(zip((one.title for one in GRID.cells), (*runs, None), strict=True)))
    record = {
        "segments": [[75, 125], [175, 125], [0, 300]],
        "rows": [
            {**dict.fromkeys(FEATURES, None), "faces_seconds": 3.0, "audio_pairs": value} for value in (8.25, 9.0, 10.0)
        ],
        "costs": {"audio_seconds": 2.0},
    }
    (folder / FOLDER).mkdir(parents=True)
    (folder / FOLDER / "german.json").write_text(json.dumps(record))
    return folder


def test_a_row_joins_a_head_with_the_features_of_its_segment(results: Path, tmp_path: Path) -> None:
    found = atlas.rows(GRID, results, allow_missing=True, allow_mixed=True)
    assert [(one["start"], one["seconds"], one["full"], one["growth"]) for one in found] == [
        (3.0, 5.0, False, 1),
        (0.0, 12.0, True, 0),
    ]
    assert [one["audio_pairs"] for one in found] == [8.25, 10.0]
    first = found[0]
    assert (first["psnr_face"], first["psnr_face_static"], first["psnr_mouth_mute"]) == (25.0, 23.0, None)
    assert (first["mouth_correlation_truth"], first["pose_gap"], first["pose_gap_p90"]) == (1.0, 3.0, 6.0)
    assert (first["gain_psnr_mouth"], first["gain_psnr_mouth_low"], first["gain_sync_share"]) == (2.0, 1.5, None)
    assert (first["kind"], first["tuned"], first["px"], first["prior"], first["commit"]) == (
        "real",
        False,
        128,
        "universal",
        "aaaaaaaa",
    )
    assert (first["training_processor_seconds"], first["audio_seconds"], first["faces_seconds"]) == (90.0, 2.0, 3.0)
    atlas.write(found, tmp_path / "atlas.csv")
    with (tmp_path / "atlas.csv").open() as file:
        header, line, _ = csv.reader(file)
    assert header == [column.name for column in COLUMNS]
    cells = dict(zip(header, line, strict=True))
    assert (cells["tuned"], cells["audio_pairs"], cells["lpips"], cells["seed"]) == ("false", "8.25", "", "0")
    (person,) = read(tmp_path / "atlas.csv", backbone="instag", seconds=5.0)
    assert person.starts.tolist() == [3.0]


def test_heads_that_are_missing_or_of_several_commits_are_an_error_unless_told(results: Path) -> None:
    with pytest.raises(IncompleteGrid, match="1 of 3 heads are missing"):
        atlas.rows(GRID, results)
    with pytest.raises(IncompleteGrid, match=r"heads of 2 commits \(aaaaaaaa, bbbbbbbb\)"):
        atlas.rows(GRID, results, allow_missing=True)


def test_a_table_of_another_machine_is_gone_on_with(results: Path, tmp_path: Path) -> None:
    table = tmp_path / "known.csv"
    (third,) = (one.title for one in GRID.cells[2:])
    first, second = atlas.rows(GRID, results, allow_missing=True, allow_mixed=True)
    elsewhere = first | {"start": 7.0, "audio_pairs": 9.5}
    atlas.write([elsewhere], table)
    with table.open() as file:
        (known,) = csv.DictReader(file)
    found = atlas.rows(GRID, results, {third: known}, allow_mixed=True)
    assert found[:2] == [first, second]
    atlas.write(found, tmp_path / "atlas.csv")
    assert (tmp_path / "atlas.csv").read_text().splitlines()[3] == table.read_text().splitlines()[1]
    with pytest.raises(IncompleteGrid, match="heads of 2 commits"):
        atlas.rows(GRID, results, {third: known})


def test_a_segment_without_features_is_an_error(results: Path) -> None:
    path = results / FOLDER / "german.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "segments": record["segments"][1:], "rows": record["rows"][1:]}))
    with pytest.raises(IncompleteGrid, match="lacks a segment"):
        atlas.rows(GRID, results, allow_missing=True, allow_mixed=True)
    path.unlink()
    with pytest.raises(IncompleteGrid, match="atlas_features --person german"):
        atlas.rows(GRID, results, allow_missing=True, allow_mixed=True)


def test_results_without_a_ledger_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert atlas.main(["--results", str(tmp_path), "-o", str(tmp_path / "atlas.csv")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "atlas.csv").exists()


def test_every_column_has_one_name_and_every_metric_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    assert len({column.name for column in COLUMNS}) == len(COLUMNS)
    documented = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text()
    assert [name for name in METRICS if f"`{name}`" not in documented] == []
    assert atlas.main(["--columns"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(COLUMNS)


@pytest.mark.parametrize("syncnet", [{}, {"sync_c": 5.0}])
def test_the_table_of_selectors_has_every_group_quality_and_rule(
    syncnet: dict[str, float], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mc = ("mc_both_0.25_pooled_radial", "mc_lips_0.25_pooled_radial", "mc_camera_0.25")
    coverage = ("audio_gap", "mouth_share", "mouth_closed", "pose_clusters", "reference_gap", "pose_mouth_r2")
    features = dict.fromkeys((*mc, *coverage), 0.2)
    scores = {"gain_sync_share": 0.5, "psnr_face": 30.0, **syncnet}
    rows = [one | features | scores for one in people({"a": (0.1, 0.2, 0.3), "b": (0.1, 0.3, 0.2)})]
    path = write_atlas(tmp_path / "atlas.csv", rows)
    assert selectors.main(["--atlas", str(path), "--out", str(tmp_path)]) == 0
    assert {file.suffix for file in tmp_path.glob("selectors.*")} == {".md", ".csv", ".tex"}
    with (tmp_path / "selectors.csv").open() as file:
        records = list(csv.DictReader(file))
    assert len(records) == 3 * (3 + len(syncnet)) * 9
    assert ("official Sync-C: no head has it" in (tmp_path / "selectors.md").read_text()) == (not syncnet)
    (audio,) = [
        one
        for one in records
        if (one["group"], one["quality"], one["selector"]) == ("real", "mouth_correlation", "audio")
    ]
    assert (audio["people"], float(audio["value"]), float(audio["percentile"])) == ("2", 0.25, pytest.approx(4 / 6))
    assert float(audio["minus_random"]) == pytest.approx(0.05)
    capsys.readouterr()
    assert selectors.main(["--atlas", str(path), "nothing.yaml"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
