"""Looking at a head field in C: against the operations that training has, in double precision, and in bfloat16."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from support.parts import part
from torch import Tensor

from tfg.backbones.nerf.field import HeadField
from tfg.backbones.nerf.front_to_back import FAINT, HIDDEN, front_to_back
from tfg.engines import FieldNets, Samples, composite, field, triplane_encode
from tfg.engines.field import WarpTable
from tfg.types import PRECISIONS, InputError

STEP = 0.1  # of a ray
CASES = {"plain": (4, 0.05, 0, False), "moved, with codes": (4, 0.05, 4, True), "flat, no gates": (1, 0.0, 0, False)}


def head(degree: int, gate_width: float, code_width: int) -> HeadField:
    """A field with detail, half transparent: as after training, not as initialised."""
    shape = part("backbone/synctalk", "field", hidden=32, direction_degree=degree, gate_width=gate_width)
    made = HeadField(shape, audio_width=32, upper_width=7, code_width=code_width, uncertain=False, engine="torch")
    with torch.no_grad():
        made.tables.uniform_(-1, 1)
        for net in (made.audio_attention, made.upper_attention, made.density, made.color):
            for weight in net.parameters():
                weight.mul_(4)
    return made.eval()


def rays(counts: list[int]) -> Samples:
    """Rays through the box with so many samples each, STEP apart."""
    number = torch.tensor(counts, dtype=torch.int64)
    start = torch.cat([torch.zeros(1, dtype=torch.int64), number.cumsum(0)])
    ray = torch.repeat_interleave(torch.arange(len(counts)), number)
    directions = torch.nn.functional.normalize(torch.randn(len(counts), 3), dim=1)
    t = (torch.arange(len(ray)) - start[ray]).float() * STEP
    points = (torch.rand(len(counts), 3) * 1.2 - 0.6)[ray] + t[:, None] * directions[ray]
    return Samples(points=points, directions=directions[ray], t=t, delta=torch.full_like(t, STEP), ray=ray, start=start)


def warp() -> WarpTable:
    """A way back that bends, with points beyond its border."""
    back, forth = (0.2 * torch.rand(6, 6, 2) - 0.1 for _ in range(2))
    low, high = torch.tensor([-0.7, -0.4]), torch.tensor([0.5, 0.6])
    return WarpTable(back=back, forth=forth, low=low, high=high, depth=0.2, edge=0.08, damping=0.6, scale=0.5)


class Case:
    """A field, rays and what one picture needs; `expected` by the operations of training."""

    def __init__(self, name: str, counts: list[int]) -> None:
        torch.manual_seed(0)
        degree, gate_width, code_width, moved = CASES[name]
        self.head, self.samples = head(degree, gate_width, code_width), rays(counts)
        self.code = torch.rand(code_width)
        self.nets = self.head.nets(
            torch.randn(32), torch.rand(7), torch.tensor([0.1, -0.05]), warp() if moved else None
        )
        directions = torch.zeros(len(counts), 3)
        directions[self.samples.ray] = self.samples.directions
        self.view = self.head.seen_along(directions, self.code)

    def look(self, precision: str = "float32") -> tuple[Tensor, Tensor]:
        return field.prepare(self.nets, hidden=HIDDEN, faint=FAINT, precision=precision)(self.samples, self.view)

    def expected(self) -> tuple[Tensor, Tensor]:
        samples, nets = self.samples, self.nets
        points = samples.points if nets.warp is None else nets.warp.rest(samples.points)
        exact = self.head.double()
        audio, upper, gates = (values.double() for values in (nets.audio, nets.upper, nets.gates))

        def density(rows: Tensor) -> tuple[Tensor, Tensor]:
            sigma, geometry, *_ = exact.geometry(points[rows].double(), audio, upper, gates)
            return sigma.float(), geometry

        def color(rows: Tensor, features: Tensor) -> Tensor:
            return exact.shade(samples.directions[rows].double(), features, self.code.double()).float()

        return front_to_back(samples, density, color, engine="torch")


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    "counts", [[], [0], [1], [24, 0, 7, 3, 0], [5] * 700], ids=["none", "empty", "one", "few", "blocks"]
)
def test_c_equals_the_operations_of_training_in_double(name: str, counts: list[int]) -> None:
    case = Case(name, counts)
    found, expected = case.look(), case.expected()
    for made, true in zip(found, expected, strict=True):
        # float32 features of positions; a sample at the edge of FAINT weighs 1e-4
        torch.testing.assert_close(made, true, rtol=0, atol=2e-4)
        assert made.numel() == 0 or (made - true).abs().mean() < 2e-6


def test_the_case_has_rays_of_every_opacity() -> None:
    opacity = Case("plain", [5] * 700).look()[1]
    assert opacity.min() < 0.3 < 0.99 < opacity.max()


def rounded(values: Tensor) -> Tensor:
    return values.bfloat16().float()


def rounded_look(case: Case) -> Tensor:
    """(r, 3) in bfloat16 by its definition, in torch: what is multiplied is rounded, all samples evaluated."""
    samples, nets = case.samples, case.nets
    hidden = triplane_encode(samples.points, rounded(nets.tables), nets.grid, "torch")
    of_geometry = nets.color[0][:, nets.harmonics : nets.harmonics + 64]

    def layer(values: Tensor, weight: Tensor) -> Tensor:
        return rounded(values) @ rounded(weight).T

    height, inputs = samples.points[:, 1:2], [hidden]
    above = (height - nets.gates[0], nets.gates[1] - height)
    nets_of = ((nets.audio_attention, nets.audio), (nets.upper_attention, nets.upper))
    for (net, code), far in zip(nets_of, above, strict=True):
        attended = layer(layer(hidden, net[0]).relu(), net[1] * code[:, None])
        inputs.append(attended * torch.sigmoid(far / nets.gate_width))
    hidden = layer(layer(torch.cat(inputs, dim=1), nets.density[0]).relu(), nets.density[1]).relu()
    sigma = layer(hidden, nets.density[2][:1])[:, 0].exp()
    seen = case.view[samples.ray] @ nets.color[0][:, : nets.harmonics].T
    color = layer((seen + layer(hidden, of_geometry @ nets.density[2][1:])).relu(), nets.color[1])
    return composite(sigma, torch.sigmoid(color) * 1.002 - 0.001, samples, engine="torch", stop=HIDDEN)[0]


@torch.no_grad()
def test_bfloat16_rounds_what_is_multiplied_and_nothing_else() -> None:
    case = Case("plain", [5] * 700)
    found, exact = case.look("bfloat16")[0], case.look()[0]
    off, expected = (found - exact).abs().mean(), (found - rounded_look(case)).abs().mean()
    assert 1e-4 < off < 5e-3
    assert expected < off / 4  # what another order of sums rounds to the other side


def test_same_bits_for_any_number_of_threads() -> None:
    case, threads, found = Case("moved, with codes", [5] * 700), torch.get_num_threads(), []
    for count in (1, 2):
        torch.set_num_threads(count)
        found.append([case.look(precision) for precision in PRECISIONS])
    torch.set_num_threads(threads)
    for first, second in zip(*found, strict=True):
        assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_threads_at_once_get_the_same_bits_as_one() -> None:
    case = Case("moved, with codes", [5] * 300)
    alone = case.look()
    with ThreadPoolExecutor(3) as pool:
        for found in pool.map(lambda _: case.look(), range(6)):
            assert all(torch.equal(one, other) for one, other in zip(found, alone, strict=True))


def changed(nets: FieldNets, **sizes: Callable[[Tensor], Tensor]) -> FieldNets:
    return replace(nets, **{name: [change(weight) for weight in getattr(nets, name)] for name, change in sizes.items()})


def test_nets_that_the_tiles_do_not_hold_are_left_to_torch() -> None:
    nets = Case("plain", [1]).nets
    assert field.runs(nets, "cpu")
    assert not field.runs(nets, "torch")
    assert not field.runs(replace(nets, density=nets.density[:2]), "cpu")
    assert not field.runs(changed(nets, density=lambda weight: weight.repeat(2, 1)), "cpu")


def test_nan_and_unknown_words_are_named() -> None:
    case = Case("plain", [3])
    case.samples.points[1, 2] = float("nan")
    with pytest.raises(InputError, match="points contain NaN"):
        case.look()
    case = Case("plain", [3])
    case.nets.density[2][0, 0] = float("nan")
    with pytest.raises(InputError, match="densities or colours of the field contain NaN"):
        case.look()
    with pytest.raises(InputError, match="precision=half is unknown"):
        case.look("half")
