"""The resting head of the embedded clip: a surface through hand-set control points, on a grid that can part at the eyes and the lips.

Millimetres in this file and its neighbours `expression` and `body`: x to the image's right, y down from the line
through the eye corners, f forward. The face is sculpted for this project after common anthropometric proportions; it is nobody's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tfg.clip.synthetic.arithmetic import Array, bell, cos, dot, interpolated, length, log, power, sin, snapped, solve
from tfg.clip.synthetic.person import Person

EYE_X, EYE_Y, EYE_HALF_WIDTH = 31.5, 2.5, 15.0  # middle and reach of the closed right eye's line
EYEBALL_RADIUS = 12.2
MOUTH_Y, MOUTH_HALF_WIDTH = 69.0, 25.5
AXIS_F, AXIS_Y = -75.0, 15.0  # the surface is a radius around this axis
# between these, grid rows are level lines; beyond, they close over the skull and under the chin
_FIRST_Y, _LAST_Y = -80.0, 104.0
_SMOOTHING = 2e-4  # how far the surface may miss a control point

# (x, y, f) of the right half; points with x > 0 are mirrored
_CONTROL = np.array(
    [
        # middle line, from the top of the skull down under the chin
        (0, -118, -85), (0, -108, -40), (0, -84, -6), (0, -66, 7), (0, -45, 14), (0, -22, 18.5), (0, -6, 15.5), (0, 4, 18),
        (0, 15, 25), (0, 27, 34), (0, 36, 40), (0, 41, 39), (0, 48, 26.5), (0, 54, 23.5), (0, 60, 25.5), (0, 66, 23),
        (0, 72, 22.5), (0, 77, 23.5), (0, 82, 20.5), (0, 88, 17), (0, 96, 18.5), (0, 104, 19), (0, 112, 15), (0, 119, 6),
        (0, 122, -10), (0, 121, -40),
        # nose
        (6, -5, 12.5), (7, 5, 13), (7.5, 15, 17.5), (9, 26, 22.5), (8, 35, 33), (8.5, 41, 32), (15, 36, 21), (17, 42, 19.5),
        (13.5, 47, 19.5), (21.5, 44, 10.5), (21, 34, 11), (7, 48.5, 22.5), (17, 24, 13.5), (13.5, 12, 10.5),
        # eye socket and brow
        (15.5, 2, 3.5), (13, -12, 11.5), (14, -22, 17.5), (31, -23, 14), (47, -20, 5), (57, -13, -7), (31, -13, 7.5),
        (20, -10, 6.5), (44, -10, 0), (31, 13, 3), (19, 11, 5.5), (44, 11, -1.5), (47.5, 1, -5.5), (54, 0, -11),
        # forehead, temple
        (22, -45, 11.5), (42, -42, 2), (58, -36, -15), (24, -66, 3.5), (46, -62, -11), (62, -56, -36), (28, -86, -12),
        (52, -82, -38), (66, -20, -28), (73, -10, -50), (73, -40, -62),
        # cheeks
        (28, 22, 8), (42, 23, 4), (55, 19, -7), (65, 17, -23), (73, 16, -44), (76, 18, -64), (31, 36, 10), (46, 38, 1),
        (58, 38, -15), (67, 40, -38), (71, 42, -60), (26, 52, 12), (40, 56, 2), (54, 58, -14), (63, 60, -38), (67, 64, -60),
        # mouth
        (8, 54, 22.5), (9, 60, 23.5), (17, 62, 18), (25.5, 69, 10), (10, 66, 21), (10, 74, 21), (11, 80, 18.5), (19, 78, 14),
        (31, 70, 7), (24, 84, 9), (12, 88, 15.5),
        # chin and jaw
        (11, 97, 17.5), (11, 107, 16.5), (20, 98, 11.5), (19, 109, 9), (10, 117, 6), (33, 90, 1), (31, 102, -2), (24, 116, -4),
        (46, 80, -15), (43, 93, -17), (32, 110, -12), (55, 78, -36), (53, 90, -42), (43, 103, -32), (18, 119, -32),
        (36, 109, -42), (57, 86, -62),
        # side and back
        (78, 0, -78), (77, -35, -88), (71, -72, -88), (46, -105, -85), (74, 40, -82), (68, 70, -82), (66, -10, -145),
        (56, -70, -145), (58, 40, -140), (0, -90, -155), (0, -20, -183), (0, 40, -165), (0, 90, -135), (45, 90, -110),
    ],
    dtype=np.float64,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class HeadGrid:
    """Vertices on `rows` x `columns`; the rows `eye_row` and `mouth_row` are each doubled, so that the strip between can open."""

    position: Array  # (rows, columns, 3) x, y, f in mm, everything closed
    angle: Array  # (columns,) degrees round the vertical axis, 0 at the nose
    level: Array  # (rows,) row coordinate: y in mm where rows are level
    eye_row: int  # upper lid's edge; eye_row + 1 is the lower lid's
    mouth_row: int  # upper lip's inner edge; mouth_row + 1 is the lower lip's


def make_head_grid(person: Person) -> HeadGrid:
    """The closed, resting head of this person, symmetric to the last bit; one column is the middle line."""
    right = _graded([(0, 1.3), (24, 1.6), (66, 5.0), (106, 5.0)])  # the back is never in the picture
    level = _levels()
    radius_of = _radius_function(person)
    latitude = np.linspace(-89.0, 84.0, 347)
    rise = sin(np.deg2rad(latitude))
    position = np.empty((len(level), len(right), 3))
    for column, turn in enumerate(np.deg2rad(right)):
        radius = radius_of(turn, np.deg2rad(latitude))
        row_latitude = _row_latitudes(latitude, AXIS_Y + radius * rise, level)
        row_radius = interpolated(row_latitude, latitude, radius)
        flat = row_radius * cos(np.deg2rad(row_latitude))
        position[:, column, 0] = flat * sin(turn)
        position[:, column, 1] = AXIS_Y + row_radius * sin(np.deg2rad(row_latitude))
        position[:, column, 2] = AXIS_F + flat * cos(turn)
    position = snapped(position)
    doubled = np.flatnonzero(np.diff(level) == 0)
    return HeadGrid(
        position=np.concatenate([position[:, :0:-1] * (-1, 1, 1), position], axis=1),
        angle=np.concatenate([-right[:0:-1], right]),
        level=level,
        eye_row=int(doubled[0]),
        mouth_row=int(doubled[1]),
    )


def eyeball_centre(side: int) -> Array:
    """(3,) mm; side is -1 for the image's left eye, +1 for the right."""
    return np.array([side * EYE_X, 0.0, -8.0])


