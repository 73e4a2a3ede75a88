"""Studies of finished heads of a grid: nothing is trained, each head has a record of its own beside the grid's results."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from experiments.grid import Grid
from experiments.ledger import ledger_path, read_ledger
from tfg.record import provenance
from tfg.record.files import write_json
from tfg.record.results import DamagedRecord, RunResult
from tfg.types import InputError

Labels: TypeAlias = dict[str, str]  # of a cell of the grid, "person" among them


@dataclass(frozen=True, kw_only=True)
class Afterwards:
    """Which heads, and where their records are."""

    name: str  # folder of the records, in the folder of results
    grid: Grid
    named_by: tuple[str, ...]  # labels that name a record
    wanted: Callable[[Labels], bool]

    def cells(self, results: Path) -> list[tuple[Labels, str | None]]:
        """Each head's labels, with its run where there is one. InputError: the grid was never launched there."""
        try:
            ledger = read_ledger(results, self.grid.name)
        except FileNotFoundError as error:
            missing = ledger_path(results, self.grid.name)
            raise InputError(f"{missing}: not there; run `python -m experiments.{self.grid.name}` first") from error
        labelled = [({name: str(label) for name, label in cell.labels.items()}, run) for cell, run in ledger]
        return [
            ({name: labels[name] for name in self.named_by}, run) for labels, run in labelled if self.wanted(labels)
        ]

    def record(self, results: Path, labels: Labels) -> dict[str, Any] | None:
        """Of one head; None where there is none yet."""
        path = self._path(results, labels)
        return json.loads(path.read_text()) if path.exists() else None

    def main(
        self,
        description: str | None,
        arguments: Sequence[str],
        asked: Callable[[Labels], dict[str, Any]],
        measure: Callable[[Labels, Path, RunResult], dict[str, Any]],
    ) -> int:
        """Makes what is missing: 0, or 2 for what the user can mend; heads that are not there yet are named.

        `asked`: what a record depends on beside its head, as plain JSON; a record of other conditions is made anew.
        `measure`: of labels, the run's folder and its result, what the record adds to that.
        """
        parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument(
            "--results", type=Path, default=Path("results"), help="folder of run folders (default results)"
        )
        parser.add_argument("--person", help="one person alone")
        options = parser.parse_args(arguments)
        try:
            cells = self.cells(options.results)
            people = {labels["person"] for labels, _ in cells}
            if options.person not in (None, *people):
                raise InputError(f"--person {options.person}: not one of {', '.join(sorted(people))}")
            for labels, run_id in cells:
                if options.person in (None, labels["person"]):
                    self._make(options.results, labels, run_id, asked(labels), measure)
        except (InputError, DamagedRecord) as error:
            print(f"{self.name}: {error}", file=sys.stderr)
            return 2
        return 0

    def _make(
        self,
        results: Path,
        labels: Labels,
        run_id: str | None,
        conditions: dict[str, Any],
        measure: Callable[[Labels, Path, RunResult], dict[str, Any]],
    ) -> None:
        title = ", ".join(labels.values())
        if run_id is None or not (results / run_id / "result.json").exists():
            self._say(f"{title}: its head is not there yet")
            return
        run = RunResult.read(results / run_id / "result.json")
        asked = {**labels, "head": run.head, **conditions}
        found = self.record(results, labels)
        if found is not None and {name: found.get(name) for name in asked} == asked:
            return
        self._say(f"{title}: {run.head}")
        measured = measure(labels, results / run_id, run)
        commit, dirty = provenance.commit()
        path = self._path(results, labels)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {**asked, **measured, "commit": commit, "dirty": dirty})

    def _path(self, results: Path, labels: Labels) -> Path:
        return results / self.name / f"{'-'.join(labels.values())}.json"

    def _say(self, text: str) -> None:
        print(f"{self.name}: {text}", file=sys.stderr, flush=True)
