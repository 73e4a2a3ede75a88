"""Two small towers that embed lips and sound, fitted to one person by contrast of the true sound with its neighbours in time.

The objective is InfoNCE over the offsets of the curve (multi-way matching: Chung, Chung and Kang, "Perfect match", 2019) on unit
vectors. Differs from: SyncNet, whose towers look at pictures of thousands of people and are trained by pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tfg.metrics.curve import MAX_OFFSET, pairwise
from tfg.metrics.listener.features import anchor_shape, mouth_motion, sound_motion, usable
from tfg.threads import threads
from tfg.types import Bools, Floats

WINDOW = 5  # frames of a tower's input, as SyncNet's
# Frames at either end of a run for which not all 31 offsets exist.
EDGE = WINDOW // 2 + MAX_OFFSET
EMBEDDING = 32
HIDDEN = 192
LIP_SHAPES, SOUND_SHAPES = 12, 24  # principal components
STEPS = 300
READING_NOISE = 0.015  # interocular units: landmarks read at 128 pixels differ by 0.007 from those at 360 (GRID)
_SOUND_NOISE = 0.3  # of a component's standard deviation
_WHITENING_FLOOR = 0.05  # of the largest component's deviation: smaller ones are not blown up to noise
_STRETCH, _STRETCHES = 128, 8  # frames of a training stretch, stretches a step
_DROPOUT_IN, _DROPOUT = 0.2, 0.4
_LEARNING_RATE, _WEIGHT_DECAY, _TEMPERATURE = 1e-2, 1e-2, 0.1
_IGNORED = -100  # torch's name for a row without a target
_NORM_EPSILON = 1e-5
_TINY = 1e-12  # interocular units or decibels, squared: features that never change stay zero

Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Tower:
    """Features of five frames -> a unit vector. c channels, k components."""

    mean: Floats  # (c,)
    basis: Floats  # (c, k) whitening
    weight: Floats  # (HIDDEN, 5 k)
    bias: Floats  # (HIDDEN,)
    gain: Floats  # (HIDDEN,) of the layer norm
    shift: Floats  # (HIDDEN,)
    out_weight: Floats  # (EMBEDDING, HIDDEN)
    out_bias: Floats  # (EMBEDDING,)

    def embed(self, features: NDArray[np.floating]) -> Floats:
        """(n, c), n at least 5 -> (n - 4, EMBEDDING)."""
        components = (np.asarray(features, np.float64) - self.mean) @ self.basis
        windows = np.lib.stride_tricks.sliding_window_view(components, WINDOW, axis=0)  # (n - 4, k, 5)
        hidden = windows.reshape(len(windows), -1) @ self.weight.T.astype(np.float64) + self.bias
        hidden -= hidden.mean(axis=1, keepdims=True)
        hidden /= np.sqrt(hidden.var(axis=1, keepdims=True) + _NORM_EPSILON)
        made = np.maximum(hidden * self.gain + self.shift, 0) @ self.out_weight.T.astype(np.float64) + self.out_bias
        return (made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), _NORM_EPSILON)).astype(np.float32)


def tower_shapes(channels: int, components: int) -> dict[str, tuple[int, ...]]:
    """The shape of each of a Tower's arrays."""
    wide = (HIDDEN,)
    return {
        **{"mean": (channels,), "basis": (channels, components), "weight": (HIDDEN, WINDOW * components)},
        **{"bias": wide, "gain": wide, "shift": wide, "out_weight": (EMBEDDING, HIDDEN), "out_bias": (EMBEDDING,)},
    }


@dataclass(frozen=True, kw_only=True)
class Towers:
    """All that is fitted."""

    anchors: Floats  # (8, 2) the person's eyes and nose, interocular units
    lips: Tower
    sound: Tower

    def distances(self, sound: Floats, landmarks: Floats) -> Doubles:
        """(n, c), (n, 68, 2) -> (n, 31) by middle frame of the lips' window; NaN near the ends and where a face is missing.

        Only rows for which the sound exists at all 31 offsets count, so that no distance is one to zeros.
        """
        known = usable(landmarks)
        rows = np.full((len(landmarks), 2 * MAX_OFFSET + 1), np.nan)
        if len(rows) > 2 * EDGE:
            motion = mouth_motion(landmarks, known, self.anchors.astype(np.float64))
            found = pairwise(self.lips.embed(motion), self.sound.embed(sound_motion(sound)))
            rows[EDGE:-EDGE] = found[MAX_OFFSET:-MAX_OFFSET]
            rows[EDGE:-EDGE][~_whole(known)[MAX_OFFSET:-MAX_OFFSET]] = np.nan
        return rows


def fit_towers(
    sound: Floats, landmarks: Floats, known: Bools, seed: int, progress: Callable[[int], None] | None = None
) -> Towers:
    """Towers for (n, c) and (n, 68, 2), from windows whose frames are all known. `progress` is called after every step.

    The same numbers for a seed whatever the number of threads: everything here runs on one.
    """
    with _alone(seed):
        shape = anchor_shape(landmarks[known])
        motion, changes = mouth_motion(landmarks, known, shape), sound_motion(sound)
        lip_mean, lip_basis = _whitening(motion, known, LIP_SHAPES)
        sound_mean, sound_basis = _whitening(changes, known, SOUND_SHAPES)
        lip_tower, sound_tower = _Tower(lip_basis.shape[1]), _Tower(sound_basis.shape[1])
        data = _Stretches(
            lips=torch.from_numpy((motion - lip_mean).astype(np.float32)) @ torch.from_numpy(lip_basis),
            sound=torch.from_numpy((changes - sound_mean).astype(np.float32)) @ torch.from_numpy(sound_basis),
            whole=torch.from_numpy(_whole(known)),
        )
        _train(lip_tower, sound_tower, data, torch.from_numpy(lip_basis), seed, progress)
        return Towers(
            anchors=shape.astype(np.float32),
            lips=lip_tower.frozen(lip_mean, lip_basis),
            sound=sound_tower.frozen(sound_mean, sound_basis),
        )


