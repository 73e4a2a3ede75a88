"""Face features from the ground truth beside the clip: exact, and free of weights."""

from __future__ import annotations

from collections.abc import Sequence
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
        return self.sample(clip, range(start, stop))

    def sample(self, clip: Clip, frames: Sequence[int]) -> FaceTrack:
        """The same of single frames, a row each."""
        fields = read_sidecar(clip, ("landmarks", "upper", "rotation"), "face=sidecar")
        rows = np.asarray(frames)
        return FaceTrack(
            start=frames[0],
            num_faces=np.ones(len(rows), np.int64),
            landmarks=fields["landmarks"][rows].astype(np.float32),
            upper=fields["upper"][rows].astype(np.float32),
            blendshapes=np.full((len(rows), NUM_BLENDSHAPES), np.nan, np.float32),
            head_rotation=fields["rotation"][rows].astype(np.float32),
        )
