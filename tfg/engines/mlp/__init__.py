"""Small perceptrons, with gradients."""

from tfg.engines.mlp.perceptron import mlp

__all__ = ["mlp"]
