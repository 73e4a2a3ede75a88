"""A head seen from the side, end to end but for its training: a head that draws the truth, one that keeps still, a real clip's."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support.parts import embedded_clip

from tfg import heads, novel_views, overrides, parts
from tfg.clip.synthetic.mesh import make_person_mesh
from tfg.clip.synthetic.person import make_person
from tfg.clip.synthetic.retake import Retakes
from tfg.features.face.fitted import FittedLandmarks
from tfg.metrics.image import ImageQuality
from tfg.metrics.landmark import MouthCorrelation
from tfg.metrics.listener.fitted import NoListener
from tfg.metrics.listener.metric import ListenerSync
from tfg.record.views import View
from tfg.rotations import NECK
from tfg.scoring.run import Judge, judge
from tfg.scoring.setting import check_views
from tfg.scoring.views import GREY, over_grey
from tfg.types import Cameras, InputError, Portrait

SIZE = 48
SPEC = embedded_clip(seconds=6.0, size=SIZE)
TRAIN, TEST = np.arange(10, 40), np.arange(100, 145)
VIEWS = (View(yaw=0, pitch=0), View(yaw=-30, pitch=20))


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novel_views, "VIEWS", VIEWS)
    monkeypatch.setattr(novel_views, "READER_FRAMES", 60)


@pytest.fixture(scope="module")
def retakes() -> Retakes:
    return Retakes(SPEC)


@pytest.fixture(scope="module")
def front(retakes: Retakes) -> Portrait:
    """Frames of the clip with the head ahead; its neck is where the generator has it at rest."""
    frames = np.concatenate([TRAIN, TEST])
    rotation, translation = np.eye(3, dtype=np.float32), np.array([0, 0.25, 8], np.float32)
    seen = retakes.take(frames, rotation, translation, "camera")
    count = len(frames)
    cameras = Cameras(
        rotation=np.repeat(rotation[None], count, axis=0),
        translation=np.repeat(translation[None], count, axis=0)
        + np.linspace(0, 1e-3, count, dtype=np.float32)[:, None],
        focal=2.4 * SIZE,
        size=SIZE,
    )
    return Portrait(
        frames=frames,
        images=seen.images,
        background=np.full_like(seen.images, 90),
        head_mask=seen.head,
        mouth_mask=seen.head,
        landmarks=seen.landmarks,
        audio=np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32),
        upper=np.zeros((count, 7), np.float32),
        cameras=cameras,
        face_shape=make_person_mesh(make_person(SPEC.identity_seed), SIZE).face_shape(),
    )


def material_of(portrait: Portrait) -> SimpleNamespace:
    windows = np.random.default_rng(1).normal(size=(len(portrait.frames), 8, 3)).astype(np.float32)
    cut = len(TRAIN)
    return SimpleNamespace(
        train=portrait.rows(0, cut),
        test=portrait.rows(cut, len(portrait.frames)),
        test_windows=windows[cut:],
        train_sound=windows[:cut],
        test_sound=windows[cut:],
    )


def head_of(path: str | None) -> SimpleNamespace:
    config = SimpleNamespace(clip=SimpleNamespace(path=path, synthetic=None))
    return SimpleNamespace(name="a head", config=config, clip=SimpleNamespace(num_reference_frames=90))


def scored(portrait: Portrait, images: Any, depths: Any, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Any:
    material = material_of(portrait)
    reader = FittedLandmarks.fit(portrait.images, portrait.landmarks)
    metrics = (ImageQuality(), MouthCorrelation(), ListenerSync(listener=NoListener(reason="off")))
    sound = np.zeros(len(TEST) * 640, np.float32)
    judged: Judge = judge(material.test, sound, reader, metrics)
    monkeypatch.setattr(parts, "embedded", lambda config: SPEC)
    made = novel_views.Rendered(
        head=head_of(changes.get("path")),  # type: ignore[arg-type]
        material=material,  # type: ignore[arg-type]
        images=images,
        depths=depths,
    )
    return novel_views.scored(made, judged, "world", with_controls=True)


def test_a_head_that_is_the_person_has_the_truths_numbers_at_every_view(retakes, front, monkeypatch):
    def again(shown: Portrait) -> Any:
        return retakes.take(shown.frames, shown.cameras.rotation[0], shown.cameras.translation[0], "world")

    def images(shown: Portrait, windows: np.ndarray) -> np.ndarray:
        assert (shown.background == GREY).all()
        if not windows.any():  # mute
            shown = replace(shown, frames=np.full_like(shown.frames, TEST[0]))
        seen = again(shown)
        return over_grey(seen.images, seen.head)

    found = scored(front, images, lambda shown, windows: again(shown).depth, monkeypatch)
    for view in VIEWS:
        assert found.metrics[f"psnr_face_{view.name}"]["value"] == "inf"
        assert found.metrics[f"depth_error_{view.name}"]["value"] == 0
        assert found.metrics[f"mouth_correlation_{view.name}"]["value"] == 1
        assert found.truth[f"psnr_face_{view.name}"]["value"] == "inf"
        assert found.controls["mute"][f"mouth_correlation_{view.name}"]["value"] is None  # it does not move
        assert float(found.controls["mute"][f"psnr_mouth_{view.name}"]["value"]) < 40
        assert "lights stay in the world" in found.metrics[f"psnr_face_{view.name}"]["definition"]
    turned = [float(found.controls["turned"][f"psnr_face_{view.name}"]["value"]) for view in VIEWS]
    assert turned[0] < 40
    assert set(found.controls["mute"]) == {f"{n}_{v.name}" for n in ("psnr_mouth", "mouth_correlation") for v in VIEWS}


def test_views_turn_the_head_about_the_neck_of_the_training_part(front):
    cameras = novel_views.posed(front, VIEWS[1], novel_views.neck_of(front.cameras), front.background[0]).cameras
    necks = cameras.translation + cameras.rotation @ NECK
    np.testing.assert_allclose(necks, np.repeat(necks[:1], len(necks), axis=0), atol=1e-6)
    np.testing.assert_allclose(necks[0], NECK + np.array([0, 0.25, 8]), atol=2e-3)


def test_a_clip_without_a_generator_has_the_person_and_the_lips_alone(front, monkeypatch):
    seen = []

    def images(shown: Portrait, windows: np.ndarray) -> np.ndarray:
        seen.append(shown)
        return shown.images

    found = scored(front, images, None, monkeypatch, path="a.mp4")
    assert set(found.metrics) == {
        f"{name}_{view.name}" for name in ("sync_c_listener", "sync_offset_listener") for view in VIEWS
    }
    assert found.controls == found.truth == {}
    entry = found.metrics["sync_c_listener_left30_down20"]
    assert entry["unavailable"] == "off"
    assert "no truth from there is known" in entry["definition"]
    assert (seen[0].background == 90).all()
    assert len(seen[0].frames) == len(TEST)  # a listener needs all of them


def test_no_views_leave_the_names_of_scores_and_views_are_others():
    full = dict(overrides.composed(["metrics=full", "trainer=cpu"]).metrics)
    before = {name: value for name, value in full.items() if name != "views"}
    assert full["views"] == "none"
    assert heads.scores_name(full, None) == heads.scores_name(before, None)
    names = {heads.scores_name(full | {"views": views}, None) for views in ("none", "world", "camera")}
    assert len(names) == 3


@pytest.mark.parametrize(
    ("views", "clip", "said"),
    [
        ("sun", {"path": "a.mp4"}, "metrics.views=sun: allowed are none, world, camera"),
        ("world", {"path": None}, "train it with clip.cameras=sidecar"),
        ("camera", {"path": None, "cameras": "fitted"}, "train it with clip.cameras=sidecar"),
    ],
)
def test_views_that_cannot_be_are_refused_in_one_line(views, clip, said):
    with pytest.raises(InputError, match=said):
        check_views(views, clip)


def test_views_that_can_be_are_not():
    for views, clip in (
        ("none", {"path": None}),
        ("world", {"path": "a.mp4"}),
        ("camera", {"path": None, "cameras": "sidecar"}),
    ):
        check_views(views, clip)


def test_a_run_is_refused_before_it_starts():
    with pytest.raises(InputError, match=r"^metrics.views=world: the embedded clip is drawn"):
        parts.check(overrides.composed(["trainer=cpu", "audio=logmel", "metrics.views=world"]))
