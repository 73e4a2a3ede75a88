"""The C rasteriser equals the float64 torch twin, values and gradients, in the cases where rasterisers go wrong."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from raster_scenes import HARD, LEARNED, as_double, difference, draw_and_differentiate, hard, pictures, scene

from tfg.engines import rasterize

VALUES = 1e-5  # of the largest value: float32 against float64
GRADIENTS = 1e-4


def compare(given: dict, **options: bool) -> None:
    expected, slopes = draw_and_differentiate(as_double(given), "torch", **options)
    found, got = draw_and_differentiate(given, "cpu", **options)
    for name, picture in pictures(expected).items():
        assert difference(pictures(found)[name], picture) < VALUES, name
    for name in (*LEARNED, "means2d"):
        if name != "background":
            assert difference(got[name], slopes[name]) < GRADIENTS, name
    # the background's are (1 - alpha) times gradients of about 1, and alpha is a float32 next to 1
    assert torch.allclose(got["background"].double(), slopes["background"], rtol=GRADIENTS, atol=VALUES)
    assert (
        int((found.radii - expected.radii).abs().sum()) <= 1
    )  # one may sit on a whole number of pixels, up to rounding


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("case", HARD)
def test_c_equals_the_twin(case: str, antialias: bool) -> None:
    compare(hard(case), antialias=antialias, with_normals=True)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_harmonics_of_every_degree(degree: int) -> None:
    given = scene(100, 30, 26, seed=degree, degree=degree)
    more = torch.randn(100, 4, 3, generator=torch.Generator().manual_seed(0))
    given["colors"] = torch.cat([given["colors"], more], 1)  # of higher bands than are used
    compare(given)


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 7, 40])
@pytest.mark.parametrize("with_normals", [False, True])
def test_any_number_of_channels(channels: int, with_normals: bool) -> None:
    given = scene(100, 30, 26, seed=channels)
    draw = torch.Generator().manual_seed(channels)
    given["colors"] = torch.randn(100, channels, generator=draw)
    given["background"] = torch.randn(channels, generator=draw)
    compare(given, with_normals=with_normals)


def test_inputs_need_not_be_contiguous() -> None:
    given = scene(100, 30, 26)
    expected = rasterize(**given, engine="cpu").color
    turned = {name: given[name].T.contiguous().T for name in ("means", "quats", "scales", "colors")}
    assert torch.equal(rasterize(**(given | turned), engine="cpu").color, expected)


@pytest.mark.parametrize("picture", ["color", "alpha", "depth", "normal"])
def test_gradients_of_one_picture_alone(picture: str) -> None:
    gradients = []
    for engine, given in (("torch", as_double(scene(80, 24, 24))), ("cpu", scene(80, 24, 24))):
        learned = {name: given[name].requires_grad_() for name in LEARNED}
        raster = rasterize(**(given | learned), engine=engine, with_normals=True)
        getattr(raster, picture).square().sum().backward()
        gradients.append([learned[name].grad for name in LEARNED])
    for name, expected, found in zip(LEARNED, *gradients, strict=True):
        if expected is None or not expected.any():
            assert found is None or not found.any(), name
        else:
            assert difference(found, expected) < GRADIENTS, name


def test_pictures_held_in_several_portions_have_the_same_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    given = scene(300, 70, 70, degree=1)
    _, expected = draw_and_differentiate(given, "cpu")
    monkeypatch.setattr("tfg.engines.gaussian.cpu.PAIRS_HELD", 100)
    _, found = draw_and_differentiate(given, "cpu")
    for name in LEARNED:
        assert torch.equal(found[name], expected[name]), name


def test_bits_are_the_same_twice_and_for_every_number_of_threads() -> None:
    given = scene(3000, 100, 90, degree=2)
    before = torch.get_num_threads()
    results = []
    for threads in (1, 2, 2, 3):
        torch.set_num_threads(threads)
        results.append(draw_and_differentiate(given, "cpu", with_normals=True))
    torch.set_num_threads(before)
    raster, gradients = results[0]
    for other, slopes in results[1:]:
        for name, picture in pictures(raster).items():
            assert torch.equal(pictures(other)[name], picture), name
        for name in LEARNED:
            assert torch.equal(slopes[name], gradients[name]), name


def test_threads_of_python_do_not_disturb_each_other() -> None:
    scenes = [scene(400, 40 + 7 * k, 50, seed=k, degree=1) for k in range(4)]
    expected = [draw_and_differentiate(given, "cpu") for given in scenes]
    wrong: list[int] = []

    def draw(k: int) -> None:
        for _ in range(5):
            raster, gradients = draw_and_differentiate(scenes[k], "cpu")
            same = torch.equal(raster.color, expected[k][0].color)
            if not same or any(not torch.equal(gradients[name], expected[k][1][name]) for name in LEARNED):
                wrong.append(k)

    workers = [threading.Thread(target=draw, args=(k,)) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_second_derivatives_are_refused() -> None:
    given = scene(20, 16, 16)
    means = given["means"].requires_grad_()
    (slope,) = torch.autograd.grad(rasterize(**given, engine="cpu").color.square().sum(), means, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


def test_fifty_thousand_at_512_stay_under_a_gigabyte() -> None:
    script = """
import resource, torch
from raster_scenes import draw_and_differentiate, scene
draw_and_differentiate(scene(100, 32, 32, degree=1), "cpu")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
given = scene(50_000, 512, 512, degree=2)
given["scales"] *= 0.25
draw_and_differentiate(given, "cpu")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": str(here.parent)}  # tfg need not be installed
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=here, env=environment)
    assert float(done.stdout) < 1024  # MB
