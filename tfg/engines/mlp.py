"""Small multi-layer perceptrons without bias (all nets of RAD-NeRF and its heirs): torch, or fused in C."""

from collections.abc import Sequence

from torch import Tensor, nn

from tfg.engines.choose import resolve_engine
from tfg.types import InputError


def mlp(x: Tensor, weights: Sequence[Tensor], engine: str = "auto") -> Tensor:
    """(n, outputs) of `x` (n, inputs) through `weights`, each (out, in), with ReLU between layers and none at the end.

    Differentiable in x and in every weight; the ReLU has no gradient at 0. The C path keeps rows in cache through all
    layers; it takes up to 8 layers of at most 512 units and leaves larger nets to torch.
    """
    if x.ndim != 2 or not weights or x.shape[1] != weights[0].shape[1]:
        shapes = [tuple(weight.shape) for weight in weights]
        raise InputError(f"mlp: x has shape {tuple(x.shape)}, weights {shapes}; expected (n, in) and (out, in) each")
    if resolve_engine(engine, x.device, x.dtype) == "cpu":
        from tfg.engines import mlp_cpu

        if mlp_cpu.fits(weights):
            return mlp_cpu.mlp(x, weights)
    for weight in weights[:-1]:
        x = nn.functional.linear(x, weight).relu()
    return nn.functional.linear(x, weights[-1])
