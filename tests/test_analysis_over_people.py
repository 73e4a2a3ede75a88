"""Ways compared over people: differences are of the same people and segments, and a number that is missing is a dash, not a zero."""

from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from analysis import table_instag_parts, table_lips, table_priors, table_synctalk_lips, table_synctalk_parts
from analysis.load import RUN, IncompleteGrid, load
from analysis.over_people import Ways, apart, runs_of, size, value
from experiments import lips, priors
from experiments.ledger import write_ledger
from tfg.record.tabular import Table

R = value(RUN, "mouth_correlation", "Mouth r", 2)
TWO = Ways(people=("anna", "ben", "cleo"), ways=("none", "prior"), columns=(R,), tuned=("cleo",))


def row(person: str, way: str, r: float | None, segment: str | None = None, source: str = RUN) -> dict[str, object]:
    """A run's mouth r; None: the run is missing, as `load` says it."""
    labels = {"person": person, "way": way, "run_id": None if r is None else f"{person}-{way}-{segment}"}
    metric = None if r is None else "mouth_correlation"
    number = float("nan") if r is None else r
    numbers = {"source": source, "metric": metric, "value": number, "commit": None if r is None else "c" * 40}
    return labels | numbers | ({} if segment is None else {"segment": segment})


def rows_of(made: Table) -> dict[tuple[str, str], tuple[str, ...]]:
    return {(cells[0], cells[1]): cells[2:] for cells in made.rows}


def made_of(rows: list[dict[str, object]], ways: Ways = TWO) -> dict[tuple[str, str], tuple[str, ...]]:
    frame = pd.DataFrame(rows)
    runs = runs_of(frame)
    compared = [*ways.of_each(runs), *ways.over_people(runs)]
    return rows_of(ways.table(frame, compared, name="t", caption="t", way="Way", conditions=""))


def test_segments_are_averaged_before_people() -> None:
    """Anna has four segments of 0, Ben one of 1: the mean over people is 0.5, that of runs would be 0.2."""
    runs = [row("anna", "none", 0.0, f"{place}") for place in range(4)] + [row("ben", "none", 1.0, "0")]
    made = made_of(runs)
    assert made["anna", "none"] == ("4", "0.00")
    assert made["mean", "none"] == ("5", "0.50 [-5.85, 6.85] (2)")  # t(0.975, 1) * 0.5


def test_a_difference_is_of_the_segments_that_both_ways_have() -> None:
    """Anna's third segment exists in one way only; its 9 must not count. Cleo has the other way alone."""
    none = [row("anna", "none", r, segment) for segment, r in (("0", 0.1), ("1", 0.3), ("2", 9.0))]
    prior = [row("anna", "prior", r, segment) for segment, r in (("0", 0.2), ("1", 0.6), ("2", None))]
    made = made_of([*none, *prior, row("cleo", "prior", 5.0, "0")])
    assert made["minus none", "prior"] == ("2 of 3", "0.20 (1)")
    assert made["anna", "prior"] == ("2 of 3", "0.40 (2)")


def test_people_without_tuned_ones_have_rows_of_their_own() -> None:
    made = made_of([row(person, "none", r) for person, r in (("anna", 0.1), ("ben", 0.3), ("cleo", 0.8))])
    assert made["mean", "none"][0].startswith("0.40 [")
    assert made["mean, without tuned", "none"][0].startswith("0.20 [")


def test_a_run_that_is_missing_is_a_hole_and_one_that_the_grid_has_not_is_no_row() -> None:
    made = made_of([row("anna", "none", 0.1), row("anna", "prior", None)])
    assert made["anna", "prior"] == ("missing",)
    assert made["minus none", "prior"] == ("missing",)
    assert ("ben", "none") not in made


def test_sizes_are_of_single_runs_and_not_of_their_mean() -> None:
    """Mute r of 0.3 and -0.3 has size 0.3; run minus still is 0.2 apart in both."""
    columns = (
        value("mute", "mouth_correlation", "mute", 2),
        size("mute", "mouth_correlation", "|mute|", 2),
        apart("still", "mouth_correlation", "|r - still|", 2),
    )
    ways = Ways(people=("anna",), ways=("none",), columns=columns)
    numbers = [("0", "mute", 0.3), ("1", "mute", -0.3), ("0", RUN, 0.5), ("1", RUN, 0.5), ("0", "still", 0.3)]
    made = made_of([row("anna", "none", r, segment, source) for segment, source, r in numbers], ways)
    assert made["anna", "none"] == ("2", "0.00", "0.30", "0.20 (1)")


