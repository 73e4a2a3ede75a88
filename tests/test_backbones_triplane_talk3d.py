"""Talk3D as a whole on the analytic portrait: its stages, its prior, its pictures; it learns and resumes bit for bit."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import portraits
import pytest
import torch
from support.parts import part
from torch.utils.data import default_collate

from tfg import overrides, parts, priors
from tfg.backbones.frame import Frame, frame_of
from tfg.backbones.triplane.enlarge import Enlarger
from tfg.backbones.triplane.personalise import CodePrior, spread_rows
from tfg.backbones.triplane.prior import TriplanePrior, load_triplane, modules_of, save_triplane
from tfg.backbones.triplane.settings import FULL, SMALL, TriplaneShape
from tfg.backbones.triplane.talk3d import Talk3D
from tfg.data import PortraitData, audio_statistics, audio_windows, batches
from tfg.features.lips.motion import lip_motion
from tfg.landmarks import LIP_CHANNELS
from tfg.rendering import render
from tfg.rotations import nearest_angles
from tfg.training import fit, load, read_checkpoint
from tfg.types import Batch, InputError, Portrait, UniversalMotion

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),  # Lightning 2.6 beside torch 2.13
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
]
SIZE = 32
PLANES = {"code": 8, "channels": 8, "widths": [16, 16, 16]}  # 16 x 16
DECODER = {"hidden": 16, "colours": 3}


def make(invert: int = 2, tune: int = 2, delta: int = 3, *, size: int = SIZE, **options: Any) -> Talk3D:
    torch.manual_seed(5)
    tiny: dict[str, Any] = {
        "audio_channels": 12,
        "lip_driven": False,
        "planes": PLANES,
        "decoder": DECODER,
        "unet": {"widths": [8, 8]},
        "attention": {"blocks": 1, "heads": 2, "head_width": 4},
        "tokens": {"width": 8},
        "sampling": {"uniform": 8, "importance": 8},
        "tracing": {"side": 32, "patch": 12, "enlarger_width": 4},
        "stages": {"invert": invert, "tune": tune, "delta": delta, "views": 3},
        "prior": {"rays": 32},
    }
    grouped = {
        key: {**tiny.get(key, {}), **value} if isinstance(value, dict) else value for key, value in options.items()
    }
    made: Talk3D = part("backbone/talk3d", size=size, focal=2.1 * size, **{**tiny, **grouped})
    return made


@pytest.fixture(scope="module")
def scene() -> portraits.Scene:
    return portraits.make_scene(num_frames=48, size=SIZE)


@pytest.fixture(scope="module")
def prior_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of five people, of the shapes above."""
    torch.manual_seed(1)
    shape = TriplaneShape(planes=PLANES, decoder=DECODER, sampling=SMALL.sampling)
    path = tmp_path_factory.mktemp("prior") / "few.safetensors"
    codes = np.random.default_rng(0).normal(0.5, 0.3, (5, 8)).astype(np.float32)
    people = [{"name": f"s{seed}", "clips": [], "identity_seed": seed} for seed in range(5)]
    save_triplane(path, *modules_of(shape), shape, codes=codes, of_pictures=codes, sources={"people": people})
    return path


@pytest.fixture(scope="module")
def prior(prior_file: Path) -> TriplanePrior:
    return load_triplane(prior_file)


def windows_of(portrait: Portrait, train: Portrait) -> np.ndarray:
    return audio_windows(portrait.audio, *audio_statistics(train.audio))


def data_of(portrait: Portrait, steps: int, chunk: int) -> PortraitData:
    return PortraitData(portrait, windows_of(portrait, portrait), chunk=chunk, num_steps=steps, seed=0)


def batch_of(portrait: Portrait, row: int = 0) -> Batch:
    rows = batches(portrait, windows_of(portrait, portrait), device=torch.device("cpu"), truth=True)
    found: Batch = default_collate([rows[row]])
    return found


