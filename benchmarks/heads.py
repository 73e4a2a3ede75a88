"""Whole runs of one head here and in another checkout: what they cost and how good the heads are.

`python -m benchmarks.heads --beside CHECKOUT [--only p09,german] [--out FILE]`, with TFG_ASSETS. A run reads a video from an empty
cache of features, chooses five seconds by ISExplore, trains an InsTaG head by the checkout's own defaults, renders six held-out
seconds, and scores them by what needs no second pass, and by LPIPS. The checkouts take turns, person by person; processor seconds of
the whole process are compared, and scores by paired intervals over people.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.over_people import Column, Numbers, Runs, Ways
from analysis.stats import estimate
from analysis.tables import number
from benchmarks.timing import machine
from experiments import people
from tfg.assets.store import cache_root

ROOT = Path(__file__).resolve().parent.parent
SIZES = {
    "p09": 512,
    "german": 512,
    "p11": 256,
    "p08": 256,
    "p07": 256,
    "p10": 256,
}  # as large as the face crop, or nearly
VIDEOS = {person: people.SEGMENT[person][0] for person in SIZES if person in people.SEGMENT} | {"p10": "people/p10.mp4"}
VERSIONS = BEFORE, NOW = "before", "now"
GIVEN = (
    "backbone=instag",
    "trainer=cpu",
    "selector=isexplore",
    "split.held_out=6",
    "tracker=none",
    "metrics=quick",
    "metrics.lpips=true",
)
STAGES = {  # as printed -> stages of a record
    "features": ("sync", "prior", "features_train", "features_held_out"),
    "selection": ("selection",),
    "training": ("training",),
    "rendering": ("rendering",),
    "scores": ("metrics",),
}
SCORES = {"psnr_face": ("PSNR face dB", 2), "lpips": ("LPIPS", 4), "mouth_correlation": ("Mouth r", 2)}
PEAK, WHOLE = "peak_mb", "whole"


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Of a process and those that it waited for."""

    processor_seconds: float
    peak_mb: float


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", type=Path, required=True, help="another checkout of tfg: the version before")
    parser.add_argument("--only", default=",".join(SIZES), help=f"people, of {', '.join(SIZES)} (default all)")
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file too")
    options = parser.parse_args(arguments)
    chosen = options.only.split(",")
    if not (options.beside / "tfg").is_dir() or not set(chosen) <= set(SIZES) or "TFG_ASSETS" not in os.environ:
        parser.error("give the folder of another checkout, people of the list, and TFG_ASSETS")
    checkouts = dict(zip(VERSIONS, (options.beside.resolve(), ROOT), strict=True))
    runs: dict[tuple[str, str, str], Numbers] = {}
    for person in chosen:
        for version, checkout in checkouts.items():
            runs[person, version, ""] = numbers_of(*whole_run(checkout, person))
            print(
                f"{person} {version}: {json.dumps({name: value for (_, name), value in runs[person, version, ''].items()})}"
            )
    made = text(runs, checkouts)
    print(made, end="")
    if options.out is not None:
        options.out.write_text(made)
    return 0


def whole_run(checkout: Path, person: str) -> tuple[dict[str, Any], Spent]:
    """The record of a run in a folder of its own, with an empty cache but for pretrained files and compiled engines."""
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        results, cache = folder / "results", folder / "cache"
        cache.mkdir()
        if (engines := cache_root() / "engines").is_dir():
            shutil.copytree(engines, cache / "engines")
        where = [
            f"clip.path={people.FOLDER}/{VIDEOS[person]}",
            f"{size_key(checkout)}={SIZES[person]}",
            f"results={results}",
        ]
        environment = {**os.environ, "PYTHONPATH": str(checkout), "TFG_CACHE": str(cache)}
        with (folder / "log").open("w") as log:
            command = [sys.executable, str(checkout / "run.py"), *GIVEN, *where]
            process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
            _, status, used = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"heads: {person} in {checkout} failed:\n{(folder / 'log').read_text()[-2000:]}")
        (record,) = results.glob("*/result.json")
        return json.loads(record.read_text()), Spent(
            processor_seconds=used.ru_utime + used.ru_stime, peak_mb=used.ru_maxrss / 1024
        )


def size_key(checkout: Path) -> str:
    """The key of a picture's size: of the trainer, in versions before clip.size."""
    return "trainer.size" if "\nsize:" in (checkout / "conf" / "trainer" / "cpu.yaml").read_text() else "clip.size"


def numbers_of(record: dict[str, Any], spent: Spent) -> Numbers:
    """Processor seconds of the parts of a run, its peak memory, and its scores."""
    seconds = {
        part: sum(record["stages"].get(name, {}).get("processor_seconds") or 0.0 for name in names)
        for part, names in STAGES.items()
    }
    scores = {name: float(record["metrics"][name]["value"]) for name in SCORES}
    found = {WHOLE: spent.processor_seconds - seconds["scores"], **seconds, PEAK: spent.peak_mb, **scores}
    return {("", name): value for name, value in found.items()}


def text(runs: Runs, checkouts: Mapping[str, Path]) -> str:
    """Markdown: costs of each person and their ratios; scores of both and their difference over people."""
    order = tuple(dict.fromkeys(person for person, _, _ in runs))
    parts = (WHOLE, *STAGES)
    lines = [
        "# Whole runs of one head",
        "",
        f"By `python -m benchmarks.heads`: commits {_commit(checkouts[BEFORE])} (before) and {_commit(checkouts[NOW])} (now) in turn. "
        "Processor seconds of a whole run but for its scores, most of which LPIPS takes (the process's, imports and the writing of "
        "videos included), and of its parts.",
        "",
        f"| person | px | {' | '.join(parts)} | peak MB |",
        "|---|---|" + "---|" * (len(parts) + 1),
    ]
    for person in order:
        before, now = (runs[person, version, ""] for version in VERSIONS)
        cells = [f"{before['', part]:.0f} -> {now['', part]:.0f}" for part in (*parts, PEAK)]
        lines.append(f"| {person} | {SIZES[person]} | {' | '.join(cells)} |")
    ratios = [
        number(estimate([runs[person, NOW, ""]["", part] / runs[person, BEFORE, ""]["", part] for person in order]), 2)
        for part in parts
    ]
    lines += [f"| now / before | | {' | '.join(ratios)} | |", ""]
    columns = tuple(
        Column(key=name, title=title, digits=digits, of=lambda numbers, name=name: numbers["", name])  # type: ignore[misc]
        for name, (title, digits) in SCORES.items()
    )
    ways = Ways(people=order, ways=VERSIONS, columns=columns)
    lines += [
        "| person | version | " + " | ".join(column.title for column in columns) + " |",
        "|---|---|" + "---|" * len(columns),
    ]
    lines += [
        f"| {row.person} | {row.way} | {' | '.join(row.cells)} |"
        for row in [*ways.of_each(runs), *ways.over_people(runs)]
    ]
    facts = machine()
    named = ", ".join(str(facts[key]) for key in ("processor", "instructions", "compiler", "torch"))
    return "\n".join([*lines, "", f"Brackets: 95 % t interval over people. Machine: {named}.", ""])


def _commit(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
