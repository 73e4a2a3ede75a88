"""The network of SyncTalk's audio-visual encoder (AVE) in torch, with its strict loader."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tfg.types import Floats, InputError

WINDOWS_AT_ONCE = 128

# (channels in, out, kernel, stride, padding, residual) of the 13 blocks, those of Wav2Lip
BLOCKS: tuple[tuple[int, int, int, int | tuple[int, int], int, bool], ...] = (
    (1, 32, 3, 1, 1, False),
    (32, 32, 3, 1, 1, True),
    (32, 32, 3, 1, 1, True),
    (32, 64, 3, (3, 1), 1, False),
    (64, 64, 3, 1, 1, True),
    (64, 64, 3, 1, 1, True),
    (64, 128, 3, 3, 1, False),
    (128, 128, 3, 1, 1, True),
    (128, 128, 3, 1, 1, True),
    (128, 256, 3, (3, 2), 1, False),
    (256, 256, 3, 1, 1, True),
    (256, 512, 3, 1, 0, False),
    (512, 512, 1, 1, 0, False),
)


class ConvBlock(nn.Module):
    """Convolution, batch norm, the input added if residual, ReLU."""

    def __init__(
        self, inside: int, outside: int, kernel: int, stride: int | tuple[int, int], padding: int, residual: bool
    ) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(inside, outside, kernel, stride, padding), nn.BatchNorm2d(outside))
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv_block(x)
        return torch.relu(y + x if self.residual else y)


def build_ave() -> nn.Sequential:
    """(b, 1, 80, 16) mel windows -> (b, 512, 1, 1), non-negative; its state dict has the 91 keys of the official file."""
    return nn.Sequential(*(ConvBlock(*block) for block in BLOCKS)).eval()


def load_ave(path: Path) -> nn.Sequential:
    """The encoder with the weights of a file: AVE's own, or the audio encoder inside a Wav2Lip checkpoint, which has the same keys."""
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path}: is no file of plain torch weights ({reason}); get audio_visual_encoder.pth again"
        ) from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict):
        raise InputError(
            f"{path}: holds a {type(state).__name__}, not a dict of weights; get audio_visual_encoder.pth again"
        )
    names = {name: str(name).removeprefix("module.") for name in state}
    prefix = "audio_encoder." if any(name.startswith("audio_encoder.") for name in names.values()) else ""
    found = {name.removeprefix(prefix): state[old] for old, name in names.items() if name.startswith(prefix)}
    encoder = build_ave()
    for name, expected in encoder.state_dict().items():
        shape = tuple(found[name].shape) if name in found else None
        if shape != tuple(expected.shape):
            raise InputError(f"{path}: {name} has shape {shape}, expected {tuple(expected.shape)}; this is not AVE")
    if strangers := sorted(found.keys() - encoder.state_dict().keys()):
        raise InputError(f"{path}: has {len(strangers)} unknown keys such as '{strangers[0]}'; this is not AVE")
    encoder.load_state_dict(found)
    return encoder


@torch.inference_mode()
def encode(encoder: nn.Module, windows: Floats) -> Floats:
    """(count, 80, 16) mel windows -> (count, 512)."""
    parts = torch.from_numpy(np.ascontiguousarray(windows)).split(WINDOWS_AT_ONCE)
    return torch.cat([encoder(part[:, None]).flatten(1) for part in parts]).numpy()