@pytest.mark.parametrize("with_prior", [False, True])
def test_a_resumed_training_equals_an_uninterrupted_one(
    scene: portraits.Scene, prior: TriplanePrior, with_prior: bool, tmp_path: Path
) -> None:
    """Cut in every stage: 2 steps of each inversion and tuning, 3 of the delta planes, a checkpoint after each."""

    def placed() -> Talk3D:
        made = make()
        if with_prior:
            made.adopt(prior)
        return made

    train = portraits.rows(scene, 0, 8).portrait
    whole = tmp_path / "whole"
    whole.mkdir()
    fit(placed(), data_of(train, 7, 7), whole, device="cpu", logger=None)
    expected = read_checkpoint(whole / "last.ckpt")["state_dict"]
    assert any(name.startswith("pivot.") for name in expected) is with_prior
    for cut in (1, 3, 5):
        folder = tmp_path / str(cut)
        folder.mkdir()
        stopped = placed()

        def leave(*_: Any, cut: int = cut, folder: Path = folder, module: Talk3D = stopped) -> None:
            if int(module.step) == cut:
                raise KeyboardInterrupt

        stopped.on_train_epoch_start = leave  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            fit(stopped, data_of(train, 7, 1), folder, device="cpu", logger=None)
        assert int(read_checkpoint(folder / "last.ckpt")["state_dict"]["step"]) == cut
        fit(placed(), data_of(train, 7, 7), folder, device="cpu", logger=None)
        found = read_checkpoint(folder / "last.ckpt")["state_dict"]
        for name, values in expected.items():
            assert torch.equal(found[name], values), (cut, name)


PARTS = ("code", "generator", "decoder", "tokens", "unet")


def test_each_stage_moves_its_own_part_alone(scene: portraits.Scene, prior: TriplanePrior, tmp_path: Path) -> None:
    head = make()
    head.adopt(prior)
    seen: list[tuple[str, set[str]]] = []
    before: dict[str, torch.Tensor] = {}

    def start(*_: Any) -> None:
        before.update({name: values.detach().clone() for name, values in head.named_parameters()})
        seen.append((head.stage_name, set()))

    def end(*_: Any) -> None:
        moved = {name for name, values in head.named_parameters() if not torch.equal(values, before[name])}
        seen[-1][1].update(name.split(".")[0] for name in moved)

    head.on_train_batch_start, head.on_train_batch_end = start, end  # type: ignore[method-assign]
    fit(head, data_of(portraits.rows(scene, 0, 8).portrait, 7, 7), tmp_path, device="cpu", logger=None)
    assert seen == [
        *[("invert", {"code"})] * 2,
        *[("tune", {"generator", "decoder"})] * 2,
        ("delta", {"unet"}),  # whose last convolution begins at 0, so that nothing before it has a gradient
        *[("delta", {"unet", "tokens"})] * 2,
    ]
    curve = (tmp_path / "metrics.csv").read_text()
    assert curve.startswith("step")


def test_inversion_and_tuning_see_a_few_frames_spread_over_the_poses_with_closed_mouths(scene: portraits.Scene) -> None:
    portrait = scene.portrait
    chosen = spread_rows(portrait, 4)
    assert len(chosen) == 4
    assert (scene.opening[chosen] <= np.median(scene.opening) + 1e-3).all()
    rotations = portrait.cameras.rotation[chosen]
    apart = min(nearest_angles(rotations[[row]], np.delete(rotations, row, axis=0))[0] for row in range(4))
    rng, closed = np.random.default_rng(0), np.flatnonzero(scene.opening <= np.median(scene.opening))
    for _ in range(20):
        other = portrait.cameras.rotation[rng.choice(closed, 4, replace=False)]
        assert apart > min(nearest_angles(other[[row]], np.delete(other, row, axis=0))[0] for row in range(4))
    wanted = make(invert=3, tune=2, delta=4).wanted(portrait)
    assert [wanted(step) is None for step in range(9)] == [False] * 5 + [True] * 4
    assert len(wanted(0)) == 3
    assert len(spread_rows(portrait.rows(0, 2), 5)) <= 2


def test_without_a_stage_its_steps_are_none(scene: portraits.Scene, tmp_path: Path) -> None:
    head = make(invert=0, tune=0, delta=2)
    fit(head, data_of(portraits.rows(scene, 0, 4).portrait, 2, 2), tmp_path, device="cpu", logger=None)
    assert (head.num_steps, head.stage_name) == (2, "delta")
    torch.testing.assert_close(head.planes, head.generator(head.code[None])[0].detach())
    with pytest.raises(InputError, match="are all 0"):
        make(invert=0, tune=0, delta=0, stages={"refine": 0})


