"""Pictures of the embedded clip's person, one at a time: pose, project, rasterise at twice the size, shade, average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.clip.synthetic.paint import paint_wall
from tfg.clip.synthetic.raster import Floats32, rasterise
from tfg.clip.synthetic.scene import CLOTH, EAR, EYE, HAIR, MOUTH, NECK, SKIN, Scene, head_normals
from tfg.clip.synthetic.shade import View, encode, shade
from tfg.types import Bools, Bytes

OVERSAMPLING = 2
FOCAL_SHARE = 2.4  # focal length in picture sides
REST_TRANSLATION = (0.0, 0.25, 8.0)  # head units: the face a little under the middle
_HEAD = np.isin(np.arange(8), (SKIN, EYE, MOUTH, HAIR, EAR))  # by material; the last entry, -1, is the wall
_TORSO = np.isin(np.arange(8), (NECK, CLOTH))
_TORSO_TURN, _TORSO_SHIFT = 0.12, 0.35  # share of the head's rotation and shift that the torso follows


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One frame as the camera sees it."""

    image: Bytes  # (size, size, 3)
    head: Bools  # (size, size) face, ears, hair
    mouth: Bools  # (size, size) inside of the lips' outer contour
    torso: Bools  # (size, size) neck and body
    landmarks: Floats32  # (68, 2) pixels


class Camera:
    """Draws one scene at one size; holds what does not change from frame to frame."""

    def __init__(self, scene: Scene, size: int) -> None:
        self.scene = scene
        self.size = size
        self.width = size * OVERSAMPLING
        self.focal = FOCAL_SHARE * size  # pixels
        self.wall = paint_wall(scene.identity, self.width).reshape(-1, 3)

    def shoot(
        self,
        weights: NDArray[np.float64],  # (13,) of the scene's fields
        rotation: NDArray[np.float64],  # (3, 3)
        translation: NDArray[np.float64],  # (3,)
        gaze: NDArray[np.floating],  # (2,) radians, to the image's right and down
        tongue: float,
    ) -> Shot:
        scene = self.scene
        deformed = scene.closed + np.einsum("f,fvc->vc", weights.astype(np.float32), scene.fields)
        points, normals = self._posed(deformed, rotation, translation)
        depth = points[:, 2]
        pixels = points[:, :2] / depth[:, None] * self.focal + self.size / 2
        hits = rasterise(pixels * OVERSAMPLING, depth, scene.triangles, self.width)
        attributes = np.concatenate([scene.texture_place, normals], axis=1)
        corners = attributes[scene.triangles[hits.triangle]]  # (m, 3 corners, 6)
        surface = np.einsum("mc,mca->ma", hits.weight, corners)
        material = scene.material[hits.triangle]
        view = View(
            width=self.width,
            focal=self.focal * OVERSAMPLING,
            rotation=rotation,
            translation=translation,
            gaze=np.asarray(gaze, np.float64),
            jaw=float(weights[0]),
            rounding=float(weights[3]),
            tongue=tongue,
        )
        colour, lip = shade(scene, view, hits.sample, material, surface)
        picture = self.wall.copy()
        picture[hits.sample] = colour
        area = np.full(self.width**2, -1, np.int8)
        area[hits.sample] = material
        red = np.zeros(self.width**2, np.float32)
        red[hits.sample] = lip
        head = self._most(_HEAD[area])
        return Shot(
            image=encode(self._average(picture)),
            head=head,
            mouth=self._most((area == MOUTH) | (red > 0.5)) & head,
            torso=self._most(_TORSO[area]) & ~head,
            landmarks=pixels[scene.landmarks],
        )

    def _posed(
        self, deformed: Floats32, rotation: NDArray[np.float64], translation: NDArray[np.float64]
    ) -> tuple[Floats32, Floats32]:
        """Vertices and normals in camera space; the torso follows the head a little, the neck lies between them."""
        scene = self.scene
        turn, shift = rotation.astype(np.float32), translation.astype(np.float32)
        rest = np.array(REST_TRANSLATION, np.float32)
        torso_turn = _part_turn(rotation, _TORSO_TURN).astype(np.float32)
        torso_shift = rest + _TORSO_SHIFT * (shift - rest)
        follow = scene.follow[len(deformed) :, None]
        with_head = scene.rest @ turn.T + shift
        with_torso = scene.rest @ torso_turn.T + torso_shift
        points = np.concatenate([deformed @ turn.T + shift, with_torso + follow * (with_head - with_torso)])
        normals = scene.rest_normals @ torso_turn.T
        normals += follow * (scene.rest_normals @ turn.T - normals)
        return points, np.concatenate([head_normals(scene, deformed) @ turn.T, normals])

    def _average(self, samples: Floats32) -> Floats32:
        """(width * width, c) -> (size, size, c)."""
        grid = samples.reshape(self.size, OVERSAMPLING, self.size, OVERSAMPLING, -1)
        rows = [grid[:, down, :, across] for down in range(OVERSAMPLING) for across in range(OVERSAMPLING)]
        return np.add.reduce(rows) * np.float32(1 / OVERSAMPLING**2)

    def _most(self, samples: Bools) -> Bools:
        return self._average(samples.astype(np.float32))[..., 0] >= 0.5


def _part_turn(rotation: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """A share of a small rotation: the nearest rotation to identity + share * (rotation - identity)."""
    left, _, right = np.linalg.svd(np.eye(3) + share * (rotation - np.eye(3)))
    return left @ right
