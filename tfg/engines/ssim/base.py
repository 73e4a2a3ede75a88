"""What both similarities share: the Gaussian window and the two constants of Wang et al. 2004."""

import functools

import torch

HALF, SIGMA = 5, 1.5  # the window is 2 HALF + 1 pixels wide
LUMINANCE, STRUCTURE = 0.01**2, 0.03**2  # of values in [0, 1]


@functools.cache
def taps() -> tuple[float, ...]:
    """(HALF + 1,) weights of the window from the middle outwards; both sides add up to 1."""
    weights = torch.exp(-(torch.arange(-HALF, HALF + 1).double() ** 2) / (2 * SIGMA**2))
    return tuple((weights / weights.sum())[HALF:].tolist())
