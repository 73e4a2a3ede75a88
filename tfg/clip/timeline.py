"""When each picture of a video is shown, and which one stands for each of our 25 frames a second. Reads packets, decodes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tfg.clip.container import CUT_OFF_REMEDY, decoding, open_media, picture_stream
from tfg.clip.limits import MediaLimits
from tfg.clip.whole import is_cut_off
from tfg.types import FPS, InputError

TRUNCATED_TOLERANCE = 0.5  # seconds by which sound or picture may end before the time the header states
STATED_DURATION_FORMATS = ("mov", "matroska")  # containers whose header states a measured, not a guessed, duration


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Display times of all pictures of one video stream."""

    times: NDArray[np.int64]  # (pictures,) ascending, in units of time_base
    keys: NDArray[np.int64]  # ascending times that decoding can start from
    stamped: bool  # False: the container gives pictures no time of their own; they are counted from the start
    end: int  # when the last picture goes, in units of time_base
    time_base: Fraction  # seconds

    @property
    def start_seconds(self) -> Fraction:
        """When frame 0 begins, on the container's clock."""
        return int(self.times[0]) * self.time_base

    @property
    def num_frames(self) -> int:
        """Frames at 25 fps: those whose middle lies before the end of the last picture."""
        return max(1, round((self.end - int(self.times[0])) * self.time_base * FPS))

    @property
    def rate(self) -> float:
        """Pictures a second, on average."""
        return len(self.times) / max(float((self.end - int(self.times[0])) * self.time_base), 1e-9)

    def picture_times(self, start: int, stop: int) -> NDArray[np.int64]:
        """(stop - start,) time of the picture on display in the middle of each frame [start, stop).

        The middle, as FFmpeg's `fps=25` does: time stamps that waver by less than half a frame neither drop nor repeat a picture.
        A picture that begins exactly in the middle is not yet shown.
        """
        middle = (np.arange(start, stop, dtype=np.float64) + 0.5) / FPS / float(self.time_base)
        shown = np.searchsorted(self.times - self.times[0], middle - 1e-6, side="left") - 1
        return self.times[np.clip(shown, 0, len(self.times) - 1)]

    def check(self, path: Path, limits: MediaLimits) -> None:
        """InputError where it is longer, emptier or denser than the limits allow."""
        base = float(self.time_base)
        first, last = int(self.times[0]), int(self.times[-1])
        limits.check_gap(path, "picture", (self.end - last) * base)
        limits.check_length(path, "picture", (self.end - first) * base)
        limits.check_gap(path, "picture", float(np.diff(self.times).max(initial=0)) * base)
        limits.check_rate(path, len(self.times), (self.end - first) * base)

    def key_before(self, time: int) -> int:
        """Index into `keys` of the last start for decoding at or before a time."""
        return max(0, int(np.searchsorted(self.keys, time, side="right")) - 1)


def read_timeline(path: Path, limits: MediaLimits) -> Timeline:
    """The timeline of the first video stream, exact for constant and variable rates; InputError if the file was cut off, or its
    pictures are larger, longer or further from each other than the limits allow."""
    with open_media(path, limits) as container, decoding(path, "picture"):
        stream = picture_stream(container, path, limits)
        if not stream.time_base:
            raise InputError(
                f"{path}: its picture has no unit of time; re-encode it, for example with `ffmpeg -i IN OUT.mp4`"
            )
        stamps: list[tuple[int | None, int | None, int, bool]] = []
        reached = Fraction(0)  # seconds, end of the last packet of any stream
        num_damaged = 0
        for packet in container.demux():
            if packet.size == 0 or packet.time_base is None:
                continue
            num_damaged += packet.is_corrupt
            moment = packet.pts if packet.pts is not None else packet.dts
            if moment is not None:
                reached = max(reached, (moment + (packet.duration or 0)) * packet.time_base)
            if packet.stream_index == stream.index and not packet.is_discard:
                stamps.append((packet.pts, packet.dts, packet.duration or 0, packet.is_keyframe))
        stated = Fraction(container.duration or 0, 1_000_000)
        measured = container.format.name.startswith(STATED_DURATION_FORMATS)
        if num_damaged or (measured and reached < stated - Fraction(TRUNCATED_TOLERANCE)):
            raise InputError(f"{path}: {_fault(path, num_damaged, float(stated), float(reached))}; {CUT_OFF_REMEDY}")
        if not stamps:
            raise InputError(f"{path}: holds no picture at all; copy or download it again")
        rate = stream.average_rate or stream.guessed_rate or Fraction(FPS)
        timeline = _timeline(stamps, stream.time_base, rate, counted=container.format.name == "avi")
        timeline.check(path, limits)
        return timeline


def _fault(path: Path, num_damaged: int, stated: float, reached: float) -> str:
    """Of a file that holds less than it states (seconds), or packets that are not whole."""
    if is_cut_off(path):
        return f"is cut off: it states {stated:.1f} s but ends at {reached:.1f} s"
    if num_damaged:
        return f"is damaged: {num_damaged} of its packets are not whole"
    return f"is damaged: it states {stated:.1f} s but its pictures and sound end at {reached:.1f} s"


def _timeline(
    stamps: list[tuple[int | None, int | None, int, bool]], time_base: Fraction, rate: Fraction, counted: bool
) -> Timeline:
    """From (display time, decoding time, duration, key) of every packet; `counted` where the container knows decoding times only.

    Pictures without display times are shown in the order they are decoded in, at the decoding times. FFmpeg's guess of AVI's
    display times is right only where it equals them; with reordered pictures (H.264 in AVI) it is not.
    """
    shown = [pts for pts, _, _, _ in stamps if pts is not None]
    if len(shown) < len(stamps) or (counted and any(pts != dts for pts, dts, _, _ in stamps)):
        times = np.array(sorted(dts for _, dts, _, _ in stamps if dts is not None) or [0], np.int64)
        keys, last, stamped = times[:1], 0, False
    else:
        times = np.array(sorted(shown), np.int64)
        keys = np.array(sorted(pts for pts, _, _, key in stamps if key and pts is not None) or [times[0]], np.int64)
        last = max((pts, duration) for pts, _, duration, _ in stamps if pts is not None)[1]
        stamped = True
    step = round(float(np.median(np.diff(times)))) if len(times) > 1 and not stamped else round(1 / (rate * time_base))
    return Timeline(times=times, keys=keys, stamped=stamped, end=int(times[-1]) + (last or step), time_base=time_base)
