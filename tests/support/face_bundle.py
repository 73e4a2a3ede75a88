"""A file like MediaPipe's face_landmarker with another canonical mesh: a face surface of a test's own, without pretrained files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from tfg.backbones.gaussian.mesh import NUM_TRIANGLES, NUM_VERTICES
from tfg.landmarks import MESH_VERTICES

MEMBER = "geometry_pipeline_metadata_landmarks.binarypb"
SIDE = 20  # vertices along a side of the grid that the vertices without a landmark make


def grid_mesh(landmarks: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks (68, 3) at their vertices and a surface (SIDE * SIDE, 3), rows of columns, on the others; empty triangles fill up."""
    others = np.setdiff1d(np.arange(NUM_VERTICES), MESH_VERTICES)
    vertices = np.zeros((NUM_VERTICES, 3), np.float32)
    vertices[list(MESH_VERTICES)], vertices[others] = landmarks, grid
    corner = others.reshape(SIDE, SIDE)
    a, b, c, d = (part.ravel() for part in (corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:]))
    triangles = np.zeros((NUM_TRIANGLES, 3), np.int64)
    surface = np.concatenate([np.stack([a, b, c], axis=1), np.stack([b, d, c], axis=1)])
    triangles[: len(surface)] = surface
    return vertices, triangles


def write_bundle(path: Path, vertices: np.ndarray, triangles: np.ndarray) -> Path:
    """The mesh as a protocol buffer, texture coordinates 0, in a zip."""
    floats = np.zeros((len(vertices), 5), "<f4")
    floats[:, :3] = vertices
    mesh = b"\x08\x00\x10\x00" + b"".join(b"\x1d" + value.tobytes() for value in floats.ravel())
    mesh += b"".join(b"\x20" + _varint(int(index)) for index in triangles.ravel())
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr(MEMBER, b"\x0a" + _varint(len(mesh)) + mesh + b"\x12\x02\x08\x01")
    return path


def _varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
