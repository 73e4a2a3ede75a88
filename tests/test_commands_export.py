"""Exports: tables that other programs read back, Gaussians as viewers hold them, pictures that composite to the rendering."""

from __future__ import annotations

import csv
import json
import resource
from types import SimpleNamespace

import latex
import numpy as np
import plyfile
import pytest
import torch
from portraits import make_scene
from pyarrow import parquet
from test_backbones_gaussian_instag import TINY, make_backbone, windows_of
from torch.utils.data import default_collate

from benchmarks.report_records import make
from tfg.backbones.frame import frame_of
from tfg.backbones.gaussian.splats import splats_of, write_ply
from tfg.cli import run
from tfg.commands import export
from tfg.cutout import cut_out
from tfg.data import batches
from tfg.engines.gaussian import rasterize
from tfg.record import table
from tfg.record.results import RunResult

FRAMES = 120


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "results"
    make(folder, 3, FRAMES)
    return folder


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_the_table_of_runs_holds_the_records_numbers_in_full(results, tmp_path):
    assert run(["export", str(results), "-o", str(tmp_path / "runs.csv")]) == 0
    for row in rows_of(tmp_path / "runs.csv"):
        result = RunResult.read(results / row["run_id"] / "result.json")
        assert float(row["psnr_face"]) == result.metrics["psnr_face"]["value"]
        assert float(row["psnr_face_low"]) < float(row["psnr_face"]) < float(row["psnr_face_high"])
        assert row["train_cpu_s"] == "14.5"
        assert row["sync_c"] == ""


@pytest.mark.parametrize("name", ["u.csv", "u.parquet"])
def test_a_table_that_cannot_be_written_names_the_file_that_was_wanted(results, tmp_path, capsys, name):
    """Not its temporary one, also where the write to the open file failed."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        code = run(["export", str(results), "-o", str(tmp_path / name)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 2
    said = "File too large; raise the limit on the size of files (ulimit -f) or choose another folder"
    assert capsys.readouterr().err == f"tfg: {tmp_path / name}: {said}\n"
    assert list(tmp_path.iterdir()) == []


def test_a_ply_and_pictures_that_cannot_be_written_name_what_was_wanted(head, tmp_path, monkeypatch):
    portrait = make_scene(num_frames=6, size=32).portrait
    rows, windows = portrait.rows, windows_of(portrait)
    picture = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 4), dtype=np.uint8)
    monkeypatch.setattr("tfg.cutout.cut_out", lambda draw, portrait: picture)
    speaker = SimpleNamespace(backbone=head[0], draw=lambda *given, **options: picture, threads=1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large") as of_ply:
            export._write_ply(speaker, rows, windows, 0, tmp_path / "u.ply")
        with pytest.raises(OSError, match="File too large") as of_pictures:
            export._write_pictures(speaker, rows, windows, range(1), tmp_path / "pictures")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (of_ply.value.filename, of_pictures.value.filename) == (str(tmp_path / "u.ply"), str(tmp_path / "pictures"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["runs", "metrics", "candidates", "stages"])
def test_every_table_is_latex_that_could_be_compiled(results, tmp_path, name):
    assert run(["export", str(results), "--table", name, "-o", str(tmp_path / "t.tex")]) == 0
    latex.check((tmp_path / "t.tex").read_text())


def test_the_candidates_say_which_was_chosen(results, tmp_path):
    assert run(["export", str(results), "--table", "candidates", "-o", str(tmp_path / "c.csv")]) == 0
    chosen = [row for row in rows_of(tmp_path / "c.csv") if row["chosen"] == "True"]
    assert [float(row["start"]) for row in chosen] == [
        RunResult.read(path).selection["start"] for path in sorted(results.glob("*/result.json"))
    ]


def test_steps_are_whole_numbers(tmp_path):
    for path, steps in zip(make(tmp_path / "results", 3, 30), (250, 500, None), strict=True):
        record = json.loads((path / "result.json").read_text())
        record["stages"]["training"] |= {} if steps is None else {"steps": steps}
        (path / "result.json").write_text(json.dumps(record))
    assert run(["export", str(tmp_path / "results"), "-o", str(tmp_path / "runs.csv")]) == 0
    assert {row["steps"] for row in rows_of(tmp_path / "runs.csv")} == {"250", "500", ""}


@pytest.mark.parametrize("name", ["runs", "metrics", "candidates", "stages"])
def test_printed_tables_name_the_clip_where_it_varies(tmp_path, name):
    """Runs of one label are of different people; where all are of one, there is no column."""
    runs = make(tmp_path / "two", 8, 30)
    for path in (runs[0], runs[7]):
        record = json.loads((path / "result.json").read_text())
        record["config"]["sweep"]["axes"] = []
        (path / "result.json").write_text(json.dumps(record))
    make(tmp_path / "one", 2, 30)
    shown = {}
    for folder in ("two", "one"):
        assert run(["export", str(tmp_path / folder), "--table", name, "-o", str(tmp_path / "t.md")]) == 0
        lines = [line for line in (tmp_path / "t.md").read_text().splitlines() if line.startswith("|")]
        shown[folder] = [[cell.strip() for cell in line.split("|")[1:3]] for line in lines]
    assert shown["two"][0] == ["run", "clip"]
    assert {clip for label, clip in shown["two"] if label == "random instag"} == {"person00", "person01"}
    assert shown["one"][0][0] == "run"
    assert shown["one"][0][1] != "clip"


def test_what_a_selector_measured_of_a_candidate_is_exported(tmp_path):
    """Columns are those that any run has; a damaged record is named and left out."""
    runs = make(tmp_path / "results", 3, 30)
    for path, extras in zip(runs, ({"voiced_ratio": 0.75}, None, {"voiced_ratio": "much"}), strict=True):
        record = json.loads((path / "result.json").read_text())
        record["selection"]["scores"][1]["extras"] = extras
        (path / "result.json").write_text(json.dumps(record))
    for suffix in ("csv", "md"):
        assert run(["export", str(runs[0].parent), "--table", "candidates", "-o", str(tmp_path / f"c.{suffix}")]) == 0
    rows = rows_of(tmp_path / "c.csv")
    assert {row["run_id"] for row in rows} == {runs[0].name, runs[1].name}
    second = {row["run_id"]: row["voiced_ratio"] for row in rows if row["start"] == "1.0"}
    assert second == {runs[0].name: "0.75", runs[1].name: ""}
    assert "voiced ratio" in (tmp_path / "c.md").read_text()


def test_a_candidate_without_a_score_says_why(tmp_path):
    """Of a selector with a shortlist, and of one that scores nothing; a reason of the selector's own stays."""
    runs = make(tmp_path / "results", 2, 30)
    for path, is_scored in zip(runs, (True, False), strict=True):
        record = json.loads((path / "result.json").read_text())
        selection = record["selection"]
        if is_scored:
            selection["scores"][1] |= {"motion_complexity": 0.2, "score": 3.0}
            selection["scores"][2] |= {"motion_complexity": 0.9}
            selection["scores"][3]["note"] = "no face in frame 7"
        (path / "result.json").write_text(json.dumps(record))
    assert run(["export", str(runs[0].parent), "--table", "candidates", "-o", str(tmp_path / "c.csv")]) == 0
    notes = {(row["run_id"], row["start"]): row["note"] for row in rows_of(tmp_path / "c.csv")}
    assert {row["chosen"]: row["note"] for row in rows_of(tmp_path / "c.csv")}["True"] == ""
    first = [notes[runs[0].name, f"{start}.0"] for start in range(1, 5)]
    assert first[0] == ""
    assert first[1] == "looked at, not taken into the last choice"
    assert first[2:] == ["no face in frame 7", "not on the shortlist: its faces were not looked at"]
    assert notes[runs[1].name, "5.0"] == "not looked at: isexplore scores no candidate"


