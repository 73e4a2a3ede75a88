"""Reading a tri-plane on a CUDA device: the Triton kernels against the twin in double precision on the same device."""

import pytest
import torch

from tfg.engines import sample_planes

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.mark.parametrize(("channels", "size"), [(32, 256), (32, 64), (5, 7), (48, 33), (1, 1)])
@pytest.mark.parametrize("count", [0, 1, 129, 20_000])
def test_values_and_gradients_equal_the_twin_in_double(channels: int, size: int, count: int) -> None:
    generator = torch.Generator("cuda").manual_seed(0)
    planes = torch.randn(3, channels, size, size, generator=generator, device="cuda")
    points = torch.rand(count, 3, generator=generator, device="cuda") * 2.6 - 1.3
    upstream = torch.randn(count, channels, generator=generator, device="cuda")
    results = []
    for engine, dtype in (("cuda", torch.float32), ("torch", torch.float64)):
        leaves = [values.to(dtype).clone().requires_grad_() for values in (planes, points)]
        out = sample_planes(*leaves, engine=engine)
        results.append([out, *torch.autograd.grad(out, leaves, upstream.to(dtype))])
    for found, expected, tolerance in zip(*results, (1e-6, 1e-5, 1e-6), strict=True):
        assert found.shape == expected.shape
        if count:
            assert (found - expected).abs().max() <= tolerance * expected.abs().max()


def test_cuda_equals_the_c_engine() -> None:
    planes, points = torch.randn(3, 32, 64, 64), torch.rand(5000, 3) * 2 - 1
    on_device = sample_planes(planes.cuda(), points.cuda(), engine="cuda").cpu()
    torch.testing.assert_close(on_device, sample_planes(planes, points, engine="cpu"), rtol=1e-5, atol=1e-6)
