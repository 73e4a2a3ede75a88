"""The functions that spend the time: each a readable torch twin, a fast C path for the CPU and a CUDA path."""

from tfg.engines.choose import resolve_engine
from tfg.engines.gaussian import Raster, rasterize
from tfg.engines.hashgrid import HashGridSpec, hash_encode, triplane_encode
from tfg.engines.march import Samples, composite, march
from tfg.engines.mlp import mlp
from tfg.engines.occupancy import OccupancyGrid
from tfg.engines.sh import spherical_harmonics
from tfg.engines.ssim import ssim

__all__ = [
    "HashGridSpec",
    "OccupancyGrid",
    "Raster",
    "Samples",
    "composite",
    "hash_encode",
    "march",
    "mlp",
    "rasterize",
    "resolve_engine",
    "spherical_harmonics",
    "ssim",
    "triplane_encode",
]
