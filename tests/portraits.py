"""A tiny analytic Portrait for the tests of the backbones: a shaded, textured ellipsoid head whose mouth follows the audio.

One hidden number a frame, `opening` in [0, 1], opens the mouth and drives the audio features; blinks and pose are independent
of it. Everything is ray traced with the cameras that the Portrait carries, so geometry and pictures agree to the pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfg.types import UPPER_FACE, Cameras, Floats, Portrait

CENTER = np.array([0.0, 0.15, 0.75], np.float32)  # of the skull, head space
RADII = np.array([0.85, 1.15, 0.95], np.float32)
MOUTH = np.array([0.0, 0.55], np.float32)  # centre of the closed mouth, head x and y
MOUTH_HALF_WIDTH = 0.28
LIP = 0.07  # thickness of a lip
OPEN_HALF_HEIGHT = 0.16  # of the fully open mouth's inside
EYES = np.array([[-0.38, -0.2], [0.38, -0.2]], np.float32)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A portrait with the hidden numbers that made it."""

    portrait: Portrait
    opening: Floats  # (n,) in [0, 1]


def make_scene(num_frames: int = 48, size: int = 64, seed: int = 0, channels: int = 12) -> Scene:
    """A run of `num_frames` frames; cut it with `rows` into a training part and a held-out part."""
    rng = np.random.default_rng(seed)
    opening = _smooth(rng, num_frames, 3, period=2.5)[:, 0]
    blink = np.clip(3 * _smooth(rng, num_frames, 1, period=6)[:, 0] - 2, 0, 1)
    brow = _smooth(rng, num_frames, 1, period=12)[:, 0]
    angles = 0.3 * (_smooth(rng, num_frames, 3, period=12) - 0.5)  # yaw, pitch, roll in radians
    offset = 0.15 * (_smooth(rng, num_frames, 3, period=15) - 0.5)
    cameras = Cameras(
        rotation=np.stack([_rotation(*row) for row in angles]).astype(np.float32),
        translation=(np.array([0.0, 0.0, 6.0]) + offset).astype(np.float32),
        focal=2.1 * size,
        size=size,
    )
    upper = np.zeros((num_frames, len(UPPER_FACE)), np.float32)
    upper[:, :5] = 0.3 * brow[:, None]
    upper[:, 5:] = blink[:, None]

    rows = [_trace(cameras, i, float(opening[i]), float(blink[i]), float(brow[i])) for i in range(num_frames)]
    color, head, mouth = (np.stack(part) for part in zip(*rows, strict=True))
    background = np.broadcast_to(_background(size), color.shape)
    images = np.where(head[..., None], color, background)

    distractors = _smooth(rng, num_frames, 3, period=3)
    hidden = np.concatenate([opening[:, None], opening[:, None] ** 2, distractors], axis=1)
    audio = hidden @ rng.normal(size=(hidden.shape[1], channels)) + 0.05 * rng.normal(size=(num_frames, channels))
    landmarks = np.stack([project(landmarks_in_head(float(o)), cameras, i) for i, o in enumerate(opening)])
    portrait = Portrait(
        frames=np.arange(num_frames),
        images=_bytes(images),
        background=_bytes(background),
        head_mask=head,
        mouth_mask=mouth & head,
        landmarks=landmarks.astype(np.float32),
        audio=audio.astype(np.float32),
        upper=upper,
        cameras=cameras,
        face_shape=landmarks_in_head(0.0),
    )
    return Scene(portrait=portrait, opening=opening.astype(np.float32))


def rows(scene: Scene, start: int, stop: int) -> Scene:
    """Frames [start, stop) of a scene."""
    return Scene(portrait=scene.portrait.rows(start, stop), opening=scene.opening[start:stop])


def project(points: Floats, cameras: Cameras, row: int) -> Floats:
    """(n, 3) in head space -> (n, 2) pixels."""
    camera = points @ cameras.rotation[row].T + cameras.translation[row]
    return (cameras.focal * camera[:, :2] / camera[:, 2:] + cameras.size / 2).astype(np.float32)


