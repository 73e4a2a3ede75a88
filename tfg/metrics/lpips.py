"""LPIPS v0.1 with AlexNet (Zhang et al. 2018): own network, weights from assets. Inputs are uint8, so no range can be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from tfg import assets
from tfg.metrics import regions
from tfg.metrics.base import Chunk, MetricFacts, Outcome, PerFrame, ScoredVideo, mean
from tfg.record.arrays import NPZ_ERRORS, read_npz
from tfg.types import Bytes, InputError

MOST_BYTES = 64 << 20  # of its file, which has 10 MB of numbers
_STRIDES, _PADDINGS = (4, 1, 1, 1, 1), (2, 2, 1, 1, 1)
_AT_ONCE = 8 * 256 * 256  # pixels of a batch: eight pictures of 512 pixels are no faster than two and need 250 MB more
_POOL_BEFORE = (False, True, True, False, False)


class Lpips(nn.Module):
    """Distance of two batches (n, 3, h, w) in [-1, 1] -> (n,); differentiable, weights frozen."""

    def __init__(self, weights: str | Path) -> None:
        super().__init__()
        path = assets.located(str(weights))
        try:
            found = read_npz(path, MOST_BYTES)
            arrays = {name: torch.from_numpy(array.astype(np.float32)) for name, array in found.items()}
            expected = {f"conv{i}.{part}" for i in range(5) for part in ("weight", "bias")} | {
                f"lin{i}" for i in range(5)
            }
            if set(arrays) != expected:
                raise ValueError(f"keys differ: {sorted(set(arrays) ^ expected)}")
        except NPZ_ERRORS as error:
            raise InputError(f"{weights}: not LPIPS weights ({error}); see `tfg assets`") from error
        for name, array in arrays.items():
            self.register_buffer(name.replace(".", "_"), array, persistent=False)
        self.shift: Tensor
        self.scale: Tensor
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1), persistent=False)

    def features(self, images: Tensor) -> list[Tensor]:
        """Unit-normalised activations after each of the five ReLUs."""
        x = (images - self.shift) / self.scale
        kept = []
        for layer in range(5):
            if _POOL_BEFORE[layer]:
                x = F.max_pool2d(x, 3, 2)
            weight, bias = getattr(self, f"conv{layer}_weight"), getattr(self, f"conv{layer}_bias")
            x = F.relu(F.conv2d(x, weight, bias, stride=_STRIDES[layer], padding=_PADDINGS[layer]))
            kept.append(x / (x.norm(dim=1, keepdim=True) + 1e-10))
        return kept

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        total = torch.zeros(len(first), device=first.device)
        for layer, (a, b) in enumerate(zip(self.features(first), self.features(second), strict=True)):
            total = total + ((a - b).square() * getattr(self, f"lin{layer}")).sum(dim=1).mean(dim=(1, 2))
        return total


def lpips(network: Lpips, prediction: Bytes, truth: Bytes) -> PerFrame:
    """(n, h, w, 3) uint8 twice -> (n,). Every frame is a batch entry of its own."""
    batch = max(2, min(8, _AT_ONCE // max(1, truth.shape[1] * truth.shape[2])))

    def tensor(images: Bytes) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 127.5 - 1

    values = [np.empty(0)]
    with torch.no_grad():
        for start in range(0, len(truth), batch):
            chunk = slice(start, start + batch)
            values.append(network(tensor(prediction[chunk]), tensor(truth[chunk])).numpy())
    return np.concatenate(values).astype(np.float64)


FACE_SIZE, MOUTH_SIZE = 128, 64  # pixels that the boxes are resized to; 64 is what LPIPS was trained on


@dataclass(frozen=True, kw_only=True)
class PerceptualDistance:
    """Metric: lpips of the full frame, and of face and mouth box, each resized to one size (bilinear)."""

    network: Lpips | None
    note: str  # checksum of the weights, or why there are none
    facts: ClassVar[Mapping[str, MetricFacts]] = {
        "lpips": MetricFacts(title="LPIPS", better="down", digits=4),
        "lpips_face": MetricFacts(title="LPIPS face", better="down", digits=4),
        "lpips_mouth": MetricFacts(title="LPIPS mouth", better="down", digits=4),
    }
    names: tuple[str, ...] = ("lpips", "lpips_face", "lpips_mouth")
    needs: tuple[str, ...] = ("truth", "chunks")

    def look(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        assert chunk.truth is not None
        if self.network is None:
            return {}
        found = {"lpips": _distance(self.network, chunk.prediction, chunk.truth)}
        for name, boxes, size in (
            ("lpips_face", chunk.face_boxes, FACE_SIZE),
            ("lpips_mouth", chunk.mouth_boxes, MOUTH_SIZE),
        ):
            known = boxes.any(axis=1)
            found[name] = np.full(len(boxes), np.nan)
            found[name][known] = _distance(
                self.network,
                *(_cut(images[known], boxes[known], size) for images in (chunk.prediction, chunk.truth)),
            )
        return found

    def define(self, video: ScoredVideo) -> dict[str, str]:
        text = f"LPIPS v0.1 AlexNet, mean over frames; weights {self.note}"
        return {
            "lpips": f"{text}; {regions.FULL_FRAME}",
            "lpips_face": f"{text}; {regions.FACE_BOX}, resized to {FACE_SIZE}x{FACE_SIZE}",
            "lpips_mouth": f"{text}; {regions.MOUTH_BOX}, resized to {MOUTH_SIZE}x{MOUTH_SIZE}",
        }

    def conclude(self, rows: Mapping[str, NDArray[Any]], video: ScoredVideo) -> dict[str, Outcome]:
        if self.network is None:
            return {name: Outcome(missing=self.note) for name in self.names}
        return {name: mean(rows[name]) for name in self.names}


def _distance(network: Lpips, prediction: Bytes, truth: Bytes) -> PerFrame:
    """`lpips` of the frames that differ; the others are at distance 0 and cost nothing."""
    values = np.zeros(len(truth))
    other = np.array([not np.array_equal(made, true) for made, true in zip(prediction, truth, strict=True)], bool)
    values[other] = lpips(network, prediction[other], truth[other])
    return values


def _cut(images: Bytes, boxes: regions.Boxes, size: int) -> Bytes:
    """Each frame's own box, resized: (n, size, size, 3)."""
    import cv2

    parts = np.empty((len(images), size, size, 3), np.uint8)
    for part, image, (left, top, right, bottom) in zip(parts, images, boxes, strict=True):
        cv2.resize(image[top:bottom, left:right], (size, size), dst=part, interpolation=cv2.INTER_LINEAR)
    return parts
