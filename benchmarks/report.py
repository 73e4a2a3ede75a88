"""How long `tfg report` takes and how large its site is, of made records of 100 and of 1,000 runs.

`python -m benchmarks.report [--sizes 100x150 ...] [--out FILE]`. Processor seconds are those of all processes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report_records import make
from benchmarks.selection import cpu

HEAD = (
    "| runs | frames | wall s | processor s | site MB | of that plotly | a run's page and data, kB | index data, kB |",
    "|--:|--:|--:|--:|--:|--:|--:|--:|",
)
CHILD = """
import json, resource, sys, time
started = time.monotonic()
from tfg.__main__ import main
try:
    main(sys.argv[1:])
except SystemExit as stop:
    code = stop.code
spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
seconds = sum(one.ru_utime + one.ru_stime for one in spent)
print(json.dumps({"code": code, "wall": time.monotonic() - started, "processor": seconds}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", default=["100x150", "1000x150", "100x680"], metavar="RUNSxFRAMES")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    options = parser.parse_args()
    lines = [_row(*map(int, size.split("x"))) for size in options.sizes]
    host = f"{cpu()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    said = [
        "# The report",
        "",
        f"`python -m benchmarks.report` on {host}; load average at the end {os.getloadavg()[0]:.1f}, its own included.",
        "Starting Python is included; from 32 runs on a process a core reads them. The records are made",
        "(`benchmarks/report_records.py`), as large as real ones, without videos, which a site links to and never holds.",
        "150 held-out frames are the embedded clip's, 680 those of five minutes of video.",
        "",
        *HEAD,
        *lines,
        "",
    ]
    options.out.write_text("\n".join(said))
    print("\n".join(said))


def _row(runs: int, frames: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        make(results, runs, frames)
        command = [sys.executable, "-c", CHILD, "report", str(results)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        spent = json.loads(done.stdout.splitlines()[-1])
        assert spent["code"] == 0, done.stderr
        site = results / "report"
        sizes = {path.relative_to(site): path.stat().st_size for path in site.rglob("*") if path.is_file()}
    own = sum(size for path, size in sizes.items() if "runs" in path.parts) / runs
    cells = (
        f"{runs:,}",
        str(frames),
        f"{spent['wall']:.1f}",
        f"{spent['processor']:.1f}",
        f"{sum(sizes.values()) / 1e6:.1f}",
        f"{sizes[Path('assets/plotly.min.js')] / 1e6:.1f}",
        f"{own / 1e3:.0f}",
        f"{sizes[Path('data/index.js')] / 1e3:.0f}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
