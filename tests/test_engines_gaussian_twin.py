"""The torch rasteriser against numbers computed by hand, gradcheck, and its refusals."""

import math

import pytest
import torch
from raster_scenes import draw_and_differentiate, scene

from tfg.engines import rasterize
from tfg.types import InputError


def one(opacity: float = 0.5, sigma: float = 0.1, z: float = 2.0, **changes):
    """One white ball on the axis of a 9 x 9 camera with focal 10: its mean falls on the centre of pixel (4, 4)."""
    given = {
        "means": torch.tensor([[0.0, 0.0, z]]),
        "quats": torch.tensor([[1.0, 0.0, 0.0, 0.0]]),
        "scales": torch.full((1, 3), sigma),
        "opacities": torch.tensor([opacity]),
        "colors": torch.ones(1, 1),
        "rotation": torch.eye(3),
        "translation": torch.zeros(3),
        "focal": 10.0,
        "width": 9,
        "height": 9,
        "engine": "torch",
    }
    given |= changes
    return rasterize(**{name: x.double() if isinstance(x, torch.Tensor) else x for name, x in given.items()})


def test_a_ball_is_a_gaussian_of_focal_times_sigma_over_depth_with_blur() -> None:
    raster = one()
    variance = (10 * 0.1 / 2) ** 2 + 0.3
    assert raster.alpha[4, 4] == pytest.approx(0.5)
    assert raster.alpha[4, 6] == pytest.approx(0.5 * math.exp(-(2**2) / 2 / variance))
    assert raster.alpha[5, 5] == pytest.approx(0.5 * math.exp(-2 / 2 / variance))


def test_alpha_below_one_in_255_is_nothing() -> None:
    variance = (10 * 0.1 / 2) ** 2 + 0.3
    alpha = one().alpha
    reach = math.sqrt(2 * variance * math.log(0.5 * 255))  # 2.31 pixels
    assert 2 < reach < math.sqrt(2 * 2 + 2 * 2)
    assert alpha[4, 6] > 0
    assert alpha[6, 6] == 0


def test_alpha_stops_at_0_999() -> None:
    assert one(opacity=1.0).alpha[4, 4] == pytest.approx(0.999, abs=1e-12)


def test_depth_is_accumulated() -> None:
    raster = one()
    assert raster.depth[4, 4] == pytest.approx(0.5 * 2.0)
    assert raster.depth[0, 0] == 0


def test_the_nearer_gaussian_covers_the_farther() -> None:
    raster = one(
        means=torch.tensor([[0.0, 0.0, 3.0], [0.0, 0.0, 2.0]]),
        quats=torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(2, 1),
        scales=torch.full((2, 3), 0.1),
        opacities=torch.tensor([0.5, 0.25]),
        colors=torch.eye(2),
        background=torch.tensor([1.0, 0.0]),
    )
    assert raster.color[4, 4].tolist() == pytest.approx([0.75 * 0.5 + 0.75 * 0.5, 0.25])


def test_ties_in_depth_are_drawn_in_order_of_index() -> None:
    raster = one(
        means=torch.tensor([[0.0, 0.0, 2.0]]).repeat(2, 1),
        quats=torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(2, 1),
        scales=torch.full((2, 3), 0.1),
        opacities=torch.tensor([0.5, 0.25]),
        colors=torch.eye(2),
    )
    assert raster.color[4, 4].tolist() == pytest.approx([0.5, 0.5 * 0.25])


def test_nothing_is_drawn_behind_a_transmittance_of_1e_4() -> None:
    n = 20
    raster = one(
        means=torch.stack([torch.zeros(n), torch.zeros(n), torch.linspace(2, 3, n)], 1),
        quats=torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(n, 1),
        scales=torch.full((n, 3), 0.1),
        opacities=torch.full((n,), 0.91),
        colors=torch.eye(n),
    )
    weights = raster.color[4, 4]
    assert weights[:3].tolist() == pytest.approx([0.91, 0.91 * 0.09, 0.91 * 0.09**2])
    assert weights[3:].abs().sum() == 0  # the fourth would leave 0.09^4 = 6.6e-5 of the light


