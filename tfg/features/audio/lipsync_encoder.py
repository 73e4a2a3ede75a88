"""The network of audio=lipsync in torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tfg import learned
from tfg.features.audio.ave_encoder import ConvBlock
from tfg.features.audio.lipsync_file import ENCODER, REMEDY
from tfg.types import InputError

# AVE's blocks, a quarter as wide and fewer: channels in, out, kernel, stride, padding, residual. (1, 80, 16) -> (128, 1, 1).
BLOCKS: tuple[tuple[int, int, int, int | tuple[int, int], int, bool], ...] = (
    (1, 16, 3, 2, 1, False),
    (16, 16, 3, 1, 1, True),
    (16, 32, 3, (2, 1), 1, False),
    (32, 32, 3, 1, 1, True),
    (32, 64, 3, (2, 2), 1, False),
    (64, 64, 3, 1, 1, True),
    (64, 128, 3, (3, 1), 1, False),
    (128, 128, 3, 1, 1, True),
    (128, 128, 4, 1, 0, False),
)


def build_lipsync() -> nn.Sequential:
    """(b, 1, 80, 16) mel windows -> (b, 128, 1, 1), non-negative."""
    return nn.Sequential(*(ConvBlock(*block) for block in BLOCKS))


def save_encoder(path: Path, network: nn.Module, sources: dict[str, Any]) -> None:
    """The same bytes for the same weights and sources."""
    halves = {name: value.half().numpy() for name, value in _stored(network).items()}
    learned.write(path, ENCODER, learned.Learned(tensors=halves, sources=sources))


def load_encoder(path: Path) -> nn.Sequential:
    """InputError names a file that is damaged, or no encoder of this version of tfg."""
    network = build_lipsync().eval().requires_grad_(False)
    found = learned.read(path, ENCODER).tensors
    if any(not np.isfinite(value).all() for value in found.values()):
        raise ENCODER.damaged(path, "its weights are not all finite")
    expected = {name: tuple(value.shape) for name, value in _stored(network).items()}
    if {name: value.shape for name, value in found.items()} != expected:
        raise InputError(f"{path}: its arrays are of other shapes than audio=lipsync has; {REMEDY}")
    network.load_state_dict({name: torch.from_numpy(value).float() for name, value in found.items()}, strict=False)
    return network


def _stored(network: nn.Module) -> dict[str, Tensor]:
    """All of its state but batch normalisation's counters."""
    return {name: value for name, value in network.state_dict().items() if not name.endswith("num_batches_tracked")}
