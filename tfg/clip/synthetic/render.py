"""Pictures of the embedded clip's person, one at a time: pose, project, rasterise at twice the size, shade, average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.clip.synthetic.arithmetic import product, turned
from tfg.clip.synthetic.mesh import CLOTH, EAR, EYE, HAIR, MOUTH, NECK, SKIN, PersonMesh, head_normals
from tfg.clip.synthetic.paint import paint_wall
from tfg.clip.synthetic.raster import Floats32, rasterise
from tfg.clip.synthetic.shade import FrameView, encode, shade
from tfg.types import Bools, Bytes

OVERSAMPLING = 2
FOCAL_SHARE = 2.4  # focal length in picture sides
REST_TRANSLATION = (0.0, 0.25, 8.0)  # head units: the face a little under the middle
_HEAD = np.isin(np.arange(8), (SKIN, EYE, MOUTH, HAIR, EAR))  # by material; the last entry, -1, is the wall
_TORSO = np.isin(np.arange(8), (NECK, CLOTH))
_TORSO_TURN, _TORSO_SHIFT = 0.12, 0.35  # share of the head's rotation and shift that the torso follows


@dataclass(frozen=True, kw_only=True)
class DrawnFrame:
    """One frame with its ground truth."""

    image: Bytes  # (size, size, 3)
    head: Bools  # (size, size) face, ears, hair
    mouth: Bools  # (size, size) inside of the lips' outer contour
    torso: Bools  # (size, size) neck and body
    landmarks: Floats32  # (68, 2) pixels


class FrameRenderer:
    """Draws one person at one size; holds what does not change from frame to frame."""

    def __init__(self, mesh: PersonMesh, size: int) -> None:
        self.mesh = mesh
        self.size = size
        self.width = size * OVERSAMPLING
        self.focal = FOCAL_SHARE * size  # pixels
        self.wall = paint_wall(mesh.person, self.width).reshape(-1, 3)

    def draw(
        self,
        weights: NDArray[np.float64],  # (13,) of the mesh's fields
        rotation: NDArray[np.float64],  # (3, 3)
        translation: NDArray[np.float64],  # (3,)
        gaze: NDArray[np.floating],  # (2,) radians, to the image's right and down
        tongue: float,
    ) -> DrawnFrame:
        mesh = self.mesh
        deformed = mesh.closed.copy()
        for weight, field in zip(weights.astype(np.float32), mesh.fields, strict=True):
            deformed += weight * field
        points, normals = self._posed(deformed, rotation, translation)
        depth = points[:, 2]
        pixels = points[:, :2] / depth[:, None] * self.focal + self.size / 2
        hits = rasterise(pixels * OVERSAMPLING, depth, mesh.triangles, self.width)
        corner = mesh.triangles[hits.triangle].T  # (3, m)
        first, second, third = hits.weight.T
        surface = np.empty((6, len(hits.sample)), np.float32)
        for row, values in zip(surface, (*mesh.texture_place.T, *normals.T), strict=True):
            row[:] = first * values[corner[0]] + second * values[corner[1]] + third * values[corner[2]]
        material = mesh.material[hits.triangle]
        view = FrameView(
            width=self.width,
            focal=self.focal * OVERSAMPLING,
            rotation=rotation,
            translation=translation,
            gaze=np.asarray(gaze, np.float64),
            jaw=float(weights[0]),
            rounding=float(weights[3]),
            tongue=tongue,
        )
        colour, lip = shade(mesh, view, hits.sample, material, surface.T)
        picture = self.wall.copy()
        picture[hits.sample] = colour
        area = np.full(self.width**2, -1, np.int8)
        area[hits.sample] = material
        red = np.zeros(self.width**2, np.float32)
        red[hits.sample] = lip
        head = self._most(_HEAD[area])
        return DrawnFrame(
            image=encode(self._average(picture)),
            head=head,
            mouth=self._most((area == MOUTH) | (red > 0.5)) & head,
            torso=self._most(_TORSO[area]) & ~head,
            landmarks=pixels[mesh.landmarks],
        )

    def _posed(
        self, deformed: Floats32, rotation: NDArray[np.float64], translation: NDArray[np.float64]
    ) -> tuple[Floats32, Floats32]:
        """Vertices and normals in camera space; the torso follows the head a little, the neck lies between them."""
        mesh = self.mesh
        turn, shift = rotation.astype(np.float32), translation.astype(np.float32)
        rest = np.array(REST_TRANSLATION, np.float32)
        torso_turn = part_turn(rotation, _TORSO_TURN).astype(np.float32)
        torso_shift = rest + _TORSO_SHIFT * (shift - rest)
        follow = mesh.follow[len(deformed) :, None]
        with_head = turned(mesh.rest, turn.T) + shift
        with_torso = turned(mesh.rest, torso_turn.T) + torso_shift
        points = np.concatenate([turned(deformed, turn.T) + shift, with_torso + follow * (with_head - with_torso)])
        normals = turned(mesh.rest_normals, torso_turn.T)
        normals += follow * (turned(mesh.rest_normals, turn.T) - normals)
        return points, np.concatenate([turned(head_normals(mesh, deformed), turn.T), normals])

    def _average(self, samples: Floats32) -> Floats32:
        """(width * width, c) -> (size, size, c)."""
        grid = samples.reshape(self.size, OVERSAMPLING, self.size, OVERSAMPLING, -1)
        total = grid[:, 0, :, 0].copy()
        for down, across in list(np.ndindex(OVERSAMPLING, OVERSAMPLING))[1:]:
            total += grid[:, down, :, across]
        return total * np.float32(1 / OVERSAMPLING**2)

    def _most(self, samples: Bools) -> Bools:
        return self._average(samples.astype(np.float32))[..., 0] >= 0.5


def part_turn(rotation: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """A share of a small rotation: the nearest rotation to identity + share * (rotation - identity)."""
    part = np.eye(3) + share * (rotation - np.eye(3))
    for _ in range(4):  # Newton-Schulz; the error is squared each time and starts below 0.02
        part = product(part, 1.5 * np.eye(3) - 0.5 * product(part.T, part))
    return part
