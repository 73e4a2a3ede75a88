"""One frame of a batch, and what training alone may use of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from tfg.types import Batch


@dataclass(frozen=True, kw_only=True)
class Frame:
    audio: Tensor  # (1, 8, channels) normalised window
    upper: Tensor  # (1, 7) in [0, 1]
    rotation: Tensor  # (3, 3)
    translation: Tensor  # (3,)
    background: Tensor  # (size, size, 3) in [0, 1]

    @property
    def size(self) -> int:
        """Pixels; of the whole head, or fewer where it is drawn coarsely."""
        return len(self.background)

    def halved(self) -> Frame:
        """The same in a picture of half the size."""
        return replace(self, background=halved(self.background))


@dataclass(frozen=True, kw_only=True)
class FrameTruth:
    """Training only."""

    image: Tensor  # (size, size, 3) in [0, 1]
    head_mask: Tensor  # (size, size) in [0, 1]
    landmarks: Tensor  # (68, 2) pixels
    row: Tensor  # () int64, of the training portrait

    def halved(self) -> FrameTruth:
        """The same in a picture of half the size."""
        mask = halved(self.head_mask[..., None])[..., 0]
        return replace(self, image=halved(self.image), head_mask=mask, landmarks=self.landmarks / 2)


def halved(picture: Tensor) -> Tensor:
    """(2 n, 2 n, channels) -> (n, n, channels), means of two by two pixels."""
    size, channels = len(picture) // 2, picture.shape[2]
    pairs = picture.view(size, 2, 2 * size * channels)
    rows = (pairs[:, 0] + pairs[:, 1]).view(size, size, 2, channels)
    return (rows[:, :, 0] + rows[:, :, 1]) * 0.25


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
