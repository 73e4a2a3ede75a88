"""LPIPS v0.1 with AlexNet (Zhang et al. 2018): own network, weights from assets. Inputs are uint8, so no range can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from tfg.types import Bytes, InputError

_STRIDES, _PADDINGS = (4, 1, 1, 1, 1), (2, 2, 1, 1, 1)
_POOL_BEFORE = (False, True, True, False, False)


class Lpips(nn.Module):
    """Distance of two batches (n, 3, h, w) in [-1, 1] -> (n,); differentiable, weights frozen."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        try:
            with np.load(weights, allow_pickle=False) as file:
                arrays = {name: torch.from_numpy(file[name].astype(np.float32)) for name in file.files}
            expected = {f"conv{i}.{part}" for i in range(5) for part in ("weight", "bias")} | {
                f"lin{i}" for i in range(5)
            }
            if set(arrays) != expected:
                raise ValueError(f"keys differ: {sorted(set(arrays) ^ expected)}")
        except (OSError, ValueError) as error:
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


def lpips(network: Lpips, prediction: Bytes, truth: Bytes, batch: int = 16) -> NDArray[np.float64]:
    """(n, h, w, 3) uint8 twice -> (n,)."""

    def tensor(images: Bytes) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 127.5 - 1

    values = []
    with torch.no_grad():
        for start in range(0, len(truth), batch):
            chunk = slice(start, start + batch)
            values.append(network(tensor(prediction[chunk]), tensor(truth[chunk])).numpy())
    return np.concatenate(values).astype(np.float64)
