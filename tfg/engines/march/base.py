"""What all marchers share: the samples of rays, and the lattice that they are taken from."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The samples of r rays, compacted: m in all, ray by ray, near to far."""

    points: Tensor  # (m, 3)
    directions: Tensor  # (m, 3) of the sample's ray
    t: Tensor  # (m,) point = origin + t * direction
    delta: Tensor  # (m,) length of the sample's step, in t
    ray: Tensor  # (m,) int64
    start: Tensor  # (r + 1,) int64: ray i owns samples start[i] .. start[i + 1]


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The lattice of a ray: t[0] = entry + step(entry) * offset, t[k + 1] = t[k] + step(t[k])."""

    near: float  # least t
    growth: float  # step(t) = min(max(growth * t, shortest), longest)
    shortest: float
    longest: float

    @property
    def constant(self) -> float | None:
        """The step where it is the same everywhere: then t[k] = t[0] + k * step."""
        return self.longest if self.shortest >= self.longest else self.shortest if self.growth == 0 else None
