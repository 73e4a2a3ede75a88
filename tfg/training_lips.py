"""A finished head over the frames that it was trained on: whether its lips follow their sound there, or only their pose."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tfg import heads, parts, trained
from tfg.features.portrait import face_reader
from tfg.landmarks import mouth_opening
from tfg.metrics.landmark import agreement
from tfg.scoring.pose_gap import rigid_mouth
from tfg.scoring.score import Held, read_faces
from tfg.selection import features_of


def training_lips(folder: Path) -> dict[str, float | None]:
    """Pearson's r of mouth openings with the training truth's; `folder`: the head's. None where a mouth does not move.

    `spoken_r`: the head driven by the training sound. `mute_r`: by its mean, all that a head knows but speech. `rigid_mouth_r`: the
    mean face, rigid under the training poses: what perspective alone gives, and no head can lack.
    """
    head = heads.opened(folder)
    features = features_of(*parts.extractors(head.config), head.clip)
    material, backbone = trained.reopened(head, features)
    train, reader = material.train, face_reader(material.features)
    true = read_faces(reader, Held(images=train.images), train.landmarks)
    found: dict[str, float | None] = {"frames": float(len(train.frames))}
    for name, windows in (("spoken", material.train_windows), ("mute", np.zeros_like(material.train_windows))):
        images = trained.render_head(head, backbone, train, windows)
        made = read_faces(reader, Held(images=images), train.landmarks)
        opened, truly = (mouth_opening(track.landmarks).astype(np.float64) for track in (made, true))
        r = agreement(opened, truly)
        found[f"{name}_r"] = None if r is None else r.correlation
    return found | {"rigid_mouth_r": rigid_mouth(train)["rigid_mouth_r"]}
