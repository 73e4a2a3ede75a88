"""The fitted listener: how well lips and sound fit, by towers fitted to the person's own training part; and its file.

It needs no shipped weights, and its reliability on speech that it was not fitted on stands beside every number.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from tfg.landmarks import ANCHORS
from tfg.metrics.curve import MAX_OFFSET, SyncCurve, curve
from tfg.metrics.listener.features import MOVING, SURROUND, VERSION, usable
from tfg.metrics.listener.fit import EDGE, STEPS, WINDOW, Tower, Towers, fit_towers, num_windows, tower_shapes
from tfg.metrics.listener.reliability import STRETCH, Reliability, reliability
from tfg.record.files import is_sealed, seal
from tfg.types import FPS, Floats, InputError

FOLDS = 4  # stretches of the training part, left out in turn to measure the reliability
TOTAL_STEPS = (FOLDS + 1) * STEPS  # what `progress` adds up to
# Every fold can then be measured: 236 frames, 9.4 s.
FEWEST_FRAMES = FOLDS * (2 * EDGE + STRETCH)
# Of lips: of fewer the reliability is unknown, and chance alone makes a minimum.
FEWEST_WINDOWS = STRETCH
FEWEST_SCORED = FEWEST_WINDOWS + 2 * EDGE  # frames of a video that it can score
LEAST_AUC = 0.6  # minimum in the folds for the fitted listener to be used

_FORMAT = "tfg-listener"


class ListenerUnavailable(Exception):
    """Why there is no listener, or nothing that it can score; one line."""


@dataclass(frozen=True, kw_only=True)
class NoListener:
    """Why none could be fitted."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class FittedListener:
    """Towers with what they achieve. Fit it on the whole training part of a clip, once, whatever was selected from it."""

    towers: Towers
    reliability: Reliability  # of towers fitted on three quarters, on the quarter left out
    num_frames: int  # fitted
    num_missing: int  # of the training part: frames without a face
    seed: int

    @classmethod
    def fit(
        cls, sound: Floats, landmarks: Floats, seed: int = 0, progress: Callable[[int], None] | None = None
    ) -> FittedListener:
        """From (n, c) sound and (n, 68, 2) landmarks (rows may be NaN) of consecutive frames; ListenerUnavailable where that fails.

        `progress` is called after every step, TOTAL_STEPS in all. About 20 s on one core, however long the clip.
        """
        landmarks, sound = landmarks[: len(sound)], sound[: len(landmarks)]
        known = usable(landmarks)
        if num_windows(known) < FEWEST_FRAMES:
            raise ListenerUnavailable(
                f"the listener needs {FEWEST_FRAMES / FPS:.0f} s ({FEWEST_FRAMES} windows) of the training part with a face and "
                f"sound to be fitted and measured, here are {num_windows(known)} windows of {len(sound)} frames"
            )
        held_out = []
        edges = np.linspace(0, len(sound), FOLDS + 1).round().astype(int)
        for start, stop in itertools.pairwise(edges):
            rest = known.copy()
            rest[start:stop] = False
            if num_windows(rest) and num_windows(known[start:stop]):
                towers = fit_towers(sound, landmarks, rest, seed, progress)
                held_out.append(towers.distances(sound[start:stop], landmarks[start:stop]))
        measured = reliability(held_out, WINDOW)
        if measured is None:
            raise ListenerUnavailable(
                f"the listener cannot be measured: no quarter of the training part shows a face for {STRETCH + WINDOW - 1} frames "
                "in a row"
            )
        if measured.auc < LEAST_AUC:
            raise ListenerUnavailable(
                f"a listener fitted to this clip separates true from shifted sound with an AUC of only {measured.auc:.2f} "
                f"({LEAST_AUC} is the minimum); more or clearer speech would help"
            )
        return cls(
            towers=fit_towers(sound, landmarks, known, seed, progress),
            reliability=measured,
            num_frames=int(known.sum()),
            num_missing=int((~known).sum()),
            seed=seed,
        )

    @staticmethod
    def key(seed: int = 0) -> dict[str, Any]:
        """What a fit depends on beside clip, face reader and sound features: for the name of a cached file."""
        return {"what": _FORMAT, "version": VERSION, "seed": seed}

    @property
    def definition(self) -> str:
        missing = f", {self.num_missing} without a face left out" if self.num_missing else ""
        return (
            f"embedded listener, not SyncNet and comparable within one clip only: two towers fitted to this person by InfoNCE on "
            f"{self.num_frames} frames of the clip's training part{missing} (seed {self.seed}); lips: 25 points of lips and chin "
            f"aligned by eyes and nose; sound: {len(self.towers.sound.mean)} log-mel numbers a frame; both less their mean within "
            f"{SURROUND} frames; windows of {WINDOW} frames, Euclidean distance of unit vectors at {2 * MAX_OFFSET + 1} offsets, "
            f"averaged over windows; reliability on speech of the training part left out of the fit ({FOLDS} folds): "
            f"{self.reliability.definition}"
        )

    def distances(self, sound: Floats, landmarks: Floats) -> NDArray[np.float64]:
        """(n, c), (n, 68, 2) -> (n, 31) by frame; NaN within 17 frames of the ends and where a face is missing."""
        channels = len(self.towers.sound.mean)
        if sound.ndim != 2 or sound.shape[1] != channels:
            raise ValueError(f"FittedListener: sound is {sound.shape}, but it was fitted on {channels} channels")
        return self.towers.distances(sound, landmarks)

    def score(self, sound: Floats, landmarks: Floats) -> SyncCurve:
        """(n, c), (n, 68, 2) of one run; ListenerUnavailable when fewer than 25 windows of it can be scored."""
        return mean_curve(self.distances(sound, landmarks))

    def save(self, path: Path) -> None:
        """Whole or not at all, in safetensors, with its checksum beside it."""
        notes = {"num_frames": self.num_frames, "num_missing": self.num_missing, "seed": self.seed}
        metadata = {
            "format": f"{_FORMAT} {VERSION}",
            "reliability": json.dumps(asdict(self.reliability)),
            **{name: str(number) for name, number in notes.items()},
        }
        partial = path.with_name(path.name + ".part")
        try:
            save_file(_arrays(self.towers), partial, metadata=metadata)
            seal(partial, path)
        finally:
            partial.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> FittedListener:
        """What `save` wrote; InputError for any other file, and for one whose bytes have changed since."""
        if not is_sealed(path):
            raise InputError(f"{path}: a fitted listener whose checksum is missing or does not fit; it is damaged")
        try:
            with safe_open(path, framework="numpy") as file:
                notes = file.metadata() or {}
                if notes.get("format") != f"{_FORMAT} {VERSION}":
                    raise ValueError(f"its format is {notes.get('format')}, not {_FORMAT} {VERSION}")
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return cls(
                towers=_towers(arrays),
                reliability=Reliability(**json.loads(notes["reliability"])),
                num_frames=int(notes["num_frames"]),
                num_missing=int(notes["num_missing"]),
                seed=int(notes["seed"]),
            )
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())[:160]
            raise InputError(f"{path}: not a fitted listener ({reason})") from error


