"""How long a sweep of finished cells takes to be recognised as done: python -m benchmarks.finished_sweep --folder DIR [--cells 1000]

One short head is trained; its records are copied under the names of all other cells. Each command is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.cluster import SHORT
from tfg import cells
from tfg.record import provenance
from tfg.record.files import write_text
from tfg.record.results import HEADS

ROOT = Path(__file__).resolve().parent.parent
SELECTORS = ("first", "random", "isexplore", "audio")


def main(arguments: Sequence[str]) -> int:
    """0 where every command says that all is done."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finished_sweep")
    parser.add_argument("--folder", type=Path, required=True, help="for the results; made anew")
    parser.add_argument("--cells", type=int, default=1000, help="of the sweep (default 1000)")
    parser.add_argument("--markdown", type=Path, default=ROOT / "benchmarks" / "finished_sweep.md")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True)
    os.chdir(options.folder)
    seeds = ",".join(map(str, range(options.cells // len(SELECTORS))))
    short = [text for text in SHORT if not text.startswith("selector=")]
    sweep = [f"selector={','.join(SELECTORS)}", f"seed={seeds}", *short]
    _command("run", "selector=first", "seed=0", *short)
    plan = cells.planned(sweep)
    (trained,) = (cell for cell in plan.cells if cell not in plan.missing)
    for cell in plan.missing:
        _copy(trained, cell)
    rows = [
        (
            "`tfg run -m`: recognised, and the table",
            *_command("run", "-m", *sweep, wanted=f"all {len(plan.cells)} runs are done"),
        ),
        ("`tfg run -m --dry-run`", *_command("run", "-m", "--dry-run", *sweep, wanted=f"{len(plan.cells)} done")),
        ("`tfg status`", *_command("status", wanted=f"{len(plan.cells)} of {len(plan.cells)} runs done")),
    ]
    commit, dirty = provenance.commit()
    machine = provenance.machine()
    lines = [
        f"# A sweep of {len(plan.cells)} finished cells",
        "",
        f"{len(SELECTORS)} selectors and {len(plan.cells) // len(SELECTORS)} seeds (`benchmarks/finished_sweep.py`).",
        f"Commit {commit[:10]}{' with changes' if dirty else ''}, {machine['cpu']}, {machine['cores']} cores.",
        "",
        "| command | processor s | wall s |",
        "|---|---|---|",
        *(f"| {name} | {processor:.1f} | {wall:.1f} |" for name, processor, wall in rows),
    ]
    write_text(options.markdown.absolute(), "\n".join(lines) + "\n")
    print("\n".join(lines))
    return 0


def _command(*arguments: str, wanted: str = "") -> tuple[float, float]:
    """Processor and wall seconds of `tfg ...`; RuntimeError where it fails or does not say what is wanted."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, "-m", "tfg", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode or wanted not in done.stdout + done.stderr:
        raise RuntimeError(f"tfg {arguments[0]}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.monotonic() - began


def _copy(trained: cells.Cell, cell: cells.Cell) -> None:
    """The records of a run under another's name, with a head of its own."""
    record = _read(trained.folder / "result.json")
    model = trained.results / HEADS / record["head"]
    head = cell.results / HEADS / f"head-of-{cell.folder.name}"
    head.mkdir(parents=True)
    cell.folder.mkdir()
    mine = {"run_id": cell.folder.name, "head": head.name, "config": cell.plain}
    (cell.folder / "result.json").write_text(json.dumps({**record, **mine}))
    theirs = {"head_id": head.name, "made_for": cell.folder.name}
    (head / "head.json").write_text(json.dumps({**_read(model / "head.json"), **theirs}))
    (head / record["scores"]).write_bytes((model / record["scores"]).read_bytes())


def _read(path: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(path.read_text())
    return record


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
