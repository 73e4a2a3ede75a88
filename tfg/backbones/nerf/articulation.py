"""How lip motion moves the head field: points are taken back to the face at rest, where geometry and colour are learned.

So nothing of articulation has to be learned. What a warp cannot make (teeth, the inside of the mouth, shadows) the field's speech code
makes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tfg.backbones.rays import FIELD_SCALE
from tfg.backbones.warp import LipWarp
from tfg.engines.field import WarpTable
from tfg.landmarks import CHIN_ARC, LIP_CHANNELS, LIPS_AND_CHIN, MOUTH_CORNERS
from tfg.types import Portrait

EXTREMES = 4  # motions: chin lowest and highest, mouth widest and narrowest
STILL = 0.25  # cells; what moves less is where it was


class Articulation(nn.Module):
    """The lip warp in field space, and the motions between which the training part's lip motion lies."""

    extremes: Tensor  # (EXTREMES, LIP_CHANNELS) normalised

    def __init__(self) -> None:
        super().__init__()
        self.warp = LipWarp()
        self.register_buffer("extremes", torch.zeros(EXTREMES, LIP_CHANNELS))

    def place(self, portrait: Portrait) -> None:
        """For the portrait's face shape and lip motion."""
        motion = torch.from_numpy(portrait.audio)  # (n, LIP_CHANNELS) head units
        self.warp.place(torch.from_numpy(portrait.face_shape), motion)
        normal = (motion - motion.mean(dim=0)) / self.warp.std
        places = motion.view(len(motion), len(LIPS_AND_CHIN), 2)
        left, right = (LIPS_AND_CHIN.index(corner) for corner in MOUTH_CORNERS)
        chin = [LIPS_AND_CHIN.index(point) for point in range(CHIN_ARC.start, CHIN_ARC.stop)]
        low, wide = places[:, chin, 1].mean(dim=1), places[:, right, 0] - places[:, left, 0]
        rows = [low.argmax(), low.argmin(), wide.argmax(), wide.argmin()]
        self.extremes.copy_(normal[torch.stack(rows)])

    def table(self, windows: Tensor) -> WarpTable:
        """How points of the frame of a window of lip motion (1, 8, LIP_CHANNELS) go back to the face at rest, (n, 3) of the field."""
        return self.warp.table(windows[0, windows.shape[1] // 2], FIELD_SCALE)

    def reached(self, points: Tensor) -> Tensor:
        """(EXTREMES, n, 3) where field points (n, 3) are at rest under each of the extremes."""
        return torch.stack([self.warp.table(motion, FIELD_SCALE).rest(points) for motion in self.extremes])

    def most(self, density: Callable[[Tensor], Tensor], cell: float) -> Callable[[Tensor], Tensor]:
        """Of points (n, 3) the largest density (n,) at rest and under the extremes, so that no moved lip or jaw is cut off.

        `density` is of the field at rest; `cell` is the width of the occupancy's cells, below which nothing counts as moved.
        """

        def largest(points: Tensor) -> Tensor:
            found = density(points).reshape(-1)
            for places in self.reached(points):
                moved = (places - points).norm(dim=1) > STILL * cell
                found[moved] = torch.maximum(found[moved], density(places[moved]).reshape(-1))
            return found

        return largest
