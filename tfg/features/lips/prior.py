"""What other people's speech says of how sound moves lips: a file of one linear map, with what it was learned from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from tfg.features.context import REACH
from tfg.landmarks import LIP_CHANNELS
from tfg.types import Floats, InputError

UNIVERSAL = "universal"
SHIPPED = Path(__file__).with_name("universal.safetensors")
LAYOUT = 1  # of the file
FACES = "faces"  # tensor (people, numbers) beside the maps: a unit embedding each (tfg/seen.py), NaN of who has none


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


def prior_file(weights: str) -> Path:
    """Of `universal` the file that comes with tfg, else a path; InputError where there is none."""
    path = SHIPPED if weights == UNIVERSAL else Path(weights)
    if not path.is_file():
        raise InputError(
            f"prior.weights={weights}: no such file; give universal, or a file of `python -m experiments.pretrain`"
        )
    return path


def load_prior(path: Path, features: str) -> LipPrior:
    """InputError names a file that is damaged, of another layout, or without a map for these audio features."""
    try:
        with safe_open(path, framework="numpy") as file:
            noted = json.loads((file.metadata() or {}).get("prior", "{}"))
            if noted.get("layout") != LAYOUT:
                raise InputError(
                    f"{path}: is no lip prior of this version of tfg; make it anew with `python -m experiments.pretrain`"
                )
            names = list(file.keys())
            if noted["sha256"] != _checksum({name: file.get_tensor(name) for name in names}):
                raise ValueError("its checksum differs")
            if features not in (names := [name for name in names if name != FACES]):
                raise InputError(
                    f"{path}: was learned with {', '.join(names)}, not with audio={features.replace('-', ' layer ')}"
                )
            weights = file.get_tensor(features).astype(np.float32)
        sources = noted["sources"]
        _ = [(person["name"], person["clips"]) for person in sources["people"]]
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: is damaged ({' '.join(str(error).split())}); install tfg again, or make the prior anew"
        ) from error
    if (
        weights.ndim != 3
        or weights.shape[0] != 2 * REACH + 1
        or weights.shape[2] != LIP_CHANNELS
        or not np.isfinite(weights).all()
    ):
        raise InputError(
            f"{path}: holds no map of {2 * REACH + 1} frames to {LIP_CHANNELS} numbers; make the prior anew"
        )
    return LipPrior(features=features, weights=weights, sources=sources)


def load_faces(path: Path) -> Floats | None:
    """(people, numbers) of a file that `load_prior` reads, in the order of its people; None where it has none."""
    with safe_open(path, framework="numpy") as file:
        return file.get_tensor(FACES).astype(np.float32) if FACES in file.keys() else None  # noqa: SIM118 it is no dict


def with_faces(path: Path, faces: Floats, people: list[dict[str, Any]]) -> None:
    """Write a prior's file anew with the faces of its people, its maps as they are."""
    with safe_open(path, framework="numpy") as file:
        sources = json.loads(file.metadata()["prior"])["sources"]
        maps = {name: file.get_tensor(name) for name in file.keys() if name != FACES}  # noqa: SIM118 it is no dict
    save_prior(path, maps, {**sources, "people": people}, faces)


def save_prior(path: Path, maps: dict[str, Floats], sources: dict[str, Any], faces: Floats | None) -> None:
    """The same bytes for the same maps, sources and faces."""
    named = maps if faces is None else {**maps, FACES: faces}
    halved = {name: np.ascontiguousarray(values, np.float16) for name, values in named.items()}
    facts = {"layout": LAYOUT, "sources": sources, "sha256": _checksum(halved)}
    # One entry: several would be written in any order.
    save_file(halved, path, metadata={"prior": json.dumps(facts, sort_keys=True)})


def _checksum(maps: dict[str, NDArray[np.float16]]) -> str:
    """sha256 of names, shapes and bytes."""
    digest = hashlib.sha256()
    for name, weights in sorted(maps.items()):
        digest.update(f"{name} {weights.shape}".encode())
        digest.update(np.ascontiguousarray(weights).tobytes())
    return digest.hexdigest()
