"""A head that starts from other people's motion fields: the aligner, the order of things, the rates, and what does not fit."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from portraits import Scene, make_scene
from support.parts import part
from test_backbones_gaussian_instag import TINY, make_backbone, train, windows_of

from tfg import overrides, parts, priors
from tfg.backbones.gaussian.aligner import Aligner
from tfg.backbones.gaussian.branch import Branch
from tfg.backbones.gaussian.instag import Instag
from tfg.backbones.gaussian.motion import GaussianMotion, MouthField
from tfg.backbones.gaussian.universal import read_fields, tensors_of
from tfg.prior_file import save_prior
from tfg.rendering import render
from tfg.training import load
from tfg.types import InputError, UniversalMotion

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),  # Lightning 2.6 calls what torch 2.13 deprecates
]


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(num_frames=12, size=32)


def universal_of(scene: Scene, seed: int = 7) -> UniversalMotion:
    """Of untrained fields with a grid that is felt."""
    torch.manual_seed(seed)
    other = make_backbone(scene.portrait, TINY)
    for branch in (other.face, other.mouth):
        branch.field.tables.data.uniform_(-1, 1)
    tensors = tensors_of({"face": other.face.field, "mouth": other.mouth.field})
    return UniversalMotion(shape=part("backbone/instag", "motion").shared, tensors=tensors)


def adapted(scene: Scene, **adaptation: object) -> Instag:
    torch.manual_seed(0)
    backbone = make_backbone(scene.portrait, TINY | {"adaptation": adaptation})
    backbone.adopt(universal_of(scene))
    return backbone


def test_the_aligner_is_a_tenth_of_a_head_unit_of_offset_and_a_bounded_scale() -> None:
    shape = part("backbone/instag", "motion", levels=1)
    aligner = Aligner(shape, 4, "torch")
    aligner.tables.data.fill_(1.0)
    first, last = aligner.network.parameters()
    first.data.fill_(0.0)
    first.data[:, 0] = 1.0  # the hidden units are the grid's one number
    last.data.copy_(torch.tensor([2.0, -1, 0, 5, -1e4, 1e4])[:, None].expand(6, 4) / 4)
    offset, scale = aligner(torch.zeros(1, 3))
    torch.testing.assert_close(offset, torch.tensor([[0.2, -0.1, 0.0]]))
    torch.testing.assert_close(scale, torch.tensor([[1 + 0.25 * math.tanh(1), 0.75, 1.25]]))


class Linear(torch.nn.Module):
    """A field that moves every point by its own place."""

    def forward(self, points: torch.Tensor) -> GaussianMotion:
        return GaussianMotion(points.clone())


class Fixed(torch.nn.Module):
    def forward(self, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.full_like(points, 0.5), torch.full_like(points, 1.2)


def test_the_face_is_asked_beside_and_scaled_and_the_mouth_is_not_scaled() -> None:
    field = MouthField(part("backbone/instag", "motion"), 5, "torch")
    branch = Branch(field, part("backbone/instag", "face_density"), 1, 32, 60.0, "torch")
    branch.gaussians.resize(2)
    branch.gaussians.means.data.copy_(torch.tensor([[0.0, 1, 2], [1, 1, 1]]))
    branch.align(16, scaled=True)
    branch.aligner = Fixed()  # type: ignore[assignment]
    points = branch.gaussians.means
    torch.testing.assert_close(branch.move(Linear(), aligned=True).means, 1.2 * (points + 0.5))
    torch.testing.assert_close(branch.move(Linear(), aligned=False).means, points)
    branch.scaled = False
    motion = branch.move(Linear(), aligned=True)
    torch.testing.assert_close(motion.means, points + 0.5)
    torch.testing.assert_close(motion.offset, torch.full_like(points, 0.5))


def test_a_zero_aligner_is_the_plain_universal_field(scene: Scene, tmp_path: Path) -> None:
    made = {}
    for name, keys in {
        "zero": {"aligner": True, "aligner_from": 0.0, "aligner_grid": 0.0, "aligner_network": 0.0},
        "none": {"aligner": False},
    }.items():
        backbone = adapted(scene, **keys)
        for branch in (backbone.face, backbone.mouth):
            if branch.aligner is not None:
                for parameter in branch.aligner.parameters():
                    parameter.data.zero_()
        torch.manual_seed(1)
        (tmp_path / name).mkdir()
        train(backbone, scene.portrait, tmp_path / name, chunk=50)
        made[name] = backbone.state_dict()
    own = made["none"].keys()
    assert {key.split(".")[1] for key in made["zero"].keys() - own} == {"aligner"}
    for key in own:
        torch.testing.assert_close(made["zero"][key], made["none"][key], rtol=0, atol=0, msg=key)


def test_the_fields_are_other_peoples_at_first_and_move_from_the_first_step_on(scene: Scene, tmp_path: Path) -> None:
    backbone = adapted(scene)
    universal = universal_of(scene).tensors
    fields = {"face": backbone.face.field, "mouth": backbone.mouth.field}
    for key, values in tensors_of(fields).items():
        np.testing.assert_array_equal(values, universal[key])
    with_motion: list[bool] = []
    draw = backbone.face.draw
    backbone.face.draw = lambda frame, motion, *rest: (
        with_motion.append(motion is not None),
        draw(frame, motion, *rest),
    )[1]  # type: ignore[method-assign]
    train(backbone, scene.portrait, tmp_path, chunk=50)
    assert TINY["stages"]["warm_up"] > 0  # type: ignore[index]
    assert all(with_motion)
    assert backbone.face.aligner is not None
    assert float(backbone.face.aligner.network.layers[1].weight.grad.abs().max()) > 0  # type: ignore[union-attr]


def test_the_fields_learn_slowly_at_first_and_the_aligner_begins_later() -> None:
    rules = part(
        "backbone/instag", "adaptation", thaw=0.3, slow=0.1, aligner_from=0.2, aligner_grid=0.5, aligner_network=0.25
    )
    rates = {"grid": 4.0, "networks": 2.0, "audio": 1.0}
    always = {"aligner_grid": 2.0, "aligner": 0.5}
    assert rules.of_motion(rates, 0.29) == pytest.approx({"grid": 0.4, "networks": 0.2, "audio": 0.1} | always)
    assert rules.of_motion(rates, 0.3) == rates | always
    assert [rules.aligned(time) for time in (0.0, 0.19, 0.2, 1.5)] == [False, False, True, True]
    assert not replace(rules, aligner=False).aligned(0.5)


def test_an_aligner_that_begins_with_the_last_stage_learns_in_it(scene: Scene, tmp_path: Path) -> None:
    late, first = adapted(scene, aligner_from=1.0), adapted(scene, aligner_from=1.0)
    train(late, scene.portrait, tmp_path, chunk=50)  # only the last stage, both branches together, aligns
    assert late.face.aligner is not None
    before, after = (backbone.face.aligner.state_dict() for backbone in (first, late))  # type: ignore[union-attr]
    assert any((before[key] != after[key]).any() for key in before)


def test_a_loaded_head_renders_with_its_aligner(scene: Scene, tmp_path: Path) -> None:
    trained, loaded = adapted(scene), adapted(scene)
    train(trained, scene.portrait, tmp_path, chunk=50)
    load(loaded, tmp_path)
    windows = windows_of(scene.portrait)
    first, second = (render(model, scene.portrait, windows, device="cpu").images for model in (trained, loaded))
    np.testing.assert_array_equal(first, second)
    loaded.face.aligner.network.layers[1].weight.data.fill_(1.0)  # type: ignore[union-attr]
    assert (render(loaded, scene.portrait, windows, device="cpu").images != first).any()


def test_without_the_hook_the_mouth_does_not_see_the_face() -> None:
    points, windows = torch.zeros(3, 3), torch.zeros(1, 8, 5)
    moved = {}
    for hook in (True, False):
        torch.manual_seed(0)
        field = MouthField(part("backbone/instag", "motion", hook=hook), 5, "torch").eval()
        field.tables.data.fill_(0.5)
        moved[hook] = [field(points, windows, torch.full((1, 3), value)).means for value in (0.0, 1.0)]
    torch.testing.assert_close(moved[False][0], moved[False][1])
    torch.testing.assert_close(moved[False][0], moved[True][0])
    assert not torch.allclose(moved[True][0], moved[True][1])


def test_fields_of_another_shape_or_other_features_are_one_line(scene: Scene) -> None:
    torch.manual_seed(0)
    backbone = make_backbone(scene.portrait, TINY)
    given = universal_of(scene)
    with pytest.raises(
        InputError, match=r"^prior: its motion fields were learned with backbone\.motion\.levels=8; set that"
    ):
        backbone.adopt(replace(given, shape=given.shape | {"levels": 8}))
    fields = {"face": backbone.face.field, "mouth": backbone.mouth.field}
    less = {key: values for key, values in given.tensors.items() if key != "mouth/tables"}
    with pytest.raises(InputError, match=r"^prior: its motion field mouth/tables has shape None, not \(3, 9464, 1\)"):
        read_fields(fields, replace(given, tensors=less))


def test_a_run_is_refused_before_it_starts_where_the_prior_does_not_fit(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    given = universal_of(scene)
    save_prior(path, {}, {"people": []}, {"logmel": given}, None)
    cell = [f"prior={path}", "audio=logmel"]
    parts.check(overrides.composed(cell))
    with pytest.raises(InputError, match=r"learned with backbone\.motion\.hook=True; set that, or learn others"):
        parts.check(overrides.composed([*cell, "backbone.motion.hook=false"]))
    with pytest.raises(InputError, match="backbone=synctalk has no motion field to start from"):
        parts.check(overrides.composed([*cell, "backbone=synctalk"]))
    with pytest.raises(InputError, match="was learned with no map of lip motion, not with audio=logmel"):
        parts.check(overrides.composed([*cell, "conditioning=lips"]))
    with pytest.raises(InputError, match=r"holds no motion fields of audio=whisper layer 2 \(only of logmel\)"):
        priors.universal_motion(overrides.composed([f"prior={path}", "audio=whisper"]))


def test_a_mouth_that_nothing_would_move_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"backbone\.motion\.hook=false: with conditioning=lips nothing else moves the mouth"
    ):
        parts.check(overrides.composed(["conditioning=lips", "backbone.motion.hook=false"]))
