"""What the scripts of tables share: their options, one line where results do not make a table, and the files of the table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.load import IncompleteGrid, load
from experiments.grid import Grid
from tfg.record.tabular import Table, to_markdown, write
from tfg.statistics.pairing import NoPair

MEASURED = Path(__file__).resolve().parent / "data" / "measured"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which results, and what may be missing or mixed in them."""

    results: Path
    allow_missing: bool
    allow_mixed: bool

    def load(self, grid: Grid) -> pd.DataFrame:
        return load(grid, self.results, allow_missing=self.allow_missing, allow_mixed=self.allow_mixed)


def main(description: str | None, arguments: list[str], table: Callable[[Asked], Table], out: Path = MEASURED) -> int:
    """Writes the table and prints it; 0, or 1 with one line where the results do not make a table."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of run folders (default results)")
    parser.add_argument("--out", type=Path, default=out, help=f"folder for the table (default {out})")
    parser.add_argument("--allow-missing", action="store_true", help="show a hole where a run or number is missing")
    parser.add_argument("--allow-mixed", action="store_true", help="mix results of several commits")
    options = parser.parse_args(arguments)
    try:
        made = table(
            Asked(results=options.results, allow_missing=options.allow_missing, allow_mixed=options.allow_mixed)
        )
    except (IncompleteGrid, NoPair) as error:
        print(f"analysis: {error}", file=sys.stderr)
        return 1
    paths = write(made, options.out)
    print(to_markdown(made), end="")
    print("\n".join(map(str, paths)), file=sys.stderr)
    return 0
