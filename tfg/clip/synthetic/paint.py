"""The textures of the embedded clip: skin with brows, lashes and lips, hair, neck, ears, clothes and the wall behind. Linear RGB.

Skin noise, strands and weave are fixed to their surfaces, so that they move with them and a model can learn them.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tfg.clip.synthetic.arithmetic import (
    bell,
    exp,
    interpolated,
    normal,
    power,
    sin,
    smoothed,
    snapped,
    uniform,
)
from tfg.clip.synthetic.body import hair_cover
from tfg.clip.synthetic.person import Colour, Person
from tfg.clip.synthetic.shape import (
    EYE_HALF_WIDTH,
    EYE_X,
    EYE_Y,
    MOUTH_HALF_WIDTH,
    MOUTH_Y,
    Array,
    HeadGrid,
    lip_heights,
)

Texture = NDArray[np.float32]  # (height, width, 5): linear RGB in [0, 1], share of lip red in [0, 1], gloss

GAMMA = 2.2


def linear(colour: Colour) -> Array:
    return power(colour, GAMMA)


def paint_head(grid: HeadGrid, closed: Array, person: Person, height: int) -> Texture:
    """The head's texture, `height` rows and as many columns, on the coordinates of `body.head_texture`."""
    rng = np.random.default_rng([person.seed, 5])
    level = np.linspace(grid.level[0], grid.level[-1], height)
    angle = np.linspace(grid.angle[0], grid.angle[-1], height)
    rows = interpolated(level, grid.level, np.arange(len(grid.level)))
    columns = interpolated(angle, grid.angle, np.arange(len(grid.angle)))
    x, y, f = np.moveaxis(_between(_between(closed, rows).swapaxes(0, 1), columns).swapaxes(0, 1), -1, 0)
    level, angle = level[:, None], np.abs(angle)[None, :]
    fine, coarse, blotch = (_noise(rng, height, sigma) for sigma in (0.0011, 0.004, 0.02))

    colour = _skin(x, y, person) * (1 + 0.045 * fine + 0.045 * coarse + 0.03 * blotch)[..., None]
    colour *= _occlusion(x, y, f, level)[..., None]
    gloss = 0.5 + 0.5 * bell(x, 0, 20) * bell(y, 5, 60) + 0.25 * fine
    red, lip_gloss = _lips(x, level, person, fine)
    lip_colour = linear(person.skin) * (0.80, 0.50, 0.50) + (0.02, 0.0, 0.004)
    seam = bell(level - MOUTH_Y, 0, 1.3) * np.clip((MOUTH_HALF_WIDTH + 0.5 - np.abs(x)) / 3, 0, 1)
    lips = lip_colour * (1 + 0.06 * coarse + 0.07 * _noise(rng, height, 0.005, 0.0014))[..., None]
    colour = _over(colour, lips, red)
    colour *= 1 - 0.62 * seam[..., None]
    gloss = gloss * (1 - red) + lip_gloss * red
    colour = _eyes(colour, x, level, person)
    brow = _brows(x, y, person) * np.clip(0.74 + 0.18 * _noise(rng, height, 0.006, 0.0012), 0, 1)
    hair = linear(person.hair)
    colour = _over(colour, hair * 0.7 + 0.006, 0.9 * brow)
    cover = hair_cover(x, y, angle, person) + 2.2 * _noise(rng, height, 0.018, 0.0014)
    scalp = power(np.clip((cover + 7) / 13, 0, 1), 1.3) * (y < 60)
    colour *= (1 - 0.30 * np.clip((cover + 13) / 16, 0, 1) * (y < 60))[..., None]
    colour = _over(colour, hair * 0.55, scalp)
    gloss = gloss * (1 - np.maximum(brow, scalp))
    return np.concatenate([colour, red[..., None], gloss[..., None]], -1).astype(np.float32)


def paint_hair(person: Person, height: int) -> Texture:
    rng = np.random.default_rng([person.seed, 6])
    strands = (
        0.7 * _noise(rng, height, 0.05, 0.0013)
        + 0.5 * _noise(rng, height, 0.09, 0.005)
        + 0.25 * _noise(rng, height, 0.003)
    )
    tone = np.clip(1 + 0.42 * strands, 0.25, 2.2)
    roots = 0.62 + 0.38 * np.clip(np.linspace(1.7, 0.0, height), 0, 1)[:, None]
    colour = linear(person.hair) * tone[..., None] * roots[..., None]
    return _plain(colour, np.clip(0.55 + 0.5 * strands, 0.05, 1.3))


def paint_ear(person: Person, height: int) -> Texture:
    rng = np.random.default_rng([person.seed, 7])
    radius = np.linspace(0, 1, height)[:, None]
    hollow = 1 - 0.55 * bell(radius, 0.1, 0.35) - 0.22 * bell(radius, 0.72, 0.07)
    colour = linear(person.skin) * (1.0, 0.84, 0.80) * (hollow * (0.92 + 0.05 * _noise(rng, height, 0.01)))[..., None]
    return _plain(colour, np.full((height, height), 0.5))


