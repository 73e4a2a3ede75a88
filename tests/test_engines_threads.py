"""The C engines hold no state between calls: threads that use them at once get what one thread gets."""

from concurrent.futures import ThreadPoolExecutor

import torch
from test_engines_march import BOX, SAMPLING, ball, rays

from tfg.engines import HashGridSpec, composite, march, mlp, sample_planes, ssim, triplane_encode

SPEC = HashGridSpec(dim=2, levels=6, channels=1, log2_size=10, base=8, desired=64, bound=1.0)


def work(seed: int) -> list[torch.Tensor]:
    """All operations and their gradients on inputs made from a seed."""
    generator = torch.Generator().manual_seed(seed)
    points = (torch.rand(700, 3, generator=generator) * 2 - 1).requires_grad_()
    tables = torch.rand(3, SPEC.num_params, 1, generator=generator).requires_grad_()
    weights = [torch.rand(16, 18, generator=generator).requires_grad_(), torch.rand(4, 16, generator=generator)]
    out = mlp(triplane_encode(points, tables, SPEC, "cpu"), weights, "cpu")
    origins, directions, offset = rays(100)
    samples = march(origins, directions, ball(16), aabb=BOX, **SAMPLING, offset=(offset + seed / 10) % 1, engine="cpu")
    sigma = torch.rand(len(samples.t), generator=generator).requires_grad_()
    color, opacity, depth = composite(sigma, samples.points, samples, "cpu")
    planes = torch.rand(3, 20, 9, 9, generator=generator).requires_grad_()
    read = sample_planes(planes, points, engine="cpu")
    picture = torch.rand(30, 25, 3, generator=generator).requires_grad_()
    likeness = ssim(picture, torch.rand(30, 25, 3, generator=generator), "cpu")
    learned = [points, tables, weights[0], sigma, picture, planes]
    gradients = torch.autograd.grad(out.sum() + color.sum() + depth.sum() + likeness + read.sum(), learned)
    return [out.detach(), color.detach(), opacity.detach(), read.detach(), *gradients]


def test_threads_at_once_get_the_same_bits_as_one() -> None:
    alone = [work(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(work, [0, 1, 2, 3] * 5))
    for index, found in enumerate(together):
        assert all(torch.equal(one, other) for one, other in zip(found, alone[index % 4], strict=True))
