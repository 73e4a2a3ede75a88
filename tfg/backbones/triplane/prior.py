"""What a tri-plane generator learned from other people: a file of its weights, where their codes lie, its shape and its people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tfg import learned
from tfg.backbones.triplane.decoder import Decoder
from tfg.backbones.triplane.generator import PlaneGenerator
from tfg.backbones.triplane.settings import TriplaneShape
from tfg.learned import Kind, Learned
from tfg.types import Floats, InputError

TRIPLANE = Kind(
    entry="triplane",
    layout=1,
    title="tri-plane prior",
    settings_entry="shape",
    remedy_of_another="make one with `python -m experiments.pretrain_triplane`",
    remedy_of_damaged="make it anew with `python -m experiments.pretrain_triplane`",
)
_WIDER = (
    0.05  # share of the mean variance added to every code's: people are fewer than numbers, and half precision rounds
)


@dataclass(frozen=True, kw_only=True, eq=False)
class TriplanePrior:
    """As read; arrays of half precision in single."""

    shape: TriplaneShape
    weights: dict[str, Floats]  # `generator.<name>`, `decoder.<name>`, of their state
    mean: Floats  # (code,) of the codes of the pictures that were learned from
    covariance: Floats  # (code, code), positive definite
    codes: Floats  # (people, code) of resting faces, in the order of `sources["people"]`
    sources: dict[str, Any]  # people, licence, settings of the training, score on people left out

    @property
    def people(self) -> list[dict[str, Any]]:
        """`name`, `clips` and, of synthetic people, `identity_seed`, as of any prior (`tfg.seen`)."""
        return list(self.sources["people"])

    def fill(self, generator: PlaneGenerator, decoder: Decoder) -> None:
        """Give a generator and a decoder of this shape what was learned."""
        for name, module in (("generator", generator), ("decoder", decoder)):
            state = {
                key: torch.from_numpy(self.weights[f"{name}.{key}"]).to(values)
                for key, values in module.state_dict().items()
            }
            module.load_state_dict(state)

    def made(self) -> tuple[PlaneGenerator, Decoder]:
        generator, decoder = modules_of(self.shape)
        self.fill(generator, decoder)
        return generator, decoder


def modules_of(shape: TriplaneShape) -> tuple[PlaneGenerator, Decoder]:
    """Untrained."""
    return PlaneGenerator(shape.planes), Decoder(shape.planes.channels, shape.decoder)


def load_triplane(path: Path) -> TriplanePrior:
    """InputError, in one line, names a file that is missing, damaged, of another kind, or does not fit the shape that it states."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; `python -m experiments.pretrain_triplane` makes one")
    contents = learned.read(path, TRIPLANE)
    try:
        shape = TriplaneShape(**contents.settings)
    except (TypeError, ValueError) as error:  # InputError is a ValueError
        raise InputError(
            f"{path}: states a shape that this tfg cannot build ({error}); {TRIPLANE.remedy_of_another}"
        ) from error
    tensors = {name: values.astype(np.float32) for name, values in contents.tensors.items()}
    expected = {f"weights/{name}": values for name, values in _weight_shapes(shape).items()}
    expected |= {"mean": (shape.planes.code,), "covariance": (shape.planes.code,) * 2}
    expected["codes"] = (len(contents.sources["people"]), shape.planes.code)
    _check(path, tensors, expected)
    return TriplanePrior(
        shape=shape,
        weights={
            name.removeprefix("weights/"): values for name, values in tensors.items() if name.startswith("weights/")
        },
        mean=tensors["mean"],
        covariance=tensors["covariance"],
        codes=tensors["codes"],
        sources=contents.sources,
    )


def save_triplane(
    path: Path,
    generator: PlaneGenerator,
    decoder: Decoder,
    shape: TriplaneShape,
    *,
    codes: Floats,
    of_pictures: Floats,
    sources: dict[str, Any],
) -> None:
    """The same bytes for the same contents. codes (people, code) of resting faces; `of_pictures` (n, code), with expressions."""
    tensors = {f"weights/{name}": values for name, values in _state(generator, decoder).items()}
    spread = np.cov(of_pictures.astype(np.float64), rowvar=False)
    wider = _WIDER * np.trace(spread) / len(spread) + 1e-6
    tensors["covariance"] = (spread + wider * np.eye(len(spread))).astype(np.float32)
    tensors["mean"], tensors["codes"] = of_pictures.mean(axis=0), codes
    learned.write(path, TRIPLANE, Learned(tensors=tensors, sources=sources, settings=shape.plain))


def _check(path: Path, tensors: dict[str, Floats], expected: dict[str, tuple[int, ...]]) -> None:
    """InputError for the first tensor that is missing, too many, of another shape, or not finite."""
    for name in sorted(expected.keys() | tensors.keys()):
        found = tensors[name].shape if name in tensors else None
        if name not in expected or found != expected[name]:
            wanted = f"its shape wants {expected[name]}" if name in expected else "its shape has none"
            raise InputError(
                f"{path}: tensor {name} is {'missing' if found is None else found}, {wanted}; {TRIPLANE.remedy_of_another}"
            )
        if not np.isfinite(tensors[name]).all():
            raise InputError(f"{path}: tensor {name} holds numbers that are not finite; {TRIPLANE.remedy_of_damaged}")


def _weight_shapes(shape: TriplaneShape) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        modules = modules_of(shape)
    return {name: tuple(values.shape) for name, values in _named(*modules).items()}


def _state(generator: PlaneGenerator, decoder: Decoder) -> dict[str, Floats]:
    return {name: values.detach().cpu().numpy() for name, values in _named(generator, decoder).items()}


def _named(generator: nn.Module, decoder: nn.Module) -> dict[str, torch.Tensor]:
    named = (("generator", generator), ("decoder", decoder))
    return {f"{name}.{key}": values for name, module in named for key, values in module.state_dict().items()}
