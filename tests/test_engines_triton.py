"""The Triton kernels without a GPU: their values and gradients in Triton's interpreter, and that they compile for sm_90."""

import dataclasses
import importlib.util
import os
import subprocess
import sys
from types import ModuleType

import pytest
import torch
from test_engines_march import BOX, ball, made_samples, rays

from tfg.engines import HashGridSpec, hash_encode, triplane_encode
from tfg.engines.hashgrid.base import PLANES
from tfg.engines.march import twin
from tfg.engines.march.base import Samples, Steps
from tfg.engines.planes import twin as plane_twin

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed"),
    pytest.mark.skipif(torch.cuda.is_available(), reason="tests/gpu runs the same kernels on the device"),
    pytest.mark.filterwarnings("ignore:.*TRITON_DEFAULT_FP_FUSION.*"),
]
LADDER = Steps(near=0.05, growth=1 / 32, shortest=0.01, longest=0.2)
EVEN = Steps(near=0.05, growth=1 / 256, shortest=0.2, longest=0.0271)
COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from tfg.engines.hashgrid import triton as grid
from tfg.engines.march import triton as rays
from tfg.engines.planes import triton as planes
grids = dict(levels='*i64', scales='*fp64', axes='*i64', bounds='*fp64', count='i32', rows='i32')
marching = dict(occupied='*u8', start='*i64', found_ray='*i64', rays='i32', max_samples='i32', limit='fp32')
sizes = dict(LEVELS=12, CHANNELS=1, DIM=2, WIDTH=3, PLANES=3, BLOCK=128)
walk = dict(RESOLUTION=128, OFFSET=True, CONSTANT=True, WRITE=True, BLOCK=128)
sums = dict(CHANNELS=3, PADDED=4, BLOCK=128)
read, tile = dict(axes='*i64', count='i32', size='i32'), dict(CHANNELS=32, PADDED=32, BLOCK=32)
for kernel, types, fixed in (
    (grid.forward, grids, sizes),
    (grid.backward, grids, sizes | dict(TO_TABLES=True, TO_POINTS=True)),
    (rays.march, marching, walk),
    (rays.composite, marching, sums),
    (rays.composite_backward, marching, sums),
    (planes.forward, read, tile),
    (planes.backward, read, tile | dict(TO_PLANES=True, TO_POINTS=True)),
):
    signature = {name: 'constexpr' if name in fixed else types.get(name, '*fp32') for name in kernel.arg_names}
    constants = {(kernel.arg_names.index(name),): value for name, value in fixed.items()}
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
    assert triton.compile(source, target=GPUTarget('cuda', 90, 32)).asm['cubin']
"""


@pytest.fixture(scope="module")
def kernels() -> tuple[ModuleType, ModuleType]:
    """The CUDA paths of grids and marching, their kernels interpreted (TRITON_INTERPRET, which conftest sets where no card is)."""
    from tfg.engines.hashgrid import cuda as grids
    from tfg.engines.march import cuda as marching

    return grids, marching


@pytest.mark.parametrize(
    "spec",
    [
        HashGridSpec(2, 4, 2, 8, 8, 64, 1.0),
        HashGridSpec(3, 3, 1, 9, 4, 32, 2.0, "tiled"),
        HashGridSpec(3, 3, 4, 9, 4, 32, 0.5, "hash"),
    ],
    ids=["planes", "tiled", "hash"],
)
def test_grid_equals_the_twin_in_double(spec: HashGridSpec, kernels: tuple[ModuleType, ModuleType]) -> None:
    planes = PLANES if spec.dim == 2 else ((0, 1, 2),)
    generator = torch.Generator().manual_seed(0)
    points = (torch.rand(300, 3, generator=generator) * 2.2 - 1.1) * spec.bound
    tables = torch.randn(len(planes), spec.num_params, spec.channels, generator=generator)
    upstream = torch.randn(300, len(planes) * spec.output, generator=generator)
    fast = [values.clone().requires_grad_() for values in (points, tables)]
    found = kernels[0].encode(*fast, spec, planes)
    found.backward(upstream)
    exact = [values.double().requires_grad_() for values in (points, tables)]
    expected = triplane_encode(*exact, spec) if spec.dim == 2 else hash_encode(exact[0], exact[1][0], spec)
    expected.backward(upstream.double())
    for one, other in ((found, expected), (fast[0].grad, exact[0].grad), (fast[1].grad, exact[1].grad)):
        assert (one - other).abs().max() <= 1e-6 * other.abs().max()


@pytest.mark.parametrize("steps", [EVEN, LADDER], ids=["even", "ladder"])
def test_marching_finds_the_samples_of_the_twin_to_the_bit(
    steps: Steps, kernels: tuple[ModuleType, ModuleType]
) -> None:
    origins, directions, offset = rays(200)
    for shift in (None, offset):
        given = (origins, directions, shift, ball(), BOX, 16, steps)
        found, expected = kernels[1].march(*given), twin.march(*given)
        assert len(found.t) > 0
        for field in dataclasses.fields(Samples):
            assert torch.equal(getattr(found, field.name), getattr(expected, field.name)), field.name


def test_composite_equals_the_twin_in_double(kernels: tuple[ModuleType, ModuleType]) -> None:
    samples, sigma, values = made_samples([0, 24, 1, 0, 17, 24, 0, *([13] * 150), 0])
    results = []
    for part, dtype in ((kernels[1], torch.float32), (twin, torch.float64)):
        along = dataclasses.replace(samples, t=samples.t.to(dtype), delta=samples.delta.to(dtype))
        leaves = [given.to(dtype).clone().requires_grad_() for given in (sigma, values[:, :3])]
        outputs = part.composite(*leaves, along, 1e-4)
        sum((output**2).sum() for output in outputs).backward()
        results.append([*outputs, *(leaf.grad for leaf in leaves)])
    for one, other in zip(*results, strict=True):
        assert (one - other).abs().max() <= 2e-6 * other.abs().max()


@pytest.mark.parametrize(("channels", "size"), [(32, 16), (5, 7), (1, 1)])
def test_planes_equal_the_twin_in_double(channels: int, size: int) -> None:
    from tfg.engines.planes import cuda

    generator = torch.Generator().manual_seed(0)
    planes = torch.randn(3, channels, size, size, generator=generator)
    points = torch.rand(300, 3, generator=generator) * 2.6 - 1.3
    upstream = torch.randn(300, channels, generator=generator)
    results = []
    for part, dtype in ((cuda, torch.float32), (plane_twin, torch.float64)):
        leaves = [values.to(dtype).clone().requires_grad_() for values in (planes, points)]
        out = part.sample(*leaves)
        results.append([out, *torch.autograd.grad(out, leaves, upstream.to(dtype))])
    for one, other in zip(*results, strict=True):
        assert (one - other).abs().max() <= 1e-6 * other.abs().max()


def test_every_kernel_compiles_for_an_h100_without_one() -> None:
    command = [sys.executable, "-W", "ignore", "-c", COMPILE]
    environment = {**os.environ, "TRITON_INTERPRET": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
