"""`mlp`: small multi-layer perceptrons without bias (all nets of RAD-NeRF and its heirs), by the chosen engine."""

from collections.abc import Sequence

from torch import Tensor

from tfg.engines.choose import resolve_perceptron
from tfg.engines.mlp import cpu, tinycudann, twin
from tfg.types import InputError


def mlp(x: Tensor, weights: Sequence[Tensor], engine: str = "auto") -> Tensor:
    """(n, outputs) of `x` (n, inputs) through `weights`, each (out, in), with ReLU between layers and none at the end.

    Differentiable in x and in every weight; the ReLU has no gradient at 0. The C path keeps rows in cache through all
    layers; it takes up to 8 layers of at most 512 units and leaves larger nets to torch. `tinycudann` computes in float16.
    """
    if x.ndim != 2 or not weights or x.shape[1] != weights[0].shape[1]:
        shapes = [tuple(weight.shape) for weight in weights]
        raise InputError(f"mlp: x has shape {tuple(x.shape)}, weights {shapes}; expected (n, in) and (out, in) each")
    chosen = resolve_perceptron(engine, x.device, x.dtype)
    if chosen == "tinycudann":
        return tinycudann.mlp(x, weights)
    return cpu.mlp(x, weights) if chosen == "cpu" and cpu.fits(weights) else twin.mlp(x, weights)
