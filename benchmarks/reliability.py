"""`make reliability`: what happens to a sweep of short heads that is killed, disturbed or damaged, and whether its heads end the same.

Each part is measured alone (`--only`), kept with its commit and cost in reliability.json, and all of them make reliability.md.
`python -m benchmarks.reliability --only joblib` measures two cells at once against one after the other, on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any

from benchmarks import reliability_damage, reliability_disturbed, reliability_kills, reliability_together
from benchmarks.reliability_table import markdown
from benchmarks.short_sweep import ROOT, Sweep
from tfg.record import provenance
from tfg.record.files import write_json, write_text

KILLS = {"kills_one": (reliability_kills.serial, 70), "kills_joblib": (reliability_kills.joblib, 30)}
KILLS |= {"kills_cluster": (reliability_kills.cluster, 50)}
Rows = Callable[[Path, Path, Random], Iterable[Any]]
ROWS: dict[str, Rows] = {
    "signals": reliability_disturbed.signals,
    "full_disk": reliability_disturbed.full_disk,
    "read_only": reliability_disturbed.read_only,
    "clock": reliability_disturbed.clock,
    "half_written": reliability_damage.half_written,
    "flipped_bits": reliability_damage.flipped_bits,
    "together": reliability_together.together,
}
JOBLIB = "joblib"


def main(arguments: list[str]) -> int:
    """0 where nothing was lost, made again or different."""
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # ignored in a job of a shell's background, and so below it
    names = [*KILLS, *ROWS, JOBLIB]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=names, default=[name for name in names if name != JOBLIB])
    parser.add_argument("--kills", type=int, help="of each kind, in place of those of the table")
    parser.add_argument("--minutes", type=float, default=30.0, help="after which a part kills no more (default 30)")
    parser.add_argument("--seed", type=int, default=0, help="of moments, processes and bits (default 0)")
    parser.add_argument("--folder", type=Path, help="where the sweeps are kept (default: a temporary one, removed)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "reliability", help="of .json and .md")
    options = parser.parse_args(arguments)
    kept = options.out.with_suffix(".json")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        reference = _reference(folder / "reference")
        for name in options.only:
            shutil.rmtree(folder / name, ignore_errors=True)
            (folder / name).mkdir()
            measured = _measured(name, folder / name, reference, Random(f"{options.seed} {name}"), options)
            found = json.loads(kept.read_text()) if kept.exists() else {}
            found = {part: found.get(part) for part in names} | {name: measured}
            found = {part: values for part, values in found.items() if values is not None}
            write_json(kept, found)
            write_text(options.out.with_suffix(".md"), markdown(found))
            print(f"{name}: {measured['seconds']:.0f} s, {sum(len(row['faults']) for row in measured['rows'])} faults")
    faults = [fault for part in options.only for row in found[part]["rows"] for fault in row["faults"]]
    print("\n".join(faults) or "no fault")
    return 1 if faults else 0


def _reference(folder: Path) -> Path:
    """Results of the undisturbed sweep, with its cache beside them."""
    sweep = Sweep(folder=folder)
    if not sweep.all_recorded():
        shutil.rmtree(folder)
        sweep = Sweep(folder=folder)
        sweep.begin_cache()
        if sweep.until_done() != [0]:
            raise RuntimeError(f"the undisturbed sweep did not end with 0; its log is {sweep.log(1)}")
    return sweep.results


def _measured(name: str, folder: Path, reference: Path, random: Random, options: argparse.Namespace) -> dict[str, Any]:
    began, busy = time.monotonic(), _processor_seconds()
    if name in KILLS:
        measure, count = KILLS[name]
        rows = [vars(measure(folder, reference, random, options.kills or count, options.minutes))]
    elif name == JOBLIB:
        rows = [vars(reliability_together.two_at_once(folder, reference))]
    else:
        rows = [vars(row) for row in ROWS[name](folder, reference, random)]
    commit, dirty = provenance.commit()
    return {
        "commit": commit,
        "dirty": dirty,
        "machine": provenance.machine(),
        "seconds": round(time.monotonic() - began),
        "processor_seconds": round(_processor_seconds() - busy),
        "rows": rows,
    }


def _processor_seconds() -> float:
    """Of this process and of those that it or its children have waited for: not of a killed parent's or a cluster's."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
