"""Pictures of the embedded clip's person, one at a time: pose, project, rasterise at twice the size, shade, average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.clip.synthetic.arithmetic import product
from tfg.clip.synthetic.kernel import Kernel, fastest
from tfg.clip.synthetic.mesh import CLOTH, EAR, EYE, HAIR, MOUTH, NECK, SKIN, PersonMesh, head_normals
from tfg.clip.synthetic.paint import paint_wall
from tfg.clip.synthetic.raster import Floats32, Indices
from tfg.clip.synthetic.shade import WITH_CAMERA, FrameView, Lights, encode, shade
from tfg.types import Bools, Bytes

OVERSAMPLING = 2
FOCAL_SHARE = 2.4  # focal length in picture sides
REST_TRANSLATION = (0.0, 0.25, 8.0)  # head units: the face a little under the middle
_TORSO_TURN, _TORSO_SHIFT = 0.12, 0.35  # share of the head's rotation and shift that the torso follows


@dataclass(frozen=True, kw_only=True)
class Surfaces:
    """What lies in the pixels of one frame, beyond what a clip's sidecar keeps."""

    eyes: Bools  # (size, size) any part of an open eye: where the gaze shows
    depth: Floats32  # (size, size) head units along the camera's axis, of skin, hair and ears; NaN where they are less than half


@dataclass(frozen=True, kw_only=True)
class DrawnFrame:
    """One frame with its ground truth."""

    image: Bytes  # (size, size, 3)
    head: Bools  # (size, size) face, ears, hair
    mouth: Bools  # (size, size) inside of the lips' outer contour
    torso: Bools  # (size, size) neck and body
    landmarks: Floats32  # (68, 2) pixels
    surfaces: Surfaces | None = None  # where they are asked for


