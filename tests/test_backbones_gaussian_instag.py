"""The whole Gaussian head: it learns, it resumes as if never stopped, and its mouth follows the audio."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from portraits import Scene, landmarks_in_head, make_scene, mouth_darkness, rows
from support.face_bundle import SIDE, grid_mesh, write_bundle
from support.parts import part
from torch.utils.data import default_collate

from tfg import assets
from tfg.backbones.frame import frame_of
from tfg.backbones.gaussian import losses
from tfg.backbones.gaussian.instag import Instag
from tfg.data import PortraitData, audio_statistics, audio_windows, batches
from tfg.engines.photometric import photometric
from tfg.features.lips.motion import lip_motion
from tfg.metrics.lpips import Lpips, lpips
from tfg.rendering import render
from tfg.training import fit, load
from tfg.types import Floats, InputError, Portrait

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),  # Lightning 2.6 calls what torch 2.13 deprecates
    pytest.mark.filterwarnings("ignore:Experiment logs directory:UserWarning"),  # a resumed run finds its own folder
]

TINY = {
    "cloud": {"face": 300, "mouth": 60},
    "stages": {"warm_up": 6, "face": 24, "mouth": 8, "fuse": 8, "harmonics_from": 10, "min_mouth_pixels": 0.0},
    "sampling": {"guided": True, "face_every": 5, "mouth_warm_up": 3, "mouth_every": 2},
    "face_density": {"every": 5, "start": 5, "stop": 20, "gradient": 1e-4, "max_num": 400, "reset_every": 21},
    "mouth_density": {"every": 4, "start": 2, "stop": 8, "gradient": 1e-4},
}


def squares(made: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """In LPIPS's place."""
    return (made - true).square().mean(dim=(1, 2, 3))


GEOMETRY = {"geometry": {"depth": 1e-2, "normal": 1e-3, "start": 0.3, "pause": 2}}
PERCEPTUAL = {"perceptual": squares, "weights": {"perceptual_patch": [31, 32]}}


def make_backbone(portrait: Portrait, changes: dict[str, object], lip_driven: bool = False) -> Instag:
    given = {
        "size": portrait.cameras.size,
        "focal": portrait.cameras.focal,
        "audio_channels": portrait.audio.shape[1],
        "lip_driven": lip_driven,
    }
    return part("backbone/instag", **given, **changes)


def windows_of(portrait: Portrait) -> Floats:
    return audio_windows(portrait.audio, *audio_statistics(portrait.audio))


def train(backbone: Instag, portrait: Portrait, folder: Path, chunk: int) -> None:
    data = PortraitData(portrait, windows_of(portrait), chunk=chunk, num_steps=backbone.num_steps, seed=3)
    fit(backbone, data, folder, device="cpu", logger=None)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(num_frames=12, size=32)


