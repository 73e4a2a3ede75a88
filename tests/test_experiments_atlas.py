"""Facts of the atlas's grid: who is in it, in which order, on which segments."""

from __future__ import annotations

import json
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from experiments import atlas, atlas_features, atlas_size, pieces, priors
from experiments.atlas import FULL, GRID, PEOPLE, cell, coarse_to_fine
from tfg.types import Segment

FIVE = [one for one in GRID.cells if one.labels["seconds"] == 5.0 and one.labels["backbone"] == "instag"]


def overrides(one: atlas.Cell) -> dict[str, str]:
    return dict(text.split("=", 1) for text in one.overrides)


def test_it_is_as_large_as_its_docstring_says() -> None:
    counts = Counter((one.labels["backbone"], one.labels["seconds"], one.labels["seed"]) for one in GRID.cells)
    assert counts[("instag", 5.0, 0)] == 204
    assert counts[("instag", 5.0, 1)] == 120
    assert counts[("instag", FULL, 0)] == 28
    assert sum(counts["instag", seconds, 0] for seconds in (2.0, 10.0, 20.0)) == 105
    assert counts[("synctalk", 5.0, 0)] == 24
    assert len(GRID.cells) == 481
    assert len(PEOPLE) >= 10
    assert 2 * len(atlas.AGAIN) == len(PEOPLE)
    assert {name: one.segments for name, one in PEOPLE.items() if one.segments != 12} == {"s0": 30, "grid": 30}


def test_the_first_cells_are_one_segment_of_each_person() -> None:
    first = GRID.cells[: len(PEOPLE)]
    assert [one.labels["person"] for one in first] == list(PEOPLE)
    assert {one.labels["seconds"] for one in GRID.cells[:204]} == {5.0}


def test_coarse_to_fine_holds_each_once_and_spreads_first() -> None:
    assert coarse_to_fine(8) == [0, 4, 2, 6, 1, 5, 3, 7]
    assert sorted(coarse_to_fine(30)) == list(range(30))
    early = sorted(coarse_to_fine(30)[:8])
    assert max(later - one for one, later in pairwise(early)) <= 5


@pytest.mark.parametrize("name", PEOPLE)
def test_starts_are_an_even_grid_inside_the_training_part_on_whole_frames(name: str) -> None:
    person = PEOPLE[name]
    starts = person.starts(5.0, person.segments)
    frames = [round(start * 25) for start in starts]
    assert frames == pytest.approx([start * 25 for start in starts])
    assert frames[0] == 0
    assert frames[-1] + 125 == person.frames
    steps = [later - one for one, later in pairwise(frames)]
    assert max(steps) - min(steps) <= 1
    assert len(set(starts)) == person.segments


def test_segments_of_grid_and_the_synthetic_people_do_not_overlap() -> None:
    for name in ("grid", "s0", "s1", "s2", "s3"):
        starts = PEOPLE[name].starts(5.0, PEOPLE[name].segments)
        assert min(later - one for one, later in pairwise(starts)) >= 5


def test_the_people_of_the_priors_study_keep_their_held_out_part_and_nobody_has_a_prior_of_their_own_kind() -> None:
    for name, (file, held) in priors.PEOPLE.items():
        given = overrides(cell(name, 0.0, 5.0))
        assert given["clip.path"].endswith(file)
        assert given["split.held_out"] == str(held)
        assert PEOPLE[name].tuned == (name in priors.TUNED)
    own = {name for name, one in PEOPLE.items() if one.prior == atlas.REAL}
    assert own == {"grid", "s0", "s1", "s2", "s3"}


def test_the_whole_reference_is_the_training_part() -> None:
    given = overrides(cell("grid", 0.0, FULL, growth=0))
    assert (given["seconds"], given["start"], given["trainer.growth"]) == ("221.96", "0", "0")


def test_the_sizes_are_of_the_same_segments() -> None:
    assert len(atlas_size.GRID.cells) == 24
    sizes = {(one.labels["start"], overrides(one)["clip.size"]) for one in atlas_size.GRID.cells}
    assert len(sizes) == 24
    assert {overrides(one)["prior"] for one in atlas_size.GRID.cells} == {"universal"}


def test_features_are_made_once_and_again_where_the_segments_have_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever computes them: here a count of the segments."""
    asked = []

    def computed(given: list[str], segments: list[Segment]) -> tuple[list[dict[str, float]], dict[str, float]]:
        asked.append(given)
        return [{"audio_pairs": float(len(segments))} for _ in segments], {"audio_seconds": 1.0}

    monkeypatch.setattr("tfg.segment_features.segment_features", computed)
    segments = [Segment.whole(start=0, num_frames=125), Segment.whole(start=50, num_frames=125)]
    path = atlas_features.make("p03", segments, tmp_path)
    assert atlas_features.make("p03", segments, tmp_path) == path
    assert len(asked) == 1
    assert asked[0][-1] == "split.held_out=10"
    atlas_features.make("p03", segments[:1], tmp_path)
    assert json.loads(path.read_text())["rows"] == [{"audio_pairs": 1.0}]


def test_features_are_of_every_segment_of_the_grid_each_once() -> None:
    """Of p08: 12 of 5 s, the whole part, 6 of 2 s, 6 of 10 s for both growths, 3 of 20 s; SyncTalk's are among the 12."""
    segments = atlas_features.segments_of("p08")
    assert len(segments) == 12 + 1 + 6 + 6 + 3
    assert segments[-1] == Segment.whole(start=0, num_frames=1199)


def test_cells_of_a_known_table_are_found_by_what_they_are_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "atlas.csv"
    table.write_text(
        "person,backbone,start,seconds,full,seed,growth\np08,instag,0,5,false,1,1\ngrid,instag,0,221.96,true,0,0\nu,instag,1,5,false,0,1\n"
    )
    asked: list[object] = []
    monkeypatch.setattr("experiments.launch.main", lambda *given: asked.append(given) or 0)
    assert atlas.main(["--known", str(table), "--dry-run"]) == 0
    ((grid, rest, known),) = asked
    assert (grid, rest) == (GRID, ["--dry-run"])
    assert set(known) == {cell("p08", 0.0, 5.0, seed=1).title, cell("grid", 0.0, FULL, growth=0).title}
    assert atlas.main(["--known", str(tmp_path / "none.csv")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_an_unknown_person_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert atlas_features.main(["--person", "nobody"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.real
@pytest.mark.skipif("TFG_ASSETS" not in os.environ, reason="needs the videos of TFG_ASSETS")
@pytest.mark.parametrize("name", PEOPLE)
def test_training_parts_are_as_long_as_the_grid_says(name: str) -> None:
    from tfg import overrides as command_line
    from tfg import parts

    if PEOPLE[name].kind == "synthetic":
        pytest.skip("a synthetic clip is as long as it is asked to be")
    given = ["backbone=instag", "clip.size=128", *PEOPLE[name].overrides[:2]]
    clip = parts.open_clip(command_line.composed(command_line.complete(given)))
    assert clip.num_reference_frames == PEOPLE[name].frames


def test_heads_of_pieces_stand_beside_the_atlas() -> None:
    """The same clip, size, prior, metrics, length and seed as the person's rows: only how the seconds are chosen differs."""
    assert len(pieces.GRID.cells) == 3 * len(PEOPLE)
    for one in pieces.GRID.cells:
        of_atlas = overrides(cell(str(one.labels["person"]), 0.0, 5.0))
        differing = {key for key, _ in set(overrides(one).items()) ^ set(of_atlas.items())}
        assert differing <= {"selector", "selector.piece_seconds", "start"}
        assert "selector=at" not in one.overrides
