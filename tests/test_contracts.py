"""Every YAML in conf/ is a test case: it composes, constructs what it names, and keeps its room's contract."""

import numpy as np
import pytest
import torch
from portraits import make_scene
from torch.utils.data import default_collate

from tfg import configuration, data, overrides, parts
from tfg.selectors.base import Candidates
from tfg.types import FaceTrack


def names(axis: str) -> list[str]:
    return sorted(path.stem for path in (configuration.folder() / axis).glob("*.yaml"))


@pytest.mark.parametrize(
    "axis",
    ["clip", "audio", "selector_audio", "face", "masks", "selector", "backbone", "trainer", "metrics", "tracker"],
)
def test_every_option_of_an_axis_composes_for_both_profiles(axis):
    for name in names(axis):
        for trainer in ("cpu", "gpu"):
            cell = [f"{axis}={name}"] + ([f"trainer={trainer}"] if axis != "trainer" else [])
            assert overrides.composed(cell)[axis] is not None


GIVEN = {"at": ["start=12"]}  # what an option needs to be told


@pytest.mark.parametrize("axis", ["audio", "selector_audio", "face", "masks", "selector"])
def test_every_part_constructs_under_the_name_of_its_file(axis):
    for name in set(names(axis)) - {"same"}:
        part = getattr(parts.build(overrides.composed([f"{axis}={name}", "trainer=cpu", *GIVEN.get(name, [])])), axis)
        assert part.name == name


@pytest.mark.parametrize("name", names("selector"))
def test_every_selector_chooses_a_candidate_inside_the_training_part(name):
    rng = np.random.default_rng(0)
    sound = rng.normal(size=(500, 16)).astype(np.float32)

    def face(start: int, stop: int) -> FaceTrack:
        assert 0 <= start < stop <= 500
        n = stop - start
        points = np.random.default_rng(start).normal(100, 10, (n, 68, 2)).astype(np.float32)
        return FaceTrack(
            start=start,
            num_faces=np.ones(n, np.int64),
            landmarks=points,
            upper=np.zeros((n, 7), np.float32),
            blendshapes=np.full((n, 52), np.nan, np.float32),
            head_rotation=np.tile(np.eye(3, dtype=np.float32), (n, 1, 1)),
        )

    candidates = Candidates(
        starts=tuple(range(0, 376, 25)),
        num_frames=125,
        num_reference_frames=500,
        audio=lambda: sound,
        face=face,
        voiced=lambda: np.ones(500, np.bool_),
    )
    selector = parts.build(overrides.composed([f"selector={name}", "trainer=cpu", *GIVEN.get(name, [])])).selector
    chosen = selector.select(candidates, np.random.default_rng(1))
    again = selector.select(candidates, np.random.default_rng(1))
    assert chosen.segment == again.segment
    taken = [score.start for score in chosen.scores if chosen.has(score.start)]
    rows = np.concatenate([np.arange(start, start + chosen.candidate_frames) for start in taken])
    assert sorted(rows) == chosen.segment.frames.tolist()  # the segment is made of whole candidates, each once
    assert set(taken) <= set(candidates.starts) or name in ("at", "pieces")
    assert 0 <= min(rows) <= max(rows) < 500
    assert chosen.segment.num_frames == 125
    assert chosen.definition


def placed(name):
    """A backbone that is not trained, its portrait of twelve frames, and the rows of that without its truth."""
    portrait = make_scene(num_frames=12, size=64).portrait
    torch.manual_seed(0)
    backbone = parts.make_backbone(overrides.composed([f"backbone={name}", "trainer=cpu"]), portrait)
    backbone.prepare(portrait)
    windows = data.audio_windows(portrait.audio, *data.audio_statistics(portrait.audio))
    return backbone.eval(), portrait, data.batches(portrait, windows, device=torch.device("cpu"), truth=False)


@pytest.mark.parametrize("name", names("backbone"))
def test_every_backbone_renders_a_frame_without_its_truth(name):
    backbone, _, rows = placed(name)
    picture = backbone.render(default_collate([rows[3]]))
    assert picture.shape == (1, 64, 64, 3)
    assert torch.isfinite(picture).all()
    assert float(picture.min()) >= 0
    assert float(picture.max()) <= 1
    assert not picture.requires_grad
    assert backbone.num_steps > 0


@pytest.mark.parametrize("name", names("backbone"))
def test_every_backbone_knows_how_far_its_surface_is(name):
    """Of a head that was placed and not trained, made opaque: where it is, its depth is the head's within its size."""
    backbone, portrait, rows = placed(name)
    OPAQUE[name](backbone)
    depth = backbone.depth(default_collate([rows[3], rows[9]]))
    assert depth.shape == (2, 64, 64)
    assert not depth.requires_grad
    for row, picture in zip((3, 9), depth, strict=True):
        there, head = ~torch.isnan(picture), torch.from_numpy(portrait.head_mask[row])
        assert (there & head).sum() > 0.8 * head.sum()
        middle = float(portrait.cameras.translation[row, 2])
        assert middle - 2 < float(picture[there].min())
        assert float(picture[there].max()) < middle + 2
        corner = picture[0, 0], picture[-1, -1]
        assert torch.isnan(torch.stack(corner)).all()  # the wall has none


def _opaque_gaussians(backbone):
    with torch.no_grad():
        for branch in (backbone.face, backbone.mouth):
            branch.gaussians.opacities.fill_(5.0)  # before the sigmoid


def _opaque_field(backbone):
    geometry = backbone.head.field.geometry

    def dense(points, *given):
        sigma, *rest = geometry(points, *given)
        return (torch.full_like(sigma, 200.0), *rest)

    backbone.head.field.geometry = dense


def _opaque_ball(backbone):
    """Where all three planes show a disc."""
    axis = torch.linspace(-1, 1, backbone.planes.shape[-1])
    backbone.planes.zero_()
    backbone.planes[:, 0] = (axis.square() + axis[:, None].square() < 0.36).float()
    backbone.step.fill_(backbone.num_steps)  # the identity's planes are those
    backbone.decoder.forward = lambda features: (200 * (features[:, 0] > 0.9), features[:, 1:4])


OPAQUE = {"instag": _opaque_gaussians, "synctalk": _opaque_field, "talk3d": _opaque_ball}
