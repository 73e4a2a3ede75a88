"""A person's rigid face as a mesh: MediaPipe's, bent onto the fitted 68 landmarks, and its depth and normals from a pose.

The canonical mesh lies in the file that `face=mediapipe` reads landmarks with (`face_landmarker`, Apache-2.0), as a protocol buffer.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfg import assets
from tfg.landmarks import MESH_VERTICES
from tfg.types import Floats, InputError

ASSET = "face_landmarker"
_MEMBER = "geometry_pipeline_metadata_landmarks.binarypb"
_MESH, _VERTICES, _TRIANGLES = 1, 3, 4  # field numbers of FaceGeometryPipelineMetadata and its Mesh3d
_FLOATS_A_VERTEX = 5  # position, texture
NUM_VERTICES, NUM_TRIANGLES = 468, 898
_NEAR = 0.01  # head units, as the rasteriser's


@dataclass(frozen=True, kw_only=True)
class Surface:
    """A mesh as a camera shows it."""

    depth: Floats  # (size, size) camera z at the pixels' centres, head units; 0 where nothing is
    normal: Floats  # (size, size, 3) unit, camera axes, towards the camera; 0 where nothing is


def canonical_mesh(path: Path) -> tuple[Floats, NDArray[np.int64]]:
    """Vertices (468, 3) in centimetres and triangles (898, 3) of a face_landmarker file."""
    try:
        with zipfile.ZipFile(path) as bundle:
            metadata = bundle.read(_MEMBER)
        mesh = next(value for number, value in _fields(metadata) if number == _MESH)
        parts = list(_fields(mesh))
        floats = np.frombuffer(b"".join(value for number, value in parts if number == _VERTICES), "<f4")
        indices = np.array([value for number, value in parts if number == _TRIANGLES], np.int64)
        vertices = floats.reshape(NUM_VERTICES, _FLOATS_A_VERTEX)[:, :3].astype(np.float32)
        triangles = indices.reshape(NUM_TRIANGLES, 3)
        if triangles.max() >= NUM_VERTICES:
            raise ValueError("a triangle has a vertex that is not there")
    except (OSError, KeyError, ValueError, TypeError, IndexError, StopIteration, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: holds no canonical face mesh ({error}); see `tfg assets`") from error
    return vertices, triangles


def face_mesh(shape: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Vertices (468, 3) in head space and triangles (898, 3) of the canonical mesh, bent onto a face shape (68, 3).

    Displacements are interpolated by radial basis functions, the biharmonic kernel |r| with an affine part: the mesh passes through
    every landmark, and what lies beyond them moves as smoothly as can be.
    """
    vertices, triangles = canonical_mesh(assets.located(ASSET))
    centres = vertices[list(MESH_VERTICES)].astype(np.float64)
    affine = np.concatenate([centres, np.ones((len(centres), 1))], axis=1)
    system = np.block([[_distances(centres, centres), affine], [affine.T, np.zeros((4, 4))]])
    solution = np.linalg.solve(system, np.concatenate([shape, np.zeros((4, 3))]))
    everywhere = np.concatenate([_distances(vertices, centres), vertices, np.ones((len(vertices), 1))], axis=1)
    return (everywhere @ solution).astype(np.float32), triangles


def draw(points: Floats, triangles: NDArray[np.int64], focal: float, size: int) -> Surface:
    """A mesh (v, 3) in camera space through a pinhole, principal point at the middle: nearest surface of each pixel's centre.

    Depth is exact on the triangles; normals are interpolated between the vertices'.
    """
    vertices = points.astype(np.float64)
    normals = _vertex_normals(vertices, triangles)
    screen = focal * vertices[:, :2] / np.maximum(vertices[:, 2:], _NEAR) + size / 2
    corners, z = screen[triangles], vertices[:, 2][triangles]  # (t, 3, 2), (t, 3)
    kept = (z > _NEAR).all(axis=1) & (_cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) != 0)
    corners, z, triangles = corners[kept], z[kept], triangles[kept]
    low = np.clip(np.floor(corners.min(axis=1)), 0, size).astype(np.int64)
    high = np.clip(np.ceil(corners.max(axis=1)), 0, size).astype(np.int64)
    side = np.arange(int((high - low).max(initial=0)))
    column = (low[:, 0, None, None] + side[None, None, :]).repeat(len(side), axis=1)  # (t, side, side)
    row = (low[:, 1, None, None] + side[None, :, None]).repeat(len(side), axis=2)
    triangle, *_ = within = np.nonzero((column < high[:, 0, None, None]) & (row < high[:, 1, None, None]))
    column, row = column[within], row[within]
    first, second, third = (corners[triangle, i] for i in range(3))
    place = np.stack([column, row], axis=1) + 0.5 - first
    area = _cross(second - first, third - first)
    u, v = _cross(place, third - first) / area, _cross(second - first, place) / area
    weights = np.stack([1 - u - v, u, v], axis=1)  # of the corners, on the screen
    inside = (weights >= 0).all(axis=1)
    weights = weights[inside] / z[triangle[inside]]
    found_depth = 1 / weights.sum(axis=1)
    pixel = row[inside] * size + column[inside]

    depth, normal = np.full(size * size, np.inf), np.zeros((size * size, 3))
    np.minimum.at(depth, pixel, found_depth)
    nearest = found_depth == depth[pixel]
    normal[pixel[nearest]] = (weights[nearest, :, None] * normals[triangles[triangle[inside][nearest]]]).sum(axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    depth[np.isinf(depth)] = 0
    return Surface(
        depth=depth.reshape(size, size).astype(np.float32),
        normal=normal.reshape(size, size, 3).astype(np.float32),
    )


def _vertex_normals(vertices: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.float64]:
    """(v, 3) unit, towards the camera: mean of the normals of a vertex's triangles, by area."""
    first, second, third = (vertices[triangles[:, i]] for i in range(3))
    faces = np.cross(second - first, third - first)
    normals = np.zeros_like(vertices)
    for corner in triangles.T:
        np.add.at(normals, corner, faces)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return normals * np.where((normals * vertices).sum(axis=1, keepdims=True) > 0, -1, 1)


def _cross(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 2), (n, 2) -> (n,)."""
    return first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]


def _distances(places: NDArray[Any], centres: NDArray[Any]) -> NDArray[np.float64]:
    """(n, 3), (k, 3) -> (n, k)."""
    return np.linalg.norm(places[:, None].astype(np.float64) - centres, axis=2)


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of every field of a protocol buffer message: integers, four bytes, or bytes."""
    place = 0

    def integer() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def taken(count: int) -> bytes:
        nonlocal place
        if place + count > len(message):
            raise ValueError("cut short")
        place += count
        return message[place - count : place]

    while place < len(message):
        number, kind = divmod(integer(), 8)
        if kind == 0:
            yield number, integer()
        elif kind == 2:
            yield number, taken(integer())
        elif kind == 5:
            yield number, taken(4)
        else:
            raise ValueError(f"a field of kind {kind}")
