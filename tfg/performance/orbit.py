"""A head that turns to be seen from its sides while it speaks: angles that go smoothly to and fro, on top of its own motion."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tfg.rotations import about_necks, necks, turns
from tfg.types import FPS, Cameras, InputError

SECONDS = 8.0  # of a whole turn there and back, about; a video has whole ones
MOST = {"yaw": 90.0, "pitch": 60.0}  # degrees either way
_NUMBER = r"[-+]?\d+(?:\.\d+)?"
Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Orbit:
    """Degrees between which the head turns; yaw to the image's right and chin down are positive."""

    yaw: Range = (0.0, 0.0)
    pitch: Range = (0.0, 0.0)

    @staticmethod
    def parse(texts: Sequence[str]) -> Orbit:
        """Of `yaw=-30..30` and `pitch=-15..15`, or one angle to hold; InputError for anything else."""
        found: dict[str, Range] = {}
        for text in texts:
            match = re.fullmatch(rf"(yaw|pitch)=({_NUMBER})(?:\.\.({_NUMBER}))?", text)
            if match is None:
                raise InputError(
                    f"--orbit {text}: give yaw=LOW..HIGH and pitch=LOW..HIGH in degrees, as yaw=-30..30, or one angle"
                )
            axis, low = match[1], float(match[2])
            high = low if match[3] is None else float(match[3])
            if axis in found:
                raise InputError(f"--orbit {text}: {axis} is given twice; give it once")
            if low > high or max(-low, high) > MOST[axis]:
                raise InputError(f"--orbit {text}: give the lower angle first, neither beyond {MOST[axis]:g} degrees")
            found[axis] = low, high
        return Orbit(**found)

    def angles(self, num_frames: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n,) yaw and (n,) pitch: from the middle to both ends and back, in whole turns; of both together an ellipse."""
        rounds = max(1, round(num_frames / FPS / SECONDS))
        phase = 2 * np.pi * rounds * np.arange(num_frames) / num_frames
        both = self.yaw[0] < self.yaw[1]
        waves = {"yaw": np.sin(phase), "pitch": np.cos(phase) if both else np.sin(phase)}

        def along(axis: str, ends: Range) -> NDArray[np.float64]:
            return np.asarray((ends[0] + ends[1]) / 2 + (ends[1] - ends[0]) / 2 * waves[axis])

        return along("yaw", self.yaw), along("pitch", self.pitch)

    def turned(self, cameras: Cameras, start: int, num_frames: int) -> Cameras:
        """Cameras of the frames from `start` on, of `num_frames` in all, whose heads turn about their necks as well."""
        rows = slice(start, start + len(cameras.rotation))
        yaw, pitch = (angle[rows] for angle in self.angles(num_frames))
        rotation, translation = about_necks(
            turns(yaw, pitch) @ cameras.rotation.astype(np.float64), necks(cameras.rotation, cameras.translation)
        )
        return replace(cameras, rotation=rotation, translation=translation)
