"""The head of `tfg live` on a device: how soon its first picture is there, and how many it draws a second."""

from __future__ import annotations

import time

import numpy as np
import torch

from benchmarks.gpu.meter import Measured, milliseconds
from benchmarks.gpu.operations import Sizes
from benchmarks.steps import CHANNELS, portrait_of, prepared
from tfg.data import audio_statistics, audio_windows
from tfg.features.audio.logmel import LogMel
from tfg.live.head import Head
from tfg.live.stream import BLOCK, jpeg
from tfg.speaker import Speaker
from tfg.types import FPS

BACKBONES = ("instag", "synctalk")


def pictures(device: str, fast: str, sizes: Sizes) -> list[Measured]:
    """Of an untrained head of each backbone, which draws at least as much as a trained one, with JPEGs and in blocks as streamed.

    What is compiled or loaded at first use is of the first picture.
    """
    found = []
    for backbone in BACKBONES:
        head, began = Head(_speaker(backbone, device, fast, sizes), 0), time.perf_counter()
        portrait = portrait_of(sizes.frames, sizes.picture)
        windows = np.resize(audio_windows(portrait.audio, *audio_statistics(portrait.audio)), (BLOCK, 8, CHANNELS))
        head.draw(windows[:1], [0])
        first = (time.perf_counter() - began) * 1e3

        def block(head: Head = head, windows: np.ndarray = windows) -> object:
            return [jpeg(image) for image in head.draw(windows, range(BLOCK))]

        spent = milliseconds(block, device, sizes.repeats) / BLOCK
        where = f"live, {backbone}, {sizes.picture} px"
        for name, value, target, most in (
            (f"{where}: first picture", first, "<= 1 s", 1e3),
            (f"{where}: a picture with its JPEG", spent, f">= {FPS} frames/s", 1e3 / FPS),
        ):
            found.append(Measured(name=name, engine=fast, milliseconds=value, target=target, met=value <= most))
    return found


def _speaker(backbone: str, device: str, engine: str, sizes: Sizes) -> Speaker:
    portrait = portrait_of(sizes.frames, sizes.picture)
    mean, std = audio_statistics(portrait.audio)
    changes = (
        {"cloud": {"face": sizes.gaussians, "mouth": max(50, sizes.gaussians // 10)}} if backbone == "instag" else {}
    )
    module = prepared(backbone, engine, device=device, size=sizes.picture, frames=sizes.frames, changes=changes)
    return Speaker(
        name=backbone,
        portrait=portrait,
        extractor=LogMel(name="logmel", window_ms=40),
        lips=None,
        mean=mean,
        std=std,
        backbone=module,
        device=device,
        threads=torch.get_num_threads(),
    )
