"""The occupancy grid: Morton order, the exponential maximum, the threshold and what travels in a checkpoint."""

import pytest
import torch

from tfg.engines import OccupancyGrid
from tfg.engines.march.occupancy import morton, unmorton
from tfg.types import InputError


def filled(value: float, **options: object) -> OccupancyGrid:
    grid = OccupancyGrid(4)
    grid.update(lambda points: torch.full((len(points),), value), dilate=False, **options)  # type: ignore[arg-type]
    return grid


def test_morton_interleaves_bits_with_x_lowest() -> None:
    cells = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [3, 1, 0], [127, 127, 127]])
    assert morton(cells).tolist() == [0, 1, 2, 4, 0b001011, 128**3 - 1]
    assert torch.equal(unmorton(morton(cells)), cells)


def test_every_cell_is_occupied_until_the_first_update() -> None:
    assert OccupancyGrid(8).is_occupied().all()


def test_density_is_sampled_inside_each_cell_in_morton_order() -> None:
    grid, sampled = OccupancyGrid(8, bound=2.0), []
    grid.update(lambda points: sampled.append(points) or points[:, 0] + 2, dilate=False, chunk=100)
    points = torch.cat(sampled)
    assert max(len(part) for part in sampled) == 100
    assert torch.equal(((points + 2) / 4 * 8).floor().long(), grid.order())
    torch.testing.assert_close(grid.density, points[:, 0] + 2)


def test_density_decays_but_keeps_a_higher_new_value() -> None:
    grid = filled(8.0)
    grid.update(lambda points: torch.zeros(len(points)))
    torch.testing.assert_close(grid.density, torch.full((64,), 7.6))
    grid.update(lambda points: torch.full((len(points),), 9.0))
    torch.testing.assert_close(grid.density, torch.full((64,), 9.0))


@pytest.mark.parametrize(("scale", "occupied"), [(0.1, 32), (1000.0, 64 - 1)])
def test_threshold_is_the_mean_but_at_most_10(scale: float, occupied: int) -> None:
    grid = OccupancyGrid(4)
    grid.update(lambda points: scale * torch.arange(64.0), dilate=False)  # the mean is 31.5 scale
    assert grid.is_occupied().sum() == occupied


def test_an_empty_scene_has_no_occupied_cell() -> None:
    assert not filled(0.0).is_occupied().any()


def test_dilation_reaches_the_6_neighbours_and_no_diagonal() -> None:
    grid = OccupancyGrid(4)
    spike = torch.zeros(64)
    spike[morton(torch.tensor([0, 1, 2]))] = 5.0
    grid.update(lambda points: spike)
    neighbours = {(0, 1, 2), (1, 1, 2), (0, 0, 2), (0, 2, 2), (0, 1, 1), (0, 1, 3)}
    assert {tuple(cell) for cell in grid.order()[grid.is_occupied()].tolist()} == neighbours


def test_excluded_cells_stay_empty() -> None:
    grid = OccupancyGrid(4)
    cells = torch.zeros(64, dtype=torch.bool)
    cells[3] = True
    grid.exclude(cells)
    grid.update(lambda points: torch.full((len(points),), 50.0))
    assert grid.density[3] == -1
    assert grid.is_occupied().sum() == 63


def test_a_partial_update_samples_no_more_cells_than_num_cells() -> None:
    grid, sampled = OccupancyGrid(8), []
    grid.update(lambda points: sampled.append(len(points)) or torch.ones(len(points)), num_cells=100, dilate=False)
    assert 60 < sum(sampled) <= 100
    assert grid.density.count_nonzero() == sum(sampled)


def test_same_generator_gives_the_same_grid() -> None:
    grids = [OccupancyGrid(16), OccupancyGrid(16)]
    for grid in grids:
        grid.update(lambda points: points.norm(dim=1), torch.Generator().manual_seed(3), num_cells=500)
    assert torch.equal(grids[0].density, grids[1].density)


def test_state_dict_restores_density_and_bits() -> None:
    grid, other = filled(3.0), OccupancyGrid(4)
    grid.density[5] = 0
    other.load_state_dict(grid.state_dict())
    assert torch.equal(other.density, grid.density)
    assert torch.equal(other.occupied, grid.occupied)
    assert sorted(grid.state_dict()) == ["density", "occupied"]


def test_resolution_must_be_a_power_of_two() -> None:
    with pytest.raises(InputError, match=r"OccupancyGrid\.resolution is 100"):
        OccupancyGrid(100)


def test_excluded_cells_are_never_sampled() -> None:
    grid, sampled = OccupancyGrid(4), []
    grid.exclude(grid.order()[:, 0] > 0)
    grid.update(lambda points: sampled.append(points) or torch.ones(len(points)), dilate=False)
    assert len(sampled[0]) == 16
    assert (sampled[0][:, 0] < -0.5).all()
