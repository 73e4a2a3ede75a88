"""The lip warp: landmarks go where lip motion says, what must not move does not, and motions add up."""

import numpy as np
import pytest
import torch

from tfg.backbones.warp import LipWarp
from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.landmarks import EYE_CORNERS, INNER_LIPS, LIP_CHANNELS, LIPS_AND_CHIN, NOSE_BRIDGE

SHAPE = torch.from_numpy(np.array(GENERIC_SHAPE))
OPEN = torch.zeros(len(LIPS_AND_CHIN), 2)  # the lower lip and the chin go down
for row, landmark in enumerate(LIPS_AND_CHIN):
    if landmark in (*range(55, 60), *range(65, 68), *range(6, 11)):
        OPEN[row, 1] = 0.12


@pytest.fixture(scope="module")
def warp() -> LipWarp:
    placed = LipWarp()
    placed.place(SHAPE, torch.randn(125, LIP_CHANNELS, generator=torch.Generator().manual_seed(0)) * 0.1)
    return placed


def moved(warp: LipWarp, points: torch.Tensor, motion: torch.Tensor) -> torch.Tensor:
    return warp(points, motion.flatten() / warp.std)


def test_landmarks_go_where_the_motion_says(warp: LipWarp) -> None:
    found = moved(warp, SHAPE[list(LIPS_AND_CHIN)], OPEN)
    assert (found[:, :2] - OPEN).abs().max() < 0.06  # of 0.12: at the corners, where lips that touch go apart
    assert found[:, 2].abs().max() == 0
    inner = SHAPE[INNER_LIPS]
    opening = (inner + moved(warp, inner, OPEN))[6, 1] - (inner + moved(warp, inner, OPEN))[2, 1]
    # Lips that nearly touch share some of their motion: the warp is smooth.
    assert opening - (inner[6, 1] - inner[2, 1]) > 0.03


def test_eyes_nose_hair_and_the_back_of_the_head_stay(warp: LipWarp) -> None:
    rows = [*EYE_CORNERS, *NOSE_BRIDGE]
    assert moved(warp, SHAPE[rows], OPEN).abs().max() < 0.012
    hair, back = torch.tensor([[0.0, -1.8, 0.2]]), torch.tensor([[0.0, 0.4, 1.6]])
    assert moved(warp, torch.cat([hair, back]), OPEN).abs().max() < 1e-4


def test_motions_add_up_and_none_is_none(warp: LipWarp) -> None:
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(1)) - 0.5
    wide = torch.zeros_like(OPEN)
    wide[6, 0] = 0.1
    torch.testing.assert_close(moved(warp, points, OPEN + wide), moved(warp, points, OPEN) + moved(warp, points, wide))
    assert moved(warp, points, 0 * OPEN).abs().max() == 0


def test_a_channel_that_never_moved_is_not_divided_by_zero() -> None:
    warp = LipWarp()
    warp.place(SHAPE, torch.zeros(10, LIP_CHANNELS))
    assert torch.isfinite(warp(SHAPE, torch.zeros(LIP_CHANNELS))).all()
    assert (warp.std == 1).all()


@pytest.mark.parametrize("amount", [-0.5, 0.3, 1.0, 1.5])
def test_what_moved_is_found_where_it_rests(warp: LipWarp, amount: float) -> None:
    """-0.5: lips pressed; 1.5: a mouth as wide open as speech ever has it, where a plain fixed point would not converge."""
    motion = (amount * OPEN).flatten() / warp.std
    rest = (torch.rand(20_000, 3, generator=torch.Generator().manual_seed(2)) * 2 - 1) * torch.tensor([1.2, 1.4, 1.0])
    seen = rest + warp(rest, motion)
    found = warp.table(motion).rest(seen)
    away = (found + warp(found, motion) - seen).norm(dim=1)  # head units; at 128 px one is about 30 pixels
    assert away.mean() < 1e-3
    assert away.max() < 0.015
    assert (seen - found).norm(dim=1).max() > 0.9 * abs(amount) * 0.12
    assert torch.equal(found[:, 2], seen[:, 2])
    front = rest[:, 2] < 0.2  # before the fade
    assert (found - rest)[front].norm(dim=1).mean() < 1e-3


def test_a_still_mouth_takes_no_point_anywhere(warp: LipWarp) -> None:
    points = 4 * torch.rand(100, 3, generator=torch.Generator().manual_seed(3)) - 2
    assert torch.equal(warp.table(torch.zeros(LIP_CHANNELS)).rest(points), points)
