"""What rays see of a head field, in C. Its twin are the operations that training has, in `backbones/nerf/tracing.py`."""

from collections.abc import Callable

from torch import Tensor

from tfg.engines.choose import resolve_engine
from tfg.engines.field import cpu
from tfg.engines.field.base import FieldNets
from tfg.engines.march.base import Samples
from tfg.types import PRECISIONS, InputError

Look = Callable[[Samples, Tensor], tuple[Tensor, Tensor]]


def runs(nets: FieldNets, engine: str) -> bool:
    """Whether `prepare` can be called: the C path is chosen, and takes nets of this shape."""
    return resolve_engine(engine, nets.tables.device, nets.tables.dtype) == "cpu" and cpu.fits(nets)


def prepare(nets: FieldNets, *, hidden: float, faint: float, precision: str) -> Look:
    """What looks at a field as it is now: of samples of r rays and of what each ray's view adds, (r, harmonics + code width), it gives
    colour (r, 3) and opacity (r,) as `composite` of the samples' densities and colours, without gradients.

    Samples that less than `hidden` of the light reaches are not evaluated, nor colours of samples that weigh at most `faint`.
    `bfloat16`: entries of the tables, activations and weights are rounded to bfloat16 before they are interpolated or multiplied,
    sums stay float32, on every processor alike.
    """
    if precision not in PRECISIONS:
        raise InputError(f"backbone.precision={precision} is unknown: choose one of {', '.join(PRECISIONS)}")
    return cpu.prepare(nets, hidden=hidden, faint=faint, brief=precision == "bfloat16")
