"""Everything for a CUDA machine in one command: tests/gpu, then the measurements, written as JSON and Markdown.

`python -m benchmarks.gpu.check [--out FOLDER] [--smoke]`; --smoke proves this script on a CPU with tiny sizes.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import torch

from benchmarks.gpu import live, operations
from benchmarks.gpu.meter import Ceilings, Measured, ceilings

ROOT = Path(__file__).parent.parent.parent


def run_tests() -> str:
    """The last line that pytest prints for tests/gpu; its whole output goes to stderr."""
    command = [sys.executable, "-m", "pytest", "tests/gpu", "-q", "-rs"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr, file=sys.stderr)
    return (done.stdout.strip().splitlines() or ["no output"])[-1]


def measure(device: str, fast: str, sizes: operations.Sizes, ceiling: Ceilings) -> list[Measured]:
    """All operations, each group shown as soon as it is done."""
    found: list[Measured] = []
    groups = (
        lambda: operations.grids(device, fast, sizes, ceiling),
        lambda: operations.dense_planes(device, fast, sizes),
        lambda: operations.perceptrons(device, fast, sizes),
        lambda: operations.marching(device, fast, sizes),
        lambda: operations.rasterising(device, fast, sizes),
        lambda: operations.losses(device, fast, sizes),
        lambda: operations.steps(device, fast, sizes),
        lambda: live.pictures(device, fast, sizes),
    )
    for group in groups:
        for row in group():
            print(f"{row.name} ({row.engine}): {row.milliseconds:.3f} ms", file=sys.stderr)
            found.append(row)
    return found


def markdown(name: str, tests: str, ceiling: Ceilings, rows: list[Measured]) -> str:
    """One table; ratios are over the torch twin's row of the same operation."""
    twins = {row.name: row.milliseconds for row in rows if row.engine == "torch"}
    lines = [
        f"# {name}",
        "",
        f"torch {torch.__version__}; tests/gpu: {tests}. Ceilings: {ceiling.bytes_per_second / 1e9:.0f} GB/s copying, "
        f"{ceiling.flops_per_second / 1e12:.1f} TFLOP/s float32.",
        "",
        "| operation | engine | ms | over torch | GB/s | of the ceiling | target | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        ratio = f"{twins[row.name] / row.milliseconds:.1f}x" if row.name in twins else ""
        rate = row.bytes_moved / row.milliseconds * 1e3
        moved = f"{rate / 1e9:.0f} | {100 * rate / ceiling.bytes_per_second:.0f} %" if row.bytes_moved else " | "
        verdict = {None: "", True: "met", False: "MISSED"}[row.met]
        lines.append(
            f"| {row.name} | {row.engine} | {row.milliseconds:.3f} | {ratio} | {moved} | {row.target} | {verdict} |"
        )
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Exit code 2 without a card, 1 if a test failed or a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "gpu", help="folder for <card>.json and .md")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes on the CPU, no tests")
    options = parser.parse_args(arguments)
    if options.smoke:
        device, fast, sizes, name = "cpu", "cpu", operations.SMALL, "smoke"
        tests, ceiling = "not run", ceilings("cpu", megabytes=1, size=64)
    elif torch.cuda.is_available():
        device, fast, sizes = "cuda", "cuda", operations.Sizes()
        name = torch.cuda.get_device_name().replace(" ", "-")
        tests, ceiling = run_tests(), ceilings("cuda")
    else:
        print("gpu-check: no CUDA device is visible to torch (see `tfg doctor`)", file=sys.stderr)
        return 2
    rows = measure(device, fast, sizes, ceiling)
    options.out.mkdir(parents=True, exist_ok=True)
    record = {
        "device": name,
        "torch": torch.__version__,
        "tests": tests,
        "ceilings": dataclasses.asdict(ceiling),
        "measured": [dataclasses.asdict(row) for row in rows],
    }
    (options.out / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    text = markdown(name, tests, ceiling, rows)
    (options.out / f"{name}.md").write_text(text)
    print(text)
    return int("failed" in tests or "error" in tests or any(row.met is False for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
