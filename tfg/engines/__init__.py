"""The functions that spend the time, each with a torch twin and fast paths chosen by `engine`; usable without the rest of tfg."""

from tfg.engines.gaussian import Raster, rasterize

__all__ = ["Raster", "rasterize"]