@pytest.fixture
def face_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A canonical mesh without pretrained files: a square curved as a cylinder, with the landmarks of `portraits` beside it."""
    x, y = np.meshgrid(np.linspace(-0.6, 0.6, SIDE), np.linspace(-0.4, 0.9, SIDE))
    grid = np.stack([x, y, x * x], axis=-1).reshape(-1, 3)
    bundle = write_bundle(tmp_path / "face_landmarker.task", *grid_mesh(landmarks_in_head(0.0), grid))
    monkeypatch.setattr(assets, "located", lambda name: bundle)


@pytest.mark.usefixtures("face_bundle")
def test_a_resumed_training_equals_an_uninterrupted_one(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses: dict[str, dict[int, float]] = {"whole": {}, "stopped": {}, "resumed": {}}
    current, stop = "whole", 0

    def note(self: Instag, **values: torch.Tensor | float) -> None:
        losses[current][int(self.step)] = float(values["loss"])
        self.noted = values

    monkeypatch.setattr(Instag, "note", note)
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    torch.manual_seed(0)
    whole = make_backbone(scene.portrait, TINY | PERCEPTUAL | GEOMETRY)
    train(whole, scene.portrait, tmp_path / "whole", chunk=7)

    step = Instag.training_step

    def fail_at(self: Instag, batch: object, batch_idx: int) -> None:
        if current == "stopped" and int(self.step) == stop:
            raise OSError("power cut")
        step(self, batch, batch_idx)  # type: ignore[arg-type]

    monkeypatch.setattr(Instag, "training_step", fail_at)
    current = "stopped"
    for stop in (18, 30, 38):  # noqa: B007 in the face, mouth and fuse stages, none at a checkpoint
        torch.manual_seed(0)
        with pytest.raises(OSError, match="power cut"):
            train(
                make_backbone(scene.portrait, TINY | PERCEPTUAL | GEOMETRY), scene.portrait, tmp_path / "parts", chunk=7
            )
    current = "resumed"
    torch.manual_seed(99)  # the resumed process starts from another random state
    resumed = make_backbone(scene.portrait, TINY | PERCEPTUAL | GEOMETRY)
    train(resumed, scene.portrait, tmp_path / "parts", chunk=7)

    assert len(resumed.face.gaussians) != 300  # the number of Gaussians has changed in between
    assert sorted(losses["stopped"] | losses["resumed"]) == sorted(losses["whole"]) != []
    assert losses["stopped"] | losses["resumed"] == pytest.approx(losses["whole"], abs=1e-6)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=1e-5, atol=1e-6, msg=name)


def test_a_loaded_head_renders_the_same_pictures(scene: Scene, tmp_path: Path) -> None:
    torch.manual_seed(0)
    trained = make_backbone(scene.portrait, TINY)
    train(trained, scene.portrait, tmp_path, chunk=50)
    loaded = make_backbone(scene.portrait, TINY)
    load(loaded, tmp_path)
    portrait = rows(scene, 0, 2).portrait
    windows = windows_of(scene.portrait)[:2]
    first, second = (render(model, portrait, windows, device="cpu").images for model in (trained, loaded))
    np.testing.assert_array_equal(first, second)


def test_rendering_a_batch_equals_rendering_its_frames(scene: Scene) -> None:
    torch.manual_seed(0)
    backbone = make_backbone(scene.portrait, TINY)
    backbone.prepare(scene.portrait)
    backbone.eval()
    data = batches(scene.portrait, windows_of(scene.portrait), device=torch.device("cpu"))
    together = backbone.render(default_collate([data[0], data[1]]))
    alone = backbone.render(default_collate([data[1]]))
    assert together.shape == (2, 32, 32, 3)
    torch.testing.assert_close(together[1:], alone)


def test_an_opaque_face_hides_mouth_and_background(scene: Scene) -> None:
    """F + (1 - aF) * (...) is F where aF = 1: the background cannot shine through an opaque head."""
    backbone = make_backbone(scene.portrait, TINY)
    backbone.prepare(scene.portrait)
    with torch.no_grad():
        backbone.face.gaussians.opacities.fill_(10.0)
    backbone.eval()
    data = batches(scene.portrait, windows_of(scene.portrait), device=torch.device("cpu"))
    batch = default_collate([data[0]])
    frame = frame_of(batch)
    alpha = backbone.face.draw(frame, backbone._face_motion(frame), frame.background, 1).alpha
    other = dict(batch, background=1 - batch["background"])
    change = (backbone.render(batch) - backbone.render(other))[0].abs().amax(dim=2)  # type: ignore[arg-type]
    assert (alpha > 0.998).sum() > 50
    assert change[alpha > 0.998].max() < 0.002  # 1 - alpha


@pytest.mark.parametrize("driver", ["sound", "lips"])
def test_it_beats_the_mean_frame_and_its_mouth_follows_unseen_speech(driver: str, tmp_path: Path) -> None:
    scene = make_scene(num_frames=130, size=40)
    if driver == "lips":
        portrait = scene.portrait
        motion = lip_motion(portrait.landmarks, portrait.cameras, portrait.face_shape)
        scene = replace(scene, portrait=replace(portrait, audio=motion))
    seen, unseen = rows(scene, 0, 100), rows(scene, 100, 130)
    quick = {
        "cloud": {"face": 500, "mouth": 80},
        "stages": {"warm_up": 30, "face": 180, "mouth": 60, "fuse": 180, "harmonics_from": 60},
        "face_density": {"start": 60, "stop": 150, "every": 30},
        "rates": {"networks": 5e-3, "grid": 1e-2, "audio": 5e-3},
    }
    torch.manual_seed(0)
    backbone = make_backbone(seen.portrait, quick, lip_driven=driver == "lips")
    train(backbone, seen.portrait, tmp_path, chunk=1000)
    windows = audio_windows(unseen.portrait.audio, *audio_statistics(seen.portrait.audio))
    truth = unseen.portrait.images / 255.0

    def follow(order: np.ndarray) -> tuple[float, float]:
        """Gain in dB over the mean training frame, and correlation of the mouth with its truth."""
        made = render(backbone, unseen.portrait, windows[order], device="cpu").images / 255.0
        static = seen.portrait.images.mean(axis=0) / 255.0
        gain = 10 * np.log10(((truth - static) ** 2).mean() / ((truth - made) ** 2).mean())
        dark = [mouth_darkness(image, unseen.portrait, row) for row, image in enumerate(made)]
        return float(gain), float(np.corrcoef(dark, unseen.opening)[0, 1])

    gain, correlation = follow(np.arange(30))
    _, shuffled = follow(np.random.default_rng(0).permutation(30))
    print(gain, correlation, shuffled)
    assert gain > (5 if driver == "sound" else 3)  # positions are held in half of these few steps
    assert correlation > 0.6
    assert abs(shuffled) < 0.4  # thirty frames: a chance correlation has a deviation of 0.19


def test_the_articulation_of_a_head_that_lips_drive_is_held_while_colours_and_lids_are_fused(
    scene: Scene, tmp_path: Path
) -> None:
    def moved_in_the_fuse_stage(lip_driven: bool) -> dict[str, float]:
        portrait = scene.portrait
        if lip_driven:
            portrait = replace(portrait, audio=lip_motion(portrait.landmarks, portrait.cameras, portrait.face_shape))
        torch.manual_seed(0)
        backbone = make_backbone(portrait, TINY, lip_driven)
        before: dict[str, torch.Tensor] = {}
        fuse = backbone._fuse

        def noting(frame: object, truth: object, step: int) -> None:
            if step == 0:
                before.update({name: value.clone() for name, value in backbone.face.state_dict().items()})
            fuse(frame, truth, step)  # type: ignore[arg-type]

        backbone._fuse = noting  # type: ignore[method-assign]
        (folder := tmp_path / str(lip_driven)).mkdir()
        train(backbone, portrait, folder, chunk=40)
        after = backbone.face.state_dict()
        names = ("gaussians.means", "field.tables", "gaussians.base", "field.network.layers.0.weight")
        return {name: float((after[name] - before[name]).abs().max()) for name in names}

    held, free = moved_in_the_fuse_stage(True), moved_in_the_fuse_stage(False)
    assert held["gaussians.means"] == 0
    assert min(held[name] for name in held if name != "gaussians.means") > 0
    assert min(free.values()) > 0


def test_a_perceptual_loss_counts_in_the_last_part_of_the_fuse_stage_alone(scene: Scene, tmp_path: Path) -> None:
    drawn: list[tuple[int, int]] = []

    def distance(made: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
        assert made.requires_grad
        assert not true.requires_grad
        drawn.append((int(backbone.step), made.shape[-1]))
        return squares(made, true)

    def trained(name: str, **changes: object) -> dict[str, torch.Tensor]:
        nonlocal backbone
        torch.manual_seed(0)
        backbone = make_backbone(scene.portrait, TINY | changes)
        (tmp_path / name).mkdir()
        train(backbone, scene.portrait, tmp_path / name, chunk=40)
        return backbone.state_dict()

    backbone = make_backbone(scene.portrait, TINY)
    without = trained("without")
    unweighted = trained("unweighted", perceptual=distance, weights={"perceptual": 0.0, "perceptual_patch": [31, 32]})
    assert [step for step, _ in drawn] == [36, 37, 38, 39]  # of 32 to 39
    assert {side for _, side in drawn} <= {31, 32}
    for name, value in without.items():
        assert torch.equal(unweighted[name], value), name
    weighted = trained("weighted", **PERCEPTUAL | {"perceptual": distance})
    assert weighted.keys() == without.keys()
    assert not torch.equal(weighted["face.gaussians.base"], without["face.gaussians.base"])


def test_a_training_begins_on_small_pictures_and_ends_on_whole_ones(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[int, int]] = []

    def loss(rendered: torch.Tensor, *given: object, **named: object) -> torch.Tensor:
        sizes.append((int(backbone.step), len(rendered)))
        return photometric(rendered, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(losses, "photometric", loss)
    stages = TINY["stages"] | {"coarse": 0.5, "coarse_size": 8}  # type: ignore[operator]
    backbone = make_backbone(scene.portrait, TINY | {"stages": stages})
    train(backbone, scene.portrait, tmp_path, chunk=40)
    found = dict(sizes)
    assert [found[step] for step in (0, 5, 6, 11, 12, 23)] == [8, 8, 16, 16, 32, 32]
    assert {found[step] for step in range(24, 32)} == {32}  # of the mouth
    assert [found[step] for step in (32, 33, 34, 35, 36, 39)] == [8, 8, 16, 16, 32, 32]


@pytest.mark.usefixtures("face_bundle")
def test_the_geometry_prior_moves_the_face_from_its_first_step_on_and_nothing_before(
    scene: Scene, tmp_path: Path
) -> None:
    def faces(name: str, **geometry: float) -> list[dict[str, torch.Tensor]]:
        """Of the face branch after every step, without the mesh."""
        torch.manual_seed(0)
        backbone = make_backbone(scene.portrait, TINY | {"geometry": geometry})
        states: list[dict[str, torch.Tensor]] = []
        step = backbone.training_step

        def noting(batch: object, batch_idx: int) -> None:
            step(batch, batch_idx)  # type: ignore[arg-type]
            states.append({name: value.clone() for name, value in backbone.face.state_dict().items()})

        backbone.training_step = noting  # type: ignore[method-assign, assignment]
        (tmp_path / name).mkdir()
        train(backbone, scene.portrait, tmp_path / name, chunk=40)
        assert ("geometry.vertices" in backbone.state_dict()) == bool(geometry)
        return states

    def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
        return all(torch.equal(first[name], second[name]) for name in first)

    off, late = faces("off"), faces("late", depth=1.0, normal=1.0, start=0.5)
    assert [same(*pair) for pair in zip(off[:14], late[:14], strict=True)] == [True] * 12 + [False] * 2  # of 24 steps


def test_a_missing_mesh_is_named_before_a_training(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Path:
        raise InputError(f"{name} is missing")

    monkeypatch.setattr(assets, "located", missing)
    make_backbone(scene.portrait, TINY)
    with pytest.raises(InputError, match="face_landmarker is missing"):
        make_backbone(scene.portrait, TINY | GEOMETRY)


def test_patches_larger_than_the_pictures_are_refused(scene: Scene) -> None:
    make_backbone(scene.portrait, {})  # without a perceptual loss nothing is cut
    with pytest.raises(
        InputError, match=r"backbone\.weights\.perceptual_patch is \[32, 42\]; the pictures are 32 pixels"
    ):
        make_backbone(scene.portrait, {"perceptual": squares})


@pytest.mark.real
@pytest.mark.usefixtures("real_assets")
def test_lpips_itself_falls_where_it_is_trained_on(tmp_path: Path) -> None:
    scene = make_scene(num_frames=4, size=64)
    torch.manual_seed(0)
    stages = {"warm_up": 0, "face": 30, "mouth": 2, "fuse": 40, "perceptual_from": 0.0, "min_mouth_pixels": 0.0}

    def distance(weight: float) -> float:
        torch.manual_seed(0)
        changes = {"cloud": {"face": 400, "mouth": 60}, "stages": stages, "weights": {"perceptual": weight}}
        backbone = make_backbone(scene.portrait, changes | {"perceptual": Lpips("lpips_alex")})
        (folder := tmp_path / str(weight)).mkdir()
        train(backbone, scene.portrait, folder, chunk=100)
        made = render(backbone, scene.portrait, windows_of(scene.portrait), device="cpu").images
        return float(lpips(Lpips("lpips_alex"), made, scene.portrait.images).mean())

    assert distance(0.5) < 0.8 * distance(0.0)
