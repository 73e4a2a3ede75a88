"""Two video files made comparable: same frames, same size, and one sentence for everything that was done to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfg.clip.read import VideoReader, open_video
from tfg.clip.sound import read_aligned_audio, read_audio
from tfg.metrics.base import Pictures
from tfg.record import files
from tfg.types import FPS, SAMPLES_PER_FRAME, Bytes, Floats, InputError

RATE_TOLERANCE = 0.01  # pictures a second; 25 within this is not called resampled


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """Pictures of another size: shrunk by area, enlarged bilinearly."""

    pictures: Pictures
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.pictures.shape[0], self.height, self.width

    def frames(self, start: int, stop: int) -> Bytes:
        import cv2

        shrinks = self.height < self.pictures.shape[1]
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        scaled = np.empty((stop - start, self.height, self.width, 3), np.uint8)
        for row, picture in zip(scaled, self.pictures.frames(start, stop), strict=True):
            cv2.resize(picture, (self.width, self.height), dst=row, interpolation=how)
        return scaled


@dataclass(frozen=True, kw_only=True)
class Begun:
    """The first frames of pictures."""

    pictures: Pictures
    num_frames: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.num_frames, *self.pictures.shape[1:]

    def frames(self, start: int, stop: int) -> Bytes:
        return self.pictures.frames(start, stop)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What is scored: n frames of one size, the sound they are meant for, and what was done to get there."""

    prediction: Pictures
    truth: Pictures | None
    audio: Floats | None  # (n * 640,)
    notes: tuple[str, ...]  # one sentence each; empty when nothing was changed
    where: str  # the same for the definitions
    digests: tuple[str, ...]  # of the files that the numbers depend on


def compare(prediction: Path, truth: Path | None, audio: Path | None, *, resize: bool) -> Comparison:
    """Resampled to 25 fps by time stamps and cut to the shorter; resized only when asked. InputError where that is not enough."""
    made, true = _open(prediction, "--pred"), None if truth is None else _open(truth, "--truth")
    notes = [
        f"{name} resampled from {video.rate:.2f} to {FPS} frames a second by time stamps"
        for name, video in (("prediction", made), ("truth", true))
        if video is not None and abs(video.rate - FPS) > RATE_TOLERANCE
    ]
    count, height, width = made.shape
    shown: Pictures = made
    if true is not None:
        if true.shape[1:] != made.shape[1:]:
            shown = _scaled(made, true, resize)
            height, width = true.shape[1:]
            notes.append(f"prediction resized from {made.shape[2]}x{made.shape[1]} to {width}x{height}")
        if true.shape[0] != count:
            longer = "prediction" if count > true.shape[0] else "truth"
            notes.append(
                f"cut to the first {min(count, true.shape[0])} frames, the {longer} has {max(count, true.shape[0])}"
            )
            count = min(count, true.shape[0])
    sound, source = _sound(audio, made, true, count)
    notes += [source] if source else []
    where = f"{count} frames of {width}x{height} at {FPS} fps decoded from the files"
    return Comparison(
        prediction=Begun(pictures=shown, num_frames=count),
        truth=None if true is None else Begun(pictures=true, num_frames=count),
        audio=sound,
        notes=tuple(notes),
        where="; ".join([where, *notes]),
        digests=(made.digest, true.digest if true else "", _digest(audio)),
    )


def _open(path: Path, option: str) -> VideoReader:
    if path.is_dir():
        raise InputError(f"{option} {path}: is a folder; give a video, or folders for both --pred and --truth")
    return open_video(path)


def _scaled(made: VideoReader, true: VideoReader, resize: bool) -> Pictures:
    (_, height, width), (_, true_height, true_width) = made.shape, true.shape
    sizes = f"{made.path} is {width}x{height} and {true.path} is {true_width}x{true_height}"
    if not resize:
        raise InputError(f"{sizes}; give --resize to scale the prediction to the size of the truth")
    if abs(width / height - true_width / true_height) > 0.01:
        raise InputError(f"{sizes}: --resize would change the shape of the face; crop one of them first")
    return Scaled(pictures=made, height=true_height, width=true_width)


def _sound(audio: Path | None, made: VideoReader, true: VideoReader | None, count: int) -> tuple[Floats | None, str]:
    """The sound that the lips should follow: the file given, else the prediction's own, else the truth's."""
    length = count * SAMPLES_PER_FRAME
    if audio is not None:
        sound = read_audio(audio)
        if abs(len(sound) - length) > SAMPLES_PER_FRAME:
            note = f"sound of {audio.name} ({len(sound) / 16_000:.2f} s) cut or padded to {count / FPS:.2f} s"
        else:
            note = ""
        return np.pad(sound[:length], (0, max(0, length - len(sound)))), note
    for name, video in (("prediction", made), ("truth", true)):
        if video is not None and video.has_sound:
            note = "" if name == "prediction" else "sound of the truth, the prediction has none"
            return read_aligned_audio(video.path, video.start_seconds, length), note
    return None, ""


def _digest(path: Path | None) -> str:
    return "" if path is None else files.checksum(path)
