"""FID: its formula against torchmetrics, its network by size and behaviour, and weight files that are refused."""

import pickle
import warnings
from collections import OrderedDict

import numpy as np
import pytest
import torch
from scored_videos import chunk_of, scored_video
from torch import nn

from tfg.metrics.distribution import FrechetDistance, frechet
from tfg.metrics.inception import Inception
from tfg.types import InputError


class Extractor(nn.Module):
    """A small random stand-in for Inception, as torchmetrics wants it: uint8 (n, 3, h, w) -> (n, d)."""

    def __init__(self, numbers):
        super().__init__()
        self.num_features = numbers
        self.projection = torch.randn(3 * 6 * 6, numbers, generator=torch.Generator().manual_seed(0)).double()

    def forward(self, images):
        return torch.tanh((images.double() / 255 - 0.5).flatten(1) @ self.projection)


@pytest.mark.parametrize(("count", "numbers"), [(200, 12), (30, 40), (50, 50)], ids=["full", "deficient", "square"])
def test_the_distance_is_torchmetrics(count, numbers):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchmetrics' own imports
        from torchmetrics.image.fid import FrechetInceptionDistance
    random = np.random.default_rng(0)
    true = random.integers(0, 256, (count, 3, 6, 6), dtype=np.uint8)
    made = np.clip(true[::-1] * 0.8 + random.integers(0, 60, true.shape), 0, 255).astype(np.uint8)
    extractor = Extractor(numbers)
    reference = FrechetInceptionDistance(feature=extractor, input_img_size=(3, 6, 6)).set_dtype(torch.float64)
    reference.update(torch.from_numpy(true.copy()), real=True)
    reference.update(torch.from_numpy(made), real=False)
    ours = frechet(extractor(torch.from_numpy(made)).numpy(), extractor(torch.from_numpy(true.copy())).numpy())
    # Full rank: rounding only. Deficient: torchmetrics takes roots of eigenvalues that are 0 but for rounding (1e-16 ** 0.5).
    assert ours == pytest.approx(float(reference.compute()), rel=1e-9 if count > numbers else 1e-5)
    assert ours > 0.01


def test_the_distance_by_hand():
    first = np.array([[0.0, 0], [2, 0], [0, 2], [2, 2]])  # mean (1, 1), covariance 4/3 of the unit matrix
    second = 3 * first + [5, 0]  # mean (8, 3), covariance 12 of the unit matrix
    assert frechet(first, second) == pytest.approx(49 + 4 + 2 * (np.sqrt(12) - np.sqrt(4 / 3)) ** 2, rel=1e-12)


def test_equal_features_are_exactly_zero_apart_and_order_does_not_matter():
    features = np.random.default_rng(1).normal(size=(40, 64)).astype(np.float32)
    assert frechet(features, features.copy()) == 0
    assert frechet(features, features[::-1]) == pytest.approx(0, abs=1e-10)
    assert frechet(features, features + 1) == pytest.approx(64, rel=1e-5)  # float32 features


class Means:
    """Stands for the network: mean colours."""

    def features(self, images):
        return images.mean(axis=(1, 2)).astype(np.float32)


def test_chunks_change_nothing_and_rank_deficiency_is_said():
    random = np.random.default_rng(2)
    made, true = random.integers(0, 256, (2, 9, 6, 8, 3), dtype=np.uint8)
    metric = FrechetDistance(network=Means(), note="no weights")
    video = scored_video(made, true)
    whole = metric.look(chunk_of(made, true))
    parts = [metric.look(chunk_of(made, true, rows=slice(a, b))) for a, b in ((0, 4), (4, 5), (5, 9))]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in whole}
    assert metric.conclude(joined, video) == metric.conclude(whole, video)
    assert metric.conclude(whole, video)["fid"].value > 0
    assert "9 frames give covariances of rank 8 of 2048" in metric.define(video)["fid"]
    long = np.zeros((2049, 1, 1, 3), np.uint8)
    assert "rank" not in metric.define(scored_video(long, long))["fid"]


def test_without_weights_or_with_one_frame_it_is_unavailable():
    made = np.zeros((1, 4, 4, 3), np.uint8)
    missing = FrechetDistance(network=None, note="weights are missing")
    assert missing.look(chunk_of(made, made)) == {}
    assert missing.conclude({}, scored_video(made, made))["fid"].missing == "weights are missing"
    one = FrechetDistance(network=Means(), note="")
    assert "at least two" in one.conclude(one.look(chunk_of(made, made)), scored_video(made, made))["fid"].missing


