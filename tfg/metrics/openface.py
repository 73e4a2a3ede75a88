"""Action-unit error (AUE) from CSV files that the user made with OpenFace 2's FeatureExtraction; tfg does not run OpenFace."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tfg.metrics.base import Chunk, MetricFacts, Outcome, ScoredVideo, mean
from tfg.types import Bools, InputError

LOWER = (10, 12, 14, 15, 17, 20, 23, 25, 26)
UPPER = (1, 2, 4, 5, 6, 7, 9, 45)
UNITS = tuple(sorted(LOWER + UPPER))  # all 17 whose intensity OpenFace gives
HIGHEST = 5.0  # OpenFace's intensities lie in [0, 5]
MOST_CUT = 1  # frames: OpenFace is often one short of the video
NO_CSV = "no OpenFace CSVs were given (--au-pred, --au-truth)"
_INFORMATION = ("frame", "confidence", "success")


@dataclass(frozen=True, kw_only=True, eq=False)
class ActionUnits:
    """What OpenFace measured in n frames."""

    path: Path
    intensities: NDArray[np.float64]  # (n, 17) in the order of UNITS, in [0, 5]; NaN where OpenFace had no success
    confidence: NDArray[np.float64]  # (n,) in [0, 1]

    @property
    def found(self) -> Bools:
        """(n,) whether OpenFace calls the frame a success."""
        return np.asarray(np.isfinite(self.intensities).all(axis=1))


def read_action_units(path: Path) -> ActionUnits:
    """The `AUnn_r` columns of one video; InputError that names the file and the column or line otherwise."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path}: cannot be read as a CSV of OpenFace ({reason})") from error
    names = [name.strip() for name in rows[0]] if rows else []
    places = {}
    for name in (*_INFORMATION, *(_column(unit) for unit in UNITS)):
        if name not in names:
            raise InputError(f"{path}: no column '{name}'; make the file with OpenFace 2's FeatureExtraction -aus")
        places[name] = names.index(name)
    if len(rows) == 1:
        raise InputError(f"{path}: holds column names but no frame")
    return _parse(path, rows, places)


def _parse(path: Path, rows: list[list[str]], places: Mapping[str, int]) -> ActionUnits:
    intensities = np.full((len(rows) - 1, len(UNITS)), np.nan)
    confidence = np.empty(len(rows) - 1)
    for index, row in enumerate(rows[1:]):
        line = f"{path}: line {index + 2}"
        if len(row) != len(rows[0]):
            raise InputError(f"{line} has {len(row)} fields, the first line has {len(rows[0])}; is the file cut off?")
        cells = {name: row[place] for name, place in places.items()}
        if _number(line, "frame", cells, math.inf) != index + 1:
            raise InputError(
                f"{line}: frame {cells['frame'].strip()} in column 'frame' where {index + 1} is due; "
                "give one row for every frame and one face a frame"
            )
        confidence[index] = _number(line, "confidence", cells, 1.0)
        if _number(line, "success", cells, 1.0):  # without success OpenFace writes zeros or nan
            intensities[index] = [_number(line, _column(unit), cells, HIGHEST) for unit in UNITS]
    return ActionUnits(path=path, intensities=intensities, confidence=confidence)


def _column(unit: int) -> str:
    return f"AU{unit:02d}_r"


def _number(line: str, name: str, cells: Mapping[str, str], highest: float) -> float:
    text = cells[name].strip()
    try:
        value = float(text)
    except ValueError as error:
        raise InputError(f"{line}: '{text}' in column '{name}' is no number") from error
    if not 0 <= value <= highest:  # also NaN
        raise InputError(f"{line}: {text} in column '{name}' is not in [0, {highest:g}]")
    return value


@dataclass(frozen=True, kw_only=True)
class ActionUnitError:
    """Metric: AUE as TalkingGaussian and InsTaG compute it, over the CSVs of both videos.

    Differs from: their scripts, which count frames where OpenFace failed (as zeros); here these are left out and counted.
    """

    pred: ActionUnits | None = None
    truth: ActionUnits | None = None
    facts: ClassVar[Mapping[str, MetricFacts]] = {
        "aue_l": MetricFacts(title="AUE lower face", better="down", digits=3),
        "aue_u": MetricFacts(title="AUE upper face", better="down", digits=3),
        "aue": MetricFacts(title="AUE", better="down", digits=3),
    }
    names: tuple[str, ...] = ("aue_l", "aue_u", "aue")
    needs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.pred is None) != (self.truth is None):
            raise InputError("--au-pred, --au-truth: one of the two CSVs is missing; give both or none")

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        return {}

    def define(self, video: ScoredVideo) -> dict[str, str]:
        source = "; ".join(self._sources(video)) or NO_CSV
        groups = {
            "aue_l": ("the 9 lower-face", LOWER),
            "aue_u": ("the 8 upper-face", UPPER),
            "aue": ("all 17", UNITS),
        }
        return {
            name: f"sum over {part} action units ({', '.join(str(unit) for unit in units)}) of the mean over "
            f"frames of the squared difference of OpenFace's intensities (_r, 0 to 5); {source}"
            for name, (part, units) in groups.items()
        }

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        if self.pred is None or self.truth is None:
            return {name: Outcome(missing=NO_CSV) for name in self.names}
        count = self._common(video)
        error = np.square(self.pred.intensities[:count] - self.truth.intensities[:count])
        found = np.isfinite(error).all(axis=1)
        if 2 * int(found.sum()) < count:
            reason = f"OpenFace had success in only {int(found.sum())} of {count} frames of both CSVs"
            return {name: Outcome(missing=reason) for name in self.names}
        return {
            name: _padded(error[:, [UNITS.index(unit) for unit in units]].sum(axis=1), video.num_frames)
            for name, units in zip(self.names, (LOWER, UPPER, UNITS), strict=True)
        }

    def _common(self, video: ScoredVideo) -> int:
        """Frames that both CSVs and the scored video have."""
        counts = [video.num_frames]
        for given in (self.pred, self.truth):
            assert given is not None, "called only with CSVs"
            counts.append(len(given.intensities))
            if max(counts) - min(counts) > MOST_CUT:
                raise InputError(
                    f"{given.path}: {counts[-1]} frames, but {counts[0]} are scored"
                    + (f" and {self.pred.path} has {counts[1]}" if self.pred and len(counts) > 2 else "")
                    + "; run OpenFace on the very videos that are scored, at 25 fps"
                )
        return min(counts)

    def _sources(self, video: ScoredVideo) -> Iterator[str]:
        if self.pred is None or self.truth is None:
            return
        count = self._common(video)
        for name, given in (("prediction", self.pred), ("truth", self.truth)):
            yield (
                f"{name}: {given.path.name}, {len(given.intensities)} frames, {int((~given.found).sum())} without success, "
                f"mean confidence {given.confidence.mean():.2f}"
            )
        if {video.num_frames, len(self.pred.intensities), len(self.truth.intensities)} != {count}:
            yield f"cut to the first {count} frames, which all have"
        both = self.pred.found[:count] & self.truth.found[:count]
        yield f"{int((~both).sum())} of {count} frames without success left out"


def _padded(per_frame: NDArray[np.float64], num_frames: int) -> Outcome:
    """The mean, with a row for every scored frame."""
    return mean(np.concatenate([per_frame, np.full(num_frames - len(per_frame), np.nan)]))
