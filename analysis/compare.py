"""Two values of an axis of a grid compared: `python -m analysis.compare ablation selector isexplore random`.

Every metric of every finished run: differences with the intervals of `tfg compare` (`--metric NAME` adds a mixed model of one metric).
Writes compare_<grid>_<first>_<second> as CSV, Markdown and LaTeX.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from analysis.load import IncompleteGrid, results_of
from analysis.mixed import Mixed, fit
from experiments.grid import Grid
from tfg.record.metrics import titled
from tfg.record.tabular import Table, to_markdown, write
from tfg.statistics.comparison import Difference, compare
from tfg.statistics.pairing import NoPair, Scored, matched

OUT = Path(__file__).resolve().parent / "out"


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where the results do not make a comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("grid", help="a module of experiments/ with a GRID")
    parser.add_argument("axis", help="a label of its cells, such as selector")
    parser.add_argument("first")
    parser.add_argument("second")
    parser.add_argument("--metric", help="for the mixed model")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of run folders (default results)")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the table (default analysis/out)")
    options = parser.parse_args(arguments)
    try:
        grid = importlib.import_module(f"experiments.{options.grid}").GRID
        groups = grouped(grid, options.results, options.axis, (options.first, options.second))
        made = table(grid.name, options.axis, (options.first, options.second), groups, options.metric)
    except (IncompleteGrid, NoPair, ModuleNotFoundError) as error:
        print(f"analysis: {error}", file=sys.stderr)
        return 1
    paths = write(made, options.out)
    print(to_markdown(made), end="")
    print("\n".join(map(str, paths)), file=sys.stderr)
    return 0


def grouped(grid: Grid, results: Path, axis: str, values: tuple[str, str]) -> tuple[list[Scored], list[Scored]]:
    """The finished runs of both values; IncompleteGrid where a value has none."""
    found: dict[str, list[Scored]] = {value: [] for value in values}
    for labels, result in results_of(grid, results):
        if result is not None and str(labels.get(axis)) in found:
            found[str(labels[axis])].append(Scored.of(result.run_id, result))
    for value, runs in found.items():
        if not runs:
            raise IncompleteGrid(
                f"{grid.name}: no finished run with {axis}={value}; run `python -m experiments.{grid.name}`"
            )
    return found[values[0]], found[values[1]]


def table(
    grid: str, axis: str, values: tuple[str, str], groups: tuple[list[Scored], list[Scored]], metric: str | None
) -> Table:
    """A row a metric; every interval with what it is over."""
    cells, left_out = matched(*groups)
    found = compare(cells)
    notes = [f"n: {len(groups[0])} and {len(groups[1])} runs, {len({cell.clip for cell in cells})} clips."]
    notes += [f"Without a partner, left out: {', '.join(left_out)}."] if left_out else []
    notes += _explained(found)
    if metric is not None:
        notes += _said(metric, fit(metric, {values[0]: groups[0], values[1]: groups[1]}))
    return Table(
        name=f"compare_{grid}_{values[0]}_{values[1]}",
        caption=f"{values[0]} minus {values[1]} ({axis}), on held-out speech",
        header=("Metric", "Difference", "95 % interval", "Probability of better"),
        rows=tuple(_row(made) for made in found.values()),
        record_header=("metric", "difference", "low", "high", "probability", "over", "reason"),
        records=tuple(
            (name, made.difference, made.low, made.high, made.probability, made.over, made.reason)
            for name, made in found.items()
        ),
        notes=tuple(notes),
    )


def _row(made: Difference) -> tuple[str, ...]:
    digits = int(made.entry["digits"])
    difference, low, high = (
        "-" if end is None else f"{end:+.{digits}f}" for end in (made.difference, made.low, made.high)
    )
    probability = "-" if made.probability is None else f"{made.probability:.3f}"
    return titled(made.entry), difference, "-" if made.low is None else f"[{low}, {high}]", probability


def _explained(found: dict[str, Difference]) -> list[str]:
    """What intervals are over, and why numbers or intervals are missing; a line each with its metrics."""
    notes: dict[str, list[str]] = {}
    for made in found.values():
        said = made.reason if made.over is None else f"Interval over {made.over}"
        notes.setdefault(said or "", []).append(titled(made.entry))
    return [f"{said}: {', '.join(names)}." for said, names in notes.items()]


def _said(metric: str, found: Mixed) -> list[str]:
    parts = ", ".join(f"{name} {value:.4g}" for name, value in found.variances.items())
    return [
        f"Mixed model of {metric}: {found.difference:+.4g} [{found.low:+.4g}, {found.high:+.4g}] over {found.count} runs; "
        f"variances: {parts}. {found.statement}"
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
