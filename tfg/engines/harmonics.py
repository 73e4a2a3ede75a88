"""Real spherical harmonics of directions, in torch-ngp's order and signs."""

import torch
from torch import Tensor

from tfg.types import InputError


def spherical_harmonics(directions: Tensor, degree: int) -> Tensor:
    """(n, degree**2) of unit `directions` (n, 3), degree 1 to 4 (bands 0 .. degree - 1), in [-1, 1] or so.

    Differentiable in the directions, taken as polynomials (no normalisation inside). Cheap beside any network, hence
    one implementation for all engines.
    """
    if not 1 <= degree <= 4:
        raise InputError(f"spherical_harmonics: degree is {degree}, it must lie in [1, 4]")
    if directions.ndim != 2 or directions.shape[1] != 3:
        raise InputError(f"directions have shape {tuple(directions.shape)}, expected (n, 3)")
    x, y, z = directions.unbind(dim=1)
    bands = [torch.full_like(x, 0.28209479177387814)]
    if degree > 1:
        bands += [-0.48860251190291987 * y, 0.48860251190291987 * z, -0.48860251190291987 * x]
    if degree > 2:
        bands += [
            1.0925484305920792 * x * y,
            -1.0925484305920792 * y * z,
            0.94617469575755997 * z * z - 0.31539156525251999,
            -1.0925484305920792 * x * z,
            0.54627421529603959 * (x * x - y * y),
        ]
    if degree > 3:
        bands += [
            0.59004358992664352 * y * (y * y - 3 * x * x),
            2.8906114426405538 * x * y * z,
            0.45704579946446572 * y * (1 - 5 * z * z),
            0.3731763325901154 * z * (5 * z * z - 3),
            0.45704579946446572 * x * (1 - 5 * z * z),
            1.4453057213202769 * z * (x * x - y * y),
            0.59004358992664352 * x * (3 * y * y - x * x),
        ]
    return torch.stack(bands, dim=1)
