"""Many evaluations side by side, each kept when it is done; mean and interval over the videos."""

from __future__ import annotations

import math
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from tfg.metrics.base import IDENTICAL_DB
from tfg.scoring.intervals import CONFIDENCE, student
from tfg.scoring.pair import evaluate
from tfg.scoring.request import Request
from tfg.types import InputError

INTERVAL = f"mean over videos and {100 * CONFIDENCE:g} % Student interval; a video equal to its truth counts as 100 dB"


def evaluate_all(wanted: list[Request], jobs: int) -> tuple[list[dict[str, Any]], list[str]]:
    """Records in the order of the requests, and one line for each that failed; the others are kept all the same."""
    if len(wanted) == 1:
        return [evaluate(wanted[0])], []
    records: dict[int, dict[str, Any]] = {}
    failures: dict[int, str] = {}
    workers = min(jobs, len(wanted))
    # Spawned also for one job, so that every video is scored in the same surroundings.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(evaluate, request): number for number, request in enumerate(wanted)}
        for done, future in enumerate(as_completed(waiting), start=1):
            number = waiting[future]
            try:
                records[number] = future.result()
            except InputError as error:
                failures[number] = str(error)
                print(f"tfg: {error}", file=sys.stderr)
            print(f"tfg: {done} of {len(wanted)}: {wanted[number].prediction.name}", file=sys.stderr)
    return [records[number] for number in sorted(records)], [failures[number] for number in sorted(failures)]


def summary(records: list[dict[str, Any]], part: str = "metrics") -> dict[str, dict[str, float | int | str | None]]:
    """Name -> mean, low, high, count over the videos that have the number; the rule is INTERVAL."""
    found: dict[str, list[float]] = {}
    for record in records:
        for name, metric in record[part].items():
            values = found.setdefault(name, [])
            if metric["value"] is not None:
                value = float(metric["value"])
                values.append(IDENTICAL_DB if math.isinf(value) else value)
    return {name: _interval(values) for name, values in found.items()}


def _interval(values: list[float]) -> dict[str, float | int | str | None]:
    count = len(values)
    if not count:
        return {"mean": None, "low": None, "high": None, "count": 0}
    middle = math.fsum(values) / count
    if count == 1:
        return {"mean": middle, "low": None, "high": None, "count": 1}
    spread = math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (count - 1) / count)
    reach = student(count - 1) * spread
    return {"mean": middle, "low": middle - reach, "high": middle + reach, "count": count}
