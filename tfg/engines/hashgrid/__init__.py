"""Grid encoding: features of points, interpolated from a pyramid of tables, with gradients."""

from tfg.engines.hashgrid.base import HashGridSpec
from tfg.engines.hashgrid.encoding import hash_encode, triplane_encode

__all__ = ["HashGridSpec", "hash_encode", "triplane_encode"]
