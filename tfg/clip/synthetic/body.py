"""What surrounds the embedded clip's face: hair, ears, neck and torso as grids of vertices in the millimetres of `shape`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.clip.synthetic.arithmetic import bell, cos, exp, interpolated, length, normal, power, sin, tanh, uniform
from tfg.clip.synthetic.person import Person
from tfg.clip.synthetic.shape import AXIS_F, MOUTH_Y, Array, HeadGrid, shaped

_HANGS_FROM = 52.0  # mm: long hair leaves the head here


@dataclass(frozen=True, kw_only=True)
class BodyPart:
    """One grid of vertices; (0, 0) to (1, 1) of its texture span the grid unless `texture` says otherwise."""

    position: Array  # (rows, columns, 3) mm
    texture: Array  # (rows, columns, 2) in [0, 1], across and down
    follow: Array  # (rows, columns) 1 moves with the head, 0 with the torso
    shown: NDArray[np.bool_] | None = None  # (rows, columns) cells without a shown corner are left out; None shows all


def make_hair(grid: HeadGrid, person: Person) -> BodyPart:
    """A shell over the scalp, as thick as the style has it, that sinks under the skin at the hairline; long hair hangs from it."""
    rows = int((grid.level < MOUTH_Y).sum())
    x, y, f = np.moveaxis(grid.position[:rows], -1, 0)
    angle = np.abs(grid.angle)[None, :]
    inside = hair_cover(x, y, angle, person)
    locks = _locks(np.random.default_rng([person.seed, 4]), angle.shape[1], rows)
    top = np.clip(-(y + 30) / 70, 0, 1)
    thickness = 4.0 + 3.0 * person.hair_volume + (6.0 + 11.0 * person.hair_volume) * power(top, 0.8)
    combed = 1 + 0.22 * tanh((x + 14) / 16) - 0.20 * bell(x, -16, 7)
    thickness = thickness * np.where(y < -30, combed, 1) + person.hair_sides * 9 * (1 - top) + 1.1 * locks
    edge = np.clip(inside / 20, -1, 1)
    lift = np.where(edge > 0, thickness * sin(np.pi / 2 * np.maximum(edge, 0)), 12 * edge) - 0.3
    outward = np.stack([x, (y + 5) * 0.8, f - AXIS_F], -1)
    outward /= length(outward)[..., None]
    position = grid.position[:rows] + outward * lift[..., None]
    texture = head_texture(grid)[:rows]
    if person.hair_sides > 0:
        first = int((grid.level < _HANGS_FROM).sum())
        share = np.linspace(0, 1, rows - first + 1)[1:, None]
        root = position[first - 1]
        position[first:, :, 0] = root[:, 0] * (1 - 0.10 * share**2)
        position[first:, :, 1] = root[:, 1] + share * (hair_end(person) - _HANGS_FROM + 7 * locks[first - 1])
        position[first:, :, 2] = root[:, 2]
        texture[first:, :, 1] = texture[first - 1, :, 1] + share * (1 - texture[first - 1, :, 1])
    return BodyPart(position=position, texture=texture, follow=np.ones(x.shape), shown=inside > -5)


def make_hair_behind(person: Person) -> BodyPart:
    """The sheet of long hair behind the neck."""
    across, down = np.meshgrid(np.linspace(-1, 1, 21), np.linspace(0, 1, 12))
    bottom = hair_end(person) + 4
    position = np.stack([84 * across * (1 - 0.08 * down), 20 + (bottom - 20) * down, -125 + 12 * across**2], -1)
    texture = np.stack([0.2 + 0.3 * (across + 1), 0.75 + 0.25 * down], -1)
    return BodyPart(position=position, texture=texture, follow=np.ones(across.shape))


def hair_end(person: Person) -> float:
    """Height in mm at which long hair ends: between the chin and the shoulders."""
    return 70 + 75 * person.hair_sides


def hair_cover(x: Array, y: Array, angle: Array, person: Person) -> Array:
    """mm inside the hairline (positive on the scalp, negative on the face) at a point of the head; angle in degrees, unsigned."""
    part = tanh((x + 14) / 12)  # hair combed from a parting at the image's left
    front = -73 + 6 * person.fringe + 1.6 * part + 1.2 * sin(0.13 * x + person.seed) - 6 * bell(angle, 35, 12)
    side = 160 if person.hair_sides > 0 else 4
    turned = 1 / (1 + exp(-(angle - 58) / 2.2))  # from the forehead's line down the temples
    line = front + turned * (side - front)
    if person.hair_sides == 0:
        line = line - 22 * bell(angle, 92, 12)  # round the ear
    return line - y


def under_hair(grid: HeadGrid, person: Person) -> NDArray[np.bool_]:
    """(rows, columns) where hair hides the skin from every side."""
    x, y, _ = np.moveaxis(grid.position, -1, 0)
    return (hair_cover(x, y, np.abs(grid.angle)[None, :], person) > 16) & (y < -20)


def head_texture(grid: HeadGrid) -> Array:
    """(rows, columns, 2) place of each head vertex in the head's texture: angle across, level down."""
    across = (grid.angle - grid.angle[0]) / (grid.angle[-1] - grid.angle[0])
    down = (grid.level - grid.level[0]) / (grid.level[-1] - grid.level[0])
    return np.stack(np.broadcast_arrays(across[None, :], down[:, None]), -1).astype(np.float64)


