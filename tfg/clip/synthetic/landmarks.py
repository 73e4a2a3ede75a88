"""Where the 68 iBUG landmarks sit on the embedded clip's head grid: vertices, so that they move with the face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tfg.clip.synthetic.person import Person
from tfg.clip.synthetic.shape import EYE_HALF_WIDTH, EYE_X, MOUTH_HALF_WIDTH, MOUTH_Y, Array, HeadGrid, lip_heights

# Right half of the picture: (degrees round the head, height in mm) along the jaw from the chin to the ear; (x, y) in mm elsewhere
_JAW = ((12.5, 112.0), (25.0, 103.0), (37.0, 90.0), (47.0, 74.0), (54.0, 56.0), (58.0, 38.0), (60.5, 20.0), (62.0, 2.0))
_CHIN_Y = 116.0
_BROW = ((13.0, -19.0), (22.5, -22.5), (33.5, -23.5), (44.5, -21.0), (54.0, -15.0))
_BRIDGE = ((0.0, 0.0), (0.0, 13.0), (0.0, 26.0), (0.0, 38.0))
_NOSTRILS = ((-14.0, 46.8), (-7.0, 47.7), (0.0, 48.5), (7.0, 47.7), (14.0, 46.8))
_LID_X = EYE_HALF_WIDTH / 2.6  # from the eye's middle to its two points on each lid
_UPPER_LIP_X = (-14.5, -5.5, 0.0, 5.5, 14.5)
_LOWER_LIP_X = (14.5, 7.0, 0.0, -7.0, -14.5)
_INNER_X, _INNER_CORNER_X = 7.0, MOUTH_HALF_WIDTH - 2.5
_EAR_F = -60.0  # no landmark but the jaw's lies further back


def landmark_vertices(grid: HeadGrid, closed: Array, person: Person) -> NDArray[np.int64]:
    """(68,) vertices of the closed face (rows, columns, 3), iBUG order: from the picture's left, upper contours first."""
    upper_lid, lower_lid, upper_lip, lower_lip = grid.eye_row, grid.eye_row + 1, grid.mouth_row, grid.mouth_row + 1
    chin = (0.0, _CHIN_Y + 3 * person.chin_length)
    jaw = [*((-angle, y) for angle, y in reversed(_JAW)), chin, *_JAW]
    face = [*((-x, y) for x, y in reversed(_BROW)), *_BROW, *_BRIDGE, *_NOSTRILS]
    cells = [_on_angle(grid, closed, angle, y) for angle, y in jaw]
    cells += [_nearest(closed, x, y) for x, y in face]
    for middle in (-EYE_X, EYE_X):
        upper = (middle - EYE_HALF_WIDTH, middle - _LID_X, middle + _LID_X, middle + EYE_HALF_WIDTH)
        cells += [_on_row(closed, upper_lid, x) for x in upper]
        cells += [_on_row(closed, lower_lid, x) for x in (middle + _LID_X, middle - _LID_X)]
    above, below = (lip_heights(np.array(x), person) for x in (_UPPER_LIP_X, _LOWER_LIP_X))
    cells.append(_on_row(closed, upper_lip, -MOUTH_HALF_WIDTH))
    cells += [
        _nearest(closed, x, MOUTH_Y - height, slice(upper_lid + 12, lower_lip))
        for x, height in zip(_UPPER_LIP_X, above[0], strict=True)
    ]
    cells.append(_on_row(closed, upper_lip, MOUTH_HALF_WIDTH))
    cells += [
        _nearest(closed, x, MOUTH_Y + height, slice(lower_lip, None))
        for x, height in zip(_LOWER_LIP_X, below[1], strict=True)
    ]
    cells += [_on_row(closed, upper_lip, x) for x in (-_INNER_CORNER_X, -_INNER_X, 0.0, _INNER_X)]
    cells += [_on_row(closed, lower_lip, x) for x in (_INNER_CORNER_X, _INNER_X, 0.0, -_INNER_X)]
    rows, columns = np.array(cells).T
    return rows * len(grid.angle) + columns


def _nearest(closed: Array, x: float, y: float, rows: slice = slice(None)) -> tuple[int, int]:
    """Row and column of the frontal vertex nearest to (x, y), among some rows."""
    block = closed[rows]
    distance = (block[..., 0] - x) ** 2 + (block[..., 1] - y) ** 2 + 1e4 * (block[..., 2] < _EAR_F)
    row, column = np.unravel_index(distance.argmin(), distance.shape)
    return int(row) + (rows.start or 0), int(column)


def _on_row(closed: Array, row: int, x: float) -> tuple[int, int]:
    return row, int(np.abs(closed[row, :, 0] - x).argmin())


def _on_angle(grid: HeadGrid, closed: Array, angle: float, y: float) -> tuple[int, int]:
    """The vertex nearest in height on the column of `angle` degrees, not under the jaw."""
    column = int(np.abs(grid.angle - angle).argmin())
    height = closed[:, column, 1]
    return int(np.abs(height[: int(height.argmax()) + 1] - y).argmin()), column
