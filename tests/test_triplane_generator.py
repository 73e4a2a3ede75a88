"""The tri-plane generator and the decoder: shapes and parameter counts at both profiles, codes that act, one answer on any threads."""

from __future__ import annotations

import pytest
import torch

from tfg.backbones.triplane.decoder import DENSITY_SCALE, Decoder
from tfg.backbones.triplane.generator import ModulatedConv, PlaneGenerator
from tfg.backbones.triplane.settings import FULL, SMALL, DecoderShape, PlaneShape, Sampling, TriplaneShape
from tfg.threads import threads
from tfg.types import InputError


def num_parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("shape", "side", "colours", "generator", "decoder"),
    [(SMALL, 64, 3, 997_696, 1_188), (FULL, 256, 32, 28_207_520, 4_257)],
    ids=["small", "full"],
)
def test_shapes_and_parameter_counts_of_both_profiles(shape, side, colours, generator, decoder) -> None:
    """Full: METHODS 2.9, planes 3 x 32 x 256 x 256 of a code of 512; decoder 32 -> 64 -> 1 + 32 (2112 + 2145)."""
    with torch.device("meta"):
        made, read = PlaneGenerator(shape.planes), Decoder(shape.planes.channels, shape.decoder)
        planes = made(torch.zeros(2, shape.planes.code))
    assert planes.shape == (2, 3, 32, side, side)
    assert num_parameters(made) == generator
    assert num_parameters(read) == decoder
    density, color = Decoder(32, shape.decoder)(torch.zeros(5, 32))
    assert density.shape == (5,)
    assert color.shape == (5, colours)


def test_the_full_ladder_has_stylegan2s_layers() -> None:
    """13 convolutions of 3 x 3 and 7 to the planes; a wide one has 512 * 512 * 9 weights, 512 * 512 + 512 of style, 512 of bias."""
    with torch.device("meta"):
        made = PlaneGenerator(FULL.planes)
    layers = [module for module in made.modules() if isinstance(module, ModulatedConv)]
    assert [sum(not layer.plain for layer in layers), sum(layer.plain for layer in layers)] == [13, 7]
    assert num_parameters(made.first) == 512 * 512 * 9 + 512 * 512 + 512 + 512


def small() -> PlaneShape:
    return PlaneShape(code=6, channels=4, widths=(8, 8, 6))


def test_a_batch_is_its_codes_one_by_one_and_codes_differ() -> None:
    torch.manual_seed(0)
    made, codes = PlaneGenerator(small()), torch.randn(3, 6)
    together = made(codes)
    assert together.shape == (3, 3, 4, 16, 16)
    for row, code in enumerate(codes):
        torch.testing.assert_close(together[row], made(code[None])[0], rtol=1e-5, atol=1e-5)  # sums in another order
    assert (together[0] - together[1]).abs().mean() > 0.01


def test_a_modulated_convolution_is_a_convolution_with_normed_weights() -> None:
    """StyleGAN2, equations 1 and 3: weights times the style of their input, divided by their norm an output channel."""
    torch.manual_seed(1)
    layer, x, code = ModulatedConv(5, 7, 6).double(), torch.randn(1, 5, 4, 4).double(), torch.randn(1, 6).double()
    style = code[0] @ layer.style.T / 6**0.5 + layer.style_bias
    weight = layer.weight * style[None, :, None, None] / (5 * 9) ** 0.5
    weight = weight / (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
    expected = torch.nn.functional.leaky_relu(torch.nn.functional.conv2d(x, weight, padding=1), 0.2) * 2**0.5
    torch.testing.assert_close(layer(x, code), expected)


def test_the_generators_gradient_is_that_of_finite_differences() -> None:
    torch.manual_seed(2)
    made = PlaneGenerator(small()).double()
    assert torch.autograd.gradcheck(made, torch.randn(1, 6).double().requires_grad_(), fast_mode=True)


def test_the_planes_do_not_depend_on_the_number_of_threads() -> None:
    torch.manual_seed(3)
    made, code = PlaneGenerator(SMALL.planes), torch.randn(2, SMALL.planes.code)
    found = []
    for count in (1, 2):
        with threads(count), torch.no_grad():
            found.append(made(code))
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-5)  # a product's sums may be cut elsewhere


def test_a_decoder_of_zeros_is_almost_clear_and_grey() -> None:
    decoder = Decoder(4, DecoderShape(hidden=3, colours=3))
    torch.nn.init.zeros_(decoder.out.weight)
    torch.nn.init.zeros_(decoder.out.bias)
    density, color = decoder(torch.randn(2, 4))
    torch.testing.assert_close(density, torch.full((2,), 0.313262 * DENSITY_SCALE))  # log(1 + 1 / e)
    torch.testing.assert_close(color, torch.full((2, 3), 0.5))


def test_a_shape_is_read_as_it_was_written() -> None:
    for shape in (SMALL, FULL):
        assert TriplaneShape(**shape.plain) == shape


@pytest.mark.parametrize(
    ("group", "values", "message"),
    [
        (PlaneShape, {"code": 0, "channels": 1, "widths": (4,)}, "planes.code=0"),
        (PlaneShape, {"code": 1, "channels": 1, "widths": ()}, "planes.widths"),
        (DecoderShape, {"hidden": 4, "colours": 1}, "colours=1"),
        (Sampling, {"uniform": 1, "importance": 0, "low": (-1, -1, -1), "high": (1, 1, 1)}, "uniform=1"),
        (Sampling, {"uniform": 4, "importance": 0, "low": (-1, 0, -1), "high": (1, 0, 1)}, "have a volume"),
        (Sampling, {"uniform": 4, "importance": 0, "low": (-2, 0, -1), "high": (1, 1, 1)}, "must lie in"),
    ],
)
def test_wrong_settings_are_named(group, values, message) -> None:
    with pytest.raises(InputError, match=message):
        group(**values)
