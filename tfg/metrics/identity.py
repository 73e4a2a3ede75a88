"""Whether the prediction still looks like the person: cosine of face embeddings, prediction frame against its truth frame.

Network: MobileFaceNet (Chen et al. 2018), the weights of foamliu/MobileFaceNet as ONNX.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfg.metrics.base import Chunk, Outcome, Scene, left_out, mean
from tfg.types import Bytes, FaceTrack, Floats, InputError

SIZE = 112  # pixels of an aligned face
NUMBERS = 128  # of an embedding
# ArcFace's template (Deng et al. 2019): eyes, nose tip, mouth corners of the aligned face; a pixel's centre is a whole number.
TEMPLATE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)
_EYES, _NOSE_TIP, _MOUTH_CORNERS = (slice(36, 42), slice(42, 48)), 30, (48, 54)
# Of ImageNet, as the weights were trained. Same person >= 0.82, others <= 0.34 on twelve real clips; (x - 127.5) / 128 is worse.
_MEAN, _DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


class FaceEmbedder:
    """The network: one face at a time on one thread, so that nothing but the face decides the numbers."""

    def __init__(self, path: Path) -> None:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as errors

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        unreadable = (
            errors.Fail,
            errors.InvalidProtobuf,
            errors.InvalidGraph,
            errors.InvalidArgument,
            errors.NoSuchFile,
        )
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except (*unreadable, errors.NotImplemented, errors.RuntimeException) as error:
            raise InputError(f"{path}: not a readable ONNX file; get MobileFaceNet again, see `tfg assets`") from error
        given = [list(value.shape) for value in (*self._session.get_inputs(), *self._session.get_outputs())]
        if given != [[1, 3, SIZE, SIZE], [1, NUMBERS]]:
            raise InputError(f"{path}: is not MobileFaceNet (1x3x112x112 -> 1x128), but {given}; see `tfg assets`")
        self._input = self._session.get_inputs()[0].name

    def __call__(self, faces: Bytes) -> Floats:
        """(n, 112, 112, 3) aligned faces -> (n, 128), not normalised."""
        scaled = ((faces / 255 - _MEAN) / _DEVIATION).transpose(0, 3, 1, 2).astype(np.float32)
        rows = [self._session.run(None, {self._input: face[None]})[0] for face in scaled]
        return np.concatenate([np.empty((0, NUMBERS), np.float32), *rows])


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Metric: cosine of embeddings, mean over frames; 1 is the same face, strangers are near 0."""

    network: FaceEmbedder | None
    note: str  # checksum of the weights, or why there are none
    names: tuple[str, ...] = ("identity",)
    needs: tuple[str, ...] = ("truth", "chunks", "faces")

    @staticmethod
    def open(path: Path) -> FaceEmbedder:
        """The network of a weight file."""
        return FaceEmbedder(path)

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        assert chunk.truth is not None
        assert chunk.true is not None
        if self.network is None:
            return {}
        return {
            "made": _embeddings(self.network, chunk.prediction, chunk.made),
            "true": _embeddings(self.network, chunk.truth, chunk.true),
        }

    def define(self, scene: Scene) -> dict[str, str]:
        text = (
            "cosine of MobileFaceNet embeddings of a prediction frame and its truth frame, mean over frames; each face turned "
            "and scaled by eye centres, nose tip and mouth corners to ArcFace's 112x112 template, RGB, ImageNet mean and "
            f"deviation; faces by {scene.reader}; {left_out(scene)}; weights {self.note}"
        )
        return {"identity": text}

    def conclude(self, seen: Mapping[str, NDArray[Any]], scene: Scene) -> dict[str, Outcome]:
        if self.network is None:
            return {"identity": Outcome(missing=self.note)}
        return {"identity": mean(cosine(seen["made"], seen["true"]))}


def cosine(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """(n, d) twice -> (n,), NaN where a row is. Equal rows give exactly 1: the root of a square is exact."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    products = (a * b).sum(axis=1)
    lengths = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.asarray(np.clip(products / lengths, -1, 1), np.float64)


def aligned(image: Bytes, landmarks: Floats) -> Bytes:
    """(height, width, 3) and its 68 landmarks -> the face in ArcFace's pose, (112, 112, 3); black beyond the picture."""
    import cv2

    left, right = (landmarks[eye].mean(axis=0) for eye in _EYES)
    points = np.stack([left, right, landmarks[_NOSE_TIP], *(landmarks[corner] for corner in _MOUTH_CORNERS)])
    move = similarity(points - 0.5, TEMPLATE)  # OpenCV's pixel centres are whole numbers
    return np.asarray(cv2.warpAffine(image, move, (SIZE, SIZE), flags=cv2.INTER_LINEAR), np.uint8)


def similarity(source: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float64]:
    """Rotation, scale and shift that bring points (n, 2) closest to others in least squares: (2, 3).

    As complex numbers w = c z + d: c is the regression of the centred targets on the centred sources.
    """
    z, w = (points[:, 0] + 1j * points[:, 1] for points in (source.astype(np.float64), target))
    centred = z - z.mean()
    c = np.vdot(centred, w - w.mean()) / np.vdot(centred, centred)
    d = w.mean() - c * z.mean()
    return np.array([[c.real, -c.imag, d.real], [c.imag, c.real, d.imag]])


def _embeddings(network: FaceEmbedder, images: Bytes, track: FaceTrack) -> Floats:
    """(n, 128); NaN where there is no face."""
    rows = np.full((len(images), NUMBERS), np.nan, np.float32)
    known = np.flatnonzero(track.num_faces > 0)
    faces = [aligned(images[row], track.landmarks[row]) for row in known]
    if faces:
        rows[known] = network(np.stack(faces))
    return rows