def paint_neck(person: Person, height: int) -> Texture:
    """Dark under the jaw, where the head keeps the light off."""
    rng = np.random.default_rng([person.seed, 8])
    y = np.linspace(70, 205, height)[:, None]
    shade = 0.40 + 0.60 * power(np.clip((y - 112) / 52, 0, 1), 0.8)
    folds = 1 - 0.08 * bell(y + 3 * np.linspace(-1, 1, height)[None, :] ** 2, 146, 1.8) - 0.06 * bell(y, 163, 2.2)
    noise = 1 + 0.05 * _noise(rng, height, 0.003) + 0.045 * _noise(rng, height, 0.010)
    return _plain(
        linear(person.skin) * (0.97, 0.92, 0.90) * (shade * folds * noise)[..., None], np.full((height, height), 0.25)
    )


def paint_cloth(person: Person, height: int) -> Texture:
    rng = np.random.default_rng([person.seed, 9])
    down, across = np.meshgrid(np.linspace(0, 1, height), np.linspace(-1, 1, height), indexing="ij")
    first, second = (linear(colour) for colour in person.cloth)
    if person.pattern == "stripes":
        mark = _soft(sin(2 * np.pi * 13 * down), 0.55)
    elif person.pattern == "checks":
        mark = 0.5 * _soft(sin(2 * np.pi * 9 * down), 0.1) + 0.5 * _soft(sin(2 * np.pi * 10 * across), 0.1)
    else:
        mark = 0.22 * _soft(sin(2 * np.pi * 45 * across), 0.0)
    collar = np.clip((0.062 - down) / 0.006, 0, 1)
    colour = first * (1 - mark[..., None]) + second * mark[..., None]
    colour = _over(colour, second * 0.8, collar)
    colour *= (1 - 0.35 * bell(down, 0.066, 0.012))[..., None]
    weave = (
        1
        + 0.10 * _noise(rng, height, 0.002)
        + 0.10 * _noise(rng, height, 0.02)
        + 0.10 * _noise(rng, height, 0.05, 0.015)
    )
    return _plain(colour * weave[..., None], np.zeros((height, height)))


def paint_wall(person: Person, width: int) -> NDArray[np.float32]:
    """(width, width, 3): a lit wall, a blurred shelf of books and a lamp, in linear RGB."""
    rng = np.random.default_rng([person.seed, 10])
    down, across = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, width), indexing="ij")
    light = 0.55 + 0.75 * exp(-(((across - 0.25) / 0.5) ** 2) - ((down - 0.25) / 0.6) ** 2)
    picture = linear(person.wall) * light[..., None]
    edges = np.cumsum(np.concatenate([[uniform(rng, -0.03, 0.0)], uniform(rng, 0.022, 0.055, 40)]))
    for shelf_top, shelf in ((0.10, 0.36), (0.44, 0.70)):
        for left, right in pairwise(edges):
            top = shelf - uniform(rng, 0.13, shelf - shelf_top - 0.03)
            spine = linear(tuple(uniform(rng, 0.28, 0.58) + uniform(rng, -0.10, 0.10, 3)))
            place = (
                (across >= left)
                & (across < right - 0.003)
                & (down >= top)
                & (down < shelf)
                & ((across < 0.27) | (across > 0.80))
            )
            picture[place] = spine * light[place, None]
        board = (down >= shelf) & (down < shelf + 0.022) & ((across < 0.28) | (across > 0.79))
        picture[board] = np.array([0.10, 0.07, 0.05]) * light[board, None]
    picture = smoothed(smoothed(picture, 0.011 * width, 0), 0.011 * width, 1)
    grain = 1 + 0.035 * _noise(rng, width, 0.004) + 0.04 * _noise(rng, width, 0.02)
    return (picture * grain[..., None]).astype(np.float32)


def _skin(x: Array, y: Array, person: Person) -> Array:
    """Redder nose, cheeks and chin, lighter forehead, a trace of beard on some."""
    base = linear(person.skin)
    flush = 0.8 * bell(np.abs(x), 46, 20) * bell(y, 32, 20) + 0.9 * bell(x, 0, 15) * bell(y, 38, 14)
    flush = flush + 0.35 * bell(x, 0, 18) * bell(y, 105, 12)
    light = 1 + 0.06 * bell(x, 0, 50) * bell(y, -50, 26)
    beard = 0.16 * (person.seed % 2 == 0) * np.clip((y - 46) / 14, 0, 1) * np.clip((74 - np.abs(x)) / 20, 0, 1)
    colour = base * light[..., None] * (1 - flush[..., None] * (0.02, 0.20, 0.17))
    return colour * (1 - beard[..., None] * (1.0, 0.85, 0.72))


