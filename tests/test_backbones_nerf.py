"""Facts of the NeRF backbone's parts: rays, region, field, losses, schedule."""

from __future__ import annotations

import numpy as np
import portraits
import pytest
import torch
from support.parts import part

from tfg.backbones import rays
from tfg.backbones.nerf import losses
from tfg.backbones.nerf.field import HeadField, truncated_exp
from tfg.backbones.nerf.head import Average
from tfg.backbones.nerf.region import find_region
from tfg.landmarks import NOSE_TIP
from tfg.types import InputError


@pytest.fixture(scope="module")
def scene() -> portraits.Scene:
    return portraits.make_scene(num_frames=6, size=48, seed=1)


def test_the_ray_of_a_pixel_passes_through_the_point_seen_there(scene: portraits.Scene) -> None:
    portrait, cameras = scene.portrait, scene.portrait.cameras
    point = portrait.face_shape[30]
    u, v = portraits.project(point[None], cameras, 2)[0]
    pixel = torch.tensor([int(v) * cameras.size + int(u)])
    origin, direction = rays.camera_rays(
        torch.from_numpy(cameras.rotation[2]),
        torch.from_numpy(cameras.translation[2]),
        cameras.focal,
        cameras.size,
        pixel,
    )
    away = torch.from_numpy(point) * rays.FIELD_SCALE - origin[0]
    distance = torch.linalg.cross(away, direction[0]).norm()
    pixel_width = rays.FIELD_SCALE * cameras.translation[2, 2] / cameras.focal
    assert direction.norm() == pytest.approx(1, abs=1e-6)
    assert distance < 0.71 * pixel_width * 1.05  # at most half a pixel's diagonal from its centre