def test_the_first_second_of_each_piece_stands_in_the_table_of_runs_as_tfg_prints_it(tmp_path):
    (folder,) = make(tmp_path / "results", 1, 30)
    record = json.loads((folder / "result.json").read_text())
    record["selection"]["pieces"] = [{"start": 1.0, "seconds": 2.0}, {"start": 7.2, "seconds": 3.0}]
    (folder / "result.json").write_text(json.dumps(record))
    assert run(["export", str(folder.parent), "-o", str(tmp_path / "runs.csv")]) == 0
    (row,) = rows_of(tmp_path / "runs.csv")
    assert (
        row["starts_s"]
        == table.tabulated([("run", RunResult.read(folder / "result.json"))]).rows[0].cells[0]
        == "1.00 + 7.20"
    )


def test_parquet_has_the_same_columns_and_numbers(results, tmp_path):
    for suffix in ("csv", "parquet"):
        assert run(["export", str(results), "--table", "metrics", "-o", str(tmp_path / f"m.{suffix}")]) == 0
    read, texts = parquet.read_table(tmp_path / "m.parquet"), rows_of(tmp_path / "m.csv")
    assert read.column_names == list(texts[0])
    assert read["value"].to_pylist() == [float(row["value"]) if row["value"] else None for row in texts]
    assert "null" not in {str(field.type) for field in read.schema}  # of columns that have no value here


