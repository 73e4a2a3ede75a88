"""Perceptrons by tiny-cuda-nn, in a stand-in of what it documents; the same contract on a card: tests/gpu/test_mlp_cuda.py."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import perceptron_nets as nets
import pytest
import torch
from support import tinycudann_standin
from torch import Tensor

from tfg import overrides, preflight
from tfg.backbones.layers import MLP
from tfg.engines import choose, mlp
from tfg.engines.mlp import perceptron, tinycudann
from tfg.types import InputError


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> None:
    tinycudann_standin.install(monkeypatch)


@pytest.mark.usefixtures("standin")
@pytest.mark.parametrize("rows", [1, 256, 700])
@pytest.mark.parametrize("widths", nets.SHAPES, ids=str)
def test_it_is_the_twins_function_in_float16(widths: tuple[int, ...], rows: int) -> None:
    nets.check_half(nets.net(*widths, rows=rows), tinycudann.mlp, "cpu")


def test_matrices_lie_one_after_the_other_row_by_row_among_zeros() -> None:
    weights = [torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), torch.tensor([[7.0, 8.0]])]
    layout = tinycudann.layout(weights)
    assert (layout.width, layout.hidden, layout.fused) == (16, 1, True)
    flat = tinycudann.pack(weights, layout)
    assert flat.shape == (16 * 16 + 16 * 16,)
    places = {0: 1.0, 1: 2.0, 2: 3.0, 16: 4.0, 17: 5.0, 18: 6.0, 256: 7.0, 257: 8.0}
    assert {place: float(flat[place]) for place in flat.nonzero().flatten().tolist()} == places


@pytest.mark.parametrize(
    ("widths", "width", "fused"),
    [
        ((36, 16, 7), 16, True),
        ((39, 20, 33, 1), 64, True),
        ((16, 128, 128, 3), 128, True),
        ((16, 129, 3), 144, False),
        ((4, 3), 16, False),  # no hidden layer
        ((211, 128, 3), 128, False),  # its first matrix is too large for shared memory
    ],
)
def test_a_net_is_fused_where_such_a_network_has_its_width(widths: tuple[int, ...], width: int, fused: bool) -> None:
    found = tinycudann.layout(nets.net(*widths, rows=1)[1])
    assert (found.width, found.fused) == (width, fused)


@pytest.mark.usefixtures("standin")
def test_a_module_has_no_parameters_but_its_own_and_they_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perceptron, "resolve_perceptron", lambda engine, device, dtype: engine)
    module = MLP(5, 8, 3, engine="tinycudann")
    before = {name: value.clone() for name, value in module.state_dict().items()}
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module(torch.rand(10, 5)).sum().backward()
    optimizer.step()
    assert list(module.state_dict()) == list(before) == ["layers.0.weight", "layers.1.weight"]
    assert all(not torch.equal(value, before[name]) for name, value in module.state_dict().items())


@pytest.mark.usefixtures("standin")
def test_only_what_needs_a_gradient_gets_one() -> None:
    x, weights, upstream = nets.net(5, 8, 3, rows=100)
    tinycudann.mlp(x.requires_grad_(), weights).backward(upstream)
    assert x.grad is not None
    learned = [weight.clone().requires_grad_() for weight in weights]
    tinycudann.mlp(x.detach(), learned).backward(upstream)
    assert all(weight.grad is not None for weight in learned)
    assert not tinycudann.mlp(x.detach(), weights).requires_grad


@pytest.mark.usefixtures("standin")
def test_no_rows_give_no_values_and_gradients_of_zero() -> None:
    found = nets.differentiated(nets.net(5, 8, 3, rows=0), tinycudann.mlp, torch.float32)
    assert found[0].shape == (0, 3)
    assert not any(gradient.any() for gradient in found[2:])


@pytest.mark.usefixtures("standin")
def test_an_upstream_gradient_of_zero_gives_zeros() -> None:
    x, weights, upstream = nets.net(5, 8, 3, rows=10)
    found = nets.differentiated((x, weights, upstream * 0), tinycudann.mlp, torch.float32)
    assert all(torch.equal(gradient, torch.zeros_like(gradient)) for gradient in found[1:])


@pytest.mark.usefixtures("standin")
def test_threads_that_share_a_network_get_what_their_own_weights_give(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = tinycudann_standin.Network.forward

    def slow(self: tinycudann_standin.Network, x: Tensor) -> Tensor:
        time.sleep(2e-3)  # between the exchange of the parameters and their use
        return forward(self, x)

    given = [nets.net(5, 8, 3, rows=4, seed=seed)[:2] for seed in range(4)]
    alone = [tinycudann.mlp(*one) for one in given]
    monkeypatch.setattr(tinycudann_standin.Network, "forward", slow)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda one: tinycudann.mlp(*one), given * 5))
    assert all(torch.equal(found, alone[index % 4]) for index, found in enumerate(together))


@pytest.mark.usefixtures("standin")
def test_a_layout_that_has_changed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tinycudann_standin, "ALIGNMENT", 8)
    with pytest.raises(
        InputError, match=r"has 256 parameters in this tiny-cuda-nn and 512 here: its layout has changed"
    ):
        tinycudann.mlp(torch.rand(2, 3), [torch.rand(16, 3), torch.rand(1, 16)])


def test_the_engine_needs_a_card_the_package_and_float32(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    x, weights, _ = nets.net(5, 8, 3, rows=4)
    with pytest.raises(
        InputError, match="engine=tinycudann needs tensors on cuda but they are on cpu: use engine=auto"
    ):
        mlp(x, weights, "tinycudann")
    monkeypatch.setattr(choose.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"tiny-cuda-nn is not installed; pip install git\+https"):
        choose.resolve_engine("tinycudann", "cuda")
    monkeypatch.setattr(choose.importlib.util, "find_spec", lambda name: object())
    choose._resolve.cache_clear()
    with pytest.raises(InputError, match=r"engine=tinycudann takes float32 but was given torch\.float64"):
        choose.resolve_engine("tinycudann", "cuda", torch.float64)
    for _ in range(2):
        assert choose.resolve_perceptron("tinycudann", "cuda") == "tinycudann"
        assert choose.resolve_engine("tinycudann", "cuda") == "cuda"
    assert capsys.readouterr().err.count("perceptrons in float16 by tiny-cuda-nn; everything else as engine=cuda") == 1
    choose._resolve.cache_clear()


@pytest.mark.usefixtures("standin")
def test_a_package_that_does_not_load_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tinycudann", None)
    with pytest.raises(InputError, match=r"tiny-cuda-nn does not load \(.*\); use engine=cuda"):
        tinycudann.mlp(*nets.net(5, 8, 3, rows=4)[:2])


def test_a_run_is_refused_before_it_starts_where_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    config = overrides.composed(["trainer=gpu", "backbone.engine=tinycudann"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(preflight.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"^backbone\.engine=tinycudann: tiny-cuda-nn is not installed; pip install git\+"
    ):
        preflight.sized([config])
    config.backbone.engine = "cpu"
    with pytest.raises(InputError, match=r"on trainer\.device=cuda allowed are auto, torch, cuda, tinycudann$"):
        preflight.sized([config])
