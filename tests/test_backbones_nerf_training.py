"""The NeRF backbone as a whole on the analytic portrait: it learns, resumes bit for bit and renders without the truth."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import portraits
import pytest
import torch
from support.parts import part
from torch.utils.data import default_collate

from tfg.backbones.nerf.synctalk import SyncTalk
from tfg.data import PortraitData, audio_statistics, audio_windows, batches
from tfg.features.lips.motion import lip_motion
from tfg.landmarks import LIP_CHANNELS
from tfg.rendering import render
from tfg.training import fit, load, read_checkpoint
from tfg.types import PRECISIONS, Portrait

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),  # Lightning 2.6 beside torch 2.13
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:Experiment logs directory.*"),
]
SIZE = 32


def make(
    steps: int,
    *,
    lips_steps: int,
    num_rays: int = 128,
    lip_driven: bool = False,
    weights: dict[str, float] | None = None,
    **options: object,
) -> SyncTalk:
    torch.manual_seed(5)
    pace = {"lr_grid": 3e-2, "lr_net": 3e-3, "average_every": 2, "occupancy_every": 8}
    return part(
        "backbone/synctalk",
        size=SIZE,
        focal=2.1 * SIZE,
        audio_channels=LIP_CHANNELS if lip_driven else 12,
        lip_driven=lip_driven,
        field={"levels": 6, "finest": 128},
        speech={"hidden": [16]},
        sampling={"num_rays": num_rays, "max_samples": 16, "patch": 12, "step": 0.05},
        weights={"smoothness_every": 4, **(weights or {})},
        schedule={"steps": steps, "lips_steps": lips_steps, **pace},
        occupancy_resolution=32,
        **options,
    )


@pytest.fixture(scope="module")
def scene() -> portraits.Scene:
    return portraits.make_scene(num_frames=48, size=SIZE)


def windows_of(portrait: Portrait, train: Portrait) -> np.ndarray:
    return audio_windows(portrait.audio, *audio_statistics(train.audio))


def data_of(portrait: Portrait, steps: int, chunk: int) -> PortraitData:
    return PortraitData(portrait, windows_of(portrait, portrait), chunk=chunk, num_steps=steps, seed=0)


@pytest.mark.parametrize("lip_driven", [False, True])
def test_a_resumed_training_equals_an_uninterrupted_one(
    lip_driven: bool, scene: portraits.Scene, tmp_path: Path
) -> None:
    train = portraits.rows(scene, 0, 16).portrait
    if lip_driven:
        train = replace(train, audio=lip_motion(train.landmarks, train.cameras, train.face_shape))
    whole, half = tmp_path / "whole", tmp_path / "half"
    half.mkdir()
    whole.mkdir()
    # 24 steps in chunks of 12: `previous.ckpt` is what a process killed in the second chunk would have left
    fit(make(24, lips_steps=8, lip_driven=lip_driven), data_of(train, 24, 12), whole, device="cpu", logger=None)
    for end in ("", ".sha256"):
        shutil.copy(whole / f"previous.ckpt{end}", half / f"last.ckpt{end}")
    torch.manual_seed(99)
    resumed = fit(
        make(24, lips_steps=8, lip_driven=lip_driven), data_of(train, 24, 12), half, device="cpu", logger=None
    )
    assert resumed.resumed_from == 12
    one, two = (read_checkpoint(folder / "last.ckpt") for folder in (whole, half))
    for name, value in one["state_dict"].items():
        torch.testing.assert_close(two["state_dict"][name], value, rtol=1e-6, atol=1e-6, msg=name)
    assert int(two["state_dict"]["step"]) == 24


def test_a_loaded_head_renders_what_the_trained_one_did(scene: portraits.Scene, tmp_path: Path) -> None:
    train = portraits.rows(scene, 0, 8).portrait
    trained = make(8, lips_steps=0, num_codes=8)
    fit(trained, data_of(train, 8, 8), tmp_path, device="cpu", logger=None)
    other = make(8, lips_steps=0, num_codes=8)
    load(other, tmp_path)
    test = portraits.rows(scene, 40, 42).portrait
    pictures = [render(head, test, windows_of(test, train), device="cpu").images for head in (trained, other)]
    assert np.array_equal(pictures[0], pictures[1])


def test_a_render_uses_no_truth_and_leaves_the_background_where_no_head_can_be(scene: portraits.Scene) -> None:
    train, test = portraits.rows(scene, 0, 8).portrait, portraits.rows(scene, 40, 42).portrait
    head = make(8, lips_steps=0)
    head.prepare(train)
    blind = replace(test, images=np.zeros_like(test.images), head_mask=np.zeros_like(test.head_mask))
    pictures = [render(head, shown, windows_of(test, train), device="cpu").images for shown in (test, blind)]
    assert np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0][0, :, :2], test.background[0, :, :2])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_picture_in_one_pass_is_that_of_the_operations(scene: portraits.Scene, precision: str) -> None:
    train = portraits.rows(scene, 0, 8).portrait
    portrait = replace(train, audio=lip_motion(train.landmarks, train.cameras, train.face_shape))
    head = make(8, lips_steps=0, lip_driven=True, precision=precision)
    head.prepare(portrait)
    head.eval()
    with torch.no_grad():
        head.head.field.tables.uniform_(-1, 1)
        for weight in (*head.head.field.density.parameters(), *head.head.field.color.parameters()):
            weight.mul_(4)  # opaque in places
    batch = default_collate([batches(portrait, windows_of(portrait, portrait), device=torch.device("cpu"))[0]])
    in_c = head.render(batch)
    head.engine = "torch"
    expected = head.render(batch)
    assert (expected - batch["background"]).abs().max() > 0.2
    # float32: positions in double there; bfloat16: eight bits of each factor
    assert (in_c - expected).abs().max() < {"float32": 1e-3, "bfloat16": 0.05}[precision]
    assert 0 < (in_c - expected).abs().mean() < {"float32": 1e-5, "bfloat16": 2e-3}[precision]


def test_an_uncertainty_net_learns_in_the_head_stage_alone_and_is_no_part_of_a_rendering(
    scene: portraits.Scene, tmp_path: Path
) -> None:
    backbone = make(6, lips_steps=3, weights={"smoothness_every": 2, "uncertainty": 0.5})
    before = [values.clone() for values in backbone.head.field.doubt.parameters()]
    seen = []
    backbone.on_train_batch_end = lambda *_: seen.append(  # type: ignore[method-assign]
        [values.detach().clone() for values in backbone.head.field.doubt.parameters()]
    )
    fit(backbone, data_of(scene.portrait, 6, 3), tmp_path, device="cpu", logger=None)
    assert not torch.equal(before[1], seen[2][1])
    assert all(torch.equal(one, other) for one, other in zip(seen[2], seen[5], strict=True))
    pictures = render(backbone, scene.portrait, windows_of(scene.portrait, scene.portrait), device="cpu").images
    for copy in (backbone.head, backbone.average.copy):
        for values in copy.field.doubt.parameters():
            torch.nn.init.ones_(values)
    again = render(backbone, scene.portrait, windows_of(scene.portrait, scene.portrait), device="cpu").images
    assert np.array_equal(pictures, again)


def test_a_perceptual_loss_is_used_where_it_is_given(scene: portraits.Scene, tmp_path: Path) -> None:
    shapes = []

    def distance(made: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
        assert not true.requires_grad
        shapes.append((tuple(made.shape), float(true.min()), float(true.max())))
        return (made - true).square().mean(dim=(1, 2, 3))

    train = portraits.rows(scene, 0, 4).portrait
    head = make(4, lips_steps=4, perceptual=distance)
    fit(head, data_of(train, 4, 4), tmp_path, device="cpu", logger=None)
    assert [shape for shape, _, _ in shapes] == [(1, 3, 12, 12)] * 4
    assert min(low for _, low, _ in shapes) < 0  # [-1, 1], as LPIPS wants
    assert not any("perceptual" in name for name in head.state_dict())


def test_a_perceptual_loss_goes_where_the_head_goes_and_is_no_part_of_its_state() -> None:
    """Lightning moves a head, with what belongs to it, to the card that it trains on."""

    class Frozen(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("weight", torch.ones(3), persistent=False)

    frozen = Frozen()
    head = make(4, lips_steps=4, perceptual=frozen)
    assert not any("perceptual" in name for name in head.state_dict())
    head.to(torch.device("meta"))
    assert frozen.weight.device.type == "meta"


@pytest.mark.parametrize("driver", ["sound", "lips"])
def test_it_learns_to_beat_the_mean_frame_and_its_mouth_follows_unseen_speech(
    driver: str, scene: portraits.Scene, tmp_path: Path
) -> None:
    if driver == "lips":
        portrait = scene.portrait
        motion = lip_motion(portrait.landmarks, portrait.cameras, portrait.face_shape)
        scene = replace(scene, portrait=replace(portrait, audio=motion))
    train, test = portraits.rows(scene, 0, 32), portraits.rows(scene, 34, 48)
    head = make(350, lips_steps=0, num_rays=384, lip_driven=driver == "lips")
    fit(head, data_of(train.portrait, 350, 350), tmp_path, device="cpu", logger=None)
    images = render(head, test.portrait, windows_of(test.portrait, train.portrait), device="cpu").images
    error = np.square(images.astype(np.float64) - test.portrait.images).mean()
    static = np.square(train.portrait.images.mean(axis=0) - test.portrait.images).mean()
    assert 10 * np.log10(static / error) > 1.5
    darkness = [portraits.mouth_darkness(image / 255, test.portrait, i) for i, image in enumerate(images)]
    assert np.corrcoef(darkness, test.opening)[0, 1] > 0.6
