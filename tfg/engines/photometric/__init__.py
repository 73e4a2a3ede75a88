"""How far a rendered picture is from the true one: absolute differences and structural similarity, with their gradients."""

from tfg.engines.photometric.base import Terms
from tfg.engines.photometric.loss import photometric, ssim

__all__ = ["Terms", "photometric", "ssim"]
