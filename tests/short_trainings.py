"""A few steps of each backbone with the same random draws on any device, and the head live, to compare engines. Holds no tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from live_pages import LOGMEL
from portraits import make_scene, rows
from support.parts import part
from torch import Tensor

from tfg.backbones.base import Learner
from tfg.data import PortraitData, audio_statistics, audio_windows
from tfg.live.head import Head
from tfg.live.stream import BLOCK
from tfg.speaker import Speaker
from tfg.training import fit
from tfg.types import SAMPLES_PER_FRAME, Bytes

SIZE, FRAMES, SHOWN = 32, 8, 2
# All stages; nothing grows or is pruned, for that is decided by comparisons which rounding may turn.
SETTINGS: dict[str, dict[str, Any]] = {
    "instag": {
        "cloud": {"face": 300, "mouth": 60},
        "stages": {"warm_up": 3, "face": 8, "mouth": 4, "fuse": 4, "harmonics_from": 4, "min_mouth_pixels": 0.0},
        "sampling": {"face_every": 5, "mouth_warm_up": 2, "mouth_every": 2},
        "face_density": {"start": 500},
        "mouth_density": {"start": 500},
    },
    "synctalk": {
        "field": {"levels": 6, "finest": 128},
        "speech": {"hidden": [16]},
        "sampling": {"num_rays": 128, "max_samples": 16, "patch": 12, "step": 0.05},
        "weights": {"smoothness_every": 4},
        "schedule": {"steps": 12, "lips_steps": 4, "average_every": 2, "occupancy_every": 100},
        "occupancy_resolution": 32,
    },
    "talk3d": {
        "planes": {"code": 8, "channels": 8, "widths": [16, 16, 16]},
        "decoder": {"hidden": 16},
        "unet": {"widths": [8, 8]},
        "attention": {"blocks": 1, "heads": 2, "head_width": 4},
        "tokens": {"width": 8},
        "sampling": {"uniform": 8, "importance": 8},
        "tracing": {"patch": 12},
        "stages": {"invert": 4, "tune": 8, "delta": 12, "views": 3},
        "rates": {"tune": 1e-2, "delta": 1e-2},
    },
}


BACKBONES = tuple(SETTINGS)
OF_PERCEPTRONS = ("instag", "synctalk")  # whose nets engines/mlp computes


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Of one training."""

    losses: dict[int, float]  # by step
    pictures: Bytes  # (SHOWN, SIZE, SIZE, 3) of frames that it was not trained on
    speaker: Speaker  # of the head, on its device


def outcome(backbone: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *, device: str, engine: str) -> Outcome:
    """The same head, portrait and draws every time."""
    scene = make_scene(num_frames=FRAMES + SHOWN, size=SIZE, channels=LOGMEL.channels)
    train, shown = (rows(scene, *ends).portrait for ends in ((0, FRAMES), (FRAMES, FRAMES + SHOWN)))
    torch.manual_seed(5)
    given = {"size": SIZE, "focal": train.cameras.focal, "audio_channels": LOGMEL.channels}
    module = part(f"backbone/{backbone}", **given, lip_driven=False, engine=engine, **SETTINGS[backbone])
    losses: dict[int, float] = {}

    def note(self: Learner, **values: Tensor | float) -> None:
        losses[int(self.step)] = float(values["loss"])
        self.noted = values

    mean, std = audio_statistics(train.audio)
    data = PortraitData(train, audio_windows(train.audio, mean, std), chunk=100, num_steps=module.num_steps, seed=3)
    folder.mkdir()
    with monkeypatch.context() as patch:
        draw_on_the_cpu(patch)
        patch.setattr(type(module), "note", note)
        fit(module, data, folder, device=device, logger=None)
    of_head = Speaker(
        name=backbone,
        portrait=train,
        extractor=LOGMEL,
        lips=None,
        mean=mean,
        std=std,
        backbone=module,
        device=device,
        threads=None,
    )
    pictures = of_head.draw(shown, audio_windows(shown.audio, mean, std))
    return Outcome(losses=losses, pictures=pictures, speaker=of_head)


def spoken(of_head: Speaker, frames: int) -> Bytes:
    """(frames, SIZE, SIZE, 3) of the head live under a sound, as a page gets them."""
    head = Head(of_head, 0)
    sound = np.random.default_rng(0).normal(0, 0.1, frames * SAMPLES_PER_FRAME).astype(np.float32)
    driving = np.concatenate(list(head.drive.known(sound)))  # normalised already
    windows = audio_windows(driving, np.zeros_like(driving[0]), np.ones_like(driving[0]))
    blocks = [windows[first : first + BLOCK] for first in range(0, frames, BLOCK)]
    return np.concatenate([head.draw(block, range(len(block))) for block in blocks])


def draw_on_the_cpu(patch: pytest.MonkeyPatch) -> None:
    """What torch draws comes from the CPU's generator, for tensors of any device."""
    rand = torch.rand

    def on_the_cpu(draw: Any) -> Any:
        def drawn(*sizes: Any, device: Any = None, generator: torch.Generator | None = None, **rest: Any) -> Tensor:
            own = generator if generator is not None and generator.device.type == "cpu" else None
            return draw(*sizes, generator=own, **rest).to(device or "cpu")

        return drawn

    def dropout(values: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        return values * (rand(values.shape) >= p).to(values) / (1 - p) if training and p else values

    for name in ("rand", "randn", "randint"):
        patch.setattr(torch, name, on_the_cpu(getattr(torch, name)))
    patch.setattr(torch.nn.functional, "dropout", dropout)


def check_alike(one: Outcome, other: Outcome) -> None:
    """Both learned the same as far as rounding allows, of which Adam makes whole steps where a gradient is nearly 0."""
    assert sorted(one.losses) == sorted(other.losses)
    assert len(one.losses) > 10
    assert one.losses == pytest.approx(other.losses, rel=5e-3)
    check_pictures(one.pictures, other.pictures)


def check_pictures(one: Bytes, other: Bytes) -> None:
    """No value is far off but at borders that rounding moves."""
    far = np.abs(one.astype(int) - other.astype(int))
    assert float(np.mean(far > 2)) < 1e-2