def make_ear(side: int, person: Person) -> BodyPart:
    """A shell with rim and hollow; side is -1 at the image's left, +1 at its right."""
    radius, turn = np.meshgrid(np.linspace(0, 1, 12), np.linspace(0, 2 * np.pi, 29), indexing="ij")
    out, back = sin(np.deg2rad(46)), cos(np.deg2rad(46))
    reach = radius * (1 + 0.12 * sin(turn - 0.6))
    along = 6.0 + 15.5 * reach * cos(turn) - 3.5 * reach * sin(turn)
    rim = 4.2 * bell(radius, 0.86, 0.12) - 6.0 * bell(radius, 0, 0.42)
    rim = rim + 2.2 * bell(radius, 0.58, 0.12) * (sin(turn) < 0.4)
    anchor = shaped(np.array([74.5, 15.0, -76.0]), person)
    position = np.stack(
        [
            anchor[0] + along * out + rim * back,
            anchor[1] + 31.0 * reach * sin(turn),
            anchor[2] - along * back + rim * out,
        ],
        -1,
    )
    position[..., 0] *= side
    if side > 0:  # keep the outside clockwise
        position = position[:, ::-1]
    texture = np.stack([turn / (2 * np.pi), radius], -1)
    return BodyPart(position=position, texture=texture, follow=np.ones(radius.shape))


def make_neck(person: Person) -> BodyPart:
    """From inside the jaw to inside the collar."""
    y = np.linspace(70, 205, 46)
    turn = np.deg2rad(np.linspace(-100, 100, 41))
    down = np.clip((y - 120) / 80, 0, 1)[:, None]
    width = (49 + 1.5 * person.jaw_width) * (1 + 0.28 * power(down, 2.2))
    depth = 52 + 10 * power(down, 1.5)
    apple = 3.5 * bell(np.rad2deg(turn), 0, 9) * bell(y[:, None], 142, 9)
    muscle = 2.2 * bell(np.abs(np.rad2deg(turn)) + 14 * down, 30, 9) * down
    position = np.stack(
        [
            width * sin(turn) * np.ones_like(down),
            np.broadcast_to(y[:, None], (len(y), len(turn))),
            -88 + 12 * down + (depth + apple + muscle) * cos(turn),
        ],
        -1,
    )
    follow = np.broadcast_to(1 - _smooth((y - 95) / 85)[:, None], position.shape[:2])
    return BodyPart(position=position, texture=_unit_texture(position.shape[:2]), follow=follow.astype(np.float64))


def make_torso(person: Person) -> BodyPart:
    """Shoulders and chest; the collar is the upper edge, sunk towards the throat."""
    share = np.linspace(0, 1, 60)
    turn = np.deg2rad(np.linspace(-105, 105, 81))
    width = interpolated(share, [0, 0.08, 0.2, 0.35, 0.5, 0.62, 0.75, 1], [52, 63, 102, 146, 182, 200, 208, 214])
    y = interpolated(share, [0, 0.08, 0.2, 0.35, 0.5, 0.62, 0.75, 1], [146, 151, 160, 172, 188, 210, 258, 400])
    depth = interpolated(share, [0, 0.08, 0.2, 0.35, 0.5, 0.75, 1], [66, 70, 77, 84, 90, 100, 108])
    collar = 34 * np.clip(cos(turn), 0, 1) ** 2 * power(1 - share[:, None], 2.4)
    position = np.stack(
        [
            width[:, None] * np.sign(sin(turn)) * power(np.abs(sin(turn)), 0.9),
            y[:, None] + collar,
            -82 + depth[:, None] * np.clip(cos(turn), -0.3, 1) + 4 * sin(3.1 * turn) * share[:, None],
        ],
        -1,
    )
    return BodyPart(position=position, texture=_unit_texture(position.shape[:2]), follow=np.zeros(position.shape[:2]))


def _unit_texture(shape: tuple[int, ...]) -> Array:
    down, across = np.meshgrid(np.linspace(0, 1, shape[0]), np.linspace(0, 1, shape[1]), indexing="ij")
    return np.stack([across, down], -1)


def _locks(rng: np.random.Generator, columns: int, rows: int) -> Array:
    """(rows, columns) smooth wave across the strands, of order 1: hair is never perfectly even."""
    across = np.linspace(0, 1, columns)
    down = np.linspace(0, 1, rows)[:, None]
    waves = np.zeros((rows, columns))
    for frequency in (5, 9, 14, 23):
        height = normal(rng)
        waves += height * sin(2 * np.pi * (frequency * across + uniform(rng, -1, 1) * down + rng.random()))
    return waves / 2


def _smooth(value: Array) -> Array:
    share = np.clip(value, 0, 1)
    return share * share * (3 - 2 * share)
