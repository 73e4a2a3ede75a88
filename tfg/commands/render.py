"""`tfg render`: a trained head speaks any sound file, and moves as in its training part without repeating it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tfg import heads
from tfg.types import SAMPLES_PER_FRAME, Bytes, Floats, InputError

CHUNK = 100  # frames rendered at once; pictures of minutes do not fit into memory


def run(options: argparse.Namespace) -> None:
    """The video's path on stdout."""
    print(speak(Path(options.run), Path(options.audio), Path(options.output), options.seed))


def speak(given: Path, sound: Path, output: Path, seed: int = 0) -> Path:
    """The head of a run folder or head folder speaks a sound file; writes an mp4 with that sound.

    `seed`: of head motion, brows and blinks.
    """
    if seed < 0:
        raise InputError(f"--seed {seed}: must be a whole number, 0 or above")
    if not sound.is_file():
        raise InputError(f"{sound}: no such file; check --audio")
    if output.suffix.lower() != ".mp4" or not output.absolute().parent.is_dir():
        raise InputError(f"--output {output}: must be an .mp4 in a folder that exists")
    audio = _sound_of(sound)
    folder = heads.folder_of(given)
    config, _ = heads.read(folder)
    _say_speechless(sound, audio)
    import torch  # which no mistake waits for

    from tfg import data, parts, rendering, training
    from tfg.clip.write import write_video
    from tfg.performance.perform import perform
    from tfg.threads import threads

    portrait, mean, std, lips = rendering.load_portrait(folder / "portrait.npz")
    features = parts.construct(config.audio, "audio").extract(audio)
    if lips is not None:
        features = lips.predict(features)
    performance = perform(portrait, features, seed)
    if not performance.can_blink:
        print(
            f"tfg: {folder.name} was trained on seconds without a whole blink and has not learned closed lids: it will not blink",
            file=sys.stderr,
        )
    backbone = parts.make_backbone(config, portrait)
    training.load(backbone, folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    windows = data.audio_windows(features, mean, std)

    def pictures() -> Iterator[Bytes]:
        for start in range(0, len(windows), CHUNK):
            rows = performance.rows(start, min(start + CHUNK, len(windows)))
            yield from rendering.render(backbone, rows, windows[start : start + CHUNK], device=device).images

    with threads(config.trainer.threads):
        write_video(output, pictures(), audio)
    return output


def _sound_of(path: Path) -> Floats:
    """(samples,) mono 16 kHz of a file with at least a frame of sound."""
    from tfg.clip.sound import read_audio

    audio = read_audio(path)
    if len(audio) < SAMPLES_PER_FRAME:
        raise InputError(f"{path}: shorter than one frame (0.04 s); give more speech")
    return audio


def _say_speechless(path: Path, audio: Floats) -> None:
    from tfg.selectors.voicing import voiced_frames

    if not voiced_frames(audio).any():
        print(f"tfg: {path}: no speech in it, only silence or noise; it is rendered all the same", file=sys.stderr)
