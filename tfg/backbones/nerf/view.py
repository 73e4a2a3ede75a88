"""One frame of a batch, with the types that the batch's keys promise; pictures as flat rows of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from torch import Tensor

from tfg.types import Batch


@dataclass(frozen=True, kw_only=True)
class HeadView:
    """What a head is rendered from."""

    index: int  # row in the training portrait
    audio: Tensor  # (1, 8, channels)
    upper: Tensor  # (7,)
    rotation: Tensor  # (3, 3)
    translation: Tensor  # (3,)
    background: Tensor  # (size * size, 3) in [0, 1]


@dataclass(frozen=True, kw_only=True)
class ViewTruth:
    """What a head is trained on, beside its view."""

    image: Tensor  # (size * size, 3) in [0, 1]
    head: Tensor  # (size * size,) bool
    landmarks: Tensor  # (68, 2) pixels


def views_of(batch: Batch) -> list[HeadView]:
    """The frames of a batch."""
    tensors = cast(dict[str, Any], batch)
    return [
        HeadView(
            index=int(tensors["index"][row]),
            audio=tensors["audio"][row : row + 1],
            upper=tensors["upper"][row],
            rotation=tensors["rotation"][row],
            translation=tensors["translation"][row],
            background=tensors["background"][row].reshape(-1, 3),
        )
        for row in range(len(tensors["rotation"]))
    ]


def truth_of(batch: Batch) -> ViewTruth:
    """The truth of a training batch, which is one frame."""
    tensors = cast(dict[str, Any], batch)
    assert len(tensors["image"]) == 1, "a training batch is one frame"
    return ViewTruth(
        image=tensors["image"][0].reshape(-1, 3),
        head=tensors["head_mask"][0].flatten() > 0.5,
        landmarks=tensors["landmarks"][0],
    )
