"""The sheet of one evaluation: a folder with a page, one video and the worst frames, that opens without any server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfg.clip.write import write_video
from tfg.metrics.base import Pictures
from tfg.progress import progress
from tfg.record.files import replaced, write_text
from tfg.rendering import side_by_side
from tfg.scoring.request import Request
from tfg.scoring.sheet.page import Shown, page, worst_frames
from tfg.scoring.sheet.place import INDEX, VIDEO, checked
from tfg.scoring.videos import Comparison, Scaled, compare
from tfg.types import Bytes

LARGEST_PANEL = 1280  # pixels of a panel's longer side in the video: three of them are as much as common players decode
PIECE_BYTES = 32_000_000  # of pictures read at once
VIEWS = ("truth", "prediction", "difference x 4")


def write_sheet(record: dict[str, Any], request: Request, folder: Path) -> Path:
    """The page's path. The folder appears whole or not at all; an earlier sheet in it is replaced, other files are refused."""
    folder = checked(folder)
    shown = compare(request.prediction, request.truth, request.audio, resize=request.resize)
    with replaced(folder) as partial:
        _fill(partial, record, shown)
    return folder / INDEX


def _fill(folder: Path, record: dict[str, Any], shown: Comparison) -> None:
    count, height, width = shown.prediction.shape
    height, width = _panel(height, width)
    with progress("sheet: video", count) as advance:
        pictures = (image for piece in _pieces(shown, height, width, advance) for image in piece)
        write_video(folder / VIDEO, pictures, shown.audio)
    ranked_by, frames = worst_frames(record)
    worst = []
    for frame in frames:
        (image,) = _views(shown.prediction, shown.truth, frame, frame + 1)
        worst.append((frame, f"worst_{frame:06d}.png"))
        _write_png(folder / worst[-1][1], image)
    text = page(
        record,
        Shown(
            video=VIDEO,
            views=VIEWS if shown.truth is not None else ("prediction",),
            height=height,
            width=width,
            worst=tuple(worst),
            ranked_by=ranked_by,
        ),
    )
    write_text(folder / INDEX, text)


def _panel(height: int, width: int) -> tuple[int, int]:
    """Size of a panel in the video: even, and no larger than players can show."""
    scale = min(1.0, LARGEST_PANEL / max(height, width))
    if scale == 1.0:
        return height, width
    return 2 * round(height * scale / 2), 2 * round(width * scale / 2)


def _pieces(shown: Comparison, height: int, width: int, advance: Any) -> Iterator[Iterator[Bytes]]:
    """A few frames at a time, so that the length of a video takes no memory."""
    count, full_height, full_width = shown.prediction.shape
    prediction, truth = shown.prediction, shown.truth
    if (height, width) != (full_height, full_width):
        prediction = Scaled(pictures=prediction, height=height, width=width)
        truth = None if truth is None else Scaled(pictures=truth, height=height, width=width)
    step = max(1, PIECE_BYTES // (3 * full_height * full_width))
    for start in range(0, count, step):
        stop = min(start + step, count)
        yield _views(prediction, truth, start, stop)
        advance(stop - start)


def _views(prediction: Pictures, truth: Pictures | None, start: int, stop: int) -> Iterator[Bytes]:
    """(height, width, 3) a frame, or three of them side by side: VIEWS."""
    made = prediction.frames(start, stop)
    return iter(made) if truth is None else side_by_side(truth.frames(start, stop), made)


def _write_png(path: Path, image: Bytes) -> None:
    import cv2

    good, encoded = cv2.imencode(".png", np.ascontiguousarray(image[:, :, ::-1]))
    assert good
    path.write_bytes(encoded.tobytes())
