"""What was learned from other people: a file of linear maps from sound to lip motion and of motion fields, with its people.

Tensors are `map/<features>`, `motion/<features>/{face,mouth}/<parameter>` and `faces`; `features` is "logmel", "whisper-2".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfg import learned
from tfg.features.context import REACH
from tfg.landmarks import LIP_CHANNELS
from tfg.learned import Learned
from tfg.types import Floats, InputError, UniversalMotion

UNIVERSAL = "universal"
SHIPPED = Path(__file__).with_name("universal.safetensors")
PRIOR = learned.Kind(
    entry="prior",
    layout=2,
    title="lip prior",
    settings_entry="motion",  # of its motion fields, by their audio features
    remedy_of_another="make it anew with `python -m experiments.pretrain`",
    remedy_of_damaged="install tfg again, or make the prior anew",
)
FACES = "faces"  # tensor (people, numbers): a unit embedding each (tfg/seen.py), NaN of who has none


@dataclass(frozen=True, kw_only=True)
class LipPrior:
    features: str  # audio features it was learned with: "logmel", "whisper-2"
    weights: (
        Floats  # (2 REACH + 1, channels, LIP_CHANNELS): standardised sound -> motion in its total standard deviation
    )
    sources: dict[str, Any]  # its people with the identities of their clips, licence, settings, held-out score

    @property
    def people(self) -> list[dict[str, Any]]:
        """Name, identities of the clips and number of frames of each."""
        return list(self.sources["people"])


def prior_path(weights: str) -> Path:
    """Of `universal` the file that comes with tfg, else a path; InputError where there is none."""
    path = SHIPPED if weights == UNIVERSAL else Path(weights)
    if not path.is_file():
        raise InputError(
            f"prior.weights={weights}: no such file; give universal, or a file of `python -m experiments.pretrain`"
        )
    return path


def load_prior(path: Path, features: str) -> LipPrior:
    """InputError names a file that is damaged, of another layout, or without a map for these audio features."""
    contents = learned.read(path, PRIOR)
    if features not in (known := _learned_with(contents, "map")):
        raise InputError(
            f"{path}: was learned with {', '.join(known) or 'no map of lip motion'}, not with {_given(features)}; choose features "
            "that it was learned with by audio=, or prior=none"
        )
    weights = contents.tensors[f"map/{features}"].astype(np.float32)
    if (
        weights.ndim != 3
        or weights.shape[0] != 2 * REACH + 1
        or weights.shape[2] != LIP_CHANNELS
        or not np.isfinite(weights).all()
    ):
        raise InputError(
            f"{path}: holds no map of {2 * REACH + 1} frames to {LIP_CHANNELS} numbers; make the prior anew"
        )
    return LipPrior(features=features, weights=weights, sources=contents.sources)


def load_motion(path: Path, features: str) -> UniversalMotion:
    """InputError names a file that is damaged, of another layout, or without motion fields for these audio features."""
    contents = learned.read(path, PRIOR)
    if features not in (known := _learned_with(contents, "motion")):
        others = f"only of {', '.join(known)}" if known else "it has none"
        raise InputError(
            f"{path}: holds no motion fields of {_given(features)} ({others}), so this prior needs conditioning=lips; "
            "`python -m experiments.pretrain --motion` learns them"
        )
    start = f"motion/{features}/"
    tensors = {name[len(start) :]: values for name, values in contents.tensors.items() if name.startswith(start)}
    if features not in contents.settings or not all(np.isfinite(values).all() for values in tensors.values()):
        raise InputError(f"{path}: its motion fields are not whole; make the prior anew")
    exact = {name: values.astype(np.float32) for name, values in tensors.items()}
    return UniversalMotion(shape=contents.settings[features], tensors=exact)


def load_people(path: Path) -> tuple[list[dict[str, Any]], Floats | None]:
    """Of whoever a prior was learned from: name, identities of the clips and number of frames; and a face each, (people, numbers).

    None for the faces where the file has none.
    """
    contents = learned.read(path, PRIOR)
    people, faces = list(contents.sources["people"]), contents.tensors.get(FACES)
    if faces is not None and (faces.ndim != 2 or len(faces) != len(people)):
        raise InputError(f"{path}: has {len(faces)} faces of {len(people)} people; make the prior anew")
    return people, None if faces is None else faces.astype(np.float32)


def save_prior(
    path: Path,
    maps: Mapping[str, Floats],
    sources: dict[str, Any],
    motion: Mapping[str, UniversalMotion],
    faces: Floats | None,
) -> None:
    """The same bytes for the same contents. Maps and motion fields by their audio features; faces (people, numbers)."""
    named = {f"map/{features}": weights for features, weights in maps.items()}
    for features, universal in motion.items():
        named |= {f"motion/{features}/{name}": values for name, values in universal.tensors.items()}
    if faces is not None:
        named[FACES] = faces
    shapes = {features: universal.shape for features, universal in motion.items()}
    learned.write(path, PRIOR, Learned(tensors=named, sources=sources, settings=shapes))


def _learned_with(contents: Learned, group: str) -> list[str]:
    """The audio features of the tensors `<group>/...`."""
    return sorted({name.split("/")[1] for name in contents.tensors if name.startswith(f"{group}/")})


def _given(features: str) -> str:
    return f"audio={features.replace('-', ' layer ')}"
