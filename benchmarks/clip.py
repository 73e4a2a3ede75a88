"""What the embedded clip costs: with C, without a compiler, and against an earlier commit; and that their bytes are the same.

`python -m benchmarks.clip [--seconds 66] [--long 660] [--before COMMIT] [--out FILE]`; the committed table is benchmarks/clip.md.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import timing
from tfg.record.files import checksum

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Made:
    """One clip made by a process of its own; its descendants count."""

    wall: float  # seconds
    processor: float  # seconds of all threads
    peak: float  # MB
    digests: tuple[str, str]  # of mp4 and sidecar


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=66.0, help="of the clip that all variants make")
    parser.add_argument("--long", type=float, default=660.0, help="of the clip that is made once, in C")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--before", metavar="COMMIT", help="an earlier commit to compare with")
    parser.add_argument(
        "--out", type=Path, help="write the table to this Markdown file too, and the numbers beside it as JSON"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        record = measure(options, Path(folder))
    text = markdown(record)
    print(text, end="")
    if options.out:
        options.out.write_text(text)
        options.out.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
    return 0


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The variants take turns, so that a busy machine slows all of them; medians."""
    variants: dict[str, tuple[Path, dict[str, str]]] = {"in C": (ROOT, {}), "without a compiler": (ROOT, {"PATH": ""})}
    if options.before:
        variants[f"at {options.before}"] = (_unpacked(options.before, folder), {})
    make(ROOT, {}, 1.0, 32, folder)  # compiles
    made: dict[str, list[Made]] = {name: [] for name in variants}
    for _ in range(options.repeats):
        for name, (code, surroundings) in variants.items():
            made[name].append(make(code, surroundings, options.seconds, options.size, folder))
    if len({one.digests for several in made.values() for one in several}) != 1:
        raise AssertionError(f"the variants made different bytes: {made}")
    return {
        "machine": timing.machine(),
        "seconds": options.seconds,
        "size": options.size,
        "repeats": options.repeats,
        "variants": {
            name: {
                "wall": statistics.median(one.wall for one in several),
                "processor": statistics.median(one.processor for one in several),
                "peak": max(one.peak for one in several),
            }
            for name, several in made.items()
        },
        "long": {"seconds": options.long, **asdict(make(ROOT, {}, options.long, options.size, folder))},
    }


def make(code: Path, surroundings: dict[str, str], seconds: float, size: int, folder: Path) -> Made:
    """By `tfg clip` of the code in a folder."""
    path = folder / "clip.mp4"
    command = [sys.executable, "-m", "tfg", "clip", "--seconds", f"{seconds:g}", "--size", str(size), "--force"]
    environment = {**os.environ, **surroundings, "PYTHONPATH": str(code)}
    started = time.perf_counter()
    process = subprocess.Popen(
        [*command, "-o", str(path)], cwd=code, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"tfg clip failed in {code}")
    return Made(
        wall=time.perf_counter() - started,
        processor=used.ru_utime + used.ru_stime,
        peak=used.ru_maxrss / 1024,
        digests=(checksum(path), checksum(path.with_suffix(".npz"))),
    )


def _unpacked(commit: str, folder: Path) -> Path:
    """The code of an earlier commit."""
    target = folder / "before"
    archive = subprocess.run(["git", "archive", commit, "tfg", "conf"], cwd=ROOT, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as packed:
        packed.extractall(target, filter="data")
    return target


def markdown(record: dict[str, Any]) -> str:
    machine, long, fast = record["machine"], record["long"], record["variants"]["in C"]
    size = f"{record['size']} x {record['size']}"
    rows = [
        f"| {name} | {used['wall']:.1f} | {used['processor']:.1f} | {used['wall'] / fast['wall']:.1f}x "
        f"| {used['processor'] / fast['processor']:.1f}x | {used['peak']:.0f} |"
        for name, used in record["variants"].items()
    ]
    return "\n".join(
        [
            "# The embedded clip",
            "",
            f"{machine['processor']}, {machine['cores']} cores, {machine['instructions']}, {machine['compiler']}, "
            f"Python {machine['python']}. `tfg clip`, starting Python included; medians of runs of each variant in turn, "
            f"their number: {record['repeats']}. Load average at their end, its own included: "
            f"{machine['load_average'][0]:g}; where others work on the machine, trust ratios of processor time.",
            "",
            f"{record['seconds']:g} s at {size}; mp4 and sidecar have the same bytes in every row:",
            "",
            "| | wall s | processor s | wall, of C | processor, of C | peak MB |",
            "|---|--:|--:|--:|--:|--:|",
            *rows,
            "",
            f"{long['seconds']:g} s at {size} in C: {long['wall']:.0f} s wall, {long['processor']:.0f} processor seconds, "
            f"{long['peak']:.0f} MB at most.",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
