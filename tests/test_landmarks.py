"""The 68-point convention stands in one file, and what it says of regions is so of the generic face."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from tfg import landmarks
from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.landmarks import eye_distance, indices, mouth_opening
from tfg.types import NUM_LANDMARKS

ROOT = Path(__file__).parents[1]
OWN = {"tfg/landmarks.py", "tfg/clip/synthetic/landmarks.py"}
FILES = [
    path
    for package in ("tfg", "experiments", "analysis", "benchmarks")
    for path in sorted((ROOT / package).rglob("*.py"))
    if path.relative_to(ROOT).as_posix() not in OWN
]
REGIONS = {(0, 17), (17, 27), (27, 31), (27, 36), (31, 36), (36, 42), (42, 48), (36, 48), (48, 60), (60, 68), (48, 68)}
POINTS = (
    {36, 45},
    {48, 54},
    {36, 39, 42, 45},
    {27, 28, 29, 30},
    {31, 32, 33, 34, 35},
    {0, 1, 2, 14, 15, 16},
    {61, 62, 63},
)


def number(node: ast.expr | None) -> int | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None


def copies(tree: ast.AST) -> list[int]:
    """Lines that name a region, a group or one of the 68 points by numbers; a first index up to 7 may be one of anything."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            if any(8 <= value < NUM_LANDMARKS for place in places if (value := number(place)) is not None):
                found.append(node.lineno)
        if isinstance(node, ast.Slice):
            low, high = number(node.lower), number(node.upper)
            if (low, high) in REGIONS or (low in (48, 60) and node.upper is None):
                found.append(node.lower.lineno)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("slice", "range"):
            if tuple(map(number, node.args)) in REGIONS:
                found.append(node.lineno)
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            values = {number(element) for element in node.elts}
            if values in POINTS or {27, 28, 29, 30, 36, 39, 42, 45} <= values:
                found.append(node.lineno)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_other_file_numbers_the_points(path):
    assert copies(ast.parse(path.read_text())) == []


@pytest.mark.parametrize(
    "line",
    [
        "p[:, 48:68]",
        "p[48:]",
        "slice(36, 48)",
        "p[[36, 45]]",
        "range(60, 68)",
        "(27, 28, 29, 30, 36, 39, 42, 45)",
        "(48, 54)",
        "p[30]",
        "p[:, 45, 0]",
        "p[..., 8, :]",
    ],
)
def test_a_copy_is_found(line):
    assert copies(ast.parse(line)) == [1]


def test_regions_of_the_generic_face_lie_where_their_names_say():
    x, y, depth = GENERIC_SHAPE.T
    assert depth.argmin() == landmarks.NOSE_TIP
    assert y.argmax() == landmarks.CHIN
    assert y[landmarks.BROWS].max() < y[landmarks.EYES].min() < y[landmarks.NOSE_TIP] < y[landmarks.MOUTH].min()
    assert x[landmarks.LEFT_EYE].max() < x[landmarks.NOSE_ROOT] < x[landmarks.RIGHT_EYE].min()
    left, right = landmarks.MOUTH_CORNERS
    assert (x[landmarks.MOUTH].argmin(), x[landmarks.MOUTH].argmax()) == (left - 48, right - 48)
    for upper, lower in landmarks.INNER_LIP_PAIRS:
        assert x[upper] == pytest.approx(x[lower], abs=0.01)
        assert y[upper] < y[lower]
    assert sorted(indices(landmarks.TEMPLES, landmarks.EAR_LOBES, landmarks.LOWER_JAW)) == [*range(17)]
    assert indices(landmarks.OUTER_LIPS, landmarks.INNER_LIPS) == indices(landmarks.MOUTH)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_distances_keep_the_precision_of_the_points(kind):
    points = GENERIC_SHAPE[None, :, :2].astype(kind)
    assert eye_distance(points).dtype == kind
    for scale in ("none", "eyes", "run"):
        assert mouth_opening(points, scale).dtype == kind


def test_mouth_opening_is_the_mean_of_three_lip_pairs() -> None:
    points = np.zeros((2, 68, 2), np.float32)
    points[0, [65, 66, 67], 1] = [3, 4, 5]
    points[:, 45, 0] = [40, 20]
    np.testing.assert_allclose(mouth_opening(points), [4, 0])
    np.testing.assert_allclose(mouth_opening(points, "eyes"), [0.1, 0])
    np.testing.assert_allclose(mouth_opening(points, "run"), [4 / 30, 0], rtol=1e-6)
    with pytest.raises(ValueError, match="scale must be none, eyes or run, not 'nose'"):
        mouth_opening(points, "nose")
