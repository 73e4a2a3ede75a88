"""`tfg inspect`: whether a video or sound file can be used, found out by decoding all of it; and what is in it."""

from __future__ import annotations

import argparse
from pathlib import Path

from tfg.types import FPS, SAMPLE_RATE


def run(options: argparse.Namespace) -> None:
    """One line on stdout; InputError where any picture or the sound cannot be read, or is beyond the limits of conf/."""
    from tfg.clip.container import has_picture
    from tfg.clip.limits import default_limits
    from tfg.clip.read import open_video
    from tfg.clip.sound import read_audio

    path = Path(options.file).expanduser()
    if not has_picture(path, default_limits()):
        print(f"{path}: no picture, {len(read_audio(path)) / SAMPLE_RATE:.2f} s of sound; all of it can be decoded")
        return
    video = open_video(path)
    num_frames, height, width = video.shape
    for frame in range(num_frames):
        video.frames(frame, frame + 1)
    sound = "no sound"
    if video.has_sound:
        video.audio()
        sound = "sound"
    shown = f"{num_frames / FPS:.2f} s of {width}x{height} at {video.rate:.2f} pictures a second"
    print(f"{path}: {shown}, {sound}; all of it can be decoded")
