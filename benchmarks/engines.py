"""How many times faster the C engine is than the torch twins, in one interleaved run.

`python -m benchmarks.engines [--quick] [--json FILE] [--markdown FILE] [--profile] [--only PREFIX]`
"""

from __future__ import annotations

import os

os.environ.setdefault(
    "OMP_WAIT_POLICY", "PASSIVE"
)  # before torch, as run.py does: waiting threads leave the cores to others

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import torch

from benchmarks import floors, grids, looks, planes, steps
from benchmarks.timing import Case, key_of, machine, measure, ratios_of

REPEATS, QUICK = 9, 3


def all_cases() -> list[Case]:
    """The rasteriser's, the grids', the dense planes' and the training steps' cases."""
    found = []
    if importlib.util.find_spec("benchmarks.raster"):
        from benchmarks import raster

        found += raster.cases()
    return [*found, *grids.cases(), *planes.cases(), looks.look_case(), *steps.cases()]


def run(cases: list[Case], repeats: int) -> dict[str, Any]:
    """The whole record: ratios, what is required of them, milliseconds, floors, machine."""
    peaks = floors.peaks()
    record: dict[str, Any] = {
        "ratios": {},
        "required": {},
        "processor_ratios": {},
        "milliseconds": {},
        "processor_milliseconds": {},
        "floors": {},
        "repeats": repeats,
        "machine": machine() | {"peak_gflops": peaks.flops / 1e9, "peak_gigabytes_per_second": peaks.bytes_moved / 1e9},
    }
    for case in cases:
        found = measure(case, repeats)
        for key, times in (("milliseconds", found.wall), ("processor_milliseconds", found.processor)):
            record[key][case.name] = {name: round(value, 3) for name, value in times.items()}
        for key, times in (("ratios", found.wall), ("processor_ratios", found.processor)):
            record[key] |= {name: round(value, 2) for name, value in ratios_of(case, times).items()}
        record["required"] |= {key_of(case, name): least for name, least in case.required.items()}
        if case.least is not None:
            work = case.least()
            floor = peaks.floor(work)
            record["floors"][case.name] = {
                "flops": work.flops,
                "bytes": work.bytes_moved,
                "milliseconds": round(floor, 4),
                "factor": round(found.wall[case.fast] / floor, 1),
            }
        medians = ", ".join(f"{name} {value:.2f} ms" for name, value in found.wall.items())
        print(f"{case.name}: {medians}", file=sys.stderr)
    record["load_average_after"] = [round(load, 1) for load in os.getloadavg()]
    return record


def markdown(record: dict[str, Any]) -> str:
    """The record as a table."""
    about = record["machine"]
    lines = [
        f"{about['processor']}, {about['threads']} threads, {about['instructions']} {' '.join(about['extra_flags'])}, "
        f"{about['compiler']}, torch {about['torch']} with {about['torch_instructions']}; "
        f"medians of {record['repeats']} interleaved runs, "
        f"load average {about['load_average'][0]} before and {record['load_average_after'][0]} after. "
        "The ratio is of the time that passed, the next column's of the processor time of all threads.",
        "",
        "| key | ms by variant | ratio | of processor time | required | |",
        "|---|---|---|---|---|---|",
    ]
    for key, ratio in record["ratios"].items():
        case = key if key in record["milliseconds"] else key.rsplit("_over_", 1)[0]
        spent = ", ".join(f"{name} {value:.4g}" for name, value in record["milliseconds"][case].items())
        least = record["required"].get(key)
        verdict = "" if least is None else "met" if ratio >= least else "MISSED"
        busy = record["processor_ratios"][key]
        demand = "" if least is None else f"{least:g}x"
        lines.append(f"| `{key}` | {spent} | {ratio:.1f}x | {busy:.1f}x | {demand} | {verdict} |")
    if record["floors"]:
        lines += ["", *_floor_table(record)]
    return "\n".join(lines)


def _floor_table(record: dict[str, Any]) -> list[str]:
    """How far the C engine is from what the processor could do."""
    about = record["machine"]
    lines = [
        f"Floors at this machine's peaks: {about['peak_gflops']:.0f} GFLOP/s in float32, "
        f"{about['peak_gigabytes_per_second']:.0f} GB/s copied.",
        "",
        "| key | MFLOP | MB | floor, ms | C engine, ms | factor |",
        "|---|---|---|---|---|---|",
    ]
    for name, floor in record["floors"].items():
        spent = record["milliseconds"][name]["cpu"]
        work = f"{floor['flops'] / 1e6:.1f} | {floor['bytes'] / 1e6:.1f}"
        lines.append(f"| `{name}` | {work} | {floor['milliseconds']:.3g} | {spent:.4g} | {floor['factor']:.1f} |")
    return lines


def main(arguments: list[str]) -> int:
    """Prints the table; exit code 1 if a required ratio was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} repeats instead of {REPEATS}")
    parser.add_argument("--json", type=Path, help="write the record to this file")
    parser.add_argument("--markdown", type=Path, help="write the table to this file")
    parser.add_argument("--profile", action="store_true", help="also show where a training step spends its time")
    parser.add_argument("--only", default="", help="run the cases whose name starts so")
    options = parser.parse_args(arguments)
    torch.manual_seed(0)
    chosen = [case for case in all_cases() if case.name.startswith(options.only)]
    record = run(chosen, QUICK if options.quick else REPEATS)
    text = markdown(record)
    if options.profile:
        text += "\n\n" + "\n\n".join(steps.profile(backbone) for backbone in ("instag", "synctalk"))
    print(text)
    if options.json:
        options.json.write_text(json.dumps(record, indent=1) + "\n")
    if options.markdown:
        options.markdown.write_text(f"# Engines\n\n`python -m benchmarks.engines`: {text}\n")
    return int(any(record["ratios"][key] < least for key, least in record["required"].items()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
