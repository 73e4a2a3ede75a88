"""One frame of a batch, and what training alone may use of it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from tfg.types import Batch


@dataclass(frozen=True, kw_only=True)
class Frame:
    audio: Tensor  # (1, 8, channels) normalised window
    upper: Tensor  # (1, 7) in [0, 1]
    rotation: Tensor  # (3, 3)
    translation: Tensor  # (3,)
    background: Tensor  # (size, size, 3) in [0, 1]


@dataclass(frozen=True, kw_only=True)
class FrameTruth:
    """Training only."""

    image: Tensor  # (size, size, 3) in [0, 1]
    head_mask: Tensor  # (size, size) 0 or 1
    landmarks: Tensor  # (68, 2) pixels
    row: Tensor  # () int64, of the training portrait


def frame_of(batch: Batch, row: int = 0) -> Frame:
    one = slice(row, row + 1)
    return Frame(
        audio=batch["audio"][one],  # type: ignore[index]
        upper=batch["upper"][one],  # type: ignore[index]
        rotation=batch["rotation"][row],  # type: ignore[index]
        translation=batch["translation"][row],  # type: ignore[index]
        background=batch["background"][row],  # type: ignore[index]
    )


def truth_of(batch: Batch, row: int = 0) -> FrameTruth:
    return FrameTruth(
        image=batch["image"][row],  # type: ignore[index]
        head_mask=batch["head_mask"][row],  # type: ignore[index]
        landmarks=batch["landmarks"][row],  # type: ignore[index]
        row=batch["index"][row],  # type: ignore[index]
    )
