"""All that is learned of one person: speech encoder, head field, individual codes; and its exponential average."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from tfg.backbones.layers import AudioEncoder, augment_windows
from tfg.backbones.nerf.field import HeadField
from tfg.backbones.nerf.settings import FieldShape, SpeechShape
from tfg.types import UPPER_FACE

CODE_STD = 0.1  # of the initial individual codes (RAD-NeRF)


class TalkingHead(nn.Module):
    """Audio window + expression -> a field of density and colour."""

    def __init__(
        self,
        *,
        audio_channels: int,
        num_codes: int,
        code_width: int,
        speech: SpeechShape,
        shape: FieldShape,
        engine: str,
    ) -> None:
        super().__init__()
        self.options = speech
        self.encoder = AudioEncoder(audio_channels, speech.hidden, speech.width, dropout=speech.dropout)
        self.field = HeadField(
            shape, audio_width=speech.width, upper_width=len(UPPER_FACE), code_width=code_width, engine=engine
        )
        self.codes = nn.Parameter(CODE_STD * torch.randn(num_codes, code_width))

    def encode_audio(self, windows: Tensor) -> Tensor:
        """(b, 8, channels) normalised audio -> (b, width) codes; augmented while training."""
        if self.training:
            windows = augment_windows(windows, noise=self.options.noise, shift=self.options.shift)
        return self.encoder(windows)


class Average(nn.Module):
    """Exponential moving average of a module's parameters, in a copy of it that is never trained."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.copy = deepcopy(module).requires_grad_(False)
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self.updates: Tensor

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """One step towards `module`; the first updates weigh more, so that the start is forgotten (as torch-ema does)."""
        self.updates += 1
        count = int(self.updates)
        decay = min(self.decay, (1 + count) / (10 + count))
        for kept, current in zip(self.copy.parameters(), module.parameters(), strict=True):
            kept.lerp_(current, 1 - decay)
