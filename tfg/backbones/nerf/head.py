"""All that is learned of one person: speech encoder, head field, individual codes; and its exponential average."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from tfg.backbones.layers import AudioEncoder, augment_windows
from tfg.backbones.nerf.field import HeadField
from tfg.backbones.nerf.settings import FieldShape, Schedule, SpeechShape
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
        uncertain: bool,
        engine: str,
    ) -> None:
        super().__init__()
        self.options = speech
        self.encoder = AudioEncoder(audio_channels, speech.hidden, speech.width, dropout=speech.dropout)
        self.field = HeadField(
            shape,
            audio_width=speech.width,
            upper_width=len(UPPER_FACE),
            code_width=code_width,
            uncertain=uncertain,
            engine=engine,
        )
        self.codes = nn.Parameter(CODE_STD * torch.randn(num_codes, code_width))

    def groups(self, plan: Schedule) -> Iterator[dict[str, Any]]:
        """Parameters of each learning rate and weight decay, for an optimiser; `full_lr` is the rate before it falls."""
        field, encoder = self.field, self.encoder
        rates: list[tuple[nn.Module | nn.Parameter | None, float, float]] = [
            (field.tables, plan.lr_grid, plan.weight_decay_grid),
            (encoder.attention, plan.lr_attention, plan.weight_decay_attention),
            (encoder.frame, plan.lr_net, plan.weight_decay_speech),
            (field.audio_attention, plan.lr_net, plan.weight_decay_net),
            (field.upper_attention, plan.lr_net, plan.weight_decay_net),
            (field.density, plan.lr_net, plan.weight_decay_net),
            (field.color, plan.lr_net, plan.weight_decay_net),
            (self.codes, plan.lr_net, plan.weight_decay_net),
            (field.doubt, plan.lr_net, plan.weight_decay_net),
        ]
        for part, rate, decay in rates:
            if part is not None:
                parameters = list(part.parameters()) if isinstance(part, nn.Module) else [part]
                yield {"params": parameters, "lr": rate, "full_lr": rate, "weight_decay": decay}

    def encode_audio(self, windows: Tensor) -> Tensor:
        """(b, 8, channels) normalised audio -> (b, width) codes; augmented while training."""
        if self.training:
            windows = augment_windows(windows, noise=self.options.noise, shift=self.options.shift)
        return self.encoder(windows)

    def code(self, row: int) -> Tensor:
        """(code_width,) the individual code of a training frame, or none (0,)."""
        return self.codes[row] if len(self.codes) else self.codes.new_zeros(0)


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
