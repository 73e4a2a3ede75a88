"""Spherical harmonics: orthonormal on the sphere, in torch-ngp's order."""

import math

import pytest
import torch

from tfg.engines import spherical_harmonics
from tfg.types import InputError


def test_spherical_harmonics_are_orthonormal_on_the_sphere() -> None:
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(200_000, 3, generator=generator), dim=1)
    basis = spherical_harmonics(directions, 4)
    gram = basis.T @ basis * (4 * math.pi / len(directions))
    # Monte Carlo with 2e5 directions: 1 / sqrt(2e5) = 2e-3, times the spread of products
    torch.testing.assert_close(gram, torch.eye(16), atol=2e-2, rtol=0)


def test_spherical_harmonics_follow_torch_ngp_order() -> None:
    x, y, z = directions = torch.nn.functional.normalize(torch.tensor([1.0, 2.0, 3.0]), dim=0)
    basis = spherical_harmonics(directions[None], 2)[0]
    expected = torch.tensor([0.28209479, -0.48860251 * y, 0.48860251 * z, -0.48860251 * x])
    torch.testing.assert_close(basis, expected)
    with pytest.raises(InputError, match="degree is 5"):
        spherical_harmonics(directions[None], 5)
