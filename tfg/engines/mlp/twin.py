"""The torch twin of small perceptrons: the readable definition, any device, any float type."""

from collections.abc import Sequence

from torch import Tensor, nn


def mlp(x: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """(n, outputs) of x (n, inputs)."""
    for weight in weights[:-1]:
        x = nn.functional.linear(x, weight).relu()
    return nn.functional.linear(x, weights[-1])
