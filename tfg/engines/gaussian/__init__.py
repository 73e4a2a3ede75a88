"""Gaussian rasterisation: projection, tile binning and alpha compositing, with gradients."""

from tfg.engines.gaussian.raster import Raster, rasterize

__all__ = ["Raster", "rasterize"]
