"""Grid encoding on a CUDA device: the Triton kernels against the twin in double precision on the same device."""

import pytest
import torch

from tfg.engines import HashGridSpec, hash_encode, triplane_encode
from tfg.types import InputError

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
ER_NERF = HashGridSpec(dim=2, levels=12, channels=1, log2_size=14, base=64, desired=512, bound=1.0)
RAD_NERF = HashGridSpec(dim=3, levels=16, channels=2, log2_size=16, base=16, desired=2048, bound=1.0, kind="tiled")
HASHED = HashGridSpec(dim=3, levels=5, channels=4, log2_size=10, base=4, desired=64, bound=0.5)


@pytest.mark.parametrize("spec", [ER_NERF, RAD_NERF, HASHED], ids=["er_nerf", "rad_nerf", "hashed"])
@pytest.mark.parametrize("count", [0, 1, 129, 20_000])
def test_values_and_gradients_equal_the_twin_in_double(spec: HashGridSpec, count: int) -> None:
    generator = torch.Generator("cuda").manual_seed(0)
    encode, planes = (triplane_encode, 3) if spec.dim == 2 else (hash_encode, 1)
    points = (torch.rand(count, 3, generator=generator, device="cuda") * 2.2 - 1.1) * spec.bound
    shape = (planes, spec.num_params, spec.channels) if planes == 3 else (spec.num_params, spec.channels)
    table = torch.randn(shape, generator=generator, device="cuda")
    upstream = torch.randn(count, planes * spec.output, generator=generator, device="cuda")
    results = []
    for engine, dtype in (("cuda", torch.float32), ("torch", torch.float64)):
        leaves = [values.to(dtype).clone().requires_grad_() for values in (points, table)]
        out = encode(leaves[0], leaves[1], spec, engine)
        out.backward(upstream.to(dtype))
        results.append([out.detach().double(), *(leaf.grad.double() for leaf in leaves)])
    for found, expected, tolerance in zip(*results, (1e-6, 1e-6, 1e-5), strict=True):
        if count:
            assert (found - expected).abs().max() <= tolerance * expected.abs().max()


def test_a_million_points_keep_their_weights() -> None:
    points = torch.rand(1_000_000, 3, device="cuda") * 2 - 1
    tables = torch.ones(3, ER_NERF.num_params, 1, device="cuda", requires_grad=True)
    out = triplane_encode(points, tables, ER_NERF, "cuda")
    torch.testing.assert_close(out, torch.ones_like(out))
    out.sum().backward()
    assert tables.grad.double().sum().item() == pytest.approx(36e6, rel=1e-4)


def test_cuda_equals_the_c_engine() -> None:
    points, tables = torch.rand(5000, 3) * 2 - 1, torch.randn(3, ER_NERF.num_params, 1)
    on_device = triplane_encode(points.cuda(), tables.cuda(), ER_NERF, "cuda").cpu()
    torch.testing.assert_close(on_device, triplane_encode(points, tables, ER_NERF), rtol=1e-5, atol=1e-6)


def test_the_cpu_engine_refuses_tensors_of_the_device() -> None:
    with pytest.raises(InputError, match="engine=cpu needs tensors on cpu but they are on cuda"):
        triplane_encode(
            torch.rand(5, 3, device="cuda"), torch.rand(3, ER_NERF.num_params, 1, device="cuda"), ER_NERF, "cpu"
        )
