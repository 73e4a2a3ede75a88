"""Whether a prior was learned from the person of a clip: by the clip itself, by the seed of a synthetic person, or by the face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfg import assets
from tfg.features.clip_features import ClipFeatures
from tfg.types import Floats

FRAMES = 8  # of a clip, evenly spread over what may be trained on
# Cosine of two mean embeddings. Of 29 real clips: one person in different clips 0.77 to 0.99 (10 pairs of p02, p03
# and p04), different people at most 0.31 (395 pairs). This is the middle.
SAME = 0.55
EMBEDDER = "mobilefacenet"  # of `tfg assets`


@dataclass(frozen=True, kw_only=True)
class Acquaintance:
    """Which of a prior's people a clip shows, as far as that can be found."""

    person: str | None
    why: str  # the evidence, or what was compared
    compared: bool = True  # false: the face was not compared, since something is missing

    def text(self) -> str:
        """One sentence."""
        return self.why if self.person is None else f"was learned from this person (as {self.person}: {self.why})"


def acquaintance(
    people: Sequence[dict[str, Any]], faces: Floats | None, features: ClipFeatures, identity_seed: int | None
) -> Acquaintance:
    """`people`: of a prior, with a row each of `faces`; `identity_seed`: of the embedded clip, None of a video."""
    clip = features.clip
    for person in people:
        if clip.identity in person["clips"]:
            return Acquaintance(person=person["name"], why="this very clip")
        if identity_seed is not None and person.get("identity_seed") == identity_seed:
            return Acquaintance(person=person["name"], why=f"clip.synthetic.identity_seed={identity_seed}")
    rendered = identity_seed is not None or (features.face is not None and features.face.name == "sidecar")
    if rendered:  # synthetic people are alike to the network
        return Acquaintance(person=None, why="a clip that tfg rendered is known by its bytes and its seed alone")
    if faces is None:
        return Acquaintance(
            person=None, compared=False, why="the prior's file holds no faces, only its clips are known"
        )
    embedder = assets.asset(EMBEDDER)
    if (weights := assets.usable(embedder)) is None:
        why = f"faces are not compared, only clips: {assets.absence(embedder)}; {assets.remedy(embedder)}"
        return Acquaintance(person=None, compared=False, why=why)
    if (face := face_of(features, weights)) is None:
        return Acquaintance(person=None, compared=False, why=f"{clip.path}: no face was found to compare")
    return _nearest(people, faces, face)


def face_of(features: ClipFeatures, weights: Path) -> Floats | None:
    """(numbers,) of unit length: the mean direction of a clip's faces; None where none was found. Kept in the cache."""
    clip = features.clip
    rows = np.unique(np.linspace(0, clip.num_reference_frames - 1, FRAMES + 2).round().astype(int)[1:-1]).tolist()

    def read() -> dict[str, Any]:
        from tfg.metrics.identity import aligned
        from tfg.metrics.mobilefacenet import NUMBERS, open_embedder

        found = []
        for row in rows:
            track = features.face.extract(clip, row, row + 1)
            if track.num_faces[0] > 0:
                found.append(aligned(clip.source_frames(row, row + 1)[0], track.landmarks[0]))
        empty = np.empty((0, NUMBERS), np.float32)
        return {"embeddings": open_embedder(weights)(np.stack(found)) if found else empty}

    embeddings = features.read_off_faces("identity", rows, read, weights=assets.checksum(weights))["embeddings"]
    return direction(embeddings) if len(embeddings) else None


def direction(embeddings: Floats) -> Floats:
    """(n, numbers) -> (numbers,) of unit length: the mean of the embeddings, each of unit length."""
    mean = (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


def _nearest(people: Sequence[dict[str, Any]], faces: Floats, face: Floats) -> Acquaintance:
    """By the prior's most similar face; people without one have a row of NaN."""
    cosines = np.nan_to_num(faces @ face, nan=-1.0)
    best = int(cosines.argmax())
    said = f"cosine of the faces {cosines[best]:.2f}, one person from {SAME:g} on"
    if cosines[best] >= SAME:
        return Acquaintance(person=people[best]["name"], why=said)
    return Acquaintance(person=None, why=f"nobody; the nearest has a {said}")
