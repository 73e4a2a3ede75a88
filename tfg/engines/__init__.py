"""The functions that spend the time: each a readable torch twin, a fast C path for the CPU and a CUDA path.

One package a family, and in each the same files: `base.py` the nouns and constants that its paths share; `twin.py` the
definition in torch; `cpu.py` ctypes to the C; `cuda.py` and, where the kernels are ours, `triton.py`; and one module named
by the noun of the operation (raster, encoding, marching, loss, perceptron, sampling) with the public calls, which check their
arguments and dispatch. A file that would be empty is not there: without `cuda.py` the twin serves CUDA. Imports go one way,
base <- twin, cpu, cuda <- call. `choose.py` picks the engine, `cpu/` holds the C and its build, `harmonics.py` is plain torch.
"""

from tfg.engines.choose import resolve_engine
from tfg.engines.field import FieldNets
from tfg.engines.gaussian import Raster, rasterize
from tfg.engines.harmonics import spherical_harmonics
from tfg.engines.hashgrid import HashGridSpec, hash_encode, triplane_encode
from tfg.engines.march import OccupancyGrid, Samples, composite, march
from tfg.engines.mlp import mlp
from tfg.engines.photometric import Terms, photometric, ssim
from tfg.engines.planes import sample_planes

__all__ = [
    "FieldNets",
    "HashGridSpec",
    "OccupancyGrid",
    "Raster",
    "Samples",
    "Terms",
    "composite",
    "hash_encode",
    "march",
    "mlp",
    "photometric",
    "rasterize",
    "resolve_engine",
    "sample_planes",
    "spherical_harmonics",
    "ssim",
    "triplane_encode",
]