def _whole(known: Bools) -> Bools:
    """(n,) -> (n - 4,) windows without a missing frame."""
    return np.asarray(np.lib.stride_tricks.sliding_window_view(known, WINDOW).all(axis=1))


def num_windows(known: Bools) -> int:
    """Windows that can be fitted."""
    return int(_whole(known).sum()) if len(known) >= WINDOW else 0


class _Tower(nn.Module):
    """`Tower` while it learns."""

    def __init__(self, components: int) -> None:
        super().__init__()
        self.enter = nn.Linear(WINDOW * components, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN, eps=_NORM_EPSILON)
        self.leave = nn.Linear(HIDDEN, EMBEDDING)

    def forward(self, components: Tensor, rng: np.random.Generator) -> Tensor:
        """(b, m, k) -> (b, m - 4, EMBEDDING) unit vectors."""
        windows = _dropped(components.unfold(1, WINDOW, 1).flatten(2), _DROPOUT_IN, rng)
        hidden = _dropped(torch.relu(self.norm(self.enter(windows))), _DROPOUT, rng)
        return functional.normalize(self.leave(hidden), dim=-1)

    def frozen(self, mean: Floats, basis: Floats) -> Tower:
        state = {name: value.detach().numpy().copy() for name, value in self.state_dict().items()}
        return Tower(
            mean=mean,
            basis=basis,
            weight=state["enter.weight"],
            bias=state["enter.bias"],
            gain=state["norm.weight"],
            shift=state["norm.bias"],
            out_weight=state["leave.weight"],
            out_bias=state["leave.bias"],
        )


def _dropped(values: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """Dropout by random bytes: torch's own took a third of the fit."""
    kept = torch.from_numpy(rng.integers(0, 256, values.shape, np.uint8)) >= share * 256
    return values * kept / (1 - share)


def _normal(shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
    return torch.from_numpy(rng.standard_normal(shape, np.float32))


@dataclass(frozen=True, kw_only=True)
class _Stretches:
    """What training stretches are cut from."""

    lips: Tensor  # (n, k)
    sound: Tensor  # (n, k)
    whole: Tensor  # (n - 4,)

    def starts(self, length: int) -> NDArray[np.int64]:
        """First frames of stretches with at least half as many whole windows as the best has."""
        counts = np.convolve(self.whole.numpy().astype(np.int64), np.ones(length - WINDOW + 1, np.int64), "valid")
        return np.flatnonzero(2 * counts >= counts.max())


def _train(
    lip_tower: _Tower,
    sound_tower: _Tower,
    data: _Stretches,
    lip_basis: Tensor,
    seed: int,
    progress: Callable[[int], None] | None,
) -> None:
    """In every stretch each window of lips is to be nearest to its sound among those within 15 frames, and vice versa."""
    length = min(_STRETCH, len(data.lips))
    count = length - WINDOW + 1
    sharpness = nn.Parameter(torch.tensor(float(np.log(1 / _TEMPERATURE))))
    groups = [
        {"params": [*lip_tower.parameters(), *sound_tower.parameters()], "weight_decay": _WEIGHT_DECAY},
        {"params": [sharpness], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=_LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, total_steps=STEPS, pct_start=0.2)
    index = torch.arange(count)
    far = (index[:, None] - index).abs() > MAX_OFFSET
    starts, rng = data.starts(length), np.random.default_rng(seed)
    for _ in range(STEPS):
        frames = torch.from_numpy(rng.choice(starts, _STRETCHES))[:, None] + torch.arange(length)
        whole = data.whole[frames[:, :count]]
        strength = torch.from_numpy(rng.uniform(0, READING_NOISE, (_STRETCHES, 1, 1)).astype(np.float32))
        reading = strength * _normal((_STRETCHES, length, len(lip_basis)), rng)
        lip_embeddings = lip_tower(data.lips[frames] + reading @ lip_basis, rng)
        components = data.sound[frames]
        sound_embeddings = sound_tower(components + _SOUND_NOISE * _normal(tuple(components.shape), rng), rng)
        similarities = [
            (queries @ keys.transpose(1, 2) * sharpness.exp()).masked_fill(far | ~whole[:, None], -1e9)
            for queries, keys in ((lip_embeddings, sound_embeddings), (sound_embeddings, lip_embeddings))
        ]
        targets = torch.where(whole, index, _IGNORED).flatten()
        loss = sum(functional.cross_entropy(scores.flatten(0, 1), targets) for scores in similarities)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[union-attr]
        optimizer.step()
        schedule.step()
        if progress is not None:
            progress(1)


def _whitening(features: NDArray[np.floating], known: Bools, components: int) -> tuple[Floats, Floats]:
    """Mean (c,) and basis (c, k) that turns known rows into their principal components of about unit variance."""
    rows = torch.from_numpy(np.asarray(features[known], np.float64))
    mean = rows.mean(dim=0)
    spread = (rows - mean).T @ (rows - mean) / len(rows)
    power, directions = torch.linalg.eigh(spread)  # ascending
    power, directions = power.flip(0)[:components].clamp(min=0), directions.flip(1)[:, :components]
    scale = torch.sqrt(power + _WHITENING_FLOOR**2 * power[0] + _TINY)
    return mean.numpy().astype(np.float32), (directions / scale).numpy().astype(np.float32)


@contextmanager
def _alone(seed: int) -> Iterator[None]:
    """One thread and own random numbers; both are as before afterwards."""
    with threads(1), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
