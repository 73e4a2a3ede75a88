"""Whether costs depend on the neighbours: one short run again and again, on a quiet machine and beside a process that burns a core.

`python -m benchmarks.busy [--clip VIDEO] [--out FILE] [key=value ...]`; the committed table is benchmarks/busy.md. Every run starts
from an empty cache of features and an empty results folder, so that all of them do the same work.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.selection import cpu
from tfg import assets
from tfg.record.results import RunResult

SHORT = (
    "seconds=5",
    "trainer=cpu",
    "tracker=none",
    "metrics=quick",
    "backbone.stages.warm_up=50",
    "backbone.stages.face=300",
    "backbone.stages.mouth=100",
    "backbone.stages.fuse=100",
)
BURN = "while True: pass"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="for every run")
    parser.add_argument("--clip", type=Path, help="a video; without one the embedded clip")
    parser.add_argument("--repeats", type=int, default=2, help="of each kind, interleaved (default 2)")
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file too")
    options = parser.parse_args(arguments)
    given = [*SHORT, *options.overrides, *([] if options.clip is None else [f"clip.path={options.clip}"])]
    kinds: dict[str, list[dict[str, Any]]] = {"quiet": [], "busy": []}
    for _ in range(options.repeats):
        kinds["quiet"].append(stages_of_a_run(given))
        with burning():
            kinds["busy"].append(stages_of_a_run(given))
        print(f"{len(kinds['busy'])} of {options.repeats} pairs done", file=sys.stderr)
    text = markdown(options.clip.name if options.clip else "the embedded clip", given, kinds)
    print(text, end="")
    if options.out:
        options.out.write_text(text)
        options.out.with_suffix(".json").write_text(json.dumps(kinds, indent=1) + "\n")
    return 0


@contextmanager
def burning() -> Iterator[None]:
    """Another process that never waits, beside the block."""
    process = subprocess.Popen([sys.executable, "-c", BURN])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def stages_of_a_run(given: list[str]) -> dict[str, Any]:
    """Stage -> its record, of a run from an empty cache of features; clips and engines are kept."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kept in ("clips", "engines"):
            if (found := assets.cache_root() / kept).is_dir():
                shutil.copytree(found, folder / "cache" / kept)
        command = [sys.executable, "-m", "tfg", "run", *given, f"results={folder / 'results'}"]
        environment = os.environ | {"TFG_CACHE": str(folder / "cache")}
        subprocess.run(command, env=environment, check=True, capture_output=True)
        (path,) = (folder / "results").glob("*/result.json")
        return RunResult.read(path).stages


def markdown(clip: str, given: list[str], kinds: dict[str, list[dict[str, Any]]]) -> str:
    lines = [
        "# Costs beside a busy neighbour",
        "",
        f"{cpu()}, {os.cpu_count()} cores, Python {platform.python_version()}. By `python -m benchmarks.busy`, on {clip}:",
        f"`{' '.join(key for key in given if not key.startswith('clip.path='))}`.",
        f"Medians of {len(kinds['quiet'])} runs a kind, interleaved, from an empty cache; busy: beside a process that burns a core.",
        "",
        "| stage | processor s quiet | busy | ratio | wall s quiet | busy | ratio |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for stage in [*kinds["quiet"][0], "all"]:
        cells = []
        for clock in ("processor_seconds", "seconds"):
            quiet, busy = (statistics.median(_sum(run, stage, clock) for run in kinds[kind]) for kind in kinds)
            cells += [f"{quiet:.1f}", f"{busy:.1f}", f"{busy / quiet:.2f}"]
        lines.append(f"| {stage} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _sum(run: dict[str, Any], stage: str, clock: str) -> float:
    return sum(record[clock] for name, record in run.items() if stage in (name, "all"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
