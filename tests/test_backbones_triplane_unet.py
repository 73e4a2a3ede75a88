"""The delta planes: roll-out convolutions, attention to tokens, and what the tokens are made of."""

from __future__ import annotations

import numpy as np
import portraits
import pytest
import torch
from support.parts import part
from torch.nn import functional as F

from tfg import overrides, parts
from tfg.backbones.triplane.attention import TokenAttention, plane_positions
from tfg.backbones.triplane.delta_settings import AttentionShape, TokenShape
from tfg.backbones.triplane.tokens import Tokens, head_angles, sinusoids
from tfg.backbones.triplane.unet import DeltaPlanes, RollOutConvolution, roll_out
from tfg.rotations import turns
from tfg.types import InputError

ATTENTION = AttentionShape(blocks=2, heads=2, head_width=8)
KINDS = ("audio", "eye", "empty", "angle", "landmarks")


def planes_of(volume: torch.Tensor) -> torch.Tensor:
    """Means of a volume (c, x, y, z) along the axis that each plane lacks: (1, 3, c, r, r) of (row, column) yx, zx, yz."""
    return torch.stack([volume.mean(3).mT, volume.mean(2).mT, volume.mean(1)])[None]


def test_a_plane_gets_the_others_along_the_axes_that_they_share() -> None:
    x, y, z = torch.randn(3, 5).double().unbind()
    volume = x[:, None, None] + y[:, None] + z
    xy, xz, zy = roll_out(planes_of(volume[None]))[0]
    assert xy.shape == (3, 5, 5)
    torch.testing.assert_close(xy[1] - xy[1].mean(), (x - x.mean()).expand(5, 5))  # along its columns
    torch.testing.assert_close(xy[2] - xy[2].mean(), (y - y.mean())[:, None].expand(5, 5))
    torch.testing.assert_close(xz[1] - xz[1].mean(), (x - x.mean()).expand(5, 5))
    torch.testing.assert_close(xz[2] - xz[2].mean(), (z - z.mean())[:, None].expand(5, 5))
    torch.testing.assert_close(zy[1] - zy[1].mean(), (z - z.mean()).expand(5, 5))
    torch.testing.assert_close(zy[2] - zy[2].mean(), (y - y.mean())[:, None].expand(5, 5))


def test_a_rolled_out_volume_turned_is_the_turned_volume_rolled_out() -> None:
    """Exchanging y and z exchanges the first two planes and transposes the third."""
    volume = torch.randn(2, 5, 5, 5)
    one, other = roll_out(planes_of(volume))[0], roll_out(planes_of(volume.transpose(2, 3)))[0]
    torch.testing.assert_close(other[0], one[1])
    torch.testing.assert_close(other[1], one[0])
    own, columns, rows = one[2].split(2)
    torch.testing.assert_close(other[2], torch.cat([own.mT, rows.mT, columns.mT]))


def test_the_convolution_is_that_of_what_is_rolled_out() -> None:
    torch.manual_seed(0)
    convolution = RollOutConvolution(4, 6).double()
    torch.nn.init.normal_(convolution.bias)
    planes = torch.randn(2, 3, 4, 7, 7).double()
    whole = F.pad(roll_out(planes).flatten(1, 2), (1, 1, 1, 1), mode="replicate")
    expected = F.conv2d(whole, convolution.weight, convolution.bias, groups=3).view(2, 3, 6, 7, 7)
    torch.testing.assert_close(convolution(planes), expected)


@pytest.mark.parametrize(("widths", "side"), [((4, 6), 8), ((4, 6, 8), 12), ((4, 6, 8, 8), 16)])
def test_untrained_it_adds_nothing_and_learns_from_the_first_step(widths: tuple[int, ...], side: int) -> None:
    torch.manual_seed(0)
    unet = DeltaPlanes(widths, 16, ATTENTION)
    planes, tokens = torch.randn(3, 4, side, side), torch.randn(2, 5, 16)
    made = unet(planes, tokens)
    assert made.shape == (2, 3, 4, side, side)
    assert not made.any()
    (made - 1).square().sum().backward()
    assert unet.up[-1].second.weight.grad.abs().max() > 0


def trained(attention: AttentionShape) -> DeltaPlanes:
    torch.manual_seed(0)
    unet = DeltaPlanes((4, 6, 8), 16, attention)
    torch.nn.init.normal_(unet.up[-1].second.weight, std=0.1)
    return unet


