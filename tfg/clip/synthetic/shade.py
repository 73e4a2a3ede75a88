"""The colour of every sample of the embedded clip: soft light on skin, hair and cloth; eyeballs and the inside of the mouth by ray."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.clip.synthetic.arithmetic import Array, bell, cos, dot, length, power, sin, tanh, turned
from tfg.clip.synthetic.expression import JAW_DROP
from tfg.clip.synthetic.mesh import CLOTH, EAR, EYE, HAIR, MOUTH, NECK, SKIN, PersonMesh
from tfg.clip.synthetic.paint import GAMMA, linear
from tfg.clip.synthetic.raster import Floats32, Indices, unit
from tfg.types import Bools, Bytes

# Camera space: x right, y down, z away. Directions point to the lights.
_KEY = np.array([-0.50, -0.55, -0.67], np.float32)
_FILL = np.array([0.75, -0.10, -0.65], np.float32)
_DOWN = np.array([0, 1, 0], np.float32)
_STRANDS = np.array([0, 0.94, 0.34], np.float32)  # hair that falls downwards, seen from before it
_TO_CAMERA = np.array([0, 0, -1], np.float32)
_KEY_COLOUR = np.array([1.00, 0.95, 0.88], np.float32) * np.float32(0.98)
_FILL_COLOUR = np.array([0.80, 0.90, 1.00], np.float32) * np.float32(0.30)
_SKY = np.array([0.30, 0.31, 0.33], np.float32)
_GROUND = np.array([0.17, 0.14, 0.12], np.float32)
_SKIN_WRAP = np.array([0.34, 0.18, 0.12], np.float32)  # light that seeps through skin reddens the edge of shadow
_WRAP = np.full(3, 0.1, np.float32)  # of hair and cloth


@dataclass(frozen=True, kw_only=True)
class Lights:
    """Where light comes from, (3,) each in camera space."""

    key: Floats32
    fill: Floats32
    half: Floats32  # unit; between the key light and the camera
    down: Floats32  # from the sky to the ground
    strands: Floats32  # across which hair shines

    def turned(self, rotation: NDArray[np.float64]) -> Lights:
        """The lights as a camera has them that went round the head so that the head turned by `rotation` (3, 3) in its picture."""
        turn = rotation.astype(np.float32)
        key, fill, down, strands = (direction @ turn.T for direction in (self.key, self.fill, self.down, self.strands))
        return Lights(key=key, fill=fill, half=unit(key + _TO_CAMERA), down=down, strands=strands)


WITH_CAMERA = Lights(key=_KEY, fill=_FILL, half=unit(_KEY + _TO_CAMERA), down=_DOWN, strands=_STRANDS)


@dataclass(frozen=True, kw_only=True)
class FrameView:
    """What the rays of one frame depend on; lengths in samples."""

    width: int
    focal: float
    rotation: NDArray[np.float64]  # (3, 3)
    translation: NDArray[np.float64]  # (3,)
    gaze: NDArray[np.float64]  # (2,) radians
    jaw: float  # in [0, 1]
    rounding: float  # in [0, 1]
    tongue: float  # in [0, 1]
    lights: Lights

    def rays(self, sample: Indices) -> tuple[Array, Array]:
        """Origin (3,) and directions (m, 3), unit in z of the camera, in head space."""
        row, column = np.divmod(sample, self.width)
        x, y = (column + 0.5 - self.width / 2) / self.focal, (row + 0.5 - self.width / 2) / self.focal
        direction = np.stack([x, y, np.ones_like(x)], axis=1)
        direction = turned(direction, self.rotation)
        return turned(-self.translation, self.rotation), direction


def shade(
    mesh: PersonMesh,
    view: FrameView,
    parts: dict[int, slice],
    sample: Indices,
    place: Floats32,
    normals: Floats32,
    texel_at: Callable[[int, Floats32], Floats32],
) -> tuple[Floats32, Bools]:
    """Linear colours (3, m), and where the skin is red of lips (m,), of samples of which `parts` has a slice for each material.

    place is (3, m): texture across, down, opening; normals are (3, m) of any length. `texel_at` looks places (2, m)
    up in the texture of a material: (5, m).
    """
    colour = np.empty((3, len(sample)), np.float32)
    lip = np.zeros(len(sample), np.bool_)
    for code in (SKIN, EAR, NECK, HAIR, CLOTH):
        part = parts[code]
        normal = unit(normals[:, part])
        wrap = _SKIN_WRAP if code in (SKIN, EAR, NECK) else _WRAP
        texel = texel_at(code, place[:2, part])
        colour[:, part] = [texel[k] * light for k, light in enumerate(soft_light(normal, wrap, view.lights))]
        if code == HAIR:
            tint = (0.05 + 0.9 * linear(mesh.person.hair)).astype(np.float32)
            colour[:, part] += texel[4] * _strand_shine(normal, view.lights) * tint[:, None]
        elif code != CLOTH:
            colour[:, part] += texel[4] * _highlight(normal, view.lights) * np.float32(0.11)
        if code == SKIN:
            lip[part] = texel[3] > 0.5
    for code, draw in ((EYE, _eyes), (MOUTH, _mouth)):
        part = parts[code]
        if part.stop > part.start:
            colour[:, part] = draw(mesh, view, sample[part], place[2, part]).T
    return colour, lip


def encode(picture: Floats32) -> Bytes:
    """Linear (..., 3) -> sRGB-like bytes, bright parts rolled off softly."""
    steps = np.clip(picture * 2048, 0, 4095).astype(np.int16)
    return _ENCODING[steps]


def soft_light(normal: Floats32, wrap: Floats32, lights: Lights) -> list[Floats32]:
    """Diffuse light (m,) of red, green and blue on unit normals (3, m); `wrap` (3,) is how far it reaches into shadow."""
    key, fill = _facing(normal, lights.key), np.maximum(_facing(normal, lights.fill), 0)
    height = 0.5 - 0.5 * _facing(normal, lights.down)
    light = []
    for k in range(3):
        of_key = np.maximum((key + wrap[k]) / (1 + wrap[k]), 0) * _KEY_COLOUR[k]
        light.append(of_key + fill * _FILL_COLOUR[k] + (_GROUND[k] + height * (_SKY[k] - _GROUND[k])))
    return light


def _highlight(normal: Floats32, lights: Lights) -> Floats32:
    """(m,)."""
    shine = np.maximum(_facing(normal, lights.half), 0)
    for _ in range(4):
        shine = shine * shine
    return shine


def _strand_shine(normal: Floats32, lights: Lights) -> Floats32:
    """A band of light across hair that falls downwards (Kajiya and Kay 1989 with vertical strands)."""
    along = _facing(normal, lights.strands)
    facing = np.maximum(_facing(normal, lights.key), 0)
    return np.float32(0.55) * bell(along, -0.72, 0.20).astype(np.float32) * facing


def _facing(normal: Floats32, direction: Floats32) -> Floats32:
    """(m,) products of (3, m) and (3,)."""
    x, y, z = direction
    return normal[0] * x + normal[1] * y + normal[2] * z


def _eyes(mesh: PersonMesh, view: FrameView, sample: Indices, down: Floats32) -> Floats32:
    """Eyeballs behind the open lids; `down` is 0 at the upper lid and 1 at the lower."""
    origin, direction = view.rays(sample)
    left = ((origin + direction * view.translation[2])[:, 0] < 0)[:, None]
    iris = linear(mesh.person.iris)
    turn_x, turn_y = view.gaze
    forward = np.array([sin(turn_x), sin(turn_y), -cos(turn_x) * cos(turn_y)])
    to_key = turned(view.lights.key.astype(np.float64), view.rotation)
    glint = to_key + forward_of(view)
    glint /= length(glint)
    (left_centre, radius), (right_centre, _) = mesh.eyeball(-1), mesh.eyeball(1)
    towards = np.where(left, origin - left_centre, origin - right_centre)
    a, b = dot(direction, direction), dot(direction, towards)
    room = b**2 - a * (dot(towards, towards) - radius * radius)
    hit = towards + direction * ((-b - np.sqrt(np.maximum(room, 0))) / a)[:, None]
    normal = hit / np.maximum(length(hit), 1e-6)[:, None]
    chord = np.sqrt(np.clip(0.5 - 0.5 * dot(normal, forward), 0, 1))
    half_angle = chord * (1 + chord**2 * (1 / 6 + chord**2 * (3 / 40 + chord**2 * 15 / 336)))  # arcsin, near the iris
    from_middle = 2 * half_angle * radius / mesh.millimetre  # mm along the eyeball
    white = np.array([0.60, 0.55, 0.52]) * (1 - 0.25 * np.clip((np.abs(normal[:, 0]) - 0.45) / 0.5, 0, 1))[:, None]
    ring = np.clip((6.1 - from_middle) / 0.8, 0, 1)[:, None]
    pupil = np.clip((2.5 - from_middle) / 0.6, 0, 1)[:, None]
    limbus = (1 - 0.65 * np.clip((from_middle - 4.2) / 1.6, 0, 1))[:, None]
    ball = white * (1 - ring) + iris * 1.15 * limbus * ring
    ball = ball * (1 - pupil) + 0.006 * pupil
    lid_shadow = 0.34 + 0.66 * np.clip(down / 0.5, 0, 1)
    light = 0.45 + 0.65 * np.clip(dot(normal, to_key), 0, 1)
    shine = np.clip((dot(normal, glint) - 0.975) / 0.012, 0, 1) * 0.9
    return (ball * (lid_shadow * light)[:, None] + shine[:, None]).astype(np.float32)


def forward_of(view: FrameView) -> NDArray[np.float64]:
    """(3,) the direction to the camera in head space."""
    return -view.rotation[2]


def _mouth(mesh: PersonMesh, view: FrameView, sample: Indices, down: Floats32) -> Floats32:
    """Teeth, tongue and darkness behind the parted lips, on a plane behind them curved away at the sides."""
    origin, direction = view.rays(sample)
    plane = mesh.place(np.array([0.0, 0.0, 12.0]))[2]
    point = origin + direction * ((plane - origin[2]) / direction[:, 2])[:, None]
    x, y = point[:, 0] / mesh.millimetre, point[:, 1] / mesh.millimetre + mesh.origin[1]
    drop = JAW_DROP * view.jaw
    depth = np.clip(1 - (x / 24) ** 2, 0, 1)
    colour = np.array([0.12, 0.028, 0.025]) * (0.16 + 0.6 * depth * np.clip(down, 0, 1))[:, None]
    tongue_top = 78.5 + 0.8 * drop - 8.0 * view.tongue + (x / 11) ** 2 * 1.5
    tongue = np.clip((y - tongue_top) / 1.6, 0, 1) * np.clip((19 - np.abs(x)) / 4, 0, 1)
    flesh = np.array([0.42, 0.13, 0.12]) * (0.55 + 0.35 * depth + 0.25 * view.tongue)[:, None]
    colour += (flesh - colour) * tongue[:, None]
    enamel = np.array([0.74, 0.70, 0.62])
    seam = 1 - 0.40 * bell((x + 60) % 7.6, 3.8, 0.55)  # between the teeth; the upper middle one at x = 0
    upper_edge = 72.6 - 0.0045 * x**2 - 0.35 * cos(2 * np.pi * x / 7.6)
    upper = np.clip((upper_edge - y) / 0.5 + 0.5, 0, 1) * np.clip((23 - np.abs(x)) / 3, 0, 1)
    lower_edge = 75.6 + drop + 0.008 * x**2
    lower_seam = 1 - 0.40 * bell((x + 60) % 5.4, 2.7, 0.5)
    lower = np.clip((y - lower_edge) / 0.5 + 0.5, 0, 1) * np.clip((19 - np.abs(x)) / 3, 0, 1) * (1 - view.tongue)
    shadow = (0.30 + 0.70 * np.clip(down / 0.22, 0, 1)) * (1 - 0.75 * view.rounding)  # pushed-out lips keep light off
    colour += (enamel * (lower_seam * depth * 0.55 * (1 - 0.75 * view.rounding))[:, None] - colour) * lower[:, None]
    colour += (enamel * (seam * (0.35 + 0.65 * depth) * shadow)[:, None] - colour) * upper[:, None]
    return colour.astype(np.float32)


def _encoding() -> Bytes:
    """(4096,) bytes of linear values k / 2048: linear up to 0.8, rolled off to white above."""
    value = np.arange(4096) / 2048
    rolled = np.where(value > 0.6, 0.6 + 0.4 * tanh((value - 0.6) / 0.4), value)
    return np.round(255 * power(rolled, 1 / GAMMA)).astype(np.uint8)


_ENCODING = _encoding()
