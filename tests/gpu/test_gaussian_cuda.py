"""gsplat behind our `rasterize` equals the float64 torch twin on the same device, values and gradients."""

import pytest
import torch
from raster_scenes import HARD, LEARNED, as_double, difference, draw_and_differentiate, hard, pictures, scene

from tfg.engines import rasterize

pytestmark = pytest.mark.gpu
pytest.importorskip("gsplat", reason="gsplat is not installed")
if not torch.cuda.is_available():
    pytest.skip("no CUDA device", allow_module_level=True)

VALUES = 1e-5  # of the largest value, but for pixels at a threshold: float32 and __expf against float64
GRADIENTS = 1e-4
AT_A_THRESHOLD = 2e-3  # share of the pixels where a Gaussian's alpha is 1 / 255, or the light 1e-4, up to rounding


def on_device(given: dict) -> dict:
    return {name: x.cuda() if isinstance(x, torch.Tensor) else x for name, x in given.items()}


def compare(given: dict, **options: bool) -> None:
    given = on_device(given)
    expected, slopes = draw_and_differentiate(as_double(given), "torch", **options)
    found, got = draw_and_differentiate(given, "cuda", **options)
    for name, picture in pictures(expected).items():
        gap = (pictures(found)[name].double() - picture).abs() / max(float(picture.abs().max()), 1e-12)
        assert float((gap > VALUES).double().mean()) < AT_A_THRESHOLD, name
        assert float(gap.max()) < 2 / 255, name
    for name in (*LEARNED, "means2d"):
        if name != "background":
            norm = float(slopes[name].norm())
            assert float((got[name].double() - slopes[name]).norm()) <= GRADIENTS * 10 * max(norm, 1e-6), name
    assert torch.allclose(got["background"].double(), slopes["background"], rtol=GRADIENTS, atol=2 / 255)
    assert bool(((found.radii - expected.radii).abs() <= 1).all())


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("case", HARD)
def test_gsplat_equals_the_twin(case: str, antialias: bool) -> None:
    compare(hard(case), antialias=antialias, with_normals=True)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_harmonics_of_every_degree(degree: int) -> None:
    compare(scene(100, 30, 26, seed=degree, degree=degree))


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 7, 40])
def test_any_number_of_channels(channels: int) -> None:
    given = scene(100, 30, 26, seed=channels)
    draw = torch.Generator().manual_seed(channels)
    given["colors"] = torch.randn(100, channels, generator=draw)
    given["background"] = torch.randn(channels, generator=draw)
    compare(given)


def test_auto_takes_gsplat_on_a_cuda_device() -> None:
    given = on_device(scene(200, 64, 48, degree=1))
    assert difference(rasterize(**given).color, rasterize(**given, engine="cuda").color) < 1e-6


def test_the_cpu_engine_draws_the_same_picture() -> None:
    given = scene(2000, 128, 96, degree=1)
    cpu, cuda = rasterize(**given, engine="cpu").color, rasterize(**on_device(given), engine="cuda").color.cpu()
    assert float(((cpu - cuda).abs() > 1e-4).float().mean()) < AT_A_THRESHOLD
