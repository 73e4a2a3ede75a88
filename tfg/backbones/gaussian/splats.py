"""A head of Gaussians at one moment, as files of Gaussian viewers hold it.

The convention is that of the .ply files of 3D Gaussian Splatting (Kerbl et al. 2023), which viewers and gsplat's exporter share:
natural logarithms of the sizes, opacities before the sigmoid, unit quaternions (w, x, y, z), colours as spherical harmonics, of which
degree 0 stands in f_dc and the rest in f_rest, one colour channel after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tfg.backbones.base import Backbone
from tfg.backbones.frame import frame_of
from tfg.backbones.gaussian.branch import Branch
from tfg.backbones.gaussian.instag import Instag
from tfg.types import Batch, Floats, InputError


@dataclass(frozen=True, kw_only=True)
class Splats:
    """n Gaussians in head space (x right, y down, z into the head; unit: between the outer eye corners)."""

    means: Floats  # (n, 3)
    quats: Floats  # (n, 4) wxyz, of norm 1
    sizes: Floats  # (n, 3) standard deviations
    opacities: Floats  # (n,) before the sigmoid
    harmonics: Floats  # (n, (degree + 1)^2, 3)


@torch.no_grad()
def splats_of(backbone: Backbone, batch: Batch) -> Splats:
    """Face and mouth of the batch's first frame, deformed by its speech and expression, not yet posed; InputError for other heads."""
    if not isinstance(backbone, Instag):
        raise InputError(
            "a .ply holds Gaussians, which this head is not made of; export pictures: -o with the name of a new folder"
        )
    frame = frame_of(batch)
    with backbone.face.field.still(), backbone.mouth.field.still():
        motions = backbone.motions(frame)
    parts = []
    branches: tuple[Branch[Any], Branch[Any]] = (backbone.face, backbone.mouth)
    for branch, motion in zip(branches, motions, strict=True):
        means, quats, sizes = branch.moved(motion)
        gaussians = branch.gaussians
        quats = torch.nn.functional.normalize(quats, dim=1)
        parts.append((means, quats, sizes, gaussians.opacities, gaussians.coefficients(backbone.sh_degree)))
    whole = [torch.cat(rows).cpu().numpy() for rows in zip(*parts, strict=True)]
    return Splats(means=whole[0], quats=whole[1], sizes=whole[2], opacities=whole[3], harmonics=whole[4])


def write_ply(splats: Splats, path: Path) -> None:
    """Binary, little-endian, one vertex a Gaussian; normals are 0, as in the papers' own files."""
    rest = splats.harmonics[:, 1:].transpose(0, 2, 1).reshape(len(splats.means), -1)
    columns = {
        **_named(("x", "y", "z"), splats.means),
        **_named(("nx", "ny", "nz"), np.zeros_like(splats.means)),
        **_named([f"f_dc_{i}" for i in range(3)], splats.harmonics[:, 0]),
        **_named([f"f_rest_{i}" for i in range(rest.shape[1])], rest),
        "opacity": splats.opacities,
        **_named([f"scale_{i}" for i in range(3)], np.log(splats.sizes)),
        **_named([f"rot_{i}" for i in range(4)], splats.quats),
    }
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(splats.means)}"]
    header += [*(f"property float {name}" for name in columns), "end_header", ""]
    body = np.stack(list(columns.values()), axis=1).astype("<f4").tobytes()
    path.write_bytes("\n".join(header).encode("ascii") + body)


def _named(names: list[str] | tuple[str, ...], columns: Floats) -> dict[str, Floats]:
    return dict(zip(names, columns.T, strict=True))
