"""A trained backbone, audio and poses to pictures; pictures to the videos of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import default_collate

from tfg.backbones.base import Backbone
from tfg.clip.write import write_video
from tfg.data import batches
from tfg.features.lips.regression import LipMap
from tfg.record.arrays import NPZ_ERRORS, read_npz
from tfg.record.files import is_sealed, naming, seal, seal_written
from tfg.types import Bytes, Cameras, Floats, Frames, InputError, Portrait

TOGETHER = 16  # frames of a batch: what does not depend on the frame is computed once for it


def render(backbone: Backbone, portrait: Portrait, windows: Floats, *, device: str) -> Frames:
    """Every frame of a portrait from its audio, pose and expression over its background; no truth of the head is used.

    `windows` (n, 8, channels) are normalised with the training segment's statistics. Pictures are rounded to uint8, the
    form that is scored.
    """
    backbone.to(device).eval()
    rows = batches(portrait, windows, device=torch.device(device))
    pictures = []
    with torch.no_grad():
        for first in range(0, len(rows), TOGETHER):
            some = [rows[row] for row in range(first, min(first + TOGETHER, len(rows)))]
            images = backbone.render(default_collate(some))
            pictures.append((images.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy())
    return Frames(frames=portrait.frames, images=np.concatenate(pictures))


def depths(backbone: Backbone, portrait: Portrait, windows: Floats, *, device: str) -> Floats:
    """(n, size, size) head units along the camera's axis, NaN where the head is not; as `render` has every frame."""
    backbone.to(device).eval()
    rows = batches(portrait, windows, device=torch.device(device))
    found = []
    with torch.no_grad():
        for first in range(0, len(rows), TOGETHER):
            some = [rows[row] for row in range(first, min(first + TOGETHER, len(rows)))]
            found.append(backbone.depth(default_collate(some)).float().cpu().numpy())
    return np.concatenate(found)


def side_by_side(truth: Bytes, rendered: Bytes, gain: float = 4.0) -> Iterator[Bytes]:
    """Truth | render | `gain` times their absolute difference, (height, 3 * width, 3) a frame."""
    for true, made in zip(truth, rendered, strict=True):
        difference = np.abs(true.astype(np.int16) - made.astype(np.int16)) * gain
        yield np.concatenate([true, made, np.clip(difference, 0, 255).astype(np.uint8)], axis=1)


def write_videos(folder: Path, rendered: Bytes, truth: Bytes, sound: Floats) -> dict[str, str]:
    """The held-out speech as rendered, its truth, and both beside their difference; with sound. Paths relative to the folder."""
    files = {"rendered": "rendered.mp4", "truth": "truth.mp4", "side_by_side": "side_by_side.mp4"}
    write_video(folder / files["rendered"], rendered, sound)
    write_video(folder / files["truth"], truth, sound)
    write_video(folder / files["side_by_side"], side_by_side(truth, rendered), sound)
    for name in files.values():
        seal_written(folder / name)
    return files


def save_portrait(path: Path, portrait: Portrait, mean: Floats, std: Floats, lips: LipMap | None) -> None:
    """What `tfg render` needs beside the checkpoint, as plain arrays, with a checksum beside them."""
    arrays = {name: getattr(portrait, name) for name in _ARRAYS}
    if lips is not None:
        arrays |= {f"{_LIPS}{name}": array for name, array in lips.arrays().items()}
    cameras = portrait.cameras
    partial = path.with_suffix(".part.npz")
    try:
        with naming(path):
            np.savez_compressed(
                partial,
                **arrays,
                rotation=cameras.rotation,
                translation=cameras.translation,
                focal=cameras.focal,
                size=cameras.size,
                mean=mean,
                std=std,
            )
            seal(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def load_portrait(path: Path) -> tuple[Portrait, Floats, Floats, LipMap | None]:
    """Portrait, mean and standard deviation of what drives it, and its lip map, as `save_portrait` wrote them.

    InputError names a damaged file.
    """
    remedy = "remove head.json beside it and repeat the command of its run, which makes it anew without training"
    if not is_sealed(path):
        raise InputError(f"{path}: is damaged or cut short (its checksum differs); {remedy}")
    try:
        file = read_npz(path, MOST_BYTES)
        cameras = Cameras(
            rotation=file["rotation"],
            translation=file["translation"],
            focal=float(file["focal"]),
            size=int(file["size"]),
        )
        named = {name.removeprefix(_LIPS): array for name, array in file.items() if name.startswith(_LIPS)}
        lips = LipMap.of_arrays(named) if named else None
        portrait = Portrait(**{name: file[name] for name in _ARRAYS}, cameras=cameras)
        return portrait, file["mean"], file["std"], lips
    except NPZ_ERRORS as error:
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise InputError(f"{path}: is no portrait of tfg ({reason}); {remedy}") from error


MOST_BYTES = 8 << 30  # of a portrait: 40 s of 1024 pixels
_LIPS = "lips_"  # before the names of a lip map's arrays
_ARRAYS = (
    "frames",
    "images",
    "background",
    "head_mask",
    "mouth_mask",
    "landmarks",
    "audio",
    "upper",
    "face_shape",
)
