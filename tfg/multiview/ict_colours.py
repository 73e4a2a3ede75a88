"""Colours of an ICT-FaceKit head, drawn at random by region: the file has none."""

from __future__ import annotations

import itertools

import numpy as np
from matplotlib.path import Path as Outline
from numpy.typing import NDArray

from tfg.clip.synthetic.paint import GAMMA
from tfg.landmarks import BROWS, EYES, OUTER_LIPS
from tfg.multiview.ict_model import EYE_SOCKETS, EYEBALLS, GUMS, LANDMARKS, SOCKET, TEETH, IctModel
from tfg.types import Floats

_FAIR, _DARK = np.array([0.93, 0.75, 0.66]), np.array([0.30, 0.19, 0.14])
_LIGHT_HAIR, _DARK_HAIR = np.array([0.72, 0.58, 0.38]), np.array([0.05, 0.04, 0.04])
_PALE_LIPS, _RED_LIPS = np.array([0.95, 0.62, 0.60]), np.array([0.85, 0.50, 0.50])  # of the skin
_IRISES = np.array([[0.14, 0.09, 0.06], [0.34, 0.22, 0.12], [0.34, 0.38, 0.24], [0.36, 0.46, 0.54]])
_IRIS, _PUPIL = 0.60, 0.26  # centimetres from the axis of an eyeball
_WAVES = 12  # of mottled skin and hair
_BROW_REACH = 0.45  # centimetres


def head_colours(model: IctModel, hair: Floats, rng: np.random.Generator) -> Floats:
    """(SHOWN, 3) linear colours; `hair` (SHOWN,) is centimetres behind the hairline."""
    place = model.neutral.astype(np.float64)
    points = place[LANDMARKS]
    tone = rng.random() ** 1.3
    skin = _between(_FAIR, _DARK, tone) * (1 + 0.07 * rng.standard_normal() + 0.015 * rng.standard_normal(3))
    strand = _between(_LIGHT_HAIR, _DARK_HAIR, np.clip(0.55 + 0.3 * rng.standard_normal() + 0.4 * tone, 0, 1))
    if rng.random() < 0.12:
        strand = np.full(3, rng.uniform(0.4, 0.75))  # grey
    colour = np.broadcast_to(skin, place.shape).copy()
    cheeks = np.exp(-((np.abs(place[:, 0]) - 4.5) ** 2 + (place[:, 1] + 0.5) ** 2) / 6) * (place[:, 2] > 4)
    _blend(colour, cheeks * rng.uniform(0.05, 0.3), skin * [1.05, 0.8, 0.78])
    shadow = np.exp(-((place[:, 1] + 6) ** 2) / 5) * (place[:, 2] > 3) * (np.abs(place[:, 0]) < 6)
    _blend(colour, shadow * rng.uniform(0, 0.35) * (rng.random() < 0.4), strand)  # a shaved beard
    lips = Outline(points[OUTER_LIPS, :2]).contains_points(place[:, :2]) & (place[:, 2] > 7)
    _blend(colour, lips * rng.uniform(0.5, 0.9), skin * _between(_PALE_LIPS, _RED_LIPS, rng.random()))
    distance = np.linalg.norm(place[:, None] - _along(points[BROWS]), axis=2).min(axis=1)
    _blend(colour, np.clip(1.6 - distance / (_BROW_REACH * rng.uniform(0.7, 1.2)), 0, 1) * 0.85, strand * 0.8)
    rims = np.linalg.norm(place[:, None] - points[EYES], axis=2).min(axis=1)
    _blend(colour, 0.4 * np.exp(-((rims / 0.3) ** 2)), skin * 0.45)
    colour *= 1 + 0.05 * _waves(place, 1.5, rng)[:, None]
    _blend(colour, np.clip(hair / 0.6, 0, 1), strand)
    colour *= 1 + (0.18 * _waves(place * [1.0, 0.15, 1.0], 0.5, rng) * (hair > 0))[:, None]  # strands fall downwards
    colour[SOCKET] = [0.30, 0.10, 0.10]
    colour[EYE_SOCKETS] = skin * 0.6
    colour[GUMS] = [0.62, 0.30, 0.29]
    colour[TEETH] = np.array([0.88, 0.85, 0.76]) * rng.uniform(0.85, 1)
    kind = rng.integers(len(_IRISES) - 1)
    iris = _between(_IRISES[kind], _IRISES[kind + 1], rng.random())
    for ball in EYEBALLS:
        colour[ball] = _eyeball(place[ball], iris)
    return (np.clip(colour, 0.01, 0.98) ** GAMMA).astype(np.float32)


def _eyeball(place: NDArray[np.float64], iris: NDArray[np.float64]) -> NDArray[np.float64]:
    """White, iris round the axis to the front, pupil."""
    centre = (place.min(axis=0) + place.max(axis=0)) / 2
    from_axis = np.linalg.norm(place[:, :2] - centre[:2], axis=1)
    front = place[:, 2] > centre[2]
    colour = np.full(place.shape, [0.80, 0.76, 0.74])
    colour[front & (from_axis < _IRIS)] = iris
    colour[front & (from_axis < _PUPIL)] = 0.04
    return colour


def _between(first: NDArray[np.float64], second: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    return np.asarray(first + share * (second - first))


def _blend(colour: NDArray[np.float64], share: NDArray[np.floating], other: NDArray[np.float64]) -> None:
    """In place, towards another colour (3,) by shares (SHOWN,)."""
    colour += share[:, None] * (other - colour)


def _along(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points of both brows and between them, five a stretch; the stretch over the nose is left out."""
    half = len(points) // 2
    steps = np.linspace(0, 1, 5)[:, None]
    stretches = [pair for brow in (points[:half], points[half:]) for pair in itertools.pairwise(brow)]
    return np.concatenate([start + steps * (stop - start) for start, stop in stretches])


def _waves(place: NDArray[np.float64], period: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(SHOWN,) smooth noise of unit variance."""
    directions = rng.standard_normal((3, _WAVES)) / period
    return np.asarray(np.sin(place @ directions + rng.uniform(0, 2 * np.pi, _WAVES)).sum(axis=1) * np.sqrt(2 / _WAVES))
