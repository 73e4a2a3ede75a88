"""SyncNet v2's two towers, for lips and for sound, and the strict loader of its weights. Layout of joonson/syncnet_python."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tfg.metrics.weights import UNREADABLE
from tfg.types import Bytes, Floats, InputError

SIZE = 224  # pixels of a lips crop
FRAMES = 5  # pictures of a window
EMBEDDING = 1024
_FOREIGN = "not SyncNet weights; the official file is syncnet_v2.model, see `tfg assets`"


class SyncNet(nn.Module):
    """Embeds five pictures of a face and 0.2 s of sound into the same 1024 numbers. Outputs are not normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *_block(nn.Conv2d(1, 64, 3, padding=1)),
            nn.MaxPool2d(1, 1),
            *_block(nn.Conv2d(64, 192, 3, padding=1)),
            nn.MaxPool2d(3, (1, 2)),
            *_block(nn.Conv2d(192, 384, 3, padding=1)),
            *_block(nn.Conv2d(384, 256, 3, padding=1)),
            *_block(nn.Conv2d(256, 256, 3, padding=1)),
            nn.MaxPool2d(3, 2),
            *_block(nn.Conv2d(256, 512, (5, 4))),
        )
        self.netfcaud = _head()
        self.netfclip = _head()
        self.netcnnlip = nn.Sequential(
            *_block(nn.Conv3d(3, 96, (FRAMES, 7, 7), (1, 2, 2))),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_block(nn.Conv3d(96, 256, (1, 5, 5), (1, 2, 2), (0, 1, 1))),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *_block(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),
            *_block(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),
            *_block(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_block(nn.Conv3d(256, 512, (1, 6, 6))),
        )
        self.eval().requires_grad_(False)

    @classmethod
    def load(cls, path: Path) -> SyncNet:
        """The network with the weights of a file, which may hold nothing but tensors of the right names and shapes."""
        with torch.device("meta"):  # no random numbers are drawn for weights that are replaced
            network = cls()
        network.load_state_dict(_checked(_read(path), network.state_dict(), path), assign=True)
        return network

    @torch.inference_mode()
    def lips(self, crops: Bytes) -> Floats:
        """(n + 4, 224, 224, 3) consecutive BGR pictures in [0, 255] -> (n, 1024), a row for every window of five."""
        pictures = torch.from_numpy(np.ascontiguousarray(crops)).permute(3, 0, 1, 2).float()
        stacks = pictures.unfold(1, FRAMES, 1).permute(1, 0, 4, 2, 3)  # (n, 3, 5, 224, 224)
        # channels_last_3d would be a fifth faster, but on CPU its memory grows with every call (torch 2.13)
        return self.netfclip(self.netcnnlip(stacks.contiguous()).flatten(1)).numpy()

    @torch.inference_mode()
    def sound(self, windows: Floats) -> Floats:
        """(n, 13, 20) MFCC -> (n, 1024)."""
        return self.netfcaud(self.netcnnaud(torch.from_numpy(windows)[:, None]).flatten(1)).numpy()


def _block(convolution: nn.Conv2d | nn.Conv3d) -> tuple[nn.Module, nn.Module, nn.Module]:
    norm = nn.BatchNorm3d if isinstance(convolution, nn.Conv3d) else nn.BatchNorm2d
    return convolution, norm(convolution.out_channels), nn.ReLU(inplace=True)


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(inplace=True), nn.Linear(512, EMBEDDING))


def _read(path: Path) -> Mapping[str, Tensor]:
    """A dictionary of tensors by name. A pickle that would run code is refused, not run."""
    if not path.is_file():
        raise InputError(f"{path}: no such file of SyncNet weights; see `tfg assets`")
    try:
        with warnings.catch_warnings(action="ignore"):  # about the pickle protocol of broken files
            state = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        first = next(iter(str(error).splitlines()), "")[:120]
        raise InputError(f"{path}: {_FOREIGN} ({type(error).__name__}: {first})") from error
    if not isinstance(state, Mapping) or not all(isinstance(key, str) for key in state):
        raise InputError(f"{path}: {_FOREIGN} (it holds no dictionary of tensors by name)")
    return {key.removeprefix("module."): value for key, value in state.items()}  # DataParallel's prefix


def _checked(given: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The given tensors with the expected keys; the counters of batch normalisation may be missing, they change no output."""
    checked = {}
    for key, own in expected.items():
        value = given.get(key)
        if value is None and key.endswith(".num_batches_tracked"):
            value = torch.zeros((), dtype=own.dtype)
        if not isinstance(value, Tensor):
            raise InputError(f"{path}: {_FOREIGN} (no tensor {key})")
        if value.shape != own.shape:
            raise InputError(f"{path}: {_FOREIGN} ({key} is {tuple(value.shape)}, not {tuple(own.shape)})")
        if not torch.isfinite(value).all():
            raise InputError(f"{path}: {_FOREIGN} ({key} holds infinite or undefined numbers)")
        checked[key] = value.to(own.dtype)
    unknown = sorted(set(given) - set(expected))
    if unknown:
        raise InputError(f"{path}: {_FOREIGN} (unknown key {unknown[0]})")
    return checked
