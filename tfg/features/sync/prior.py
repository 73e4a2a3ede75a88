"""What sound predicts of the jaw: one linear filter a kind of audio feature, learned from GRID and from synthetic people.

`benchmarks/sync_prior.py` makes the file anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load

from tfg.features.context import REACH, windows
from tfg.features.sync.jaw import Doubles, changes
from tfg.types import Floats, InputError

FILE = Path(__file__).with_name("prior.safetensors")
SHA256 = "197bc8317e41e83d4b21ea18a70f731bc25cdb03eb1c536c2a0ad3ce58f605d5"
SETTINGS: dict[str, dict[str, int]] = {
    "logmel": {},
    "whisper": {"layer": 1},
}  # keys of conf/audio that it was learned with

SoundAndJaw = tuple[Floats, Doubles]  # (n, c) audio features and (n,) jaw of one person


@dataclass(frozen=True, kw_only=True)
class Prior:
    """Audio features -> jaw, in no unit."""

    features: str  # a name of conf/audio
    weights: Floats  # (2 REACH + 1, channels)

    def predict(self, sound: Floats) -> Doubles:
        """(n, channels) -> (n,)."""
        parts = changes(sound) @ self.weights.T.astype(
            np.float64
        )  # (n, 2 REACH + 1): what each frame adds to its neighbours
        padded = np.pad(parts, ((REACH, REACH), (0, 0)), mode="edge")
        return np.asarray(sum(padded[shift : shift + len(parts), shift] for shift in range(2 * REACH + 1)))


def load_prior(features: str) -> Prior:
    """The shipped prior for `logmel` or `whisper`; InputError where its file is not the known one."""
    content = FILE.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise InputError(f"{FILE}: is damaged (its checksum differs); install tfg again")
    return Prior(features=features, weights=load(content)[features])


def fit_prior(
    groups: Sequence[Sequence[SoundAndJaw]], features: str, ridge: float, components: int | None = None
) -> Prior:
    """Ridge regression from the features' principal components (all directions where None) of 2 REACH + 1 frames to the jaw.

    Every group counts alike, and in it every person. `ridge` is a share of the mean variance of the inputs.
    """
    people = [(sound, jaw, 1 / len(groups) / len(group)) for group in groups for sound, jaw in group]
    scaled = [(_scaled(changes(sound)), _scaled(changes(jaw[:, None])), share) for sound, jaw, share in people]
    covariance = np.sum([share * np.cov(sound.T) for sound, _, share in scaled], axis=0)
    basis = np.linalg.eigh(covariance)[1][:, -components:] if components else np.eye(len(covariance))
    power, product = np.zeros(()), np.zeros(())
    for sound, jaw, share in scaled:
        inputs = windows(sound @ basis)
        power = power + share / len(jaw) * inputs.T @ inputs
        product = product + share / len(jaw) * inputs.T @ jaw
    solved = np.linalg.solve(power + ridge * np.trace(power) / len(power) * np.eye(len(power)), product)
    weights = solved.reshape(2 * REACH + 1, -1) @ basis.T
    return Prior(features=features, weights=weights.astype(np.float32))


def _scaled(values: Doubles) -> Doubles:
    return values / values.std()
