"""Arithmetic whose last bit is the same on every machine: built from + - * / and square roots, which IEEE 754 fixes.

NumPy's own exp, sin, power ... round differently with AVX-512, FMA or another C library, products of matrices with another BLAS.
One bit can move a landmark to another vertex or a pixel to another byte, so nothing of the embedded clip is computed with them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_LOG2_E = 1.4426950408889634
# ln 2 and pi / 2 in two parts, of which the first is short enough that its product with a small whole number is exact (fdlibm)
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_QUARTER_HIGH, _QUARTER_LOW = 1.57079632673412561417e00, 6.07710050650619224932e-11
_EXP = [1 / math.factorial(k) for k in range(13, -1, -1)]
_SIN = [(-1) ** k / math.factorial(2 * k + 1) for k in range(8, -1, -1)]
_COS = [(-1) ** k / math.factorial(2 * k) for k in range(9, -1, -1)]
_LOG = [1 / (2 * k + 1) for k in range(10, -1, -1)]
_SNAP_BITS = 24


def exp(value: ArrayLike) -> Array:
    """e to the power of values up to 700; below -700 as at -700, which is nothing."""
    value = np.clip(np.asarray(value, np.float64), -700.0, 700.0)
    power_of_two = np.rint(value * _LOG2_E)
    rest = (value - power_of_two * _LN2_HIGH) - power_of_two * _LN2_LOW
    scale = ((power_of_two.astype(np.int64) + 1023) << 52).view(np.float64)
    return np.asarray(_polynomial(_EXP, rest) * scale)


def log(value: ArrayLike) -> Array:
    """Natural logarithm of positive values."""
    mantissa, exponent = np.frexp(np.asarray(value, np.float64))
    small = mantissa < math.sqrt(0.5)
    mantissa = np.where(small, 2 * mantissa, mantissa)
    share = (mantissa - 1) / (mantissa + 1)
    series = 2 * share * _polynomial(_LOG, share * share)
    return np.asarray((exponent - small) * _LN2_HIGH + ((exponent - small) * _LN2_LOW + series))


def sin(angle: ArrayLike) -> Array:
    """Of radians between -1e5 and 1e5."""
    return _wave(angle, 0)


def cos(angle: ArrayLike) -> Array:
    """Of radians between -1e5 and 1e5."""
    return _wave(angle, 1)


def tanh(value: ArrayLike) -> Array:
    value = np.asarray(value, np.float64)
    small = exp(-2 * np.abs(value))
    return np.asarray(np.sign(value) * (1 - small) / (1 + small))


def power(base: ArrayLike, exponent: float) -> Array:
    """base ** exponent for base >= 0 and exponent > 0."""
    base = np.asarray(base, np.float64)
    positive = base > 0
    return np.where(positive, exp(exponent * log(np.where(positive, base, 1.0))), 0.0)


def soft_maximum(first: ArrayLike, second: ArrayLike) -> Array:
    """log(exp(first) + exp(second)), which is never below either."""
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    return np.asarray(np.maximum(first, second) + log(1 + exp(-np.abs(first - second))))


def bell(value: ArrayLike, centre: ArrayLike, width: ArrayLike) -> Array:
    """1 at the centre, 1/e at `width` from it."""
    share = (np.asarray(value, np.float64) - np.asarray(centre, np.float64)) / np.asarray(width, np.float64)
    return exp(-share * share)


def dot(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Sum of the products along the last axis, from its first entry to its last; other axes are broadcast."""
    total = first[..., 0] * second[..., 0]
    for index in range(1, first.shape[-1]):
        total = total + first[..., index] * second[..., index]
    return np.asarray(total)


def length(vector: NDArray[Any]) -> NDArray[Any]:
    """(..., n) -> (...)."""
    return np.asarray(np.sqrt(dot(vector, vector)))


