"""Gaussian rasterisation: projection, tile binning and alpha compositing, with gradients."""

from tfg.engines.gaussian.base import Raster
from tfg.engines.gaussian.raster import rasterize

__all__ = ["Raster", "rasterize"]
