"""Where space may be dense: a density grid with an exponential maximum, and its occupied bits in Morton order, as torch-ngp's."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tfg.types import InputError


def morton(cell: Tensor) -> Tensor:
    """(...) rank of the cells (..., 3), int64 in [0, 1024), on the Morton curve; x is the lowest bit."""
    rank = torch.zeros_like(cell[..., 0])
    for bit in range(10):
        for axis in range(3):
            rank |= ((cell[..., axis] >> bit) & 1) << (3 * bit + axis)
    return rank


def unmorton(rank: Tensor) -> Tensor:
    """(..., 3) cells of the Morton ranks (...), int64."""
    axes = []
    for axis in range(3):
        value = torch.zeros_like(rank)
        for bit in range(10):
            value |= ((rank >> (3 * bit + axis)) & 1) << bit
        axes.append(value)
    return torch.stack(axes, dim=-1)


class OccupancyGrid(nn.Module):
    """resolution**3 cells over [-bound, bound]**3, stored in Morton order. Until the first update every cell is occupied.

    `density` (resolution**3,) is the exponential maximum of the sampled density, -1 in cells excluded for good;
    `occupied` (resolution**3 / 8,) uint8 holds one bit a cell, lowest bit first. Both travel in the state_dict.
    """

    density: Tensor
    occupied: Tensor
    linear: Tensor

    def __init__(self, resolution: int, bound: float = 1.0, decay: float = 0.95, threshold: float = 10.0) -> None:
        super().__init__()
        if resolution not in (4, 8, 16, 32, 64, 128, 256, 512):
            raise InputError(f"OccupancyGrid.resolution is {resolution}: it must be a power of two in [4, 512]")
        if not (bound > 0 and 0 <= decay <= 1):
            raise InputError(f"OccupancyGrid needs bound > 0 and decay in [0, 1], not {bound} and {decay}")
        self.resolution, self.bound, self.decay, self.threshold = resolution, bound, decay, threshold
        cells = resolution**3
        self.register_buffer("density", torch.zeros(cells))
        self.register_buffer("occupied", torch.full((cells // 8,), 255, dtype=torch.uint8))
        place = self.order() @ torch.tensor([resolution**2, resolution, 1])
        self.register_buffer("linear", place, persistent=False)  # (cells,) place of each cell in an [x, y, z] volume

    def order(self) -> Tensor:
        """(resolution**3, 3) int64 cell (x, y, z) of each entry of `density`."""
        return unmorton(torch.arange(self.resolution**3, device=self.density.device))

    def is_occupied(self) -> Tensor:
        """(resolution**3,) bool, in Morton order."""
        bits = torch.arange(8, device=self.occupied.device)
        return ((self.occupied[:, None].long() >> bits) & 1).bool().reshape(-1)

    @torch.no_grad()
    def exclude(self, cells: Tensor) -> None:
        """Empties the `cells` (resolution**3,) bool for good, e.g. those that no training camera sees."""
        self.density[cells] = -1.0
        self._pack(self.is_occupied() & ~cells)

    @torch.no_grad()
    def update(
        self,
        density_fn: Callable[[Tensor], Tensor],
        generator: torch.Generator | None = None,
        *,
        num_cells: int | None = None,
        dilate: bool = True,
        chunk: int = 1 << 16,
    ) -> None:
        """One exponential-maximum step with `density_fn`: points (n, 3) -> density (n,), called with at most `chunk`.

        Each cell is sampled at a random place inside it; with `num_cells`, only that many: half of them drawn from all
        cells, half from the occupied. `density_fn` gets no point of an excluded cell. `dilate` first spreads each sample to its 6
        neighbours.
        """
        device = self.density.device
        index = self._draw(num_cells, generator)
        sampled = torch.full_like(self.density, -1.0)
        for part in index.split(chunk):
            jitter = torch.rand((len(part), 3), generator=generator, device=device)
            points = ((unmorton(part) + jitter) * (2 / self.resolution) - 1) * self.bound
            sampled[part] = density_fn(points).reshape(-1).to(sampled)
        if dilate:
            sampled = self._dilate(sampled)
        renewed = (self.density >= 0) & (sampled >= 0)
        self.density = torch.where(renewed, torch.maximum(self.density * self.decay, sampled), self.density)
        mean = float(self.density.clamp(min=0).mean())
        self._pack(self.density > min(mean, self.threshold))

    def _draw(self, num_cells: int | None, generator: torch.Generator | None) -> Tensor:
        """Morton ranks of the cells to sample, int64."""
        device = self.density.device
        alive = (self.density >= 0).nonzero().reshape(-1)
        if num_cells is None or num_cells >= len(alive):
            return alive
        half = num_cells // 2
        drawn = [alive[torch.randint(len(alive), (num_cells - half,), generator=generator, device=device)]]
        occupied = self.is_occupied().nonzero().reshape(-1)
        if len(occupied) > 0:
            drawn.append(occupied[torch.randint(len(occupied), (half,), generator=generator, device=device)])
        return torch.cat(drawn).unique()

    def _dilate(self, values: Tensor) -> Tensor:
        """Maximum over each cell and its 6 neighbours."""
        size = self.resolution
        source = torch.empty_like(values).scatter_(0, self.linear, values).reshape(size, size, size)
        spread = source.clone()
        for axis in range(3):
            for here, there in ((0, 1), (1, 0)):
                length = size - 1
                target = spread.narrow(axis, here, length)
                torch.maximum(target, source.narrow(axis, there, length), out=target)
        return spread.reshape(-1)[self.linear]

    def _pack(self, occupied: Tensor) -> None:
        bits = torch.tensor([1, 2, 4, 8, 16, 32, 64, 128], dtype=torch.uint8, device=occupied.device)
        self.occupied.copy_((occupied.reshape(-1, 8) * bits).sum(dim=1, dtype=torch.uint8))
