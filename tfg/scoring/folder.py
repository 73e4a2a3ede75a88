"""Many evaluations: files paired by name, scored side by side, each kept when it is done; mean and interval over the videos."""

from __future__ import annotations

import math
import multiprocessing
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfg.metrics.base import IDENTICAL_DB
from tfg.scoring.pair import Request, evaluate
from tfg.types import InputError

VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m4v")
CONFIDENCE = 0.95
INTERVAL = "mean over videos and 95 % Student interval; a video equal to its truth counts as 100 dB"


def requests(wanted: Request) -> list[Request]:
    """One request a video: `prediction` may be a folder, then `truth` (if given) is one too, with files of the same names."""
    if not wanted.prediction.is_dir():
        return [wanted]
    if wanted.audio or wanted.au_prediction or wanted.au_truth:
        raise InputError("--audio, --au-pred and --au-truth go with one video; --pred is a folder")
    made = _videos(wanted.prediction, "--pred")
    if wanted.truth is None:
        return [replace(wanted, prediction=path) for path in made.values()]
    if not wanted.truth.is_dir():
        raise InputError(f"--truth {wanted.truth}: is no folder, but --pred is; give two folders or two files")
    true = _videos(wanted.truth, "--truth")
    for here, there, option in ((made, true, "--truth"), (true, made, "--pred")):
        if lacking := sorted(set(here) - set(there)):
            folder = wanted.truth if option == "--truth" else wanted.prediction
            names = ", ".join(lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
            raise InputError(f"{option} {folder}: has no video named {names}; both folders must hold the same names")
    return [replace(wanted, prediction=path, truth=true[name]) for name, path in made.items()]


def evaluate_all(wanted: list[Request], jobs: int) -> tuple[list[dict[str, Any]], list[str]]:
    """Records in the order of the requests, and one line for each that failed; the others are kept all the same."""
    if jobs < 1:
        raise InputError(f"--jobs {jobs}: must be 1 or more")
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
    from scipy import stats

    count = len(values)
    if not count:
        return {"mean": None, "low": None, "high": None, "count": 0}
    middle = math.fsum(values) / count
    if count == 1:
        return {"mean": middle, "low": None, "high": None, "count": 1}
    spread = math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (count - 1) / count)
    reach = float(stats.t.ppf(0.5 + CONFIDENCE / 2, count - 1)) * spread
    return {"mean": middle, "low": middle - reach, "high": middle + reach, "count": count}


def _videos(folder: Path, option: str) -> dict[str, Path]:
    """Stem -> file."""
    found: dict[str, Path] = {}
    for path in _sorted(folder.iterdir()):
        if path.stem in found:
            raise InputError(f"{option} {folder}: {found[path.stem].name} and {path.name} have the same name; keep one")
        found[path.stem] = path
    if not found:
        raise InputError(f"{option} {folder}: holds no video ({', '.join(VIDEOS)})")
    return found


def _sorted(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.suffix.lower() in VIDEOS and path.is_file())
