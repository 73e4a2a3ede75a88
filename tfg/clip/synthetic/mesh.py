"""The embedded clip's person assembled in head space: all vertices, triangles, textures and the ways they move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.clip.synthetic import paint
from tfg.clip.synthetic.arithmetic import bell, length
from tfg.clip.synthetic.body import (
    BodyPart,
    head_texture,
    make_ear,
    make_hair,
    make_hair_behind,
    make_neck,
    make_torso,
    under_hair,
)
from tfg.clip.synthetic.expression import OPEN_EYES, FaceModel, make_face_model
from tfg.clip.synthetic.person import Person
from tfg.clip.synthetic.raster import Floats32, Indices, grid_normals, grid_triangles
from tfg.clip.synthetic.shape import (
    EYE_HALF_WIDTH,
    EYE_X,
    EYEBALL_RADIUS,
    MOUTH_HALF_WIDTH,
    Array,
    HeadGrid,
    eyeball_centre,
    make_head_grid,
)
from tfg.landmarks import OUTER_EYE_CORNERS

SKIN, EYE, MOUTH, HAIR, EAR, NECK, CLOTH = range(7)
_SEAM_CLOSED = 0.4  # mm: lips or lids nearer than this are shaded as one surface


@dataclass(frozen=True, kw_only=True)
class PersonMesh:
    """Vertices in head units; the head grid's rows come first, then hair, neck, torso and the rest."""

    head_shape: tuple[int, int]  # rows, columns of the head grid
    seams: tuple[int, int]  # rows eye_row, mouth_row
    closed: Floats32  # (head vertices, 3)
    fields: Floats32  # (13, head vertices, 3)
    landmarks: Indices  # (68,) vertices
    rest: Floats32  # (other vertices, 3)
    rest_normals: Floats32  # (other vertices, 3)
    follow: Floats32  # (vertices,) 1 moves with the head, 0 with the torso
    texture_place: Floats32  # (vertices, 3): across, down, and 1 at the lower edge of a mouth or eye opening
    triangles: Indices  # (t, 3)
    material: NDArray[np.int8]  # (t,) SKIN ... CLOTH
    textures: dict[int, paint.Texture]
    millimetre: float  # head units
    origin: Array  # (3,) x, y, f in mm of head space's origin
    person: Person

    def eyeball(self, side: int) -> tuple[Array, float]:
        """Centre (3,) and radius in head units."""
        return self.place(eyeball_centre(side)), EYEBALL_RADIUS * self.millimetre

    def face_shape(self) -> Floats32:
        """(68, 3) the landmarks of the resting face: eyes open, mouth closed."""
        return self.closed[self.landmarks] + self.fields[OPEN_EYES][:, self.landmarks].sum(axis=0)

    def place(self, points: Array) -> Array:
        """Millimetres x, y, f (..., 3) -> head space."""
        return (points - self.origin) * self.millimetre * (1, 1, -1)


