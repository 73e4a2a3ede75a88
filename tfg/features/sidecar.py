"""The ground truth that lies beside a clip the project rendered: an npz, one row a frame, in pixels of the whole picture.

Fields: landmarks (n, 68, 2), upper (n, 7), rotation (n, 3, 3), translation (n, 3), focal (), size (), face_shape (68, 3);
head_mask, mouth_mask, torso_mask (n, size, size / 8), bits packed along the last axis.
"""

from __future__ import annotations

import numpy as np

from tfg.record.arrays import NPZ_ERRORS, read_npz
from tfg.types import Clip, InputError


def read_sidecar(clip: Clip, names: tuple[str, ...], option: str, other: str = "") -> dict[str, np.ndarray]:
    """The named fields; `option` ("face=sidecar") is what the user chose, for the message where there is no usable file.

    `other`: what to choose instead; mediapipe if not given.
    """
    other = other or option.replace("sidecar", "mediapipe")
    if clip.sidecar is None:
        raise InputError(f"{clip.path}: has no ground truth beside it, which {option} reads; use {other}")
    try:
        fields = read_npz(clip.sidecar, _most_bytes(clip), (*names, "size"))
    except NPZ_ERRORS as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{clip.sidecar}: is no sidecar of tfg ({reason}); remove it or use {other}") from error
    if fields["size"].shape or fields["size"].dtype.kind not in "iu":
        raise InputError(
            f"{clip.sidecar}: is no sidecar of tfg (its size is no whole number); remove it or use {other}"
        )
    size = int(fields["size"])
    rows = {len(fields[name]) for name in names if fields[name].ndim > 2}
    if (size, size) != (clip.source_width, clip.source_height) or rows - {clip.num_frames}:
        raise InputError(
            f"{clip.sidecar}: describes {max(rows, default=0)} frames of {size}x{size}, but {clip.path} has {clip.num_frames} "
            f"of {clip.source_width}x{clip.source_height}; make the clip again, or use {other}"
        )
    return fields


def _most_bytes(clip: Clip) -> int:
    """Of all fields: three masks of a bit a pixel, and far less than 4 kB of numbers, for every frame."""
    row = 3 * clip.source_height * -(-clip.source_width // 8) + 4096
    return clip.num_frames * row + 65536