def mouth_darkness(image: np.ndarray, portrait: Portrait, row: int) -> float:
    """Mean darkness of a picture (size, size, 3) in [0, 1] where the wide open mouth would be: grows with the opening."""
    x, y = project(np.array([[*MOUTH, _surface(MOUTH[None])[0]]], np.float32), portrait.cameras, row)[0]
    pixel = portrait.cameras.focal / portrait.cameras.translation[row, 2]  # pixels a head unit
    half_x, half_y = 0.6 * MOUTH_HALF_WIDTH * pixel, OPEN_HALF_HEIGHT * pixel
    box = image[int(y - half_y) : int(y + half_y) + 1, int(x - half_x) : int(x + half_x) + 1]
    return 1.0 - float(box.mean())


def landmarks_in_head(opening: float) -> Floats:
    """(68, 3) iBUG-68 points on the skull; only the mouth's points move with `opening`."""
    jaw = np.linspace(-1.25, 1.25, 17)
    points = [(0.8 * np.sin(a), -0.1 + 1.05 * np.cos(a)) for a in jaw]
    points += [(x, -0.42) for x in (*np.linspace(-0.58, -0.16, 5), *np.linspace(0.16, 0.58, 5))]
    points += [(0.0, y) for y in np.linspace(-0.2, 0.15, 4)]
    points += [(x, 0.24) for x in np.linspace(-0.13, 0.13, 5)]
    for x, y in EYES:
        points += [(x + 0.12 * np.cos(a), y - 0.05 * np.sin(a)) for a in np.pi - np.arange(6) * np.pi / 3]
    inner = OPEN_HALF_HEIGHT * opening
    outer_angle, inner_angle = np.pi + np.arange(12) * np.pi / 6, np.pi + np.arange(8) * np.pi / 4
    points += [(MOUTH[0] + MOUTH_HALF_WIDTH * np.cos(a), MOUTH[1] + (inner + LIP) * np.sin(a)) for a in outer_angle]
    points += [(MOUTH[0] + 0.8 * MOUTH_HALF_WIDTH * np.cos(a), MOUTH[1] + inner * np.sin(a)) for a in inner_angle]
    flat = np.array(points, np.float32)
    return np.concatenate([flat, _surface(flat)[:, None]], axis=1).astype(np.float32)


def _surface(flat: Floats) -> Floats:
    """z of the front of the skull over head (x, y), clamped at its rim."""
    unit = (flat - CENTER[:2]) / RADII[:2]
    return CENTER[2] - RADII[2] * np.sqrt(np.clip(1 - (unit**2).sum(axis=-1), 0, None))


