"""`tfg render`: the head of a finished run speaks any sound file, over the poses and backgrounds it was trained on."""

from __future__ import annotations

import argparse
from pathlib import Path

from tfg.types import InputError


def run(options: argparse.Namespace) -> None:
    """The video's path on stdout."""
    print(speak(Path(options.run), Path(options.audio), Path(options.output)))


def speak(folder: Path, sound: Path, output: Path) -> Path:
    """The trained head of a run folder speaks a sound file; writes an mp4 with that sound."""
    if not sound.is_file():
        raise InputError(f"{sound}: no such file; check --audio")
    if output.suffix.lower() != ".mp4" or not output.absolute().parent.is_dir():
        raise InputError(f"--output {output}: must be an .mp4 in a folder that exists")
    unfinished = InputError(
        f"{folder}: not a finished run; give a folder of results/ that holds portrait.npz and last.ckpt"
    )
    if not (folder / "portrait.npz").is_file():
        raise unfinished
    import torch  # which no mistake waits for
    from omegaconf import DictConfig, OmegaConf

    from tfg import data, overrides, rendering, training
    from tfg.clip.sound import read_audio
    from tfg.clip.write import write_video
    from tfg.pipeline import build, make_backbone

    if training.newest_checkpoint(folder) is None:
        raise unfinished
    overrides.register_resolvers()
    config = OmegaConf.load(folder / "config.yaml")
    assert isinstance(config, DictConfig)
    audio = read_audio(sound)
    portrait, mean, std = rendering.load_portrait(folder / "portrait.npz")
    features = build(config).audio.extract(audio)
    if not len(features):
        raise InputError(f"{sound}: shorter than one frame (0.04 s); give more speech")
    performance = rendering.perform(portrait, features)
    backbone = make_backbone(config, portrait)
    training.load(backbone, folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    frames = rendering.render(backbone, performance, data.audio_windows(features, mean, std), device=device)
    write_video(output, frames.images, audio)
    return output