def lips_of(missing: str) -> pd.DataFrame:
    """Every number is its person's place, plus 0.5 for the first other way and 1 for the second; one person lacks precision."""
    names = ["mouth_correlation", "closure_recall", "closure_precision", "mouth_amplitude", "psnr_face", "psnr_mouth"]
    rows = [
        row(person, way, place + 0.5 * step, source=source) | {"metric": metric}
        for place, person in enumerate(lips.PEOPLE)
        for step, way in enumerate(lips.WAYS)
        for source in (RUN, "mute", "still")
        for metric in (*names, "gain_sync_share")
        if not (person == missing and metric == "closure_precision" and step == 0)
    ]
    return pd.DataFrame(rows)


def test_the_table_of_lips_counts_the_people_that_have_both() -> None:
    people, ways = list(lips.PEOPLE), list(lips.WAYS)
    made = table_lips.table(lips_of(people[0]))
    assert len(made.rows) == len(people) * len(ways) + len(ways) + len(ways) - 1
    records = {(row[0], row[1]): dict(zip(made.record_header, row, strict=True)) for row in made.records}
    assert records[f"minus {ways[0]}", ways[1]]["run_closure_precision"] == pytest.approx(0.5)
    assert records[f"minus {ways[0]}", ways[2]]["mute_mouth_correlation"] == pytest.approx(1.0)
    assert records[people[0], ways[0]]["run_closure_precision"] is None
    cells = {(row[0], row[1]): dict(zip(made.header, row, strict=True)) for row in made.rows}
    assert cells[people[0], ways[0]]["Closure precision"] == "-"
    assert cells[f"minus {ways[0]}", ways[1]]["Closure precision"].endswith(f"({len(people) - 1})")


def test_the_table_of_priors_has_a_row_for_every_person_and_way_of_its_grid() -> None:
    """A study that has only begun: every run but one is a hole, and a person whom a prior knows has no row of it."""
    rows = [row(**cell.labels, r=None) for cell in priors.GRID.cells[1:]]  # type: ignore[arg-type]
    first = row(**priors.GRID.cells[0].labels, r=0.4)  # type: ignore[arg-type]
    made = rows_of(table_priors.table(pd.DataFrame([*rows, first])))
    assert made["p01", "none, logmel"][:2] == ("1 of 3", "0.40 (1)")
    assert made["p03", "others"][:2] == ("0 of 3", "missing")
    assert ("grid", "universal") not in made
    assert made["minus none, logmel", "others"][:2] == ("0 of 30", "missing")
    assert made["mean, without tuned", "universal"][0] == "0 of 12"


@pytest.mark.parametrize("made", [table_instag_parts, table_synctalk_lips, table_synctalk_parts])
def test_tables_of_the_other_grids_of_one_segment_compare_with_their_first_way(made: ModuleType) -> None:
    rows = [
        row(person, way, None)
        | {"source": RUN, "metric": "psnr_face", "value": 30.0 + step, "commit": "c" * 40, "run_id": "r"}
        for person in made.PEOPLE
        for step, way in enumerate(made.WAYS)
    ]
    table = made.table(pd.DataFrame(rows))
    last = dict(zip(table.record_header, table.records[-1], strict=True))
    first, *others = made.WAYS
    assert (last["person"], last["way"]) == (f"minus {first}", others[-1])
    assert last["run_psnr_face"] == pytest.approx(len(others))


def test_the_grid_of_lips_gives_every_person_the_same_segment_in_every_way() -> None:
    for person in lips.PEOPLE:
        cells = [cell for cell in lips.GRID.cells if cell.labels["person"] == person]
        shared = [
            {text for text in cell.overrides if not text.startswith(("audio", "conditioning", "prior", "backbone."))}
            for cell in cells
        ]
        assert len(cells) == len(lips.WAYS)
        assert all(one == shared[0] for one in shared)


def test_a_study_of_which_nothing_is_done_has_no_table(tmp_path: Path) -> None:
    write_ledger(tmp_path, priors.GRID, {cell.title: None for cell in priors.GRID.cells})
    with pytest.raises(IncompleteGrid, match="priors: none of its 87 runs is done"):
        load(priors.GRID, tmp_path, allow_missing=True)
