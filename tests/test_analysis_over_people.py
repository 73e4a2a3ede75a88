"""The table of what drives the lips: differences are of the same people, and a number that is missing is a dash, not a zero."""

import pandas as pd
import pytest

from analysis.table_lips import COLUMNS, FIRST, table
from experiments.lips import GRID, PEOPLE, WAYS


def frame_of(missing: str) -> pd.DataFrame:
    """Every number is its person's place, plus 0.5 for the first other way and 1 for the second; one person lacks precision."""
    rows = [
        {
            "person": person,
            "way": way,
            "source": source,
            "metric": metric,
            "commit": "c" * 40,
            "value": place + 0.5 * step,
        }
        for place, person in enumerate(PEOPLE)
        for step, way in enumerate(WAYS)
        for source, metric, *_ in COLUMNS
        if not (person == missing and metric == "closure_precision" and step == 0)
    ]
    return pd.DataFrame(rows)


def test_differences_are_over_the_people_that_have_both() -> None:
    people, ways = list(PEOPLE), list(WAYS)
    made = table(frame_of(people[0]))
    assert len(made.rows) == len(people) * len(ways) + len(ways) + len(ways) - 1
    records = {(row[0], row[1]): dict(zip(made.record_header, row, strict=True)) for row in made.records}
    assert records[f"minus {FIRST}", ways[1]]["run_closure_precision"] == pytest.approx(0.5)
    assert records[f"minus {FIRST}", ways[2]]["mute_mouth_correlation"] == pytest.approx(1.0)
    assert records[people[0], ways[0]]["run_closure_precision"] is None
    cells = {(row[0], row[1]): dict(zip(made.header, row, strict=True)) for row in made.rows}
    assert cells[people[0], ways[0]]["Closure precision"] == "-"
    assert cells[f"minus {FIRST}", ways[1]]["Closure precision"].endswith(f"({len(people) - 1})")


def test_the_grid_gives_every_person_the_same_segment_in_every_way() -> None:
    for person in PEOPLE:
        cells = [cell for cell in GRID.cells if cell.labels["person"] == person]
        shared = [
            {text for text in cell.overrides if not text.startswith(("audio", "conditioning", "prior", "backbone."))}
            for cell in cells
        ]
        assert len(cells) == len(WAYS)
        assert all(one == shared[0] for one in shared)
