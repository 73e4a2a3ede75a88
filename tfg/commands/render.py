"""`tfg render`: a trained head speaks any sound file, over the poses and backgrounds it was trained on."""

from __future__ import annotations

import argparse
from pathlib import Path

from tfg import heads
from tfg.types import InputError


def run(options: argparse.Namespace) -> None:
    """The video's path on stdout."""
    print(speak(Path(options.run), Path(options.audio), Path(options.output)))


def speak(given: Path, sound: Path, output: Path) -> Path:
    """The head of a run folder or head folder speaks a sound file; writes an mp4 with that sound."""
    if not sound.is_file():
        raise InputError(f"{sound}: no such file; check --audio")
    if output.suffix.lower() != ".mp4" or not output.absolute().parent.is_dir():
        raise InputError(f"--output {output}: must be an .mp4 in a folder that exists")
    folder = heads.folder_of(given)
    config, _ = heads.read(folder)
    import torch  # which no mistake waits for

    from tfg import data, parts, rendering, training
    from tfg.clip.sound import read_audio
    from tfg.clip.write import write_video

    audio = read_audio(sound)
    portrait, mean, std = rendering.load_portrait(folder / "portrait.npz")
    features = parts.construct(config.audio, "audio").extract(audio)
    if not len(features):
        raise InputError(f"{sound}: shorter than one frame (0.04 s); give more speech")
    performance = rendering.perform(portrait, features)
    backbone = parts.make_backbone(config, portrait)
    training.load(backbone, folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    frames = rendering.render(backbone, performance, data.audio_windows(features, mean, std), device=device)
    write_video(output, frames.images, audio)
    return output
