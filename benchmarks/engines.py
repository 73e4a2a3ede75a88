"""How many times faster the C engine is than the torch twins, in one interleaved run.

`python -m benchmarks.engines [--quick] [--json FILE] [--markdown FILE] [--profile] [--only PREFIX]`
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: STACK.md section 6

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import torch

from benchmarks import grids, steps
from benchmarks.timing import Case, key_of, machine, measure, ratios_of

REPEATS, QUICK = 9, 3


def all_cases() -> list[Case]:
    """The rasteriser's, the grids' and the training steps' cases."""
    found = []
    if importlib.util.find_spec("benchmarks.raster"):
        from benchmarks import raster

        found += raster.cases()
    return [*found, *grids.cases(), *steps.cases()]


def run(cases: list[Case], repeats: int) -> dict[str, Any]:
    """The whole record: ratios, what is required of them, milliseconds, machine."""
    record: dict[str, Any] = {
        "ratios": {},
        "required": {},
        "milliseconds": {},
        "repeats": repeats,
        "machine": machine(),
    }
    for case in cases:
        found = measure(case, repeats)
        record["milliseconds"][case.name] = {name: round(value, 3) for name, value in found.items()}
        record["ratios"] |= {name: round(value, 2) for name, value in ratios_of(case, found).items()}
        record["required"] |= {key_of(case, name): least for name, least in case.required.items()}
        print(f"{case.name}: " + ", ".join(f"{name} {value:.2f} ms" for name, value in found.items()), file=sys.stderr)
    record["load_average_after"] = [round(load, 1) for load in os.getloadavg()]
    return record


def markdown(record: dict[str, Any]) -> str:
    """The record as a table."""
    about = record["machine"]
    lines = [
        f"{about['processor']}, {about['threads']} threads, {about['instructions']} {' '.join(about['extra_flags'])}, "
        f"{about['compiler']}, torch {about['torch']}; medians of {record['repeats']} interleaved runs, "
        f"load average {about['load_average'][0]} before and {record['load_average_after'][0]} after.",
        "",
        "| key | ms by variant | ratio | required | |",
        "|---|---|---|---|---|",
    ]
    for key, ratio in record["ratios"].items():
        case = key if key in record["milliseconds"] else key.rsplit("_over_", 1)[0]
        spent = ", ".join(f"{name} {value:.4g}" for name, value in record["milliseconds"][case].items())
        least = record["required"].get(key)
        verdict = "" if least is None else "met" if ratio >= least else "MISSED"
        lines.append(f"| `{key}` | {spent} | {ratio:.1f}x | {'' if least is None else f'{least:g}x'} | {verdict} |")
    return "\n".join(lines)


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
