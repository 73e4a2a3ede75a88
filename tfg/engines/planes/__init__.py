"""Dense tri-planes: features of points, read from three planes of texels, with gradients."""

from tfg.engines.planes.sampling import sample_planes

__all__ = ["sample_planes"]
