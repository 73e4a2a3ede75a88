"""A trained head opened for speech: what drives it, how its person looked, the backbone that renders it.

`tfg render` and `tfg live` make their pictures by it; how it moves meanwhile is in performance/.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from omegaconf import DictConfig

from tfg import parts, rendering, training
from tfg.backbones.base import Backbone
from tfg.features.base import AudioExtractor
from tfg.features.lips.regression import LipMap
from tfg.performance.perform import Performance
from tfg.threads import count_of
from tfg.types import Bytes, Floats, Portrait


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """A head in memory, on a card where one is here."""

    name: str  # of its folder
    portrait: Portrait  # the training part
    extractor: AudioExtractor
    lips: LipMap | None  # None: driven by the audio features themselves
    mean: Floats  # (channels,) of what drives the training part
    std: Floats  # (channels,)
    backbone: Backbone
    device: str
    threads: int | None  # to render with; None: all cores

    def driven_by(self, audio: Floats) -> Floats:
        """(samples,) 16 kHz -> (n, channels), a row a frame, not yet normalised."""
        features = self.extractor.extract(audio)
        return features if self.lips is None else self.lips.predict(features)

    def draw(self, rows: Portrait, windows: Floats) -> Bytes:
        """(n, size, size, 3) of frames of a performance, driven by normalised windows (n, 8, channels)."""
        return rendering.render(self.backbone, rows, windows, device=self.device).images

    def say_unblinking(self, performance: Performance) -> None:
        """One line where it will not blink."""
        if not performance.can_blink:
            print(
                f"tfg: {self.name} was trained on seconds without a whole blink and has not learned closed lids: it will not blink",
                file=sys.stderr,
            )


def opened(folder: Path, config: DictConfig) -> Speaker:
    """Of a head's folder and configuration, as `heads.read` gives it; InputError where a file of it is damaged."""
    portrait, mean, std, lips = rendering.load_portrait(folder / "portrait.npz")
    backbone = parts.make_backbone(config, portrait)
    training.load(backbone, folder)
    return Speaker(
        name=folder.name,
        portrait=portrait,
        extractor=parts.construct(config.audio, "audio"),
        lips=lips,
        mean=mean,
        std=std,
        backbone=backbone,
        device=device_of(config.backbone.engine),
        threads=count_of(config.trainer.threads, portrait.cameras.size),
    )


def device_of(engine: str) -> str:
    """Where a head speaks: on a card if one is here, unless it was trained by the C engine, which needs tensors on the CPU."""
    return "cuda" if torch.cuda.is_available() and engine != "cpu" else "cpu"