def test_antialias_dims_a_tiny_gaussian_by_the_blur_it_got() -> None:
    sharp = (10 * 0.01 / 2) ** 2
    raster = one(sigma=0.01, opacity=1.0, antialias=True)
    assert raster.alpha[4, 4] == pytest.approx(sharp / (sharp + 0.3))


def test_the_normal_is_the_shortest_axis_turned_to_the_camera() -> None:
    raster = one(scales=torch.tensor([[0.2, 0.2, 0.05]]), with_normals=True)
    assert raster.normal is not None
    assert raster.normal[4, 4].tolist() == pytest.approx([0.0, 0.0, -0.5])


def test_first_harmonics_colour_by_direction() -> None:
    colors = torch.zeros(1, 4, 3)
    colors[0, 0] = 1.0
    colors[0, 2] = 2.0  # along z, and the view of the Gaussian is along +z
    raster = one(colors=colors, sh_degree=1)
    assert raster.color[4, 4, 0] == pytest.approx(0.5 * (0.5 + 0.28209479177 + 2 * 0.48860251190))


def test_the_radius_is_the_box_in_which_alpha_reaches_one_in_255() -> None:
    variance = (10 * 0.1 / 2) ** 2 + 0.3
    assert one().radii.tolist() == [math.ceil(math.sqrt(2 * variance * math.log(0.5 * 255)))]
    assert one(opacity=0.0039).radii.tolist() == [0]
    assert one(z=-2.0).radii.tolist() == [0]


@pytest.mark.parametrize("antialias", [False, True])
def test_gradients_are_those_of_the_picture(antialias: bool) -> None:
    drawn = scene(12, 11, 9, seed=3, degree=1, dtype=torch.float64)
    inputs = [
        drawn[name].requires_grad_() for name in ("means", "quats", "scales", "opacities", "colors", "background")
    ]

    def pictures(*tensors: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        names = ("means", "quats", "scales", "opacities", "colors", "background")
        given = drawn | dict(zip(names, tensors, strict=True))
        raster = rasterize(**given, with_normals=True, antialias=antialias, engine="torch")
        return raster.color, raster.alpha, raster.depth, raster.normal

    assert torch.autograd.gradcheck(pictures, inputs, eps=1e-7, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["means", "quats", "scales", "opacities", "colors", "background", "translation"])
@pytest.mark.parametrize("engine", ["torch", "cpu"])
def test_nan_is_refused_by_name(name: str, engine: str) -> None:
    given = scene(20, 16, 16)
    given[name].view(-1)[-1] = float("nan")
    with pytest.raises(InputError, match=f"^{name} holds NaN or infinity$"):
        rasterize(**given, engine=engine)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quats": torch.zeros(20, 3)}, "quats has shape"),
        ({"opacities": torch.zeros(20, 1)}, "opacities has shape"),
        ({"colors": torch.zeros(20, 3, 3)}, "or give sh_degree"),
        ({"background": torch.zeros(3, 16, 16)}, "background has shape"),
        ({"sh_degree": 4}, "sh_degree=4"),
        ({"width": 0}, "width=0"),
        ({"near": 0.0}, "near=0.0"),
        ({"focal": -1.0}, "focal=-1.0"),
        ({"means": torch.zeros(20, 3, dtype=torch.float64)}, "quats is torch.float32"),
        ({"rotation": torch.eye(3, requires_grad=True)}, "detach"),
        ({"engine": "cuda"}, "engine=cuda needs tensors on cuda"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(change: dict, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        rasterize(**(scene(20, 16, 16) | change))
    assert "\n" not in str(raised.value)


def test_the_screen_gradient_can_be_retained() -> None:
    for engine in ("torch", "cpu"):
        raster, _ = draw_and_differentiate(scene(50, 24, 24), engine)
        assert raster.means2d.grad is not None
        assert raster.means2d.grad.shape == (50, 2)
        assert raster.means2d.grad.abs().sum() > 0
