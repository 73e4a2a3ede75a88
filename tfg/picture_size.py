"""`clip.size`: pixels of the square picture that the models see, as given, or (auto) the largest of SIZES that a video has.

Which one a video has is found by `sizing.py`; here is what needs no video.
"""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from tfg.types import InputError

AUTO = "auto"
SIZES = (128, 256, 512)  # that auto takes one of; the embedded clip, which has any, is rendered at the first
SMALLEST, LARGEST = 32, 1024


@dataclass(frozen=True, kw_only=True)
class PictureSize:
    """A size and why it is taken, in one line."""

    pixels: int
    why: str


def check(given: object) -> None:
    """InputError for anything but auto and an even number of pixels from SMALLEST to LARGEST."""
    whole = isinstance(given, int) and not isinstance(given, bool)
    if given != AUTO and not (whole and SMALLEST <= given <= LARGEST and given % 2 == 0):  # type: ignore[operator]
        raise InputError(
            f"clip.size={given}: give auto, or an even number of pixels from {SMALLEST} to {LARGEST}, such as {SIZES[-1]}"
        )


def of_side(side: float) -> PictureSize:
    """The largest of SIZES that a square crop with a side of so many source pixels has."""
    fits = [size for size in SIZES if size <= side]
    if not fits:
        why = f"face crop is {side:.0f} px wide: {SIZES[0]} px, the smallest that auto takes; the crop is enlarged"
        return PictureSize(pixels=SIZES[0], why=why)
    return PictureSize(pixels=fits[-1], why=f"face crop is {side:.0f} px wide: {fits[-1]} px")


def is_open(config: DictConfig) -> bool:
    """Whether only the video can say the size."""
    return bool(config.clip.size == AUTO and config.clip.path is not None)


def of(config: DictConfig) -> int:
    """The size given; where it is auto the embedded clip's, and of a video, until it is found, the first of SIZES."""
    return SIZES[0] if config.clip.size == AUTO else int(config.clip.size)
