"""Whether costs depend on the neighbours: one short run again and again, on a quiet machine and beside a process that burns a core.

`python -m benchmarks.busy [--clip VIDEO] [--out FILE] [key=value ...]`, on a machine that is otherwise idle. Every run starts from an
empty cache of features and an empty results folder, so that all of them do the same work. What other processes took of the processors
meanwhile is measured (Linux only), and pairs of runs in which it was too much are not used.
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
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.selection import cpu
from tfg import assets
from tfg.record.meter import of_process
from tfg.record.results import RunResult

SHORT = (
    "seconds=5",
    "trainer=cpu",
    "clip.size=128",
    "estimate=false",
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
    parser.add_argument("--attempts", type=int, default=6, help="pairs of runs at most (default 6)")
    parser.add_argument(
        "--others",
        type=float,
        default=0.1,
        help="cores that other processes may take in a pair that counts (default 0.1)",
    )
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file too")
    options = parser.parse_args(arguments)
    given = [*SHORT, *options.overrides, *([] if options.clip is None else [f"clip.path={options.clip}"])]
    kinds: dict[str, list[Run]] = {"quiet": [], "busy": []}
    for attempt in range(options.attempts):
        quiet = stages_of_a_run(given)
        with burning() as process:
            busy = stages_of_a_run(given, process)
        used = max(quiet.others, busy.others) <= options.others
        print(f"pair {attempt + 1}: others took {quiet.others:.2f} and {busy.others:.2f} cores", file=sys.stderr)
        if used:
            kinds["quiet"].append(quiet)
            kinds["busy"].append(busy)
        if len(kinds["quiet"]) == options.repeats:
            break
    else:
        print("benchmarks: the machine was never quiet for long enough; nothing is written", file=sys.stderr)
        return 1
    text = markdown(options.clip.name if options.clip else "the embedded clip", given, kinds)
    print(text, end="")
    if options.out:
        options.out.write_text(text)
        record = {kind: [asdict(run) for run in runs] for kind, runs in kinds.items()}
        options.out.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
    return 0


@dataclass(frozen=True, kw_only=True)
class Run:
    stages: dict[str, Any]  # name -> its record
    others: float  # cores that processes other than the run and the burning one took meanwhile


@contextmanager
def burning() -> Iterator[int]:
    """Another process that never waits, beside the block; its id."""
    process = subprocess.Popen([sys.executable, "-c", BURN])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def stages_of_a_run(given: list[str], burning_process: int | None = None) -> Run:
    """A run from an empty cache of features; clips and engines are kept."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kept in ("clips", "engines"):
            if (found := assets.cache_root() / kept).is_dir():
                shutil.copytree(found, folder / "cache" / kept)
        command = [sys.executable, "-m", "tfg", "run", *given, f"results={folder / 'results'}"]
        environment = os.environ | {"TFG_CACHE": str(folder / "cache")}
        before, started = _of_others(burning_process), time.perf_counter()
        subprocess.run(command, env=environment, check=True, capture_output=True)
        others = (_of_others(burning_process) - before) / (time.perf_counter() - started)
        (path,) = (folder / "results").glob("*/result.json")
        return Run(stages=RunResult.read(path).stages, others=others)


def _of_others(burning_process: int | None) -> float:
    """Processor seconds of the whole machine so far, without this process, its children that ended and the burning one."""
    machine = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    everything = sum(map(int, [*machine[1:4], *machine[6:8]])) / os.sysconf(
        "SC_CLK_TCK"
    )  # user, nice, system, interrupts
    own = sum(os.times()[:4])
    return everything - own - (0.0 if burning_process is None else of_process(burning_process))


def markdown(clip: str, given: list[str], kinds: dict[str, list[Run]]) -> str:
    others = max(run.others for runs in kinds.values() for run in runs)
    lines = [
        "# Costs beside a busy neighbour",
        "",
        f"{cpu()}, {os.cpu_count()} cores, Python {platform.python_version()}. By `python -m benchmarks.busy`, on {clip}:",
        f"`{' '.join(key for key in given if not key.startswith('clip.path='))}`.",
        f"Medians of {len(kinds['quiet'])} runs a kind, interleaved, from an empty cache; busy: beside a process that burns a core.",
        f"All other processes took at most {others:.2f} cores.",
        "",
        "| stage | processor s quiet | busy | ratio | wall s quiet | busy | ratio |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for stage in [*kinds["quiet"][0].stages, "all"]:
        cells = []
        for clock in ("processor_seconds", "seconds"):
            quiet, busy = (statistics.median(_sum(run.stages, stage, clock) for run in kinds[kind]) for kind in kinds)
            cells += [f"{quiet:.1f}", f"{busy:.1f}", f"{busy / quiet:.2f}"]
        lines.append(f"| {stage} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _sum(run: dict[str, Any], stage: str, clock: str) -> float:
    return sum(record[clock] for name, record in run.items() if stage in (name, "all"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