def mean_curve(distances: NDArray[np.float64]) -> SyncCurve:
    """(n, 31), NaN rows left out; ListenerUnavailable when fewer than 25 are left."""
    known = distances[np.isfinite(distances).all(axis=1)]
    if len(known) < FEWEST_WINDOWS:
        raise ListenerUnavailable(
            f"the listener needs {FEWEST_WINDOWS} windows of lips with sound {MAX_OFFSET} frames before and after, at least "
            f"{FEWEST_SCORED} frames in all; here are {len(known)} windows of {len(distances)} frames"
        )
    return curve(known)


_SIDES = ("lips", "sound")
_CHANNELS = 2 * len(MOVING)  # of lips


def _arrays(towers: Towers) -> dict[str, Floats]:
    named = {f"{side}.{name}": value for side in _SIDES for name, value in vars(getattr(towers, side)).items()}
    # safetensors writes the memory as it lies, whatever the strides say.
    return {name: np.ascontiguousarray(value) for name, value in {"anchors": towers.anchors, **named}.items()}


def _towers(arrays: Mapping[str, Floats]) -> Towers:
    """ValueError, KeyError or TypeError where names, types or shapes are not those of a listener."""
    sides = {
        side: Tower(**{name.removeprefix(f"{side}."): v for name, v in arrays.items() if name.startswith(f"{side}.")})
        for side in _SIDES
    }
    towers = Towers(anchors=arrays["anchors"], **sides)
    channels = {"lips": _CHANNELS, "sound": len(towers.sound.mean)}
    expected: dict[str, tuple[int, ...]] = {"anchors": (len(ANCHORS), 2)}
    for side, tower in sides.items():
        shapes = tower_shapes(channels[side], tower.basis.shape[-1])
        expected |= {f"{side}.{name}": shape for name, shape in shapes.items()}
    for name, value in arrays.items():
        if name not in expected:
            raise ValueError(f"unknown array {name}")
        if value.dtype != np.float32 or value.shape != expected[name] or not np.isfinite(value).all():
            raise ValueError(f"{name} is not float32, finite and {expected[name]}")
    return towers
