"""Structural similarity of two pictures, with its gradient."""

from tfg.engines.ssim.similarity import ssim

__all__ = ["ssim"]
