"""The embedded clip's own functions against NumPy's and SciPy's, which differ from them in the last bits."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from tfg.clip.synthetic import arithmetic

RNG = np.random.default_rng(0)
VALUES = RNG.uniform(-60, 60, 20_000)


@pytest.mark.parametrize("name", ["exp", "sin", "cos", "tanh"])
def test_a_function_is_the_one_of_its_name(name: str) -> None:
    values = VALUES if name != "tanh" else VALUES / 20
    np.testing.assert_allclose(getattr(arithmetic, name)(values), getattr(np, name)(values), rtol=4e-16, atol=3e-16)


def test_values_that_are_known_exactly() -> None:
    assert arithmetic.exp(0.0) == arithmetic.cos(0.0) == 1
    assert arithmetic.log(1.0) == arithmetic.sin(0.0) == arithmetic.tanh(0.0) == 0
    assert arithmetic.exp(-1e9) < 1e-300
    np.testing.assert_array_equal(arithmetic.power([0.0, 1.0], 0.3), [0, 1])
    np.testing.assert_array_equal(arithmetic.bell([2.0, 4.0], 2.0, 1.0)[0], 1)


def test_logarithms_and_powers() -> None:
    positive = np.exp(VALUES)
    np.testing.assert_allclose(arithmetic.log(positive), np.log(positive), rtol=1e-15, atol=1e-15)
    np.testing.assert_allclose(arithmetic.power(np.abs(VALUES), 0.8), np.abs(VALUES) ** 0.8, rtol=1e-15)
    np.testing.assert_allclose(arithmetic.soft_maximum(VALUES, 0.0), np.logaddexp(VALUES, 0.0), rtol=1e-15, atol=3e-16)


def test_products_and_solutions_of_small_systems() -> None:
    first, second, matrix, right = (RNG.normal(size=shape) for shape in ((5, 3, 3), (5, 3, 3), (40, 40), (40,)))
    np.testing.assert_allclose(arithmetic.product(first, second), first @ second, atol=1e-14)
    np.testing.assert_allclose(arithmetic.turned(first[0], second[0]), first[0] @ second[0], atol=1e-14)
    np.testing.assert_allclose(matrix @ arithmetic.solve(matrix, right), right, atol=1e-11)


def test_interpolation_and_smoothing() -> None:
    places, values = np.sort(RNG.random(20)), RNG.normal(size=20)
    at = RNG.uniform(-0.2, 1.2, 500)
    np.testing.assert_allclose(arithmetic.interpolated(at, places, values), np.interp(at, places, values), atol=1e-14)
    for mode in ("reflect", "nearest", "wrap"):
        expected = gaussian_filter1d(values, 1.7, mode=mode)
        np.testing.assert_allclose(arithmetic.smoothed(values, 1.7, mode=mode), expected, atol=2.0**-37)


def test_sums_of_snapped_values_are_the_same_in_any_order() -> None:
    values = arithmetic.snapped(RNG.normal(size=10_000))
    total = values.sum()
    for _ in range(5):
        assert RNG.permutation(values).sum() == total == sum(values.tolist())
    assert not np.signbit(arithmetic.snapped(-1e-12))
