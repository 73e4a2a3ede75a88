"""`photometric`: how far a rendered picture is from the true one, by the chosen engine; `ssim`: its structural similarity alone."""

from __future__ import annotations

import torch
from torch import Tensor

from tfg.engines.choose import resolve_engine
from tfg.engines.photometric import cpu, twin
from tfg.engines.photometric.base import Pictures, Terms
from tfg.types import InputError


def photometric(
    rendered: Tensor,
    truth: Tensor,
    terms: Terms,
    *,
    shown: Tensor | None = None,
    backdrop: Tensor | None = None,
    veiled: bool = False,
    box: tuple[slice, slice] | None = None,
    alpha: Tensor | None = None,
    silhouette: Tensor | None = None,
    engine: str = "auto",
) -> Tensor:
    """() weighted `terms` of two pictures (height, width, channels) in [0, 1].

    With `shown` (height, width) the truth is seen over a colour, `backdrop` (channels,), and if `veiled` the rendered picture too.
    `box`: rows and columns whose absolute difference counts once more. `alpha` (height, width) is compared with `silhouette`.
    SSIM is zero padded at the border, as in 3DGS. Differentiable in `rendered` and `alpha` only.
    """
    constants = {"truth": truth, "shown": shown, "backdrop": backdrop, "silhouette": silhouette}
    pictures = Pictures(
        rendered=rendered,
        veiled=veiled,
        box=box,
        alpha=alpha,
        **{name: None if values is None else values.detach() for name, values in constants.items()},  # type: ignore[arg-type]
    )
    _check(pictures)
    if resolve_engine(engine, rendered.device, rendered.dtype) == "cpu":
        loss = cpu.photometric(pictures, terms)
    else:  # on CUDA too: a few dozen small kernels beside the rasteriser's
        loss = twin.photometric(pictures, terms)
    if loss.device.type == "cpu" and torch.isnan(loss):
        raise InputError(f"{_not_a_number(pictures)} contains NaN")
    return loss


def ssim(rendered: Tensor, truth: Tensor, engine: str = "auto") -> Tensor:
    """() mean structural similarity of two pictures (height, width, channels) in [0, 1]; differentiable in `rendered`."""
    return 1 - photometric(rendered, truth, Terms(absolute=0.0, dissimilarity=1.0), engine=engine)


def _check(pictures: Pictures) -> None:
    rendered, truth = pictures.rendered, pictures.truth
    if rendered.ndim != 3 or rendered.shape != truth.shape or rendered.numel() == 0:
        shapes = f"{tuple(rendered.shape)} and {tuple(truth.shape)}"
        raise InputError(f"rendered and truth have shapes {shapes}, expected one shape (height, width, channels)")
    if (pictures.shown is None) != (pictures.backdrop is None) or (pictures.alpha is None) != (
        pictures.silhouette is None
    ):
        raise InputError("give shown together with backdrop, and alpha together with silhouette")
    whole, channels = tuple(rendered.shape[:2]), tuple(rendered.shape[2:])
    shapes_of = {"shown": whole, "backdrop": channels, "alpha": whole, "silhouette": whole}
    for name, shape in shapes_of.items():
        given = getattr(pictures, name)
        if given is not None and tuple(given.shape) != shape:
            raise InputError(f"{name} has shape {tuple(given.shape)}, expected {shape}")
    for name in ("truth", *shapes_of):
        given = getattr(pictures, name)
        if given is not None and (given.dtype != rendered.dtype or given.device != rendered.device):
            kinds = f"{rendered.dtype} on {rendered.device} and {given.dtype} on {given.device}"
            raise InputError(f"rendered and {name} must share dtype and device, but are {kinds}")
    if pictures.box is not None:
        for side, size in zip(pictures.box, whole, strict=True):
            if not 0 <= side.start <= side.stop <= size or side.step is not None:
                raise InputError(f"box {pictures.box} does not lie within a picture of {whole}")


def _not_a_number(pictures: Pictures) -> str:
    names = ("rendered", "truth", "shown", "backdrop", "alpha", "silhouette")
    given = {name: getattr(pictures, name) for name in names}
    return next(
        (name for name, values in given.items() if values is not None and torch.isnan(values).any()), "rendered"
    )
