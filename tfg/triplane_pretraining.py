"""A tri-plane prior learned from drawn heads: their pictures, the training with its checkpoint, and its score on people left out.

Resumable; on one kind of device deterministic, since every draw of a step depends on the step alone.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Sequence
from copy import deepcopy
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
WARM_UP = 200  # steps in which rates rise from 0
AVERAGE = 0.999  # decay of the weights that are kept
NOTED = 0.02  # share of the newest step in the loss that is shown


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

    def __post_init__(self) -> None:
        for name, low in (("people", 2), ("views", 1), ("steps", 1)):
            if getattr(self, name) < low:
                raise InputError(f"--{name} {getattr(self, name)}: give {low} or more")


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
        rate=1e-2,
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
    """Every person that is learned from, whole in memory."""
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


class _Training:
    """Model, its running average, optimiser, steps done; in a checkpoint all of it."""

    def __init__(self, source: HeadSource, profile: Profile, folder: Path, device: torch.device) -> None:
        described = {"domain": source.name, **asdict(profile)}
        name = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:12]
        self.profile, self.device, self.path = profile, device, folder / f"{name}.ckpt"
        torch.manual_seed(0)
        self.model = AutoDecoder(profile.shape, profile.people, source.num_states).to(device)
        self.average = deepcopy(self.model)
        nets = [*self.model.generator.parameters(), *self.model.decoder.parameters()]
        codes = [self.model.codes, *self.model.expression.parameters()]
        groups = [{"params": nets, "rate": profile.rate}, {"params": codes, "rate": RATE_CODES}]
        self.optimizer = torch.optim.Adam(groups, betas=BETAS)
        self.step, self.loss = 0, 0.0  # steps done; running mean of the loss

    def resume(self) -> None:
        """Go on from the checkpoint where there is one."""
        if not is_sealed(self.path):
            return
        saved: dict[str, Any] = torch.load(self.path, map_location=self.device, weights_only=True)
        for name in ("model", "average", "optimizer"):
            getattr(self, name).load_state_dict(saved[name])
        self.step, self.loss = int(saved["step"]), float(saved["loss"])
        say(f"going on from step {self.step} of {self.profile.steps}")

    def save(self) -> None:
        states = {name: getattr(self, name).state_dict() for name in ("model", "average", "optimizer")}
        new = self.path.with_suffix(".new")
        torch.save(states | {"step": self.step, "loss": self.loss}, new)
        seal(new, self.path)

    def advance(self, people: Sequence[HeadViews]) -> None:
        """One step; all that it draws depends on the step alone."""
        profile, step = self.profile, self.step
        torch.manual_seed(step)
        draws = np.random.default_rng([1, step])
        rows = draws.choice(profile.people, size=min(profile.together, profile.people), replace=False).tolist()
        chosen = [(people[row], int(draws.integers(profile.views))) for row in rows]
        patches = [
            patch_of(views, view, lattice(profile.size, profile.patch, torch.default_generator), self.device)
            for views, view in chosen
        ]
        states = torch.from_numpy(np.stack([views.states[view] for views, view in chosen])).to(self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * _share(step, profile.steps)
        code = self.model.code_of(torch.as_tensor(rows, device=self.device), states)
        loss = self.model.loss(code, patches)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            share = 1 - min(AVERAGE, (1 + step) / (10 + step))
            torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), share)
        self.loss += (float(loss.detach()) - self.loss) * (1 if step == 0 else NOTED)
        self.step += 1


def _fit(
    source: HeadSource, profile: Profile, people: Sequence[HeadViews], folder: Path, device: torch.device
) -> tuple[AutoDecoder, float]:
    """The averaged weights of the whole training and its mean loss at the end."""
    training = _Training(source, profile, folder, device)
    training.resume()
    with progress(f"tri-planes {source.name}", profile.steps, "steps", done=training.step) as advance:
        while training.step < profile.steps:
            training.advance(people)
            advance(1, lambda: f"loss {training.loss:.3f}")
            if training.step % CHECKPOINT_EVERY == 0 or training.step == profile.steps:
                training.save()
    return training.average, training.loss


def _share(step: int, steps: int) -> float:
    """Of the rates: up in WARM_UP steps, down along a cosine."""
    return min(1.0, (1 + step) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / steps))


@torch.no_grad()
def _codes_of_pictures(model: AutoDecoder, people: Sequence[HeadViews]) -> Tensor:
    """(pictures, code) of all that was learned from, with what faces do there."""
    device = model.codes.device
    rows = [
        model.code_of(torch.full((len(views.states),), row, device=device), torch.from_numpy(views.states).to(device))
        for row, views in enumerate(people)
    ]
    return torch.cat(rows)