def test_a_head_starts_from_other_people(scene: portraits.Scene, prior: TriplanePrior) -> None:
    head = make()
    head.adopt(prior)
    head.prepare(scene.portrait)
    torch.testing.assert_close(head.code.detach(), torch.from_numpy(prior.mean))
    generator, _ = prior.made()
    torch.testing.assert_close(head.planes, generator(torch.from_numpy(prior.mean)[None])[0].detach())
    code = head.code.detach()
    assert float(head.people.distance(code)) == 0
    one = torch.linalg.cholesky(torch.from_numpy(prior.covariance)) @ torch.eye(8)[0]
    assert float(head.people.distance(code + one)) == pytest.approx(1 / 8, rel=1e-4)


def test_drawn_codes_lie_as_the_priors() -> None:
    covariance = torch.tensor([[2.0, 0.6], [0.6, 0.5]])
    people = CodePrior(2)
    people.place(torch.tensor([1.0, -1.0]), covariance)
    torch.manual_seed(0)
    drawn = torch.stack([people.draw() for _ in range(4000)])
    torch.testing.assert_close(drawn.mean(dim=0), torch.tensor([1.0, -1.0]), rtol=0, atol=0.1)
    torch.testing.assert_close(torch.cov(drawn.T), covariance, rtol=0, atol=0.15)


def test_a_prior_of_another_shape_or_kind_is_refused_in_one_line(prior: TriplanePrior) -> None:
    with pytest.raises(
        InputError, match=r"backbone\.planes\.code=8 .*widths=\[16, 16, 16\], not with .*code=6"
    ) as refused:
        make(planes={"code": 6}).adopt(prior)
    assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match="no motion field"):
        make().adopt(UniversalMotion(shape={}, tensors={}))


def test_a_configuration_names_its_prior(prior_file: Path, tmp_path: Path) -> None:
    def of(weights: Path) -> Any:
        return overrides.composed(["backbone=talk3d", "trainer=cpu", f"backbone.prior.weights={weights}"])

    config = of(prior_file)
    assert priors.names(config) == ["few"]
    found = priors.other_heads(config)
    assert found is not None
    assert [person["identity_seed"] for person in found.people] == list(range(5))
    with pytest.raises(InputError, match="code=8"):  # conf's own shape is another
        parts.backbone(config, size=SIZE, focal=60.0, audio_channels=12)
    with pytest.raises(InputError, match="no such file"):
        priors.heads_file(of(tmp_path / "none.safetensors"))
    assert priors.other_heads(overrides.composed(["backbone=instag", "trainer=cpu"])) is None
    changed = tmp_path / "few.safetensors"
    shutil.copy(prior_file, changed)
    changed.write_bytes(changed.read_bytes()[:-8] + b"12345678")
    names = {
        parts.head_name(of(path), _clip(), _segment())
        for path in (prior_file, changed, shutil.copy(prior_file, tmp_path / "moved"))
    }
    assert len(names) == 2  # by what the file holds, not where it is


def _clip() -> Any:
    class Named:
        name, identity = "clip", "0"

    return Named()


def _segment() -> Any:
    class Numbered:
        numbers = ((0, 125),)

    return Numbered()


@pytest.mark.parametrize(("trainer", "shape"), [("cpu", SMALL), ("gpu", FULL)])
def test_the_shapes_are_those_that_priors_are_learned_with(trainer: str, shape: TriplaneShape) -> None:
    config = overrides.composed(["backbone=talk3d", f"trainer={trainer}"]).backbone
    groups = {key: parts.construct(config[key], f"backbone.{key}") for key in ("planes", "decoder", "sampling")}
    assert TriplaneShape(**groups) == shape


