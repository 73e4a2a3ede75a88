"""The segments that may be chosen: whole windows of the training part at a fixed stride."""

from __future__ import annotations

import math

from tfg.types import FPS, InputError


def candidates_for(
    num_reference_frames: int, seconds: float, stride_seconds: float = 1.0, where: str = "clip"
) -> tuple[int, ...]:
    """First frames of the floor((T - L) / stride) + 1 candidates of `seconds` inside the training part, ascending.

    `where`, the file, opens the message when there is none.
    """
    num_frames = frames_of(seconds)
    if not (math.isfinite(stride_seconds) and stride_seconds * FPS >= 1):
        raise InputError(f"stride_seconds: {stride_seconds} is not allowed; give at least one frame, {1 / FPS:g}")
    if num_frames > num_reference_frames:
        raise InputError(
            f"{where}: its training part, all but what split.held_out holds out, has {num_reference_frames / FPS:.2f} s, less than "
            f"seconds={seconds:g}; use a longer clip or fewer seconds, or hold out less"
        )
    stride = stride_seconds * FPS  # frames, not always whole
    count = math.floor((num_reference_frames - num_frames) / stride + 1e-9) + 1
    return tuple(math.floor(index * stride + 0.5) for index in range(count))


def frames_of(seconds: float) -> int:
    """Whole frames of a segment length; InputError below 8 frames, of which no spectrum means anything."""
    if not (math.isfinite(seconds) and seconds * FPS >= 8):
        raise InputError(f"seconds: {seconds} is not allowed; give at least {8 / FPS:g}")
    return round(seconds * FPS)
