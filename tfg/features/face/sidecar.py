"""Face features from the ground truth beside the clip: exact, and free of weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfg.features.sidecar import read_sidecar
from tfg.types import NUM_BLENDSHAPES, Clip, FaceTrack


@dataclass(frozen=True, kw_only=True)
class SidecarFace:
    """FaceExtractor of clips with ground truth beside them."""

    name: str

    def extract(self, clip: Clip, start: int, stop: int) -> FaceTrack:
        """Frames [start, stop), one face in each; it has no MediaPipe blendshapes beside `upper`."""
        fields = read_sidecar(clip, ("landmarks", "upper", "rotation"), "face=sidecar")
        return FaceTrack(
            start=start,
            num_faces=np.ones(stop - start, np.int64),
            landmarks=fields["landmarks"][start:stop].astype(np.float32),
            upper=fields["upper"][start:stop].astype(np.float32),
            blendshapes=np.full((stop - start, NUM_BLENDSHAPES), np.nan, np.float32),
            head_rotation=fields["rotation"][start:stop].astype(np.float32),
        )
