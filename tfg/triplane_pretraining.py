"""A tri-plane prior learned from drawn heads: their pictures, the training with its checkpoint, and its score on people left out.

Resumable; on one kind of device deterministic, since every draw of a step depends on the step alone.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tfg.backbones.triplane.auto_decoder import AutoDecoder, lattice, patch_of
from tfg.backbones.triplane.prior import save_triplane
from tfg.backbones.triplane.settings import FULL, SMALL, TriplaneShape
from tfg.multiview.base import HeadSource, HeadViews, drawn_sides
from tfg.multiview.cache import check_room, views_of
from tfg.multiview.ict import Ict
from tfg.multiview.synthetic import Synthetic
from tfg.progress import progress, say
from tfg.record.files import is_sealed, seal
from tfg.threads import threads
from tfg.triplane_score import score
from tfg.types import InputError

DOMAINS: dict[str, Callable[[], HeadSource]] = {"synthetic": Synthetic, "ict": Ict}
CHECKPOINT_EVERY = 250
RATE_CODES, BETAS = 1e-2, (0.9, 0.99)
AVERAGE = 0.999  # decay of the weights that are kept


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How much is learned, and of what shape."""

    shape: TriplaneShape
    size: int  # pixels of the pictures
    people: int
    views: int  # pictures a person
    left_out: int  # people of whom the codes are only inverted
    steps: int
    together: int  # people a step
    patch: int  # pixels of a side of each person's patch
    rate: float
    most_bytes: int  # of pictures on the disk


PROFILES = {
    "small": Profile(
        shape=SMALL,
        size=96,
        people=240,
        views=40,
        left_out=6,
        steps=12_000,
        together=4,
        patch=32,
        rate=3e-3,
        most_bytes=10**9,
    ),
    "full": Profile(
        shape=FULL,
        size=128,
        people=2000,
        views=60,
        left_out=20,
        steps=200_000,
        together=8,
        patch=64,
        rate=2e-3,
        most_bytes=10**10,
    ),
}


def pretrain(domain: str, profile: Profile, out: Path) -> None:
    """Learn a prior of `domain` and write it to `out`, a sheet of people left out beside it; InputError names what is wrong."""
    if not out.absolute().parent.is_dir():
        raise InputError(f"--out {out}: its folder does not exist")
    check_room(profile.people + profile.left_out, profile.views, profile.size, profile.most_bytes)
    source = DOMAINS[domain]()
    folder = out.with_name(f"{out.name}.training")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    shown_people = _drawn(source, profile, folder)
    with threads(1 if device.type == "cpu" else None):
        model, loss = _fit(source, profile, shown_people, folder, device)
        model.requires_grad_(False)
        codes = _codes_of_pictures(model, shown_people)
        left_out = range(profile.people, profile.people + profile.left_out)
        scores = score(model, source, left_out, profile.size, codes, profile.patch, out.with_suffix(".png"))
    sources = {
        "people": [source.record(number) | {"frames": profile.views} for number in range(profile.people)],
        "domain": domain,
        "licence": source.licence,
        "training": {key: value for key, value in asdict(profile).items() if key != "shape"},
        "loss": round(loss, 4),
        "left_out": scores,
    }
    dbs = scores["unseen_psnr"], scores["unseen_psnr_of_mean_face"]
    say(f"{profile.left_out} people left out, from sides not given: {dbs[0]} dB; the mean face {dbs[1]} dB")
    save_triplane(
        out,
        model.generator,
        model.decoder,
        profile.shape,
        codes=model.codes.cpu().numpy(),
        of_pictures=codes.cpu().numpy(),
        sources=sources,
    )
    shutil.rmtree(folder)  # pictures and checkpoint have served


def _drawn(source: HeadSource, profile: Profile, folder: Path) -> list[HeadViews]:
    """Every person that is learned from."""
    pictures = folder / f"pictures-{source.name}-{profile.size}-{profile.views}"
    pictures.mkdir(parents=True, exist_ok=True)
    with progress("heads", profile.people * profile.views, "pictures") as advance:
        return [
            views_of(
                source,
                number,
                drawn_sides(np.random.default_rng([number, 47]), profile.views),
                profile.size,
                pictures,
                advance,
            )
            for number in range(profile.people)
        ]


def _fit(
    source: HeadSource, profile: Profile, people: Sequence[HeadViews], folder: Path, device: torch.device
) -> tuple[AutoDecoder, float]:
    """The averaged weights of the whole training and its mean loss at the end, from the checkpoint where there is one of it."""
    described = {"domain": source.name, **asdict(profile)}
    identity = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
    checkpoint = folder / f"{identity[:12]}.ckpt"
    torch.manual_seed(0)
    model = AutoDecoder(profile.shape, profile.people, source.num_states).to(device)
    average = AutoDecoder(profile.shape, profile.people, source.num_states).to(device)
    average.load_state_dict(model.state_dict())
    nets = [*model.generator.parameters(), *model.decoder.parameters()]
    optimizer = torch.optim.Adam(
        [
            {"params": nets, "rate": profile.rate},
            {"params": [model.codes, *model.expression.parameters()], "rate": RATE_CODES},
        ],
        lr=profile.rate,
        betas=BETAS,
    )
    first, recent = 0, 0.0
    if is_sealed(checkpoint):
        saved: dict[str, Any] = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        average.load_state_dict(saved["average"])
        optimizer.load_state_dict(saved["optimizer"])
        first, recent = int(saved["step"]), float(saved["loss"])
        say(f"going on from step {first} of {profile.steps}")
    with progress(f"tri-planes {source.name}", profile.steps, "steps", done=first) as advance:
        for step in range(first, profile.steps):
            torch.manual_seed(step)
            rows, views = _chosen(np.random.default_rng([1, step]), profile)
            patches = [
                patch_of(people[row], view, lattice(profile.size, profile.patch, torch.default_generator), device)
                for row, view in zip(rows, views, strict=True)
            ]
            states = torch.from_numpy(
                np.stack([people[row].states[view] for row, view in zip(rows, views, strict=True)])
            )
            for group in optimizer.param_groups:
                group["lr"] = group["rate"] * 0.5 * (1 + math.cos(math.pi * step / profile.steps))
            code = model.code_of(torch.as_tensor(rows, device=device), states.to(device))
            loss = model.loss(code, patches)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            recent = float(loss.detach()) if step == 0 else 0.99 * recent + 0.01 * float(loss.detach())
            with torch.no_grad():
                share = 1 - min(AVERAGE, (1 + step) / (10 + step))
                torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), share)
            advance(1, functools.partial("loss {:.3f}".format, recent))
            if (step + 1) % CHECKPOINT_EVERY == 0:
                state = {
                    "model": model.state_dict(),
                    "average": average.state_dict(),
                    "optimizer": optimizer.state_dict(),
                }
                new = checkpoint.with_suffix(".new")
                torch.save(state | {"step": step + 1, "loss": recent}, new)
                seal(new, checkpoint)
    return average, recent


def _chosen(draws: np.random.Generator, profile: Profile) -> tuple[list[int], list[int]]:
    """People of a step and a view of each."""
    rows = draws.choice(profile.people, size=min(profile.together, profile.people), replace=False)
    return rows.tolist(), draws.integers(profile.views, size=len(rows)).tolist()


@torch.no_grad()
def _codes_of_pictures(model: AutoDecoder, people: Sequence[HeadViews]) -> Tensor:
    """(pictures, code) of all that was learned from, with what faces do there."""
    rows = [
        model.code_of(torch.full((len(views.states),), row), torch.from_numpy(views.states))
        for row, views in enumerate(people)
    ]
    return torch.cat(rows)