def _occlusion(x: Array, y: Array, f: Array, level: Array) -> Array:
    """Baked shade in the hollows of the face; 1 is open."""
    side = np.abs(x)
    shade = 0.30 * bell(side, 19, 7) * bell(y, -6, 8) + 0.13 * bell(side, EYE_X, 17) * bell(y, 13, 4)
    shade = shade + 0.80 * bell(side, 7.4, 3.4) * bell(y, 47.6, 2.0)  # nostrils
    shade = shade + 0.34 * bell(x, 0, 13) * bell(y, 52, 4.0) + 0.24 * bell(side, 20.5, 2.6) * bell(y, 44, 6)
    shade = shade + 0.10 * bell(side - 0.55 * (y - 50), 25, 2.2) * bell(y, 56, 9)  # fold from nose to mouth
    shade = shade + 0.28 * bell(x, 0, 17) * bell(y, 87, 3.5) + 0.12 * bell(side, 30, 4) * bell(y, 71, 5)
    shade = shade + 0.55 * np.clip((level - 106) / 14, 0, 1) + 0.35 * np.clip((-35 - f) / 40, 0, 1) * (y > -20)
    return 1 - np.clip(shade, 0, 0.85)


def _lips(x: Array, level: Array, person: Person, fine: Array) -> tuple[Array, Array]:
    """Share of red, and gloss."""
    upper, lower = lip_heights(x, person)
    distance = level - MOUTH_Y
    height = np.where(distance < 0, upper, lower)
    edge = np.clip((height - np.abs(distance)) / 0.9 + 0.5, 0, 1) * (height > 0.4)
    return edge, 1.5 * bell(distance, 0.55 * lower, 2.6) + 0.5 * bell(distance, -0.5 * upper, 1.8) + 0.2 * fine


def _eyes(colour: Array, x: Array, level: Array, person: Person) -> Array:
    """Lash lines on both lids, the fold of the upper lid."""
    across = (np.abs(x) - EYE_X) / EYE_HALF_WIDTH
    distance = level - EYE_Y
    reach = np.clip((1.06 - np.abs(across)) / 0.12, 0, 1)
    upper = np.where(distance <= 0, bell(distance, -0.6, 2.0 + 0.7 * across), 0) * reach
    lower = np.where(distance > 0, bell(distance, 0.0, 1.1), 0) * reach
    wing = bell(distance + 2.5 * np.clip(across - 0.9, 0, 1) * 6, 0, 1.3) * bell(across, 1.02, 0.13)
    fold = bell(distance, -10.5 + 1.8 * np.clip(across, -1, 1) ** 2, 1.5) * np.clip((1.15 - np.abs(across)) / 0.4, 0, 1)
    colour = colour * (1 - fold[..., None] * (0.28, 0.36, 0.38))
    lash = linear(person.hair) * 0.25
    return _over(_over(colour, lash, 0.92 * np.maximum(upper, 0.6 * wing)), lash + 0.03, 0.38 * lower)


def _brows(x: Array, y: Array, person: Person) -> Array:
    """Share of brow hair."""
    side = np.abs(x)
    middle = interpolated(side, [11, 22, 40, 50, 59], [-18.0, -21.5, -23.5, -19.0, -12.0])
    half = interpolated(side, [9, 13, 24, 44, 60], [1.6, 3.4, 3.6, 2.4, 0.6]) * (1 + 0.28 * person.brow_weight)
    ends = np.clip((side - 8.5) / 5, 0, 1) * np.clip((60 - side) / 5, 0, 1)
    return np.clip((half - np.abs(y - middle)) / 1.5 + 0.6, 0, 1) * ends


def _noise(rng: np.random.Generator, size: int, down: float, across: float | None = None) -> Array:
    """(size, size) smooth noise of unit variance; correlation lengths as shares of the side."""
    white = smoothed(normal(rng, (size, size)), down * size, 0, "wrap")
    smooth = snapped(smoothed(white, (down if across is None else across) * size, 1, "wrap"), 30)
    smooth = smooth - float(smooth.sum()) / smooth.size
    variance = float(snapped(smooth * smooth, 32).sum()) / smooth.size
    return smooth / np.sqrt(variance)


def _between(rows: Array, at: Array) -> Array:
    """Linear between the rows of an array, at row numbers (m,): (m, ...)."""
    first = np.clip(at.astype(np.int64), 0, len(rows) - 2)
    share = (at - first).reshape(-1, *[1] * (rows.ndim - 1))
    return rows[first] + (rows[first + 1] - rows[first]) * share


def _over(below: Array, above: Array, share: Array) -> Array:
    return below + (above - below) * share[..., None]


def _plain(colour: Array, gloss: Array) -> Texture:
    return np.concatenate([colour, np.zeros((*gloss.shape, 1)), gloss[..., None]], -1).astype(np.float32)


def _soft(wave: Array, threshold: float) -> Array:
    return np.clip((wave - threshold) * 4 + 0.5, 0, 1)
