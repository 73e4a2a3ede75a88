"""Small layers shared by the backbones, as in RAD-NeRF and its heirs: bias-free MLP, per-frame audio encoder, attention over time.

What belongs to one backbone only lives in its own folder.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from tfg.engines.mlp import mlp


class MLP(nn.Module):
    """Linear layers without bias, ReLU between, none at the end: `MLP(68, 16, 16, 7)`."""

    def __init__(self, *widths: int, engine: str = "auto") -> None:
        super().__init__()
        self.engine = engine
        self.layers = nn.ModuleList(
            nn.Linear(inputs, outputs, bias=False) for inputs, outputs in itertools.pairwise(widths)
        )

    def forward(self, values: Tensor) -> Tensor:
        """(n, widths[0]) -> (n, widths[-1])."""
        return mlp(values, list(self.parameters()), self.engine)


class FrameEncoder(nn.Module):
    """Audio feature of one video frame -> code: Linear layers with LeakyReLU between, as SyncTalk's for AVE features.

    Differs from the paper: `hidden` is a choice (SyncTalk: 256, 128) and inputs and hidden units may be dropped in
    training, because five seconds of speech are 125 vectors.
    """

    def __init__(self, channels: int, hidden: tuple[int, ...], width: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        widths = (channels, *hidden, width)
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(widths):
            if layers:
                layers.append(nn.LeakyReLU(0.01))
            layers += [nn.Dropout(dropout), nn.Linear(inputs, outputs)]
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """(..., channels) -> (..., width)."""
        return self.layers(features)


class AudioAttention(nn.Module):
    """Weighted sum of the window's codes; a convolution over time gives the weights (AD-NeRF's AudioAttNet)."""

    def __init__(self, width: int, window: int = 8) -> None:
        super().__init__()
        channels = (width, 16, 8, 4, 2, 1)
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(channels):
            layers += [nn.Conv1d(inputs, outputs, 3, padding=1), nn.LeakyReLU(0.02)]
        self.convolutions = nn.Sequential(*layers)
        self.weights = nn.Linear(window, window)

    def forward(self, codes: Tensor) -> Tensor:
        """(b, window, width) -> (b, width)."""
        scores = self.weights(self.convolutions(codes.transpose(1, 2)).squeeze(1))  # (b, window)
        return (torch.softmax(scores, dim=1)[:, :, None] * codes).sum(dim=1)


class AudioEncoder(nn.Module):
    """Normalised audio window -> one code for the middle frame: `FrameEncoder` on each frame, then `AudioAttention`."""

    def __init__(
        self, channels: int, hidden: tuple[int, ...], width: int, *, window: int = 8, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.frame = FrameEncoder(channels, hidden, width, dropout=dropout)
        self.attention = AudioAttention(width, window)

    def forward(self, windows: Tensor) -> Tensor:
        """(b, window, channels) -> (b, width)."""
        return self.attention(self.frame(windows))


def augment_windows(windows: Tensor, *, noise: float, shift: float, generator: torch.Generator | None = None) -> Tensor:
    """(b, window, channels) with white noise of deviation `noise` and a random time shift of up to `shift` frames.

    The shift is a fraction of a frame by linear interpolation; the ends repeat. Differs from the paper: neither method
    augments; with 125 training frames a network otherwise learns each frame's own vector.
    """
    frames = windows.shape[1]
    if shift > 0:
        offset = (2 * torch.rand((), generator=generator, device=windows.device) - 1) * shift
        position = (torch.arange(frames, device=windows.device) + offset).clamp(0, frames - 1)
        low = position.floor().long().clamp(max=frames - 2)
        part = (position - low)[None, :, None]
        windows = windows[:, low] * (1 - part) + windows[:, low + 1] * part
    if noise > 0:
        windows = windows + noise * torch.randn(windows.shape, generator=generator, device=windows.device)
    return windows
