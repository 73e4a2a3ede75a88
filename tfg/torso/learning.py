"""How a torso field is learned from a training portrait, and how much of its motion is to be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tfg.features.background import widen
from tfg.record import identity
from tfg.torso.field import TorsoField, parts, poses, taken
from tfg.torso.settings import TorsoSettings
from tfg.types import Bytes, Portrait

SMALL = 128  # pixels at most of the pictures that motion is learned on: it is smooth
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)  # shares of the learned motion
REACHES = (1.0, 1.5, 2.0, 4.0)  # times the range of the training poses
_FEWEST = 1e-3  # weight below which no frame shows a place


@dataclass(frozen=True, kw_only=True)
class Trust:
    """How much of a learned motion is used, and how far beyond the poses that it was learned from."""

    strength: float  # share of it
    reach: float  # times the range of the training poses: poses beyond count as those at its end


def learn(portrait: Portrait, settings: TorsoSettings, *seeded_by: object) -> tuple[TorsoField, Trust]:
    """The field of a training portrait, from its poses, backgrounds and head masks; the same for the same seed.

    Where a frame's background is only filled, inside the widened head, it counts as `filling` says. A torso also moves by itself:
    trusted is what served best on stretches of the training part that were left out (`folds`).
    """
    order = np.random.default_rng(identity.seed_for("torso", *seeded_by))
    shown = torch.where(torch.from_numpy(widen(portrait.head_mask)), settings.filling, 1.0)[:, None]
    views = _views(portrait, shown)
    trust = _validated(views, settings, order)
    field = _moved(views, settings, order)
    field.adjust(trust.strength, trust.reach)
    _sharpen(field, portrait, shown, settings, order)
    return field.requires_grad_(False), trust


@dataclass(frozen=True, kw_only=True)
class _Views:
    """Small pictures of n frames with their poses."""

    images: Tensor  # (n, 3, small, small) in [0, 1]
    weight: Tensor  # (n, 1, small, small) of every pixel
    rotation: Tensor  # (n, 3, 3)
    translation: Tensor  # (n, 3)

    def take(self, rows: np.ndarray) -> _Views:
        return _Views(**{item.name: getattr(self, item.name)[rows] for item in fields(self)})

    def error(self, made: Tensor, rows: np.ndarray) -> Tensor:
        """() weighted L1 of pictures of some of the frames, a weighted mean."""
        weight = self.weight[rows]
        return ((made - self.images[rows]).abs() * weight).sum() / (3 * weight.sum())


def _views(portrait: Portrait, shown: Tensor) -> _Views:
    """By area means, of SMALL pixels at most."""
    size, background = portrait.cameras.size, portrait.background
    small = round(size / math.ceil(size / SMALL))
    images = [functional.adaptive_avg_pool2d(_pictures(background[rows]), small) for rows in parts(len(background))]
    rotation, translation = poses(portrait.cameras)
    return _Views(
        images=torch.cat(images),
        weight=functional.adaptive_avg_pool2d(shown, small),
        rotation=rotation,
        translation=translation,
    )


def _moved(views: _Views, settings: TorsoSettings, order: np.random.Generator) -> TorsoField:
    """A field whose motion and small canonical picture are learned together."""
    field = TorsoField(views.images.shape[-1], settings.nodes)
    field.place(views.rotation, views.translation)
    with torch.no_grad():
        total = views.weight.sum(dim=0)
        mean = (views.images * views.weight).sum(dim=0) / total.clamp(min=_FEWEST)
        field.canonical.copy_(torch.where(total > _FEWEST, mean, views.images.mean(dim=0)))

    def error(rows: np.ndarray) -> Tensor:
        return views.error(field(views.rotation[rows], views.translation[rows]), rows)

    _descend(field.parameters(), settings, _drawn(order, len(views.images), 4), error)
    return field


def _validated(views: _Views, settings: TorsoSettings, order: np.random.Generator) -> Trust:
    """Of least error on stretches left out, by fields learned from the rest; no motion at all where there are too few frames."""
    num_frames = len(views.images)
    if num_frames < 2 * settings.folds:
        return Trust(strength=0.0, reach=1.0)
    errors = np.zeros((len(STRENGTHS), len(REACHES)))
    for left_out in np.array_split(np.arange(num_frames), settings.folds):
        held = views.take(left_out)
        field = _moved(views.take(np.setdiff1d(np.arange(num_frames), left_out)), settings, order)
        whole = {name: value.clone() for name, value in field.state_dict().items()}
        for i, strength in enumerate(STRENGTHS):
            for j, reach in enumerate(REACHES):
                field.load_state_dict(whole)
                field.adjust(strength, reach)
                with torch.no_grad():
                    made = field(held.rotation, held.translation)
                errors[i, j] += float(held.error(made, np.arange(len(left_out)))) * len(left_out)
    best, far = np.unravel_index(errors.argmin(), errors.shape)
    return Trust(strength=STRENGTHS[best], reach=REACHES[far])


def _sharpen(
    field: TorsoField, portrait: Portrait, shown: Tensor, settings: TorsoSettings, order: np.random.Generator
) -> None:
    """The canonical picture at the portrait's size, by the motion that was learned on small ones."""
    size, background, (rotation, translation) = portrait.cameras.size, portrait.background, poses(portrait.cameras)

    def places(rows: np.ndarray) -> Tensor:
        with torch.no_grad():
            return field.sources(rotation[rows], translation[rows], size)

    canvas = torch.zeros(4, size, size, requires_grad=True)
    for row in np.arange(len(shown))[:, None]:
        color = _pictures(background[row]) * shown[row]
        # What taking is transposed to: every pixel goes back to where it would be taken from.
        taken(canvas, places(row)).backward(torch.cat([color, shown[row]], dim=1))
    assert canvas.grad is not None
    total = canvas.grad[3:]
    start = functional.interpolate(field.canonical[None], (size, size), mode="bilinear", align_corners=False)[0]
    mean = torch.where(total > _FEWEST, canvas.grad[:3] / total.clamp(min=_FEWEST), start)
    field.canonical = nn.Parameter(mean.detach())

    def error(rows: np.ndarray) -> Tensor:
        made = taken(field.canonical, places(rows))
        return ((made - _pictures(background[rows])).abs() * shown[rows]).sum() / (3 * shown[rows].sum())

    _descend([field.canonical], settings, _drawn(order, len(shown), 1), error)


def _descend(
    parameters: Iterable[nn.Parameter],
    settings: TorsoSettings,
    frames: Iterator[np.ndarray],
    error: Callable[[np.ndarray], Tensor],  # of rows
) -> None:
    """Steps of Adam."""
    optimiser = torch.optim.Adam(parameters, lr=settings.lr)
    for step, rows in zip(range(settings.steps), frames, strict=False):
        for group in optimiser.param_groups:
            group["lr"] = settings.lr * 0.5 * (1 + math.cos(math.pi * step / settings.steps))
        optimiser.zero_grad()
        error(rows).backward()
        optimiser.step()


def _drawn(order: np.random.Generator, num_frames: int, together: int) -> Iterator[np.ndarray]:
    """Rows of steps: shuffled rounds over all frames, without end."""
    rows = np.zeros(0, np.int64)
    while True:
        while len(rows) < together:
            rows = np.concatenate([rows, order.permutation(num_frames)])
        yield rows[:together]
        rows = rows[together:]


def _pictures(images: Bytes) -> Tensor:
    """(n, height, width, 3) -> (n, 3, height, width) in [0, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
