"""Several commands at once in one results folder, and what two cells at once cost beside one after the other."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks import same_heads
from benchmarks.reliability_disturbed import Row
from benchmarks.short_sweep import JOBLIB, Sweep

CELLS = tuple(range(12))  # starts in seconds
LONGER = (
    "backbone.stages.face=1000",
    "backbone.stages.mouth=350",
    "backbone.stages.fuse=450",
    "trainer.checkpoint_every=100",
)
TURNS = 2


@dataclass
class TwoAtOnce:
    """Of the same cells, by turns."""

    cells: int = len(CELLS)
    serial_seconds: list[float] = field(default_factory=list)
    joblib_seconds: list[float] = field(default_factory=list)
    serial_processor: list[float] = field(default_factory=list)  # of all processes of the command
    joblib_processor: list[float] = field(default_factory=list)
    load: str = ""
    faults: list[str] = field(default_factory=list)


def together(folder: Path, reference: Path, random: Random) -> Iterator[Row]:
    """Two writers of one head (two selectors that choose one segment), then two sweeps of the same cells, given at one time."""
    row = Row("two writers of one head")
    for number in range(4):
        sweep = Sweep(folder=folder / f"writers-{number}", starts=(0,))
        _at_once(sweep, (), ("selector=first",), reference, random, row)
    yield row
    row = Row("two sweeps of one folder")
    for number, (one, other) in enumerate((((), ()), ((), JOBLIB), (JOBLIB, JOBLIB))):
        sweep = Sweep(folder=folder / f"sweeps-{number}")
        _at_once(sweep, one, other, reference, random, row)
    yield row


def _at_once(
    sweep: Sweep, one: tuple[str, ...], other: tuple[str, ...], reference: Path, random: Random, row: Row
) -> None:
    sweep.begin_cache(reference.parent / "cache" / "clips")
    first = sweep.start(*one)
    time.sleep(random.uniform(0, 2))
    second = sweep.start(*other)
    codes = [sweep.ended(first), sweep.ended(second)]
    others = list(sweep.results.glob("first-*"))  # runs of the same head, which the reference has not
    if len(others) != int("selector=first" in other):
        row.faults.append(f"{sweep.folder.name}: {len(others)} runs of selector=first")
    for left in others:
        if not (left / "result.json").exists():
            row.faults.append(f"{sweep.folder.name}: {left.name} has no result")
        shutil.rmtree(left)
    row.note(sweep, codes, reference)
    if codes != [0, 0]:
        row.faults.append(f"{sweep.folder.name}: exit codes {codes}")
    if sweep.trainings() != len(sweep.starts):
        row.faults.append(f"{sweep.folder.name}: {sweep.trainings()} trainings of {len(sweep.starts)} heads were begun")


def two_at_once(folder: Path, reference: Path) -> TwoAtOnce:
    """Wall and processor seconds of whole commands, which start from nothing and end with the table; features are there."""
    found = TwoAtOnce(load=", ".join(f"{load:.1f}" for load in os.getloadavg()))
    warm = Sweep(folder=folder / "warm", starts=CELLS, extra=LONGER)
    warm.begin_cache(reference.parent / "cache" / "clips")
    warm.until_done()
    for turn in range(TURNS):
        for name, extra in (("serial", ()), ("joblib", JOBLIB)):
            sweep = Sweep(folder=folder / f"{name}-{turn}", starts=CELLS, extra=(*LONGER, *extra))
            shutil.copytree(warm.cache, sweep.cache, symlinks=True)
            sweep.environment = {"TFG_CACHE": str(sweep.cache)}  # so that both start from nothing
            began = time.monotonic()
            process = sweep.start()
            _, status, used = os.wait4(process.pid, 0)
            if os.waitstatus_to_exitcode(status) != 0:
                found.faults.append(f"{name} {turn}: exit code {os.waitstatus_to_exitcode(status)}")
            getattr(found, f"{name}_seconds").append(time.monotonic() - began)
            getattr(found, f"{name}_processor").append(used.ru_utime + used.ru_stime)
            found.faults += [f"{name} {turn}: {fault}" for fault in same_heads.differing(warm.results, sweep.results)]
    return found