def test_a_comparison_is_written_as_a_table_too(results, tmp_path, capsys):
    folders = [str(path) for path in sorted(results.iterdir()) if path.name != "heads"][:2]
    assert run(["compare", *folders, "--json", "-o", str(tmp_path / "pair.csv")]) == 0
    printed = json.loads(capsys.readouterr().out)
    for row in rows_of(tmp_path / "pair.csv"):
        assert row["low"] == ("" if printed[row["metric"]]["low"] is None else str(printed[row["metric"]]["low"]))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", "-o", "x.csv"], "nowhere: no such folder"),
        ([".", "-o", "x.csv"], ".: holds no finished run"),
        ([".", "-o", "x.csv", "--frame", "3"], "--frame 3: is of a head's .ply or pictures"),
        ([".", "-o", "x.glb"], "-o x.glb: .glb is not written"),
        ([".", "-o", "no/x.csv"], "-o no/x.csv: its folder does not exist"),
        ([".", "-o", "x.ply"], ".: not a finished head"),
        ([".", "-o", "x.ply", "--frame", "-1"], "--frame -1: must be 0 or above"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert run(["export", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tfg: {said}")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def head():
    """An untrained head in a pose, whose Gaussians differ in everything that a file holds."""
    portrait = make_scene(num_frames=6, size=32).portrait
    torch.manual_seed(0)
    backbone = make_backbone(portrait, TINY)
    backbone.prepare(portrait)
    with torch.no_grad():
        for branch in (backbone.face, backbone.mouth):
            gaussians = branch.gaussians
            for name, spread in (("quats", 0.5), ("scales", 0.3), ("opacities", 0.5), ("harmonics", 0.2)):
                getattr(gaussians, name).add_(spread * torch.randn_like(getattr(gaussians, name)))
    one = batches(portrait.rows(3, 4), windows_of(portrait)[3:4], device=torch.device("cpu"))
    return backbone.eval(), default_collate([one[0]])


def test_gaussians_read_from_the_file_by_another_library_render_the_same_picture(head, tmp_path):
    backbone, batch = head
    write_ply(splats_of(backbone, batch), tmp_path / "head.ply")
    vertex = plyfile.PlyData.read(str(tmp_path / "head.ply"))["vertex"]
    names = [one.name for one in vertex.properties]
    assert names[:9] == ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    assert names[-8:] == ["opacity", *(f"scale_{i}" for i in range(3)), *(f"rot_{i}" for i in range(4))]

    def columns(*some):
        return torch.from_numpy(np.stack([vertex[name] for name in some], axis=1))

    rest = columns(*(f"f_rest_{i}" for i in range(9))).reshape(-1, 3, 3).transpose(1, 2)
    frame, face = frame_of(batch), len(backbone.face.gaussians)
    quats = columns(*(f"rot_{i}" for i in range(4)))
    assert quats.norm(dim=1) == pytest.approx(1, abs=1e-5)

    def drawn(which, background):
        return rasterize(
            columns("x", "y", "z")[which],
            quats[which],
            columns("scale_0", "scale_1", "scale_2")[which].exp(),
            columns("opacity")[which, 0].sigmoid(),
            torch.cat([columns("f_dc_0", "f_dc_1", "f_dc_2")[:, None], rest], dim=1)[which],
            rotation=frame.rotation,
            translation=frame.translation,
            focal=backbone.focal,
            width=backbone.size,
            height=backbone.size,
            background=background,
            sh_degree=1,
            engine="torch",
        ).color

    made = drawn(slice(face), drawn(slice(face, None), frame.background)).clamp(0, 1)
    assert torch.allclose(made, backbone.render(batch)[0], atol=2e-3)  # float32 through a logarithm and back


def test_the_exported_file_holds_the_frame_that_was_asked_for(head, tmp_path):
    """Read by plyfile; another frame has other places."""
    backbone, batch = head
    portrait = make_scene(num_frames=6, size=32).portrait
    for frame in (3, 4):
        path = tmp_path / f"{frame}.ply"
        export._write_ply(SimpleNamespace(backbone=backbone), portrait.rows, windows_of(portrait), frame, path)
    read = [plyfile.PlyData.read(str(tmp_path / f"{frame}.ply"))["vertex"] for frame in (3, 4)]
    places = [np.stack([vertex[name] for name in ("x", "y", "z")], axis=1) for vertex in read]
    assert np.array_equal(places[0], splats_of(backbone, batch).means)
    assert not np.array_equal(places[0], places[1])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3.ply", "4.ply"]


def test_pictures_with_alpha_composite_to_the_rendering_over_any_background():
    portrait = make_scene(num_frames=2, size=16).portrait
    random = np.random.default_rng(0)
    alpha, colour = random.random((2, 16, 16, 1)), random.random((2, 16, 16, 3)) * 255
    alpha[:, :4] = 0

    def draw(shown):
        return (alpha * colour + (1 - alpha) * shown.background).round().astype(np.uint8)

    made = cut_out(draw, portrait).astype(np.float64)
    shares = made[..., 3:] / 255
    assert np.abs(shares[:, 4:] - alpha[:, 4:]).max() < 3 / 255
    assert not made[:, :4].any()
    whole = made[..., :3] * shares + portrait.background * (1 - shares)
    assert np.abs(whole - draw(portrait)).max() < 4