def _trace(
    cameras: Cameras, row: int, opening: float, blink: float, brow: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colour (size, size, 3), head mask and mouth mask of one frame; 2 x 2 rays a pixel for the colour."""
    size, rotation = cameras.size, cameras.rotation[row].astype(np.float64)
    axis = (np.arange(2 * size) + 0.5) / 2
    u, v = np.meshgrid(axis, axis)
    directions = np.stack([u - size / 2, v - size / 2, np.full_like(u, cameras.focal)], axis=-1) @ rotation
    origin = -rotation.T @ cameras.translation[row].astype(np.float64)
    scaled, start = directions / RADII, (origin - CENTER) / RADII
    a, b, c = (scaled**2).sum(-1), (scaled * start).sum(-1), (start**2).sum() - 1
    discriminant = b * b - a * c
    hit = discriminant > 0
    distance = (-b - np.sqrt(np.clip(discriminant, 0, None))) / a
    points = origin + distance[..., None] * directions
    color, inside = _paint(points, opening, blink, brow)
    inside &= hit

    def pool(values: np.ndarray) -> np.ndarray:
        return values.reshape(size, 2, size, 2, -1).mean(axis=(1, 3))

    weight = pool(hit.astype(np.float64))
    mean = pool(np.where(hit[..., None], color, 0.0)) / np.maximum(weight, 1e-6)
    return mean, weight[..., 0] >= 0.5, pool(inside.astype(np.float64))[..., 0] >= 0.5


def _paint(points: np.ndarray, opening: float, blink: float, brow: float) -> tuple[np.ndarray, np.ndarray]:
    """Colour in [0, 1] and mouth mask of points on the skull, (..., 3) head space."""
    x, y = points[..., 0], points[..., 1]
    normal = (points - CENTER) / RADII**2
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    shade = 0.45 + 0.55 * np.clip(normal @ np.array([-0.4, -0.5, -0.77]), 0, 1)
    skin = np.array([0.85, 0.65, 0.52]) * (1 + 0.12 * np.sin(9 * x + 2) * np.sin(8 * y + 5 * points[..., 2]))[..., None]
    color = np.where((y < -0.62)[..., None], np.array([0.3, 0.2, 0.12]), skin)
    color = np.where((points[..., 2] > 0.85)[..., None], np.array([0.3, 0.2, 0.12]), color)
    for eye_x, eye_y in EYES:
        lid = 0.09 * (1 - 0.9 * blink)
        white = ((x - eye_x) / 0.15) ** 2 + ((y - eye_y) / lid) ** 2 < 1
        iris = white & ((x - eye_x) ** 2 + (y - eye_y) ** 2 < 0.06**2)
        color = np.where(white[..., None], np.array([0.95, 0.95, 0.95]), color)
        color = np.where(iris[..., None], np.array([0.1, 0.2, 0.35]), color)
        eyebrow = (np.abs(x - eye_x) < 0.22) & (np.abs(y - eye_y + 0.2 + 0.1 * brow) < 0.04)
        color = np.where(eyebrow[..., None], np.array([0.25, 0.15, 0.1]), color)
    inner = OPEN_HALF_HEIGHT * opening
    front = points[..., 2] < CENTER[2]
    across, down = (x - MOUTH[0]) / MOUTH_HALF_WIDTH, y - MOUTH[1]
    lips = front & (across**2 + (down / (inner + LIP)) ** 2 < 1)
    hole = front & ((across / 0.8) ** 2 + (down / max(inner, 1e-3)) ** 2 < 1)
    color = np.where(lips[..., None], np.array([0.7, 0.25, 0.25]), color) * shade[..., None]
    color = np.where(hole[..., None], np.array([0.15, 0.04, 0.05]), color)
    teeth = hole & (down < -0.02)
    return np.where(teeth[..., None], np.array([0.8, 0.8, 0.75]) * 0.6, color), lips


def _background(size: int) -> np.ndarray:
    """A soft gradient with a torso-like block at the bottom, (size, size, 3) in [0, 1]."""
    v, u = np.mgrid[0:size, 0:size] / size
    picture = np.stack([0.2 + 0.3 * v, 0.35 + 0.2 * u, 0.5 + 0.1 * v], axis=-1)
    torso = (v > 0.8) & (np.abs(u - 0.5) < 0.35)
    return np.where(torso[..., None], np.array([0.25, 0.3, 0.45]), picture)


def _smooth(rng: np.random.Generator, num_frames: int, channels: int, period: float) -> np.ndarray:
    """Random curves (num_frames, channels) in [0, 1] that change over about `period` frames."""
    reach = int(4 * period)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / period) ** 2)
    noise = rng.normal(size=(num_frames + 2 * reach, channels))
    curves = np.stack([np.convolve(noise[:, i], kernel, mode="valid") for i in range(channels)], axis=1)
    return 0.5 + 0.5 * np.tanh(1.2 * curves / np.sqrt((kernel**2).sum()))


def _rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    cos, sin = np.cos, np.sin
    about_y = np.array([[cos(yaw), 0, sin(yaw)], [0, 1, 0], [-sin(yaw), 0, cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, cos(pitch), -sin(pitch)], [0, sin(pitch), cos(pitch)]])
    about_z = np.array([[cos(roll), -sin(roll), 0], [sin(roll), cos(roll), 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


def _bytes(picture: np.ndarray) -> np.ndarray:
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