def lip_heights(x: Array, person: Person) -> tuple[Array, Array]:
    """Height in mm of the red of the upper and the lower lip above and below the closed mouth line; 0 outside the mouth."""
    inside = np.clip(1 - (x / MOUTH_HALF_WIDTH) ** 2, 0, 1)
    fullness = 1 + 0.16 * person.lip_fullness
    bow = 0.80 + 0.34 * bell(np.abs(x), 5.5, 4.5)
    return 8.2 * fullness * bow * power(inside, 0.8), 10.6 * fullness * power(inside, 0.75)


def shaped(points: Array, person: Person) -> Array:
    """Average-face points (..., 3) moved to this person's proportions; smooth, symmetric, and gentle at eyes and mouth."""
    x, y, f = np.moveaxis(points, -1, 0)
    side = 1 + 0.03 * person.face_width + 0.04 * person.jaw_width * bell(y, 95, 35)
    nose = bell(x, 0, 16) * bell(y, 34, 15)
    cheek = bell(np.abs(x), 50, 16) * bell(y, 26, 18)
    return np.stack(
        [
            x * side * (1 + 0.10 * person.nose_width * nose),
            y + 3.0 * person.chin_length * bell(y, 122, 24) + 1.2 * person.nose_length * nose,
            f + 2.2 * person.nose_length * nose + 1.6 * person.cheek * cheek,
        ],
        axis=-1,
    )


def _radius_function(person: Person) -> Callable[[float, Array], Array]:
    """Radius in mm at (longitude, latitudes (n,)) in radians: a smoothing thin-plate spline of the direction."""
    half = _CONTROL
    points = shaped(np.concatenate([half, half[half[:, 0] > 0] * (-1, 1, 1)]), person)
    offset = points - (0, AXIS_Y, AXIS_F)
    radius = length(offset)
    centres = offset / radius[:, None]
    count = len(centres)
    system = np.zeros((count + 4, count + 4))
    system[:count, :count] = _thin_plate(centres, centres) + _SMOOTHING * np.eye(count)
    system[:count, count] = system[count, :count] = 1
    system[:count, count + 1 :], system[count + 1 :, :count] = centres, centres.T
    weights = snapped(solve(system, np.concatenate([radius, np.zeros(4)])))

    def radius_of(longitude: float, latitude: Array) -> Array:
        flat = cos(latitude)
        direction = np.stack([flat * sin(longitude), sin(latitude), flat * cos(longitude)], axis=-1)
        terms = [_thin_plate(direction, centres), np.ones((len(direction), 1)), direction]
        return dot(np.concatenate(terms, axis=1), weights)

    return radius_of


def _thin_plate(points: Array, centres: Array) -> Array:
    """(points, centres) r^2 log r of their distances."""
    between = points[:, None] - centres
    square = dot(between, between)
    return 0.5 * square * log(np.where(square > 0, square, 1.0))


def _row_latitudes(latitude: Array, height: Array, level: Array) -> Array:
    """(rows,) latitude at which this column's surface crosses every level; beyond first and last level evenly up to the poles."""
    first, last = np.searchsorted(latitude, -62.0), int(height.argmax())
    low, high = interpolated([_FIRST_Y, _LAST_Y], height[first:last], latitude[first:last])
    inside = interpolated(np.clip(level, _FIRST_Y, _LAST_Y), height[first:last], latitude[first:last])
    above = np.clip((_FIRST_Y - level) / 40.0, 0, 1) * (latitude[0] - low)
    below = np.clip((level - _LAST_Y) / 40.0, 0, 1) * (latitude[-1] - high)
    return inside + above + below


def _levels() -> Array:
    """(rows,) from crown to throat, finer at the lids and lips; eye and mouth level twice."""
    upper = _graded([(_FIRST_Y - 40, 3.3), (_FIRST_Y, 3.2), (-30, 1.8), (-12, 1.25), (EYE_Y, 1.25)])
    middle = _graded([(EYE_Y, 1.25), (12, 1.8), (32, 1.5), (52, 1.3), (58, 1.0), (MOUTH_Y, 1.0)])
    lower = _graded([(MOUTH_Y, 1.0), (80, 1.5), (_LAST_Y, 2.2), (_LAST_Y + 40, 2.2)])
    return np.concatenate([upper, middle, lower])


def _graded(stops: list[tuple[float, float]]) -> Array:
    """Values from the first stop to the last; the number at each stop is the spacing up to the next one."""
    parts = [
        np.linspace(start, stop, max(1, round((stop - start) / spacing)), endpoint=False)
        for (start, spacing), (stop, _) in pairwise(stops)
    ]
    return np.concatenate([*parts, [stops[-1][0]]])
