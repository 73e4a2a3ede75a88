"""Lids of the heads of `experiments.priors`, beside those of an earlier version. `python -m analysis.table_lids --before FOLDER`.

`--before`: the results of the same study by the version that held lids in the fuse stage (3e6ddd1). Cells that both have are compared.
Writes analysis/data/measured/lids.{md,csv,tex}, or to --out.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis import script
from analysis.load import RUN, IncompleteGrid, results_of
from analysis.over_people import NAN, NOTE_OF_SEGMENTS, Numbers, Runs, Ways, value
from experiments.priors import GRID, PEOPLE, TUNED, WAYS
from tfg.record.results import Metrics, RunResult
from tfg.record.tabular import Table

EYES = "blink_rate"  # per frame: the eye aspect ratio
_STILL = 1e-6  # of the ratio's standard deviation
VERSIONS = BEFORE, NOW = "before", "now"
COLUMNS = (
    value(RUN, "lid_r", "Lid r", 2),
    value(RUN, "lid_amplitude", "Lid amplitude", 2),
    value(RUN, "awake", "Never blinks", 2),
    value(RUN, "mouth_correlation", "Mouth r", 2),
    value(RUN, "closure_recall", "Closure recall", 2),
    value(RUN, "mouth_amplitude", "Mouth amplitude", 2),
    value(RUN, "psnr_face", "PSNR face dB", 2),
    value(RUN, "psnr_mouth", "PSNR mouth dB", 2),
)
COMPARED = Ways(people=tuple(PEOPLE), ways=VERSIONS, columns=COLUMNS, tuned=TUNED)
Results = dict[tuple[str, str, str], RunResult]  # person, segment, way


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where the results do not make a table."""
    before = arguments.index("--before") if "--before" in arguments else None
    if before is None or before + 1 == len(arguments):
        print("analysis: give --before FOLDER, the results of the version before", file=sys.stderr)
        return 1
    folder = Path(arguments[before + 1])
    rest = [*arguments[:before], *arguments[before + 2 :]]
    return script.main(__doc__, rest, lambda asked: table(_results(folder), _results(asked.results)))


def table(before: Results, now: Results) -> Table:
    """Each way's means over people of both versions and their difference, for the cells that both have."""
    both = before.keys() & now.keys()
    if not both:
        raise IncompleteGrid(f"{GRID.name}: the two folders have no cell in common")
    rows = []
    for way in WAYS:
        runs: Runs = {
            (person, version, segment): numbers_of(found[person, segment, way])
            for version, found in zip(VERSIONS, (before, now), strict=True)
            for person, segment, of in both
            if of == way
        }
        of_way = [*COMPARED.of_each(runs), *COMPARED.over_people(runs)] if runs else []
        rows += [replace(row, person=f"{way}: {row.person}") for row in of_way]
    return COMPARED.table_of(
        rows,
        commits={results[cell].commit for results in (before, now) for cell in both},
        name="lids",
        caption="Lids of heads that held them while colours were fused, and of those that let them learn",
        way="Version",
        conditions="InsTaG, 128 px, 5 s, the segments of priors.md that both versions have. Now frames are also chosen by mouth "
        "opening and blink, for every way.",
        notes=(
            NOTE_OF_SEGMENTS,
            "Lid r, amplitude: of the eye aspect ratio per frame, prediction against truth, where the truth blinks. Never blinks: "
            "share of the segments in which the head has no whole blink though the truth has.",
        ),
        counted=True,
    )


def numbers_of(result: RunResult) -> Numbers:
    """The columns' numbers of one run."""
    lids = lids_of(result.metrics, result.truth)
    known = {name: found["value"] for name, found in result.metrics.items()}
    wanted = [column.key.removeprefix(f"{RUN}_") for column in COLUMNS]
    numbers = {name: lids.get(name, known.get(name)) for name in wanted}
    return {(RUN, name): NAN if number is None else float(number) for name, number in numbers.items()}


def lids_of(made: Metrics, true: Metrics) -> dict[str, float]:
    """Empty where the truth does not blink, or eyes were not read."""
    if not true.get(EYES, {}).get("value") or made[EYES]["per_frame"] is None:
        return {}
    pair = np.array([found[EYES]["per_frame"] for found in (made, true)], dtype=float)
    pair = pair[:, np.isfinite(pair).all(axis=0)]
    r = float(np.corrcoef(pair)[0, 1]) if pair.std(axis=1).min() > _STILL else NAN
    return {"lid_r": r, "lid_amplitude": float(pair[0].std() / pair[1].std()), "awake": float(made[EYES]["value"] == 0)}


def _results(folder: Path) -> Results:
    return {
        (str(labels["person"]), str(labels["segment"]), str(labels["way"])): result
        for labels, result in results_of(GRID, folder)
        if result is not None
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
