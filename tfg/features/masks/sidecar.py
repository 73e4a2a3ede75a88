"""Masks from the ground truth beside the clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfg.features.base import Masks
from tfg.features.sidecar import read_sidecar
from tfg.types import Bools, Clip, Crop, FaceTrack


@dataclass(frozen=True, kw_only=True)
class SidecarMasks:
    """MaskExtractor of clips with ground truth beside them; the track is not used."""

    name: str

    def extract(self, clip: Clip, start: int, stop: int, track: FaceTrack) -> Masks:
        """Frames [start, stop) at `clip.size`. A pixel at the border that shows both head and torso counts as head."""
        fields = read_sidecar(clip, ("head_mask", "mouth_mask", "torso_mask"), "masks=sidecar")
        size = int(fields["size"])

        def mask(name: str) -> Bools:
            whole = np.unpackbits(fields[name][start:stop], axis=-1, count=size).astype(bool)
            return cut(whole, clip.crop, clip.size)

        head = mask("head_mask")
        return Masks(head=head, mouth=mask("mouth_mask") & head, torso=mask("torso_mask") & ~head)


def cut(masks: Bools, crop: Crop, size: int) -> Bools:
    """(n, height, width) -> (n, size, size) of the crop; a pixel is in when more than half of the bilinear mix is."""
    import cv2

    if (crop.x, crop.y, crop.side) == (0, 0, size) and masks.shape[1:] == (size, size):
        return masks
    scale = size / crop.side
    shift = [0.5 * (scale - 1) - scale * crop.x, 0.5 * (scale - 1) - scale * crop.y]  # pixel centres lie at + 0.5
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    border = cv2.BORDER_REPLICATE
    cuts = [cv2.warpAffine(m.astype(np.float32), matrix, (size, size), borderMode=border) for m in masks]
    return np.stack(cuts) > 0.5 if cuts else np.zeros((0, size, size), bool)