def opaque(head: Talk3D) -> Talk3D:
    """With a ball for a head, whose colours the U-Net moves, without training."""

    def decoded(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return 200 * torch.sigmoid(30 * (features[:, 0] - 0.8)), torch.sigmoid(features[:, 1:4])

    head.decoder.forward = decoded  # type: ignore[method-assign]
    torch.manual_seed(3)
    axis = torch.linspace(-1, 1, head.planes.shape[-1])
    with torch.no_grad():
        head.planes.copy_(torch.randn_like(head.planes))
        head.planes[:, 0] = (axis.square() + axis[:, None].square() < 0.3).float()
        torch.nn.init.normal_(head.unet.up[-1].second.weight, std=0.02)
    head.step.fill_(head.num_steps)
    return head.eval()


def test_a_render_uses_no_truth_and_every_condition(scene: portraits.Scene) -> None:
    head = make()
    head.prepare(scene.portrait)
    opaque(head)
    test = portraits.rows(scene, 40, 42).portrait
    blind = replace(
        test,
        images=np.zeros_like(test.images),
        head_mask=np.zeros_like(test.head_mask),
        landmarks=np.zeros_like(test.landmarks),
    )
    pictures = [render(head, shown, windows_of(test, test), device="cpu").images for shown in (test, blind)]
    assert np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0][0, 0], test.background[0, 0])  # above the head
    assert (np.abs(pictures[0].astype(int) - test.background).max(axis=3) > 20).mean() > 0.1
    spoken = render(head, test, windows_of(test, test) + 1, device="cpu").images
    blinked = render(head, replace(test, upper=1 - test.upper), windows_of(test, test), device="cpu").images
    assert not np.array_equal(spoken, pictures[0])
    assert not np.array_equal(blinked, pictures[0])


def test_what_is_not_traced_is_clear(scene: portraits.Scene) -> None:
    head = make(size=64, tracing={"side": 64})
    portrait = portraits.make_scene(num_frames=4, size=64).portrait
    head.prepare(portrait)
    opaque(head)
    frame = frame_of(batch_of(portrait))
    with torch.no_grad():
        planes = head._planes_of(frame)
        whole = head.tracer.trace(planes, head.decoder, frame, torch.arange(64**2), jittered=False)
    found = head.tracer.trace_all(planes, head.decoder, frame)
    assert 0.1 < float((whole.opacity > 0.5).float().mean()) < 0.9
    traced = found.opacity > 0
    assert float((~traced).float().mean()) > 0.1
    assert float(whole.opacity[~traced].max()) < 2 / 255
    torch.testing.assert_close(found.color[traced], whole.color[traced])


