"""The files that raters send back, checked against the page's key; and who is left out by the rule on attention checks."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.study.plan import PAIR, RATING, Trial
from tfg.types import InputError

COLUMNS = ("study", "rater", "trial", "kind", "left", "right", "question", "answer", "seconds", "plays")
PREFERENCE = "preference"


@dataclass(frozen=True, kw_only=True)
class Key:
    """Which video is whose, and what each rater was shown."""

    study: str
    methods: tuple[str, ...]
    questions: dict[str, str]
    scale: tuple[int, int]
    videos: dict[str, dict[str, Any]]  # name -> role, clip, method, run
    plans: tuple[tuple[Trial, ...], ...]  # rater - 1 -> trials


@dataclass(frozen=True, kw_only=True)
class Preference:
    rater: int
    clip: str
    left: str  # method
    right: str
    winner: str  # left or right


@dataclass(frozen=True, kw_only=True)
class Rating:
    rater: int
    clip: str
    method: str
    question: str
    value: int


@dataclass(frozen=True, kw_only=True)
class Rater:
    number: int
    trials: int  # answered
    checks: int  # answered
    failed: int  # checks in which the standing picture was preferred
    preferences: tuple[Preference, ...]
    ratings: tuple[Rating, ...]


def read_key(path: Path) -> Key:
    """InputError names the file where it is none."""
    try:
        found = json.loads(path.read_text())
        return Key(
            study=str(found["study"]),
            methods=tuple(found["methods"]),
            questions=dict(found["questions"]),
            scale=(int(found["scale"][0]), int(found["scale"][1])),
            videos=dict(found["videos"]),
            plans=tuple(tuple(Trial(**trial) for trial in plan) for plan in found["plans"]),
        )
    except FileNotFoundError as error:
        raise InputError(f"{path}: not there; --key names the file that `make` wrote beside the page") from error
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(
            f"{path}: is no key of a study ({type(error).__name__}); --key names the one that `make` wrote"
        ) from error


def read_raters(paths: Sequence[Path], key: Key) -> list[Rater]:
    """One a file, by number; InputError names the file and line that is not what the page writes, and a rater who comes twice."""
    raters: dict[int, tuple[Path, Rater]] = {}
    for path in paths:
        rater = _read_rater(path, key)
        if rater.number in raters:
            raise InputError(f"{path}: rater {rater.number} is in {raters[rater.number][0]} too; keep one of the two")
        raters[rater.number] = path, rater
    return [rater for _, (_, rater) in sorted(raters.items())]


def kept(raters: Sequence[Rater], key: Key, failures: int) -> tuple[list[Rater], list[Rater]]:
    """Those who failed at most `failures` checks and answered at least one where the page has any; the others."""
    checked = any(entry["role"] == "frozen" for entry in key.videos.values())
    good = [rater for rater in raters if rater.failed <= failures and (rater.checks or not checked)]
    return good, [rater for rater in raters if rater not in good]


def _read_rater(path: Path, key: Key) -> Rater:
    try:
        with path.open(newline="") as file:
            lines = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path}: cannot be read ({type(error).__name__}); give the CSV files that raters saved"
        ) from error
    if not lines or tuple(lines[0]) != COLUMNS:
        raise InputError(
            f"{path}: has no answers under the columns {','.join(COLUMNS)}; give the CSV files that raters saved"
        )
    number = _whole(lines[0]["rater"], 1, len(key.plans), f"{path}, line 2: rater")
    seen: set[tuple[int, str]] = set()
    preferences: list[Preference] = []
    ratings: list[Rating] = []
    checks = failed = 0
    for place, line in enumerate(lines, start=2):
        where = f"{path}, line {place}"
        trial = _trial(line, number, key, where)
        if (answered := (int(line["trial"]), line["question"])) in seen:
            raise InputError(
                f"{where}: trial {answered[0]} is answered twice; ask the rater for the file as it was saved"
            )
        seen.add(answered)
        left = key.videos[trial.left]
        if trial.kind == RATING:
            value = _whole(line["answer"], *key.scale, f"{where}: answer")
            ratings.append(
                Rating(rater=number, clip=left["clip"], method=left["method"], question=line["question"], value=value)
            )
            continue
        if line["answer"] not in ("left", "right"):
            raise InputError(f"{where}: answer '{line['answer']}' is neither left nor right")
        right = key.videos[trial.right]
        chosen = left if line["answer"] == "left" else right
        if left["role"] == "run":
            sides = {"left": left["method"], "right": right["method"]}
            preferences.append(Preference(rater=number, clip=left["clip"], winner=chosen["method"], **sides))
        else:
            checks += 1
            failed += chosen["role"] == "frozen"
    return Rater(
        number=number,
        trials=len({trial for trial, _ in seen}),
        checks=checks,
        failed=failed,
        preferences=tuple(preferences),
        ratings=tuple(ratings),
    )


def _trial(line: dict[str, Any], number: int, key: Key, where: str) -> Trial:
    """The planned trial that the line answers; InputError where it answers none."""
    if None in line or None in line.values():
        raise InputError(f"{where}: does not have {len(COLUMNS)} fields; ask the rater for the file as it was saved")
    if line["study"] != key.study:
        raise InputError(
            f"{where}: is of study {line['study']}, the key of {key.study}; give that study's key or files"
        )
    if line["rater"] != str(number):
        raise InputError(f"{where}: is of rater {line['rater']}, the lines before of {number}; one rater a file")
    plan = key.plans[number - 1]
    trial = plan[_whole(line["trial"], 1, len(plan), f"{where}: trial") - 1]
    questions = (PREFERENCE,) if trial.kind == PAIR else tuple(key.questions)
    if (line["kind"], line["left"], line["right"]) != (trial.kind, trial.left, trial.right) or line[
        "question"
    ] not in questions:
        raise InputError(
            f"{where}: is not what this rater was shown in trial {line['trial']}; ask for the file as it was saved"
        )
    seconds = line["seconds"]
    if not _is_number(seconds):
        raise InputError(f"{where}: seconds '{seconds}' is no number; ask the rater for the file as it was saved")
    return trial


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and float(text) >= 0
    except ValueError:
        return False


def _whole(text: str, least: int, most: int, what: str) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise InputError(f"{what} '{text}' is no whole number from {least} to {most}")
    return int(text)
