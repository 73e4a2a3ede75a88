"""How well a tri-plane prior shows people left out of it: a code found from three frontal views, scored from the side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from tfg.backbones.triplane.auto_decoder import AutoDecoder, compared, lattice, patch_of, psnr, shown
from tfg.multiview.base import HeadSource, HeadViews, Sides
from tfg.progress import progress
from tfg.types import Bytes

GIVEN = Sides(yaw=np.array([-8.0, 0.0, 9.0]), pitch=np.array([3.0, -2.0, 0.0]), resting=True)
UNSEEN = Sides(
    yaw=np.array([-45.0, -30.0, 30.0, 45.0, 0.0, 0.0]),
    pitch=np.array([0.0, 0.0, 0.0, 0.0, -15.0, 15.0]),
    resting=True,
)
STEPS, RATE = 150, 0.05
_CLOSENESS = 1e-3  # weight of a code's mean square distance from the mean, in deviations
_GREY = 0.5  # behind the heads


@dataclass(frozen=True, kw_only=True)
class CodeSpace:
    """Where codes of people lie."""

    mean: Tensor  # (code,)
    root: Tensor  # (code, code); mean + root @ standard normal numbers is a code

    @staticmethod
    def of(codes: Tensor) -> CodeSpace:
        """Of codes (n, code), by their principal axes."""
        mean = codes.mean(dim=0)
        _, spread, axes = torch.linalg.svd((codes - mean).double(), full_matrices=False)
        scaled = axes.T * (spread / max(1, len(codes) - 1) ** 0.5)
        return CodeSpace(mean=mean, root=scaled.to(codes))


def score(
    model: AutoDecoder, source: HeadSource, numbers: range, size: int, codes: Tensor, patch: int, sheet: Path
) -> dict[str, Any]:
    """PSNR of heads (dB, where the true head is) over people `numbers`: of the views that their codes were found from, of unseen ones,
    and of the mean face at the latter; a contact sheet of true and made pictures goes to `sheet`."""
    space = CodeSpace.of(codes)
    given_db, unseen_db, mean_db, rows = [], [], [], []
    with progress("people left out", len(numbers), "people") as advance:
        for number in numbers:
            given, unseen = (source.draw(number, sides, size) for sides in (GIVEN, UNSEEN))
            code = inverted(model, space, given, patch, number)
            made = [pictured(model, code, views) for views in (given, unseen)]
            nobody = pictured(model, space.mean, unseen)
            given_db.append(_decibels(made[0], given))
            unseen_db.append(_decibels(made[1], unseen))
            mean_db.append(_decibels(nobody, unseen))
            rows.append(_sheet_rows([given, unseen], made))
            advance(1)
    cv2.imwrite(str(sheet), np.concatenate(rows)[:, :, ::-1])
    sides = [f"yaw {yaw:g} pitch {pitch:g}" for yaw, pitch in zip(UNSEEN.yaw, UNSEEN.pitch, strict=True)]
    by_side = [_mean([list(of_side)]) for of_side in zip(*unseen_db, strict=True)]
    return {
        "people": [source.record(number)["name"] for number in numbers],
        "given_psnr": _mean(given_db),
        "unseen_psnr": _mean(unseen_db),
        "unseen_psnr_of_mean_face": _mean(mean_db),
        "unseen_psnr_by_side": dict(zip(sides, by_side, strict=True)),
        "unseen_psnr_by_person": [_mean([each]) for each in unseen_db],
        "pixels": size,
        "where": "where the true head is, both over grey; code alone found from 3 frontal views of the resting face",
    }


def inverted(model: AutoDecoder, space: CodeSpace, views: HeadViews, patch: int, seed: int) -> Tensor:
    """(code,) that shows a person's views best, near where codes lie."""
    device = space.mean.device
    place = torch.zeros(space.root.shape[1], device=device, requires_grad=True)
    optimizer = torch.optim.Adam([place], lr=RATE)
    torch.manual_seed(seed)
    samples = model.shape.sampling.count
    for _ in range(STEPS):
        planes = model.generator((space.mean + space.root @ place)[None])[0]
        loss = _CLOSENESS * place.square().mean()
        for view in range(len(views.pictures)):
            one = patch_of(views, view, lattice(views.pictures.shape[1], patch, torch.default_generator), device)
            found = one.traced(planes, model, torch.rand(one.pixels.numel(), samples, device=device), "auto")
            loss = loss + compared(found, one, torch.rand(3, device=device))
        optimizer.zero_grad()
        (gradient,) = torch.autograd.grad(loss, [place])
        place.grad = gradient
        optimizer.step()
    return (space.mean + space.root @ place).detach()


@torch.no_grad()
def pictured(model: AutoDecoder, code: Tensor, views: HeadViews) -> Tensor:
    """(v, size, size, 3) of a code from the sides of some views, over grey."""
    planes = model.generator(code[None])[0]
    size = views.pictures.shape[1]
    whole = torch.arange(size**2).view(size, size)
    patches = [patch_of(views, view, whole, code.device) for view in range(len(views.pictures))]
    return torch.stack([shown(model, planes, patch, _GREY) for patch in patches])


def _decibels(made: Tensor, views: HeadViews) -> list[float]:
    """Of each view."""
    true = torch.from_numpy(views.pictures).to(made) / 255
    return [psnr(one, picture[..., :3], picture[..., 3]) for one, picture in zip(made, true, strict=True)]


def _sheet_rows(views: list[HeadViews], made: list[Tensor]) -> Bytes:
    """True above made, all sides after one another."""
    pictures = np.concatenate([each.pictures for each in views])
    true = np.where(pictures[..., 3:] > 0, pictures[..., :3], np.uint8(255 * _GREY))
    shown = (torch.cat(made).clamp(0, 1) * 255).round().byte().cpu().numpy()
    return np.concatenate([np.concatenate(list(row), axis=1) for row in (true, shown)])


def _mean(values: list[list[float]]) -> float:
    return round(float(np.mean(values)), 2)
