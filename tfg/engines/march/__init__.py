"""Ray marching: occupied space, the samples of rays in it, and compositing along rays, with gradients."""

from tfg.engines.march.base import Samples
from tfg.engines.march.marching import composite, march
from tfg.engines.march.occupancy import OccupancyGrid

__all__ = ["OccupancyGrid", "Samples", "composite", "march"]