def test_depth_is_along_the_cameras_axis(scene: portraits.Scene) -> None:
    head = make()
    head.prepare(scene.portrait)
    opaque(head)
    depth = head.depth(batch_of(scene.portrait))
    assert depth.shape == (1, SIZE, SIZE)
    middle = float(scene.portrait.cameras.translation[0, 2])
    assert middle - 2 < float(depth[0, SIZE // 2, SIZE // 2]) < middle
    assert torch.isnan(depth[0, 0, 0])


def test_larger_pictures_are_enlarged_and_a_net_learns_what_is_missing(tmp_path: Path) -> None:
    portrait = portraits.make_scene(num_frames=4, size=64).portrait
    head = make(invert=1, tune=1, delta=1, size=64, stages={"refine": 2}, rates={"refine": 1e-2})
    assert isinstance(head.enlarger, Enlarger)
    assert head.num_steps == 5
    before = {name: values.clone() for name, values in head.state_dict().items()}
    stages: list[str] = []
    head.on_train_batch_start = lambda *_: stages.append(head.stage_name)  # type: ignore[method-assign]
    fit(head, data_of(portrait, 5, 5), tmp_path, device="cpu", logger=None)
    assert stages == ["invert", "tune", "delta", "refine", "refine"]
    assert head.enlarger.last.weight.any()
    assert not torch.equal(before["enlarger.first.weight"], head.enlarger.first.weight)  # from its second step on
    assert render(head, portrait, windows_of(portrait, portrait), device="cpu").images.shape == (4, 64, 64, 3)
    assert head.depth(batch_of(portrait)).shape == (1, 64, 64)
    assert make(size=32, stages={"refine": 2}).num_steps == 7  # nothing to enlarge


@pytest.mark.parametrize(
    ("size", "side", "allowed"), [(128, 128, True), (128, 64, True), (128, 96, False), (64, 128, True)]
)
def test_pictures_are_traced_whole_or_halved(size: int, side: int, allowed: bool) -> None:
    tracing = part("backbone/talk3d", "tracing", side=side)
    if allowed:
        tracing.check_size(size, perceptual=False)
    else:
        with pytest.raises(InputError, match=r"backbone\.tracing\.side=96"):
            tracing.check_size(size, perceptual=False)


def test_a_perceptual_loss_is_used_where_it_is_given(scene: portraits.Scene, tmp_path: Path) -> None:
    shapes = []

    def distance(made: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
        assert not true.requires_grad
        shapes.append(tuple(made.shape))
        return (made - true).square().mean(dim=(1, 2, 3))

    with pytest.raises(InputError, match="patch and side / stride"):
        make(perceptual=distance)
    head = make(1, 1, 1, tracing={"patch": 32, "stride": 1}, perceptual=distance)
    fit(head, data_of(portraits.rows(scene, 0, 4).portrait, 3, 3), tmp_path, device="cpu", logger=None)
    assert shapes == [(1, 3, 32, 32)] * 4  # whole picture in each stage, the lips' patch in the last
    assert not any("perceptual" in name for name in head.state_dict())


def test_tuning_is_held_near_the_prior(scene: portraits.Scene, prior: TriplanePrior, tmp_path: Path) -> None:
    """The more the locality weighs, the less of other people's heads changes."""
    moved = []
    for locality in (1e-6, 1e4):
        head = make(0, 12, 1, prior={"rays": 64, "locality": locality}, rates={"tune": 1e-2})
        head.adopt(prior)
        folder = tmp_path / str(locality)
        folder.mkdir()
        fit(head, data_of(portraits.rows(scene, 0, 8).portrait, 13, 13), folder, device="cpu", logger=None)
        frame: Frame = frame_of(batch_of(scene.portrait))
        code, pixels = torch.from_numpy(prior.mean), torch.arange(0, SIZE**2, 7)
        generator, decoder = prior.made()
        before, now = (
            head.tracer.trace(made(code[None])[0], of, frame, pixels, jittered=False).color
            for made, of in ((generator, decoder), (head.generator, head.decoder))
        )
        moved.append(float((before - now).abs().mean().detach()))
    assert moved[1] < 0.5 * moved[0]


def test_a_loaded_head_renders_what_the_trained_one_did(scene: portraits.Scene, tmp_path: Path) -> None:
    train, test = portraits.rows(scene, 0, 8).portrait, portraits.rows(scene, 40, 42).portrait
    trained = make()
    fit(trained, data_of(train, 7, 7), tmp_path, device="cpu", logger=None)
    other = make()
    load(other, tmp_path)
    pictures = [render(head, test, windows_of(test, train), device="cpu").images for head in (trained, other)]
    assert np.array_equal(pictures[0], pictures[1])


@pytest.mark.parametrize("lip_driven", [False, True])
def test_it_learns_the_person_and_delta_planes_what_frames_add(
    scene: portraits.Scene, lip_driven: bool, tmp_path: Path
) -> None:
    portrait = scene.portrait
    if lip_driven:
        portrait = replace(portrait, audio=lip_motion(portrait.landmarks, portrait.cameras, portrait.face_shape))
    head = make(
        0,
        100,
        60,
        audio_channels=LIP_CHANNELS if lip_driven else 12,
        lip_driven=lip_driven,
        rates={"tune": 1e-2, "delta": 3e-3},
    )
    fit(head, data_of(portrait, 160, 160), tmp_path, device="cpu", logger=None)

    def error(images: np.ndarray) -> float:
        return float(np.square(images.astype(np.float64) - portrait.images).mean())

    learned = error(render(head, portrait, windows_of(portrait, portrait), device="cpu").images)
    with torch.no_grad():
        head.unet.up[-1].second.weight.zero_()
        head.unet.up[-1].second.bias.zero_()
    identity = error(render(head, portrait, windows_of(portrait, portrait), device="cpu").images)
    assert learned < 0.97 * identity < 0.4 * error(portrait.background)