def turned(points: NDArray[Any], matrix: NDArray[Any], axis: int = -1) -> NDArray[Any]:
    """points @ matrix: x, y, z along `axis` of the points, and (3, 3); with `axis` -1 also stacks of matrices (..., 3, 3)."""
    x, y, z = np.moveaxis(points, axis, 0)
    first, second, third = matrix
    return np.stack([x * first[..., k] + y * second[..., k] + z * third[..., k] for k in range(3)], axis=axis)


def product(first: Array, second: Array) -> Array:
    """first @ second for stacks of 3 x 3: (..., 3, 3)."""
    terms = [first[..., :, j, None] * second[..., j, None, :] for j in range(3)]
    return np.asarray(terms[0] + terms[1] + terms[2])


def solve(matrix: Array, right: Array) -> Array:
    """x of matrix x = right, (n, n) and (n,), by elimination with row pivots."""
    rows = np.concatenate([matrix, right[:, None]], axis=1)
    count = len(rows)
    for step in range(count):
        pivot = step + int(np.abs(rows[step:, step]).argmax())
        rows[[step, pivot]] = rows[[pivot, step]]
        share = rows[step + 1 :, step] / rows[step, step]
        rows[step + 1 :, step:] -= share[:, None] * rows[step, step:]
    found = np.zeros(count)
    for step in range(count - 1, -1, -1):
        found[step] = rows[step, -1] / rows[step, step]
        rows[:step, -1] -= rows[:step, step] * found[step]
    return found


def interpolated(at: ArrayLike, places: ArrayLike, values: ArrayLike) -> Array:
    """Piecewise linear through (places, values), ascending; beyond the ends the end values."""
    places, values = np.asarray(places, np.float64), np.asarray(values, np.float64)
    at = np.clip(at, places[0], places[-1])
    left = np.clip(np.searchsorted(places, at, side="right") - 1, 0, len(places) - 2)
    share = (at - places[left]) / (places[left + 1] - places[left])
    return np.asarray(values[left] + (values[left + 1] - values[left]) * share)


def smoothed(signal: Array, width: float, axis: int = 0, mode: str = "reflect") -> Array:
    """Convolved with a Gaussian of standard deviation `width` samples, cut at four of them."""
    from scipy.ndimage import correlate1d  # slow to import; a clip that is made already needs none of it

    reach = int(4 * width + 0.5)
    steps = np.arange(-reach, reach + 1) / width
    weights = exp(-0.5 * steps * steps)
    return snapped(correlate1d(signal, weights / math.fsum(weights), axis=axis, mode=mode), 36)


def snapped(values: ArrayLike, bits: int = _SNAP_BITS) -> Array:
    """Rounded to multiples of 2 ** -bits: sums of few are exact in any order, and compilers that fuse operations do not show."""
    scale = 2.0**bits
    return np.asarray(np.rint(np.asarray(values, np.float64) * scale) / scale + 0.0)  # no negative zero


def normal(rng: np.random.Generator, size: int | tuple[int, ...] | None = None) -> Array:
    """Standard normal numbers; the far tails, one in 4000, come from the C library's logarithm and are therefore rounded."""
    return snapped(rng.standard_normal(size), 20)


def uniform(
    rng: np.random.Generator, low: float, high: float, size: int | tuple[int, ...] | None = None
) -> Any:  # a float without `size`, else an Array
    return low + (high - low) * rng.random(size)


def _polynomial(coefficients: list[float], value: Array) -> Array:
    """Highest power first."""
    total = np.full_like(value, coefficients[0])
    for coefficient in coefficients[1:]:
        total *= value
        total += coefficient
    return total


def _wave(angle: ArrayLike, quarters: int) -> Array:
    """Sine of the angle and so many right angles."""
    angle = np.asarray(angle, np.float64)
    turns = np.rint(angle * (2 / math.pi))
    rest = (angle - turns * _QUARTER_HIGH) - turns * _QUARTER_LOW
    square = rest * rest
    quadrant = (turns.astype(np.int64) + quarters) & 3
    wave = np.where(quadrant & 1, _polynomial(_COS, square), rest * _polynomial(_SIN, square))
    return np.where(quadrant & 2, -wave, wave)