class FrameRenderer:
    """Draws one person at one size; holds what does not change from frame to frame."""

    def __init__(self, mesh: PersonMesh, size: int, kernel: Kernel | None = None) -> None:
        self._kernel = kernel or fastest()
        self.mesh = mesh
        self.size = size
        self.width = size * OVERSAMPLING
        self.focal = FOCAL_SHARE * size  # pixels
        self.wall = paint_wall(mesh.person, self.width).reshape(-1, 3).T.copy()  # (3, width * width)
        # numpy is quick along long axes: coordinates come first
        self._corners = mesh.triangles.T.copy()  # (3, t)
        self._closed, self._rest, self._rest_normals, self._texture_place = (
            vertices.T.copy() for vertices in (mesh.closed, mesh.rest, mesh.rest_normals, mesh.texture_place)
        )
        self._fields = mesh.fields.transpose(0, 2, 1).copy()  # (13, 3, head vertices)
        self._follow = mesh.follow[mesh.closed.shape[0] :]

    def draw(
        self,
        weights: NDArray[np.float64],  # (13,) of the mesh's fields
        rotation: NDArray[np.float64],  # (3, 3)
        translation: NDArray[np.float64],  # (3,)
        gaze: NDArray[np.floating],  # (2,) radians, to the image's right and down
        tongue: float,
        lights: Lights = WITH_CAMERA,
        surfaces: bool = False,
    ) -> DrawnFrame:
        """One frame; of a camera that went round the head, `lights` that stay in the world are turned with it."""
        mesh = self.mesh
        deformed = self._closed.copy()
        for weight, field in zip(weights.astype(np.float32), self._fields, strict=True):
            deformed += weight * field
        points, normals = self._posed(deformed, rotation, translation)
        depth = points[2]
        pixels = points[:2] / depth * self.focal + self.size / 2
        hits = self._kernel.rasterise(pixels * OVERSAMPLING, depth, self._corners, self.width)
        material = mesh.material[hits.triangle]
        order = np.argsort(material, kind="stable")
        edges = np.searchsorted(material[order], np.arange(CLOTH + 2)).tolist()
        parts = {code: slice(edges[code], edges[code + 1]) for code in range(CLOTH + 1)}
        sample = hits.sample[order]
        view = FrameView(
            width=self.width,
            focal=self.focal * OVERSAMPLING,
            rotation=rotation,
            translation=translation,
            gaze=np.asarray(gaze, np.float64),
            jaw=float(weights[0]),
            rounding=float(weights[3]),
            tongue=tongue,
            lights=lights,
        )
        given = self._corners, hits.triangle[order], hits.weight[:, order]
        place, normal = (self._kernel.interpolate(values, *given) for values in (self._texture_place, normals))
        colour, lip = shade(mesh, view, parts, sample, place, normal, self._texel_at)
        picture = self.wall.copy()
        for plane, values in zip(picture, colour, strict=True):
            plane[sample] = values
        head = self._most(sample[: parts[EAR].stop])
        red = sample[np.concatenate([np.flatnonzero(lip), np.arange(parts[MOUTH].start, parts[MOUTH].stop)])]
        return DrawnFrame(
            image=encode(self._average(picture)),
            head=head,
            mouth=self._most(red) & head,
            torso=self._most(sample[parts[NECK].start :]) & ~head,
            landmarks=pixels[:, mesh.landmarks].T,
            surfaces=self._surfaces(sample, parts, self._kernel.interpolate(depth[None], *given)[0])
            if surfaces
            else None,
        )

    def _posed(
        self, deformed: Floats32, rotation: NDArray[np.float64], translation: NDArray[np.float64]
    ) -> tuple[Floats32, Floats32]:
        """Vertices and normals (3, vertices) in camera space; the torso follows the head a little, the neck lies between them."""
        turned = self._kernel.turn
        turn, shift = rotation.astype(np.float32), translation.astype(np.float32)[:, None]
        rest = np.array(REST_TRANSLATION, np.float32)[:, None]
        torso_turn = part_turn(rotation, _TORSO_TURN).astype(np.float32)
        torso_shift = rest + _TORSO_SHIFT * (shift - rest)
        with_head = turned(self._rest, turn.T) + shift
        with_torso = turned(self._rest, torso_turn.T) + torso_shift
        others = with_torso + self._follow * (with_head - with_torso)
        normals = turned(self._rest_normals, torso_turn.T)
        normals += self._follow * (turned(self._rest_normals, turn.T) - normals)
        of_head = turned(head_normals(self.mesh, deformed), turn.T)
        points = np.concatenate([turned(deformed, turn.T) + shift, others], axis=1)
        return points, np.concatenate([of_head, normals], axis=1)

    def _surfaces(self, sample: Indices, parts: dict[int, slice], depth: Floats32) -> Surfaces:
        """Of samples (m,) with their depth (m,)."""
        eyes = np.zeros(self.width**2, np.float32)
        eyes[sample[parts[EYE]]] = 1
        solid = np.concatenate([np.arange(part.start, part.stop) for part in (parts[SKIN], parts[HAIR], parts[EAR])])
        hit, far = np.zeros((2, self.width**2), np.float32)
        hit[sample[solid]], far[sample[solid]] = 1, depth[solid]
        share, total = np.moveaxis(self._average(np.stack([hit, far])), -1, 0)
        known = share >= 0.5
        return Surfaces(
            eyes=self._average(eyes[None])[..., 0] > 0,
            depth=np.where(known, total / np.where(known, share, 1), np.nan).astype(np.float32),
        )

    def _texel_at(self, material: int, place: Floats32) -> Floats32:
        return self._kernel.look_up(self.mesh.textures[material], place)

    def _average(self, samples: Floats32) -> Floats32:
        """(c, width * width) -> (size, size, c)."""
        grid = samples.reshape(-1, self.size, OVERSAMPLING, self.size, OVERSAMPLING)
        total = grid[:, :, 0, :, 0].copy()
        for down, across in list(np.ndindex(OVERSAMPLING, OVERSAMPLING))[1:]:
            total += grid[:, :, down, :, across]
        return np.moveaxis(total * np.float32(1 / OVERSAMPLING**2), 0, -1)

    def _most(self, sample: Indices) -> Bools:
        """(size, size) pixels of which at least half lies on these samples."""
        hit = np.zeros(self.width**2, np.float32)
        hit[sample] = 1
        return self._average(hit[None])[..., 0] >= 0.5


def part_turn(rotation: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """A share of a small rotation: the nearest rotation to identity + share * (rotation - identity)."""
    part = np.eye(3) + share * (rotation - np.eye(3))
    for _ in range(4):  # Newton-Schulz; the error is squared each time and starts below 0.02
        part = product(part, 1.5 * np.eye(3) - 0.5 * product(part.T, part))
    return part