@pytest.fixture(scope="module")
def network():
    """Inception with random weights of a fixed seed, scaled so that activations neither vanish nor explode."""
    generator = torch.Generator().manual_seed(0)
    made = Inception()
    for name, value in made.state_dict().items():
        if name.endswith("conv.weight"):
            value.normal_(generator=generator).mul_((2 / value[0].numel()) ** 0.5)
        elif name.endswith("running_mean"):
            value.normal_(generator=generator).mul_(0.1)
    return made


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    """Its weights as old files have them: without the counters of batch normalisation."""
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(OrderedDict((k, v) for k, v in network.state_dict().items() if "num_batches" not in k), path)
    return path


def test_the_network_has_the_parameters_of_inception_v3_with_1008_classes(network):
    # torchvision's count without the auxiliary head is 23,834,568 for 1,000 classes; eight more are 8 x 2,049.
    assert sum(value.numel() for value in network.parameters()) == 23_834_568 + 8 * 2049
    names = set(network.state_dict())
    assert {
        "Conv2d_1a_3x3.conv.weight",
        "Mixed_5b.branch1x1.bn.running_var",
        "Mixed_6e.branch7x7dbl_5.conv.weight",
    } < names
    assert {"Mixed_7c.branch3x3dbl_3b.bn.bias", "Mixed_7a.branch7x7x3_4.conv.weight", "fc.bias"} < names
    assert network.state_dict()["Mixed_6b.branch7x7_2.conv.weight"].shape == (128, 128, 1, 7)


def test_features_do_not_depend_on_neighbours_or_on_the_file(network, weights):
    random = np.random.default_rng(3)
    images = random.integers(0, 256, (2, 40, 60, 3), dtype=np.uint8)
    loaded = FrechetDistance.open(weights)
    together = loaded.features(images)
    assert (together.shape, together.dtype) == ((2, 2048), np.float32)
    np.testing.assert_array_equal(loaded.features(images[1:])[0], together[1])
    np.testing.assert_array_equal(network.features(images[1:])[0], together[1])
    assert (together >= 0).all()
    assert loaded.features(images[:0]).shape == (0, 2048)


def test_pools_do_not_count_padding_but_the_last_one_takes_the_maximum(network):
    edge = torch.zeros(1, 2048, 8, 8)
    edge[:, :, 0, 0] = 4
    seen = []
    for block in (network.Mixed_7b, network.Mixed_7c):
        inner = edge[:, : block.branch_pool.conv.in_channels]
        handle = block.branch_pool.register_forward_pre_hook(lambda module, given: seen.append(given[0][0, 0, 0, 0]))
        with torch.inference_mode():
            block(inner)
        handle.remove()
    assert [float(value) for value in seen] == [1, 4]  # mean of the four pixels inside the picture; their maximum


def broken(name, value):
    def change(state):
        return {key: tensor for key, tensor in (state | {name: value}).items() if tensor is not None}

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (broken("fc.bias", None), "lacks fc.bias"),
        (broken("fc.extra", torch.zeros(1)), "has the unknown fc.extra"),
        (broken("fc.bias", torch.zeros(1000)), r"fc.bias is \(1000,\), expected \(1008,\)"),
        (broken("fc.bias", 3), "fc.bias is int"),
        (lambda state: [1, 2], "holds a list, not named tensors"),
    ],
    ids=["missing", "extra", "shape", "number", "list"],
)
def test_weights_of_another_network_are_refused(network, tmp_path, change, reason):
    torch.save(change(dict(network.state_dict())), tmp_path / "w.pth")
    with pytest.raises(InputError, match=reason):
        Inception.load(tmp_path / "w.pth")


class Evil:
    def __reduce__(self):
        return (print, ("this must never be printed",))


@pytest.mark.parametrize(
    "content", [b"", b"text", pickle.dumps({"a": Evil()}), b"PK\x03\x04half"], ids=["empty", "text", "pickle", "half"]
)
def test_what_is_no_file_of_tensors_is_refused_in_one_line(tmp_path, capsys, content):
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not a readable file of tensors") as error:
        Inception.load(path)
    assert "\n" not in str(error.value)
    assert "never" not in capsys.readouterr().out
