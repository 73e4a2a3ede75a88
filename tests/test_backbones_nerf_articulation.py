"""The NeRF's lip warp: its points go back to the face at rest, and no part of a moved jaw or lip is cut off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import portraits
import pytest
import torch

from tfg.backbones.nerf.articulation import EXTREMES, Articulation
from tfg.backbones.nerf.region import Region
from tfg.backbones.rays import FIELD_SCALE
from tfg.engines import OccupancyGrid
from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.landmarks import CHIN, LIP_CHANNELS, LIPS_AND_CHIN, MOUTH_CORNERS
from tfg.types import Portrait

SHAPE = np.array(GENERIC_SHAPE, np.float32)
LOWEST, WIDEST = 40, 70  # frames
DOWN = 0.2  # head units


@pytest.fixture(scope="module")
def spoken() -> Portrait:
    """Lips and chin go down together and corners apart, each farthest in one frame."""
    time = np.arange(100)
    motion = np.zeros((100, len(LIPS_AND_CHIN), 2), np.float32)
    motion[:, [LIPS_AND_CHIN.index(point) for point in (*range(55, 60), *range(65, 68), *range(6, 11))], 1] = (
        DOWN * np.exp(-(((time - LOWEST) / 3.0) ** 2))[:, None]
    )
    for corner, side in zip(MOUTH_CORNERS, (-1, 1), strict=True):
        motion[:, LIPS_AND_CHIN.index(corner), 0] = side * 0.05 * np.exp(-(((time - WIDEST) / 3.0) ** 2))
    scene = portraits.make_scene(num_frames=100, size=16).portrait
    return replace(scene, audio=motion.reshape(100, LIP_CHANNELS), face_shape=SHAPE)


@pytest.fixture(scope="module")
def articulation(spoken: Portrait) -> Articulation:
    placed = Articulation()
    placed.place(spoken)
    return placed


def normalised(portrait: Portrait, row: int) -> torch.Tensor:
    """(1, 8, LIP_CHANNELS) of one frame's motion, the middle of which counts."""
    motion = torch.from_numpy(portrait.audio)
    std = motion.std(dim=0, unbiased=False)
    normal = (motion - motion.mean(dim=0)) / torch.where(std > 1e-6, std, 1.0)
    windows = torch.randn(1, 8, LIP_CHANNELS, generator=torch.Generator().manual_seed(0))
    windows[0, 4] = normal[row]
    return windows


def test_the_chin_of_an_open_mouth_is_the_chin_at_rest(articulation: Articulation, spoken: Portrait) -> None:
    chin = torch.from_numpy(SHAPE[[CHIN]])
    mean = float(spoken.audio.reshape(100, -1, 2)[:, LIPS_AND_CHIN.index(CHIN), 1].mean())
    seen = chin + torch.tensor([[0.0, DOWN - mean, 0.0]])
    found = articulation.table(normalised(spoken, LOWEST)).rest(seen * FIELD_SCALE) / FIELD_SCALE
    assert (found - chin).norm() < 0.2 * DOWN  # the warp smooths what the landmarks say


def test_the_extremes_are_the_farthest_frames(articulation: Articulation, spoken: Portrait) -> None:
    assert articulation.extremes.shape == (EXTREMES, LIP_CHANNELS)
    torch.testing.assert_close(articulation.extremes[0], normalised(spoken, LOWEST)[0, 4])
    torch.testing.assert_close(articulation.extremes[2], normalised(spoken, WIDEST)[0, 4])


def test_space_is_occupied_wherever_the_chin_may_go(articulation: Articulation) -> None:
    """The density is a small ball under the chin at rest; with the mouth open it is lower than a dilated cell reaches."""
    ball = torch.from_numpy(SHAPE[CHIN]) * FIELD_SCALE

    def density(points: torch.Tensor) -> torch.Tensor:
        return 100.0 * ((points - ball).norm(dim=1) < 0.02)

    def is_occupied(grid: OccupancyGrid, point: torch.Tensor) -> bool:
        cells = ((grid.order() + 0.5) * (2 / grid.resolution)) - 1
        return bool(grid.is_occupied()[(cells - point).norm(dim=1).argmin()])

    lowest = ball + torch.tensor([0.0, 0.85 * DOWN * FIELD_SCALE, 0.0])
    still, moving = OccupancyGrid(64), OccupancyGrid(64)
    draws = torch.Generator().manual_seed(0)
    for _ in range(4):
        still.update(density, draws)
        moving.update(articulation.most(density, 2 / 64), draws)
    assert is_occupied(still, ball)
    assert is_occupied(moving, ball)
    assert not is_occupied(still, lowest)
    assert is_occupied(moving, lowest)
    assert moving.is_occupied().sum() < 3 * still.is_occupied().sum()


def test_the_hull_grows_where_the_chin_may_go_and_nowhere_else(articulation: Articulation) -> None:
    chin = torch.from_numpy(SHAPE[CHIN]) * FIELD_SCALE
    hull = torch.zeros(64, 64, 64, dtype=torch.bool)
    row = int((chin[1] + 1) * 32)
    hull[20:44, 10 : row + 1, 20:44] = True  # ends at the chin
    region = Region(hull=hull, box=torch.zeros(2, 3), gates=torch.zeros(2))
    grown = region.covering(articulation.reached)
    column, depth = int((chin[0] + 1) * 32), int((chin[2] + 1) * 32)
    assert not hull[column, row + 2, depth]
    assert grown.hull[column, row + 2, depth]
    assert (grown.hull & hull).sum() == hull.sum()
    assert not (grown.hull & ~hull)[:, : row - 10].any()
    assert grown.box[1, 1] == (grown.hull.any(dim=2).any(dim=0).nonzero().max() + 1) / 32 - 1
