"""Heads of the simulations as rows: the diversity of each segment comes from the record of the cell that looked at all."""

from dataclasses import replace

import pytest
from result_records import result, write

from analysis.load import IncompleteGrid
from analysis.own import own_sources
from analysis.rows import rows
from experiments.grid import Cell, Grid
from experiments.ledger import write_ledger

CONFIG = {"clip": {"size": 128}, "prior": {"name": "grid"}, "seconds": 5.0}
SCORES = [{"start": 0.0, "diversity": 3.5}, {"start": 3.0, "diversity": 4.5}]


def study(folder, **cells):
    """Results of cells by segment; those of None are missing."""
    grid = Grid(
        name="same_motion", cells=tuple(Cell(labels={"person": "s10", "segment": of}, overrides=()) for of in cells)
    )
    runs = {}
    for cell, scores in zip(grid.cells, cells.values(), strict=True):
        segment = str(cell.labels["segment"])
        runs[cell.title] = segment
        if scores is not None:
            made = result(segment, config=CONFIG, psnr=30.0)
            selection = made.selection | {"scores": scores, "start": 0.0 if segment == "at0" else 3.0}
            write(folder, replace(made, selection=selection))
    write_ledger(folder, grid, runs)
    return grid


def test_the_diversity_is_that_of_the_segment(tmp_path):
    found = rows(study(tmp_path, chosen=SCORES, at0=[]), tmp_path)
    assert dict(zip(found["start"], found["audio_pairs"], strict=True)) == {3.0: 4.5, 0.0: 3.5}
    assert list(found["psnr_face"]) == [30.0, 30.0]


def test_without_the_record_of_the_diversities_there_are_no_rows(tmp_path):
    with pytest.raises(IncompleteGrid, match="s10 has no run `chosen`"):
        rows(study(tmp_path, chosen=None, at0=[]), tmp_path)


def test_without_heads_the_command_is_named(tmp_path):
    with pytest.raises(IncompleteGrid, match=r"experiments\.same_motion"):
        rows(study(tmp_path, chosen=None), tmp_path)


def test_runs_of_a_sweep_are_rows_with_what_their_selection_saw(tmp_path):
    for name, start in (("a", 0.0), ("b", 3.0)):
        made = result(name, config={**CONFIG, "clip": {"size": 128, "path": "/videos/ann.mp4"}}, psnr=30.0)
        write(tmp_path, replace(made, selection=made.selection | {"scores": SCORES, "start": start}))
    atlas = own_sources(tmp_path).atlas
    assert list(atlas["person"]) == ["ann", "ann"]
    assert list(atlas["audio_pairs"]) == [3.5, 4.5]
    assert list(own_sources(tmp_path, ("ann",)).atlas["psnr_face"]) == [30.0, 30.0]
    with pytest.raises(IncompleteGrid, match="no finished run of bob"):
        own_sources(tmp_path, ("bob",))


def test_a_run_of_several_pieces_is_no_row_and_is_named(tmp_path, capsys):
    config = {**CONFIG, "clip": {"size": 128, "path": "/videos/ann.mp4"}}
    pieces = {"pieces": [{"start": 0.0, "seconds": 1.0}, {"start": 3.0, "seconds": 4.0}], "piece_seconds": 1.0}
    for name, more in (("several", pieces), ("one", {"piece_seconds": 1.0})):
        made = result(name, config=config, psnr=30.0)
        write(tmp_path, replace(made, selection=made.selection | {"scores": SCORES, "start": 3.0} | more))
    atlas = own_sources(tmp_path).atlas
    assert len(atlas) == 1
    assert atlas["audio_pairs"].isna().all()  # that of a piece is not the segment's
    assert capsys.readouterr().err == "analysis: several: left out, its segment is of several pieces\n"