@pytest.mark.parametrize("blocks", [0, 1, 2])
def test_every_token_changes_what_is_added(blocks: int) -> None:
    unet = trained(AttentionShape(blocks=blocks, heads=2, head_width=8))
    planes, tokens = torch.randn(3, 4, 8, 8), torch.randn(1, 5, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(unet(planes, tokens).square().sum(), tokens)
    assert (gradient.abs().amax(dim=2) > 1e-6).all()


def test_frames_of_a_batch_do_not_meet() -> None:
    unet = trained(ATTENTION)
    planes, tokens = torch.randn(3, 4, 8, 8), torch.randn(3, 5, 16)
    apart = torch.cat([unet(planes, row[None]) for row in tokens])
    torch.testing.assert_close(unet(planes, tokens), apart, rtol=1e-4, atol=1e-5)


def test_it_works_in_units_of_the_planes_size() -> None:
    unet = trained(ATTENTION)
    planes, tokens = torch.randn(3, 4, 8, 8), torch.randn(1, 5, 16)
    torch.testing.assert_close(unet(20 * planes, tokens), 20 * unet(planes, tokens), rtol=1e-4, atol=1e-4)


def test_a_token_reaches_the_pixels_of_all_planes() -> None:
    torch.manual_seed(0)
    attention = TokenAttention(8, 16, AttentionShape(blocks=1, heads=2, head_width=8))
    planes, tokens = torch.randn(1, 3, 8, 4, 4), torch.randn(1, 5, 16)
    moved = tokens.clone()
    moved[:, 2] += 1
    change = (attention(planes, moved) - attention(planes, tokens)).abs().amax(dim=2)
    assert change.shape == (1, 3, 4, 4)
    assert (change > 1e-6).all()


def test_positions_vary_along_the_axes_that_a_plane_has() -> None:
    positions = plane_positions(12, 6)  # four channels an axis
    assert positions.shape == (3, 12, 6, 6)
    for plane, (column, row) in zip(positions, ((0, 1), (0, 2), (2, 1)), strict=True):
        for axis in range(3):
            part_of = plane[4 * axis : 4 * axis + 4]
            along, down = (part_of.diff(dim=dim).abs().amax() > 0 for dim in (2, 1))
            assert (along, down) == (axis == column, axis == row)
    assert plane_positions(8, 3).shape == (3, 8, 3, 3)  # no multiple of six


def test_the_papers_sizes_are_those_of_a_card() -> None:
    """METHODS 2.9: 3 x 32 x 256 x 256, 256 channels and two blocks of four heads of 64 at 32 pixels, five tokens of 64."""
    config = overrides.composed(["backbone=talk3d", "trainer=gpu", "backbone.engine=torch"]).backbone
    groups = {key: parts.construct(config[key], f"backbone.{key}") for key in ("planes", "unet", "attention", "tokens")}
    with torch.device("meta"):
        unet = DeltaPlanes((groups["planes"].channels, *groups["unet"].widths), 64, groups["attention"])
        assert sum(values.numel() for values in unet.parameters()) == 18_121_856
        assert sum(values.numel() for values in unet.attention.parameters()) == 2_433_536
    assert groups["planes"].resolution == 256
    assert [block.own.query.weight.shape for block in unet.attention.blocks] == [(256, 256)] * 2
    assert groups["tokens"].width == 64
    assert len(unet.down) == 3


def shape(**changes: object) -> TokenShape:
    made: TokenShape = part("backbone/talk3d", "tokens", width=16, **changes)
    return made


def rows_of(scene: portraits.Scene) -> tuple[torch.Tensor, ...]:
    portrait = scene.portrait
    windows = torch.from_numpy(portrait.audio)[:, None].expand(-1, 8, -1)
    cameras = portrait.cameras
    return windows, *(torch.from_numpy(values) for values in (portrait.upper, cameras.rotation, cameras.translation))


@pytest.fixture(scope="module")
def scene() -> portraits.Scene:
    return portraits.make_scene(num_frames=12, size=32)


def tokens_of(scene: portraits.Scene, **changes: object) -> Tokens:
    torch.manual_seed(0)
    cameras = scene.portrait.cameras
    made = Tokens(shape(**changes), audio_channels=12, focal=cameras.focal, size=cameras.size).eval()
    made.place(scene.portrait)
    return made


def test_each_token_can_be_left_out(scene: portraits.Scene) -> None:
    given = rows_of(scene)
    whole = tokens_of(scene)(*given)
    assert whole.shape == (12, 5, 16)
    for kind in KINDS:
        assert tokens_of(scene, **{kind: False})(*given).shape == (12, 4, 16)
    with pytest.raises(InputError, match="are all off"):
        shape(**dict.fromkeys(KINDS, False))


@pytest.mark.parametrize(("place", "given"), [(0, 0), (1, 1), (3, 2), (4, 3)])
def test_a_token_depends_on_its_own_condition(scene: portraits.Scene, place: int, given: int) -> None:
    tokens, values = tokens_of(scene), list(rows_of(scene))
    before = tokens(*values)
    values[given] = values[given].roll(3, dims=0)
    changed = {number for number in range(5) if not torch.allclose(tokens(*values)[:, number], before[:, number])}
    assert changed == {place} | ({4} if given == 2 else set())  # where the landmarks are follows the rotation too


def test_poses_beyond_training_are_held_at_its_border(scene: portraits.Scene) -> None:
    """So that a view from the side gives the U-Net what it learned from."""
    tokens, (windows, upper, _, translation) = tokens_of(scene), rows_of(scene)
    one, other = (torch.from_numpy(turns(np.array([yaw]), np.array([0.0])).astype(np.float32)) for yaw in (40.0, 60.0))
    seen = [tokens(windows[:1], upper[:1], turned, translation[:1]) for turned in (one, other)]
    torch.testing.assert_close(seen[0][:, 3], seen[1][:, 3])


def test_angles_are_those_of_turning_heads() -> None:
    yaw, pitch = np.array([-30.0, 0, 12, 45]), np.array([5.0, -20, 0, 10])
    found = head_angles(torch.from_numpy(turns(yaw, pitch))).rad2deg()
    torch.testing.assert_close(found, torch.tensor(np.stack([yaw, pitch, 0 * yaw], axis=1)))


@pytest.mark.parametrize(("numbers", "frequencies", "width"), [(1, 16, 33), (3, 10, 63), (6, 6, 78)])
def test_sinusoids_are_as_wide_as_the_papers(numbers: int, frequencies: int, width: int) -> None:
    values = torch.rand(2, numbers)
    made = sinusoids(values, frequencies)
    assert made.shape == (2, width)
    torch.testing.assert_close(made[:, numbers : 2 * numbers], values.sin())
