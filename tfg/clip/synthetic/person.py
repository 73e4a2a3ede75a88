"""Who the embedded clip shows: proportions, colours, hair and clothes, drawn from one seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfg.clip.synthetic.arithmetic import normal, uniform

Colour = tuple[float, float, float]

_SKIN: tuple[Colour, ...] = (
    (0.86, 0.66, 0.55),
    (0.62, 0.42, 0.31),
    (0.90, 0.73, 0.64),
    (0.42, 0.27, 0.20),
    (0.78, 0.57, 0.44),
    (0.52, 0.34, 0.25),
)
_HAIR: tuple[Colour, ...] = (
    (0.20, 0.13, 0.09),
    (0.08, 0.065, 0.06),
    (0.48, 0.33, 0.18),
    (0.06, 0.05, 0.05),
    (0.33, 0.17, 0.09),
    (0.45, 0.43, 0.41),
)
_IRIS: tuple[Colour, ...] = ((0.30, 0.42, 0.50), (0.25, 0.15, 0.08), (0.33, 0.40, 0.26), (0.20, 0.12, 0.07))
_CLOTH: tuple[tuple[Colour, Colour], ...] = (
    ((0.16, 0.24, 0.38), (0.70, 0.74, 0.78)),
    ((0.55, 0.20, 0.18), (0.86, 0.80, 0.70)),
    ((0.20, 0.36, 0.30), (0.75, 0.72, 0.55)),
    ((0.62, 0.60, 0.57), (0.25, 0.27, 0.32)),
)
_WALL: tuple[Colour, ...] = ((0.46, 0.53, 0.56), (0.58, 0.53, 0.46), (0.44, 0.50, 0.44), (0.52, 0.48, 0.54))
PATTERNS = ("stripes", "checks", "knit")


@dataclass(frozen=True, kw_only=True)
class Person:
    """One person. Shape offsets are standard-normal-like numbers around 0, the average face."""

    seed: int
    skin: Colour
    hair: Colour
    iris: Colour
    cloth: tuple[Colour, Colour]
    wall: Colour
    pattern: str  # one of PATTERNS
    face_width: float
    jaw_width: float
    chin_length: float
    nose_length: float
    nose_width: float
    eye_size: float
    brow_weight: float
    lip_fullness: float
    mouth_width: float
    cheek: float
    hair_volume: float  # 0 short, 1 full
    hair_sides: float  # 0 short, over the ears down to the neck at 1
    fringe: float  # -1 receding to 1 low


def make_person(seed: int) -> Person:
    """The person of this seed."""
    rng = np.random.default_rng([seed, 3])
    sides = uniform(rng, 0.6, 1.0)
    skin = _SKIN[seed % len(_SKIN)]
    dark = skin[0] < 0.6
    return Person(
        seed=seed,
        skin=skin,
        hair=_HAIR[1 + 2 * int(rng.integers(2)) if dark else seed % len(_HAIR)],
        iris=_IRIS[1 + 2 * int(rng.integers(2)) if dark else seed % len(_IRIS)],
        cloth=_CLOTH[seed % len(_CLOTH)],
        wall=_WALL[seed % len(_WALL)],
        pattern=PATTERNS[seed % len(PATTERNS)],
        **{name: float(np.clip(0.7 * normal(rng), -1.4, 1.4)) for name in _SHAPE},
        hair_volume=float(rng.random()),
        hair_sides=float(sides) if seed % 2 else 0.0,
        fringe=float(uniform(rng, -0.6, 0.8)),
    )


_SHAPE = (
    "face_width",
    "jaw_width",
    "chin_length",
    "nose_length",
    "nose_width",
    "eye_size",
    "brow_weight",
    "lip_fullness",
    "mouth_width",
    "cheek",
)
