"""Pictures for the tests of the photometric loss, and how its gradients are made. Holds no tests."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tfg.engines import Terms, photometric

TERMS = Terms(absolute=0.7, dissimilarity=0.2, box=1.3, alpha=0.4)
SEEN = ({"shown": False}, {"shown": True}, {"shown": True, "veiled": True})


def scene(height: int, width: int, *, shown: bool, veiled: bool = False) -> dict[str, Any]:
    """Arguments of a loss with every term, in double precision."""
    generator = torch.Generator().manual_seed(1)
    rendered, truth = torch.rand(2, height, width, 3, generator=generator).double()
    mask, alpha, silhouette = torch.rand(3, height, width, generator=generator).double()
    given: dict[str, Any] = {
        "rendered": rendered,
        "truth": truth,
        "veiled": veiled,
        "alpha": alpha,
        "silhouette": silhouette,
    }
    given["box"] = (slice(height // 3, height), slice(width // 4, width // 2))
    seen = {"shown": mask.clamp(0.2, 0.8), "backdrop": torch.tensor([0.1, 0.5, 0.9]).double()}
    return given | (seen if shown else {})


def descend(given: dict[str, Any], engine: str, dtype: torch.dtype, device: str = "cpu") -> list[Tensor]:
    """The loss, and twice the gradients of the picture and of alpha; in double precision on the CPU."""
    cast = {name: value.to(device, dtype) if isinstance(value, Tensor) else value for name, value in given.items()}
    leaves = [cast[name].clone().requires_grad_() for name in ("rendered", "alpha")]
    loss = photometric(**cast | {"rendered": leaves[0], "alpha": leaves[1]}, terms=TERMS, engine=engine)
    (2 * loss).backward()
    return [found.detach().cpu().double() for found in (loss, *(leaf.grad for leaf in leaves)) if found is not None]
