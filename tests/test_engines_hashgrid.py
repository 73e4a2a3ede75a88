"""Grid encoding: torch-ngp's level tables, hand-made cells, and the C path against the twin in double precision."""

import numpy as np
import pytest
import torch
from support.parts import part

from tfg.backbones.gaussian import motion
from tfg.backbones.nerf import field
from tfg.engines import HashGridSpec, hash_encode, triplane_encode
from tfg.engines.hashgrid.twin import table_rows
from tfg.types import InputError

ER_NERF = HashGridSpec(dim=2, levels=12, channels=1, log2_size=14, base=64, desired=512, bound=1.0)
FACE = HashGridSpec(dim=2, levels=12, channels=1, log2_size=17, base=16, desired=38.4, bound=0.15)
MOUTH = HashGridSpec(dim=2, levels=12, channels=1, log2_size=17, base=64, desired=57.6, bound=0.15)
RAD_NERF = HashGridSpec(dim=3, levels=16, channels=2, log2_size=16, base=16, desired=2048, bound=1.0, kind="tiled")
HASHED = HashGridSpec(dim=3, levels=5, channels=4, log2_size=10, base=4, desired=64, bound=1.0)
ODD = HashGridSpec(dim=2, levels=3, channels=3, log2_size=8, base=5, desired=40, bound=2.0)
SPECS = {"er_nerf": ER_NERF, "face": FACE, "mouth": MOUTH, "rad_nerf": RAD_NERF, "hashed": HASHED, "odd": ODD}
engines = pytest.mark.parametrize("engine", ["torch", "cpu"])
specs = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())


def unit_spec(levels: int = 1, base: float = 4, desired: float = 4, **options: object) -> HashGridSpec:
    """A plane over [-1, 1]^2 whose positions are exact in float32."""
    return HashGridSpec(
        dim=2, levels=levels, channels=1, log2_size=12, base=base, desired=desired, bound=1.0, **options
    )  # type: ignore[arg-type]


def test_every_grid_of_a_backbone_has_dense_levels_so_that_none_is_tiny_cuda_nns() -> None:
    instag = motion.grid_of(part("backbone/instag", "motion"))
    synctalk = field.grid_of(part("backbone/synctalk", "field"))
    assert [sum(not row for row in spec.strides) for spec in (instag, synctalk)] == [0, 8]  # hashed, of 12
    assert synctalk.scales[4] + 1 == pytest.approx(136.33, abs=5e-3)  # where these begin: no whole number


@pytest.mark.parametrize(("spec", "rows", "finest"), [(ER_NERF, 163_584, 512), (FACE, 9_464, 39), (MOUTH, 46_600, 58)])
def test_level_tables_are_those_of_the_official_checkpoints(spec: HashGridSpec, rows: int, finest: int) -> None:
    assert spec.num_params == rows
    assert spec.resolutions[-1] == finest


def test_er_nerf_hashes_from_level_4_and_instag_never() -> None:
    assert [not strides for strides in ER_NERF.strides] == [False] * 4 + [True] * 8
    assert all(FACE.strides)
    assert all(MOUTH.strides)
    assert ER_NERF.output == 12


def test_a_folded_tiled_level_ignores_the_coordinates_behind_a_full_table() -> None:
    assert RAD_NERF.strides[0] == (1, 17, 289)
    assert RAD_NERF.strides[-1] == (1, 2049, 0)


def test_level_offsets_are_multiples_of_8() -> None:
    assert all(offset % 8 == 0 for spec in SPECS.values() for offset in spec.offsets)


def test_hash_is_the_xor_of_prime_multiples() -> None:
    cell = torch.tensor([[300, 17]])
    level = 11
    expected = (300 ^ (17 * 2_654_435_761) % 2**32) % 2**14 + ER_NERF.offsets[level]
    assert table_rows(cell, level, ER_NERF).item() == expected