def make_person_mesh(person: Person, size: int) -> PersonMesh:
    """The person, with textures as fine as a picture of `size` pixels needs."""
    grid = make_head_grid(person)
    face = make_face_model(grid, person)
    rows, columns = grid.position.shape[:2]
    origin, millimetre = _head_frame(face)
    direction = np.array([1.0, 1.0, -1.0]) * millimetre
    parts = _parts(grid, person)
    triangles, material = _head_triangles(grid, under_hair(grid, person))
    index, kind = [triangles], [material]
    count = rows * columns
    for code, part in parts:
        added = grid_triangles(*part.position.shape[:2])
        if part.shown is not None:
            added = added[part.shown.ravel()[added].any(axis=1)]
        index.append(added + count)
        kind.append(np.full(len(added), code, np.int8))
        count += part.position[..., 0].size
    lower = np.zeros((rows, columns))
    lower[[grid.eye_row + 1, grid.mouth_row + 1]] = 1
    place = [np.concatenate([head_texture(grid), lower[..., None]], -1).reshape(-1, 3)]
    place += [np.pad(part.texture.reshape(-1, 2), ((0, 0), (0, 1))) for _, part in parts]
    height = int(np.clip(4 * size, 384, 1024))
    placed = [((part.position - origin) * direction).astype(np.float32) for _, part in parts]
    return PersonMesh(
        head_shape=(rows, columns),
        seams=(grid.eye_row, grid.mouth_row),
        closed=((face.closed - origin) * direction).astype(np.float32),
        fields=(face.fields * direction).astype(np.float32),
        landmarks=face.landmarks,
        rest=np.concatenate([position.reshape(-1, 3) for position in placed]),
        rest_normals=np.concatenate([_normals(position) for position in placed]),
        follow=np.concatenate([np.ones(rows * columns), *(part.follow.ravel() for _, part in parts)]).astype(
            np.float32
        ),
        texture_place=np.concatenate(place).astype(np.float32),
        triangles=np.concatenate(index),
        material=np.concatenate(kind),
        textures={
            SKIN: paint.paint_head(grid, face.closed.reshape(rows, columns, 3), person, height),
            HAIR: paint.paint_hair(person, height),
            EAR: paint.paint_ear(person, height // 4),
            NECK: paint.paint_neck(person, height // 2),
            CLOTH: paint.paint_cloth(person, height // 2),
        },
        millimetre=millimetre,
        origin=origin,
        person=person,
    )


def head_normals(mesh: PersonMesh, position: Floats32) -> Floats32:
    """Outward normals of one deformed head, (3, head vertices) both; lips and lids have edges where they are open."""
    eye, mouth = mesh.seams
    grid = position.reshape(3, *mesh.head_shape)
    blocks = (grid[:, : eye + 1], grid[:, eye + 1 : mouth + 1], grid[:, mouth + 1 :])
    normals = np.concatenate([grid_normals(block) for block in blocks], axis=1)
    for row in mesh.seams:
        across, down, deep = np.abs(grid[:, row + 1] - grid[:, row])
        gap = (across + down + deep) / mesh.millimetre
        shut = bell(gap, 0, _SEAM_CLOSED).astype(np.float32) / 2
        upper, lower = normals[:, row].copy(), normals[:, row + 1].copy()
        normals[:, row] += shut * (lower - upper)
        normals[:, row + 1] += shut * (upper - lower)
    return normals.reshape(3, -1)


def _normals(position: Floats32) -> Floats32:
    """(rows, columns, 3) -> (rows * columns, 3)."""
    return grid_normals(np.moveaxis(position, -1, 0)).reshape(3, -1).T


def _head_frame(face: FaceModel) -> tuple[Array, float]:
    """Origin in mm and the length of a millimetre in head units, by the 68 points of the resting face with open eyes (tfg.types)."""
    resting = (face.closed + face.fields[OPEN_EYES].sum(axis=0))[face.landmarks]
    left, right = OUTER_EYE_CORNERS
    return resting.mean(axis=0), float(1 / length(resting[left] - resting[right]))


def _parts(grid: HeadGrid, person: Person) -> list[tuple[int, BodyPart]]:
    """Material and grid of all but the head."""
    body = [(HAIR, make_hair(grid, person)), (NECK, make_neck(person)), (CLOTH, make_torso(person))]
    if person.hair_sides > 0:
        return [*body, (HAIR, make_hair_behind(person))]
    return [*body, *((EAR, make_ear(side, person)) for side in (-1, 1))]


def _head_triangles(grid: HeadGrid, hidden: NDArray[np.bool_]) -> tuple[Indices, NDArray[np.int8]]:
    """Triangles of the head grid; the strips between doubled rows are eye and mouth where these can open, and nothing elsewhere."""
    rows, columns = grid.position.shape[:2]
    triangles = grid_triangles(rows, columns)
    row, column = np.divmod(np.arange(len(triangles)) // 2, columns - 1)
    material = np.select([row == grid.eye_row, row == grid.mouth_row], [EYE, MOUTH], SKIN).astype(np.int8)
    middle = np.abs(grid.position[row, column, 0] + grid.position[row, column + 1, 0]) / 2
    opens = np.where(material == EYE, np.abs(middle - EYE_X) < EYE_HALF_WIDTH, middle < MOUTH_HALF_WIDTH)
    visible = ~hidden.ravel()[triangles].all(axis=1)
    kept = np.where(material == SKIN, visible, opens & (np.abs(grid.angle[column]) < 60))
    return triangles[kept], material[kept]
