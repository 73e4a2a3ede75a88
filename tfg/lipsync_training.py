"""audio=lipsync learned from videos of many people: which sound belongs to which lip motion, by InfoNCE.

Resumable and, on one kind of device, deterministic: every draw of a step depends on the step alone.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tfg.features.audio.ave import mel_windows
from tfg.features.audio.lipsync import WIDTH
from tfg.features.audio.lipsync_encoder import build_lipsync, save_encoder
from tfg.landmarks import LIP_CHANNELS
from tfg.pretraining import lips_of, people_of
from tfg.progress import progress, say
from tfg.record.files import is_sealed, seal, seal_of
from tfg.threads import threads
from tfg.types import Clip, Floats, InputError

LIP_FRAMES = 5  # of motion, those of the 200 ms of sound
PEOPLE_AT_ONCE, TIMES = 6, 32  # in a batch: negatives are other times of the same clip, and other people
APART = 3  # frames between the times of a clip in a batch, at least: nearer ones differ too little
JOINT = 64  # numbers of the space in which both are compared
STEPS, CHECKPOINT_EVERY = 1200, 100
SOFT = 0.1  # share of the mean deviation of lip motion that is added to that of each of its numbers
RATE, WEIGHT_DECAY = 2e-3, 1e-2
FIRST_TEMPERATURE = 0.1
LEFT_OUT = 5  # of every so many people one is only scored on
LOUDER, TILT, HISS = (
    0.6,
    0.5,
    0.15,
)  # deviations in the mel's units (8 of them are 100 dB): level, spectral slope, noise
CANDIDATES = 25  # of the retrieval score


@dataclass(frozen=True, kw_only=True)
class LipSyncClip:
    """A clip: n frames."""

    sound: Floats  # (n, 80, 16) mel windows
    motion: Floats  # (n, LIP_CHANNELS) standardised


class Pair(nn.Module):
    """Both encoders, and the similarity of what they give."""

    def __init__(self) -> None:
        super().__init__()
        self.sound = build_lipsync()
        self.sound_out = nn.Linear(WIDTH, JOINT)
        self.lips = nn.Sequential(
            nn.Flatten(), nn.Linear(LIP_FRAMES * LIP_CHANNELS, 256), nn.ReLU(), nn.Dropout(0.2), nn.Linear(256, JOINT)
        )
        self.log_scale = nn.Parameter(torch.tensor(-math.log(FIRST_TEMPERATURE)))

    def forward(self, sound: Tensor, motion: Tensor) -> Tensor:
        """(b, 80, 16) windows and (b, LIP_FRAMES, LIP_CHANNELS) -> (b, b) scaled cosine similarities, sound by lips."""
        sound_embedding = F.normalize(self.sound_out(self.sound(sound[:, None]).flatten(1)), dim=1)
        lip_embedding = F.normalize(self.lips(motion), dim=1)
        return sound_embedding @ lip_embedding.T * self.log_scale.exp().clamp(max=50)


def train(data: Sequence[str], out: Path, held_out: str | None, licence: str, steps: int) -> None:
    """Learn the encoder from `data` (see experiments/pretrain.py) and write it to `out`; InputError names what cannot be used."""
    if not out.absolute().parent.is_dir():
        raise InputError(f"--out {out}: its folder does not exist")
    people = people_of(data, held_out, LEFT_OUT, f"one of every {LEFT_OUT} is only scored on")
    clips = [[read(clip, person.face) for clip in person.clips] for person in people]
    own = [row for row in range(len(people)) if row % LEFT_OUT != LEFT_OUT - 1]
    identity = hashlib.sha256(
        json.dumps(
            [[(clip.identity, clip.num_reference_frames) for clip in person.clips] for person in people] + [steps]
        ).encode()
    ).hexdigest()
    partial = out.with_suffix(".part.ckpt")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with threads(1):
        torch.manual_seed(0)
        pair = Pair().to(device)
        _fit(pair, [clips[row] for row in own], steps, partial, identity)
        pair.eval().cpu()
        scores = {
            people[row].name: round(float(retrieval(pair, clips[row])), 3)
            for row in range(len(people))
            if row not in own
        }
    say(f"lipsync: of {CANDIDATES} moments of a person left out the right one in {np.mean(list(scores.values())):.0%}")
    sources = {
        "people": [
            {
                "name": people[row].name,
                "clips": [clip.identity for clip in people[row].clips],
                "frames": people[row].record["frames"],
            }
            for row in own
        ],
        "licence": licence,
        "steps": steps,
        "left_out_retrieval": {"candidates": CANDIDATES, "first": scores},
    }
    save_encoder(out, pair.sound, sources)
    for left in (partial, seal_of(partial)):
        left.unlink(missing_ok=True)


def read(clip: Clip, face: str) -> LipSyncClip:
    """What may be learned from, sound in time with the pictures."""
    features, motion = lips_of(clip, face)
    spread = motion.std(axis=0)
    scale = spread + SOFT * float(spread.mean())
    sound = mel_windows(features.clip.audio(), "lipsync")[: len(motion)]
    return LipSyncClip(sound=sound, motion=((motion - motion.mean(axis=0)) / scale).astype(np.float32))


def retrieval(pair: Pair, clips: Sequence[LipSyncClip]) -> float:
    """Share of moments of a person whose lip motion is, of CANDIDATES moments of its clip, the most similar to the sound.

    Candidates are spread over the clip; those of a short clip are fewer frames apart.
    """
    found: list[float] = []
    for clip in clips:
        rows = np.linspace(0, len(clip.sound) - 1, CANDIDATES * max(1, len(clip.sound) // (CANDIDATES * APART))).round()
        for first in range(len(rows) // CANDIDATES):
            chosen = rows[first :: len(rows) // CANDIDATES][:CANDIDATES].astype(np.int64)
            with torch.inference_mode():
                similarity = pair(*_tensors([clip], [chosen], "cpu"))
            found.append(float((similarity.argmax(dim=1) == torch.arange(len(chosen))).float().mean()))
    return float(np.mean(found))


def _fit(pair: Pair, people: list[list[LipSyncClip]], steps: int, partial: Path, identity: str) -> None:
    """To the last step, from the checkpoint `partial` where it is one of the same people and settings."""
    device = str(next(pair.parameters()).device)
    optimizer = torch.optim.AdamW(pair.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
    first = 0
    if is_sealed(partial):
        saved: dict[str, Any] = torch.load(partial, map_location=device, weights_only=True)
        if saved["identity"] == identity:
            pair.load_state_dict(saved["pair"])
            optimizer.load_state_dict(saved["optimizer"])
            first = int(saved["step"])
            say(f"going on from step {first} of {steps}")
    pair.train()
    with progress("lipsync", steps, "steps", done=first) as advance:
        for step in range(first, steps):
            torch.manual_seed(step)
            draws = np.random.default_rng([0, step])
            sound, motion = _batch(people, draws, device)
            for group in optimizer.param_groups:
                group["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
            similarity = pair(_varied(sound, draws), motion)
            which = torch.arange(len(similarity), device=similarity.device)
            loss = (F.cross_entropy(similarity, which) + F.cross_entropy(similarity.T, which)) / 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            advance(1, functools.partial("loss {:.3f}".format, float(loss.detach())))
            if (step + 1) % CHECKPOINT_EVERY == 0:
                state = {"pair": pair.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}
                new = partial.with_suffix(".new")
                torch.save(state | {"identity": identity}, new)
                seal(new, partial)


def _batch(people: list[list[LipSyncClip]], draws: np.random.Generator, device: str) -> tuple[Tensor, Tensor]:
    """One clip of each of PEOPLE_AT_ONCE people, drawn by the length of their clips; TIMES times of each."""
    size = np.array([sum(len(clip.sound) for clip in clips) for clips in people], np.float64)
    share = np.sqrt(size) / np.sqrt(size).sum()
    chosen, rows = [], []
    for person in draws.choice(len(people), size=min(PEOPLE_AT_ONCE, len(people)), replace=False, p=share):
        clip = people[person][draws.integers(len(people[person]))]
        count = min(TIMES, len(clip.sound) // APART)
        slots = draws.choice(len(clip.sound) // APART, size=count, replace=False)
        chosen.append(clip)
        rows.append(slots * APART + draws.integers(APART))
    return _tensors(chosen, rows, device)


def _tensors(clips: list[LipSyncClip], rows: list[Any], device: str) -> tuple[Tensor, Tensor]:
    """(b, 80, 16) sound and (b, LIP_FRAMES, LIP_CHANNELS) motion around the rows of each clip; the ends repeat."""
    around = np.arange(LIP_FRAMES) - LIP_FRAMES // 2
    sound = np.concatenate([clip.sound[row] for clip, row in zip(clips, rows, strict=True)])
    motion = np.concatenate(
        [
            clip.motion[np.clip(row[:, None] + around, 0, len(clip.motion) - 1)]
            for clip, row in zip(clips, rows, strict=True)
        ]
    )
    return torch.from_numpy(sound).to(device), torch.from_numpy(motion).to(device)


def _varied(sound: Tensor, draws: np.random.Generator) -> Tensor:
    """Each window as another microphone would give it: louder, brighter, noisier."""
    count, bands, _ = sound.shape
    slope = np.linspace(-1, 1, bands)[None, :, None] * draws.normal(size=(count, 1, 1)) * TILT
    level = draws.normal(size=(count, 1, 1)) * LOUDER
    hiss = draws.normal(size=tuple(sound.shape)) * HISS
    return (sound + torch.from_numpy((slope + level + hiss).astype(np.float32)).to(sound.device)).clamp(-4, 4)