@engines
def test_the_middle_of_a_cell_averages_its_four_corners(engine: str) -> None:
    spec = unit_spec()  # scale 3: position = unit * 3 + 0.5
    table = torch.zeros(spec.num_params, 1)
    corners = [1 + 5 * 2, 2 + 5 * 2, 1 + 5 * 3, 2 + 5 * 3]  # rows of (1, 2), (2, 2), (1, 3), (2, 3), stride 5
    table[corners, 0] = torch.tensor([1.0, 2.0, 3.0, 10.0])
    unit = torch.tensor([[1.0, 2.0]]) / 3  # position (1.5, 2.5)
    assert hash_encode(unit * 2 - 1, table, spec, engine).item() == pytest.approx(4.0, abs=1e-5)


@engines
def test_planes_are_xy_yz_xz_in_that_order(engine: str) -> None:
    spec = unit_spec()
    tables = torch.rand(3, spec.num_params, 1)
    points = torch.rand(7, 3) * 2 - 1
    both = triplane_encode(points, tables, spec, engine)
    for plane, axes in enumerate(((0, 1), (1, 2), (0, 2))):
        alone = hash_encode(points[:, axes].contiguous(), tables[plane], spec, engine)
        torch.testing.assert_close(both[:, plane : plane + 1], alone, rtol=0, atol=0)


@engines
@specs
def test_outside_the_bound_is_zero_without_gradient_and_the_border_is_inside(spec: HashGridSpec, engine: str) -> None:
    edge = float(np.float32(spec.bound))
    beyond = float(np.nextafter(np.float32(edge), np.float32(9)))
    inside = torch.full((spec.dim,), 0.3 * spec.bound)
    rows = []
    for value in (edge, -edge, beyond, -beyond, 1e30, float("inf"), -float("inf")):
        row = inside.clone()
        row[-1] = value
        rows.append(row)
    points = torch.stack(rows).requires_grad_()
    table = torch.full((spec.num_params, spec.channels), 2.0, requires_grad=True)
    out = hash_encode(points, table, spec, engine)
    torch.testing.assert_close(out[:2], torch.full_like(out[:2], 2.0))
    assert not out[2:].any()
    (out[2:] ** 2 + out[2:]).sum().backward()
    assert not points.grad.any()
    assert not table.grad.any()


@specs
def test_c_equals_the_twin_in_double(spec: HashGridSpec) -> None:
    generator = torch.Generator().manual_seed(0)
    points = (torch.rand(3000, spec.dim, generator=generator) * 2.2 - 1.1) * spec.bound
    table = torch.randn(spec.num_params, spec.channels, generator=generator)
    upstream = torch.randn(3000, spec.output, generator=generator)
    results = []
    for engine, dtype in (("cpu", torch.float32), ("torch", torch.float64)):
        leaves = [values.to(dtype).clone().requires_grad_() for values in (points, table)]
        out = hash_encode(leaves[0], leaves[1], spec, engine)
        out.backward(upstream.to(dtype))
        results.append([out.detach().double(), *(leaf.grad.double() for leaf in leaves)])
    for found, expected, tolerance in zip(*results, (1e-6, 1e-6, 1e-5), strict=True):
        assert (found - expected).abs().max() <= tolerance * expected.abs().max()


def test_float32_twin_is_as_near_as_its_positions_allow() -> None:
    # a float32 position in a level of 512 cells keeps a fraction to 2**-15
    points, table = torch.rand(1000, 2) * 2 - 1, torch.rand(ER_NERF.num_params, 1)
    torch.testing.assert_close(
        hash_encode(points, table, ER_NERF, "torch"), hash_encode(points, table, ER_NERF, "cpu"), rtol=0, atol=2e-4
    )


@engines
def test_on_a_level_border_the_upper_cell_gives_value_and_slope(engine: str) -> None:
    spec = unit_spec(base=5, desired=5)  # scale 4: unit 0.375 is position 2.0, exact in float32
    table = torch.arange(spec.num_params, dtype=torch.float32)[:, None] ** 2
    points = torch.tensor([[-0.25, -0.25]], requires_grad=True)
    out = hash_encode(points, table, spec, engine)
    corner, right, below = 2 + 6 * 2, 3 + 6 * 2, 2 + 6 * 3
    assert out.item() == corner**2
    out.sum().backward()
    expected = torch.tensor([[right**2 - corner**2, below**2 - corner**2]]) * (4 / 2.0)
    torch.testing.assert_close(points.grad, expected)