def test_tiles_hold_every_pixel_once_and_neighbours_together() -> None:
    order = rays.by_tiles(48)
    assert torch.equal(order.sort().values, torch.arange(48**2))
    first = order[: 16**2]
    assert (first // 48).max() == (first % 48).max() == 15
    assert torch.equal(rays.by_tiles(7), torch.arange(49))  # no common tile


def test_a_ray_hits_the_box_only_in_front_of_its_origin() -> None:
    box = torch.tensor([[-1.0, -1, -1], [1, 1, 1]])
    origins = torch.tensor([[0.0, 0, -5], [0, 0, -5], [3, 0, -5], [0.5, 0, 0]])
    directions = torch.tensor([[0.0, 0, 1], [0, 0, -1], [0, 0, 1], [0, 1, 0]])
    assert rays.hits_box(origins, directions, box).tolist() == [True, False, False, True]


def test_the_lower_face_box_begins_at_the_nose_tip() -> None:
    landmarks = torch.tensor([[10.2, 8.0], [30.9, 40.5]]).repeat(34, 1)
    landmarks[NOSE_TIP] = torch.tensor([20.0, 22.7])
    assert rays.landmark_box(landmarks, 64) == (8, 41, 10, 31)
    assert rays.lower_face_box(landmarks, 64) == (22, 41, 10, 31)


def test_the_lip_box_is_a_square_inside_the_picture() -> None:
    landmarks = torch.full((68, 2), 2.0)
    landmarks[48:60, 0] = torch.linspace(0, 20, 12)
    assert rays.square_lip_box(landmarks, 64, 16) == (0, 20, 0, 20)  # grown to the lips' width, pushed off the border
    assert len(rays.box_pixels((0, 20, 0, 20), 64, torch.device("cpu"))) == 400


def test_pixels_are_drawn_in_proportion_to_their_weights() -> None:
    weights = torch.tensor([0.0, 1, 0, 3])
    torch.manual_seed(3)
    drawn = rays.draw_pixels(weights, 8000)
    counts = torch.bincount(drawn, minlength=4)
    assert counts[0] == 0
    assert counts[2] == 0
    assert counts[3] / 8000 == pytest.approx(0.75, abs=0.02)  # four standard deviations


def inside_hull(hull: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    cells = ((points + 1) * (len(hull) / 2)).long()
    return hull[cells.unbind(-1)]


def test_the_hull_holds_the_face_and_little_else(scene: portraits.Scene) -> None:
    region = find_region(scene.portrait, 32, 0.3)
    face = torch.from_numpy(scene.portrait.face_shape[17:]) * rays.FIELD_SCALE
    assert inside_hull(region.hull, face).all()
    assert ((face >= region.box[0]) & (face <= region.box[1])).all()
    corners = torch.tensor([[0.95, 0.95, 0.0], [-0.95, -0.95, 0.0], [0.0, 0.0, -0.95]])
    assert not inside_hull(region.hull, corners).any()
    assert region.hull.float().mean() < 0.25
    assert region.gates[0] < region.gates[1]


def test_an_empty_head_mask_is_one_clear_line(scene: portraits.Scene) -> None:
    from dataclasses import replace

    empty = replace(scene.portrait, head_mask=np.zeros_like(scene.portrait.head_mask))
    with pytest.raises(InputError, match="no head in the training frames"):
        find_region(empty, 16, 0.3)


def test_truncated_exp_bounds_its_gradient() -> None:
    values = torch.tensor([0.0, 20.0], requires_grad=True)
    truncated_exp(values).sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == pytest.approx([1.0, float(np.exp(15))], rel=1e-5)


def _field(gate_width: float) -> HeadField:
    torch.manual_seed(0)
    field = HeadField(
        part("backbone/synctalk", "field", levels=4, gate_width=gate_width),
        audio_width=8,
        upper_width=7,
        code_width=0,
        uncertain=False,
        engine="torch",
    )
    torch.nn.init.uniform_(field.tables, -0.5, 0.5)
    return field


def test_audio_moves_nothing_above_its_gate_and_expression_nothing_below() -> None:
    field, gates = _field(0.01), torch.tensor([-0.1, 0.1])
    points = torch.tensor([[0.1, -0.6, 0.2], [0.1, 0.6, 0.2]])
    quiet, loud = torch.zeros(8), torch.ones(8)
    closed, wide = torch.zeros(7), torch.ones(7)
    with torch.no_grad():
        rest = field.geometry(points, quiet, closed, gates)[0]
        by_speech = field.geometry(points, loud, closed, gates)[0]
        blinked = field.geometry(points, quiet, wide, gates)[0]
    assert by_speech[0] == pytest.approx(float(rest[0]), rel=1e-6)
    assert abs(by_speech[1] - rest[1]) > 1e-4
    assert blinked[1] == pytest.approx(float(rest[1]), rel=1e-6)
    assert abs(blinked[0] - rest[0]) > 1e-4


def test_the_nets_have_the_papers_widths() -> None:
    shape = part("backbone/synctalk", "field")
    field = HeadField(shape, audio_width=32, upper_width=7, code_width=4, uncertain=True, engine="torch")
    widths = {
        name: [tuple(layer.weight.shape) for layer in getattr(field, name).layers]
        for name in ("density", "color", "doubt")
    }
    assert widths["doubt"] == [(32, 36), (1, 32)]
    assert widths["density"] == [(64, 75), (64, 64), (65, 64)]
    assert widths["color"] == [(64, 84), (3, 64)]
    assert tuple(field.tables.shape) == (3, 163_584, 1)  # torch-ngp


def test_entropy_is_one_bit_at_half_and_none_at_the_ends() -> None:
    assert losses.opacity_entropy(torch.tensor([0.5, 0.5])) == pytest.approx(1.0, abs=1e-6)
    assert losses.opacity_entropy(torch.tensor([0.0, 1.0])) == pytest.approx(0.0, abs=1e-3)


def test_ray_attention_sums_along_chosen_rays_only() -> None:
    norms, owner = torch.tensor([1.0, 2, 4, 8]), torch.tensor([0, 0, 1, 2])
    assert losses.ray_attention(norms, owner, torch.tensor([True, False, True])) == pytest.approx(11 / 3)


def test_uncertainty_is_the_size_of_the_error_on_the_face_and_none_beside_it() -> None:
    difference, face = torch.tensor([[3.0, 0, 4], [0, 0, 1]]), torch.tensor([True, False])
    expected = torch.tensor([1.0, 0.5])
    by_hand = (5 / (2 * 2**2) + np.log(2) ** 2 / 2 + 0.5) / 2
    assert losses.uncertainty(expected, difference, face) == pytest.approx(by_hand, rel=1e-6)
    leaf, error = torch.zeros(1, requires_grad=True), torch.tensor([[0.0, 0, 8]])
    for _ in range(400):
        loss = losses.uncertainty(torch.nn.functional.softplus(leaf), error, torch.tensor([True]))
        (slope,) = torch.autograd.grad(loss, leaf)
        leaf = (leaf - 0.5 * slope).detach().requires_grad_()
    scale = 1 + float(torch.nn.functional.softplus(leaf.detach()))
    assert scale**2 * np.log(scale) == pytest.approx(8, rel=1e-2)  # where its slope is 0


def test_an_expected_error_is_excused_the_more_the_later() -> None:
    expected = torch.tensor([0.0, 0.0, 3.0, 0.0])
    assert losses.excuse(expected, 0.0).tolist() == pytest.approx([1] * 4)
    late = losses.excuse(expected, 1.0)
    assert late[2] > 2.9 > 1 > late[0] > 0.2
    assert losses.excuse(torch.tensor([0.0] * 99 + [50.0]), 1.0).max() == pytest.approx(0.2 + 0.8 * 10)


def test_structure_is_one_minus_the_metrics_ssim() -> None:
    from tfg.metrics.image import ssim

    rng = np.random.default_rng(0)
    made, true = (rng.integers(0, 256, (20, 16, 3), dtype=np.uint8) for _ in range(2))
    value = losses.structure(torch.from_numpy(made) / 255, torch.from_numpy(true) / 255)
    assert value == pytest.approx(1 - ssim(made[None], true[None])[0], abs=1e-5)  # float32 sums in another order
    assert losses.structure(torch.from_numpy(made) / 255, torch.from_numpy(made) / 255) == pytest.approx(0, abs=1e-5)


def test_the_learning_rate_falls_at_the_lips_stage_as_in_the_official_run() -> None:
    plan = part("backbone/synctalk", "schedule", steps=100_000, lips_steps=40_000)
    assert plan.rate(0) == 1
    assert plan.rate(59_999) == pytest.approx(0.5, rel=1e-4)
    assert plan.rate(60_000) == pytest.approx(0.166, abs=1e-3)  # SyncTalk
    assert plan.rate(100_000) == pytest.approx(0.05)


def test_the_average_follows_the_weights() -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(module.weight)
    average = Average(module, decay=0.5)
    torch.nn.init.ones_(module.weight)
    average.update(module)  # the first weighs 1 - 2/11
    assert float(average.copy.weight.detach()) == pytest.approx(9 / 11, abs=1e-6)
    assert not average.copy.weight.requires_grad


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (lambda: part("backbone/synctalk", "schedule", steps=10, lips_steps=11), "backbone.schedule"),
        (lambda: part("backbone/synctalk", "sampling", num_rays=0), "backbone.sampling.num_rays"),
        (lambda: part("backbone/synctalk", "sampling", mouth_share=0.7, outside_share=0.7), "mouth_share"),
        (lambda: part("backbone/synctalk", "field", direction_degree=5), "backbone.field.direction_degree"),
        (lambda: part("backbone/synctalk", "weights", entropy=-1), "backbone.weights.entropy"),
    ],
)
def test_a_value_out_of_range_names_its_key(make, key: str) -> None:
    with pytest.raises(InputError, match=key):
        make()
