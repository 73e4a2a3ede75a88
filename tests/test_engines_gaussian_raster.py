"""What must hold for any scene, by hypothesis: order, weights, frames of reference, linearity. Both engines of this machine."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raster_scenes import pictures, scene, turned

from tfg.engines import rasterize

ROUNDING = {"torch": 1e-10, "cpu": 2e-5}  # float64; float32 over a few hundred Gaussians
scenes = st.builds(
    scene,
    n=st.integers(1, 80),
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    seed=st.integers(0, 10_000),
    degree=st.sampled_from([None, 1]),
)
few = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
engines = pytest.mark.parametrize("engine", ["torch", "cpu"])


def draw(drawn: dict, engine: str) -> dict[str, torch.Tensor]:
    dtype = torch.float64 if engine == "torch" else torch.float32
    arguments = {name: x.to(dtype) if isinstance(x, torch.Tensor) else x for name, x in drawn.items()}
    return pictures(rasterize(**arguments, engine=engine, with_normals=True))


def same(found: dict, expected: dict, engine: str) -> None:
    for name, picture in expected.items():
        torch.testing.assert_close(found[name], picture, rtol=ROUNDING[engine], atol=ROUNDING[engine])


@engines
@few
@given(drawn=scenes, seed=st.integers(0, 100))
def test_the_order_of_gaussians_does_not_matter(engine: str, drawn: dict, seed: int) -> None:
    order = torch.randperm(len(drawn["means"]), generator=torch.Generator().manual_seed(seed))
    shuffled = {name: drawn[name][order] for name in ("means", "quats", "scales", "opacities", "colors")}
    same(draw(drawn | shuffled, engine), draw(drawn, engine), engine)


@engines
@few
@given(drawn=scenes)
def test_weights_sum_to_alpha(engine: str, drawn: dict) -> None:
    ones = {"colors": torch.ones(len(drawn["means"]), 1), "sh_degree": None, "background": None}
    found = draw(drawn | ones, engine)
    torch.testing.assert_close(found["color"][..., 0], found["alpha"], rtol=0, atol=ROUNDING[engine])
    assert found["alpha"].min() >= 0
    assert found["alpha"].max() <= 0.9999 + ROUNDING[engine]


@engines
@few
@given(drawn=scenes, x=st.floats(-2, 2), y=st.floats(-2, 2), z=st.floats(-2, 2))
def test_moving_scene_and_camera_together_changes_nothing(
    engine: str, drawn: dict, x: float, y: float, z: float
) -> None:
    drawn = {name: value.double() if isinstance(value, torch.Tensor) else value for name, value in drawn.items()}
    shift = torch.tensor([x, y, z], dtype=torch.float64)
    drawn["rotation"] = turned(torch.float64)
    moved = {
        "means": drawn["means"] + shift,
        "translation": drawn["translation"] - drawn["rotation"] @ shift,
    }
    if (
        engine == "cpu"
    ):  # the shifted means are rounded to float32 by a pixel's ten-thousandth, alphas at 1/255 may come and go
        found, expected = draw(drawn | moved, engine), draw(drawn, engine)
        assert (found["alpha"] - expected["alpha"]).abs().max() < 1.5 / 255
        assert (found["alpha"] - expected["alpha"]).abs().mean() < 1e-4
    else:
        same(draw(drawn | moved, engine), draw(drawn, engine), engine)


@engines
@few
@given(drawn=scenes, factor=st.floats(-3, 3))
def test_the_picture_is_linear_in_the_colours(engine: str, drawn: dict, factor: float) -> None:
    n = len(drawn["means"])
    a, b = torch.randn(2, n, 2, generator=torch.Generator().manual_seed(n))
    over_black = drawn | {"sh_degree": None, "background": None}
    first, second = draw(over_black | {"colors": a}, engine)["color"], draw(over_black | {"colors": b}, engine)["color"]
    both = draw(over_black | {"colors": a + factor * b}, engine)["color"]
    torch.testing.assert_close(both, first + factor * second, rtol=1e-5, atol=1e-5)


@engines
@few
@given(drawn=scenes)
def test_the_norm_of_a_quaternion_does_not_matter(engine: str, drawn: dict) -> None:
    same(draw(drawn | {"quats": drawn["quats"] * 2.0}, engine), draw(drawn, engine), engine)