@engines
@pytest.mark.parametrize("count", [0, 1, 255, 257])
def test_any_number_of_points(engine: str, count: int) -> None:
    points = torch.rand(count, 3).requires_grad_()
    tables = torch.rand(3, ER_NERF.num_params, 1).requires_grad_()
    out = triplane_encode(points, tables, ER_NERF, engine)
    assert out.shape == (count, 36)
    out.sum().backward()
    assert points.grad.shape == (count, 3)
    # weights of a point sum to one, per level and plane
    assert tables.grad.sum().item() == pytest.approx(36 * count, rel=1e-4, abs=1e-6)


def test_a_million_points_keep_their_weights() -> None:
    points = torch.rand(1_000_000, 3, generator=torch.Generator().manual_seed(1)) * 0.3 - 0.15
    tables = torch.ones(3, FACE.num_params, 1, requires_grad=True)
    out = triplane_encode(points, tables, FACE, "cpu")
    torch.testing.assert_close(out, torch.ones_like(out))
    out.sum().backward()
    assert tables.grad.double().sum().item() == pytest.approx(36e6, rel=1e-5)


def test_same_bits_for_any_number_of_threads() -> None:
    points, tables = torch.rand(5000, 3), torch.rand(3, ER_NERF.num_params, 1)
    threads = torch.get_num_threads()
    found = []
    for count in (1, 2):
        torch.set_num_threads(count)
        leaves = [points.clone().requires_grad_(), tables.clone().requires_grad_()]
        out = triplane_encode(leaves[0], leaves[1], ER_NERF, "cpu")
        out.square().sum().backward()
        found.append([out, leaves[0].grad, leaves[1].grad])
    torch.set_num_threads(threads)
    assert all(torch.equal(first, second) for first, second in zip(*found, strict=True))


@pytest.mark.parametrize(
    "spec", [unit_spec(2, 3, 7), HashGridSpec(3, 2, 2, 4, 3, 5, 1.0), HashGridSpec(2, 2, 1, 4, 5, 9, 1.0, "tiled")]
)
def test_gradcheck_of_the_twin(spec: HashGridSpec) -> None:
    generator = torch.Generator().manual_seed(2)
    points = torch.rand(6, spec.dim, generator=generator, dtype=torch.float64) * 1.8 - 0.9
    table = torch.randn(spec.num_params, spec.channels, generator=generator, dtype=torch.float64)
    inputs = (points.requires_grad_(), table.requires_grad_())
    assert torch.autograd.gradcheck(lambda *leaves: hash_encode(*leaves, spec, "torch"), inputs)


@engines
def test_nan_is_an_error_that_names_the_argument(engine: str) -> None:
    points = torch.rand(300, 2)
    points[299, 1] = float("nan")
    with pytest.raises(InputError, match="points contain NaN"):
        hash_encode(points, torch.rand(FACE.num_params, 1), FACE, engine)


def test_wrong_shapes_and_values_are_named() -> None:
    table = torch.rand(FACE.num_params, 1)
    with pytest.raises(InputError, match=r"points have shape \(5, 3\), expected \(n, 2\)"):
        hash_encode(torch.rand(5, 3), table, FACE)
    with pytest.raises(InputError, match="the table has shape"):
        hash_encode(torch.rand(5, 2), table[1:], FACE)
    with pytest.raises(InputError, match="dtype"):
        hash_encode(torch.rand(5, 2).double(), table, FACE)
    with pytest.raises(InputError, match=r"HashGridSpec\.dim is 4"):
        HashGridSpec(4, 1, 1, 14, 16, 32, 1.0)
    with pytest.raises(InputError, match="engine=fast is unknown"):
        hash_encode(torch.rand(5, 2), table, FACE, "fast")
