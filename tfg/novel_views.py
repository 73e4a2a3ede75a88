"""A finished head rendered from the side, and its scores there.

A clip that tfg renders has a true picture from everywhere: the head is compared with it at each view of `metrics.views`. Any other
has none: its held-out frames are sorted by their distance to the training poses (`scoring.pose_gap`), and at imposed poses only the
person and the lips are judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tfg import parts
from tfg.clip.synthetic.retake import LightsStay, Retakes
from tfg.features.base import FaceReader
from tfg.features.face.fitted import FittedLandmarks
from tfg.features.pose_fit import project
from tfg.heads import Head
from tfg.material import Material
from tfg.metrics.depth import DepthError
from tfg.progress import progress
from tfg.record.results import Metrics
from tfg.record.views import VIEWS, View
from tfg.rotations import about_necks, necks, turns
from tfg.scoring import controls, views
from tfg.scoring.run import Judge, Values, as_json
from tfg.scoring.views import Side
from tfg.types import Bytes, Cameras, Floats, Portrait

FRAMES = 120  # held-out frames of a view with a truth, evenly spread
READER_FRAMES = 150  # of the training part, drawn at the view, that its lips reader is fitted on
DEPTH_EVERY = 10  # of these frames
LIGHTS = {"world": "lights stay in the world", "camera": "lights follow the camera"}
TURNED, MUTE = "turned", "mute"
NOTES = {
    TURNED: "for each frame the training frame of nearest audio window and head pose, turned to the view as a flat picture",
    MUTE: controls.NOTES[MUTE],
}


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A head in memory, by what it renders; portrait and windows of n frames."""

    head: Head
    material: Material
    images: Callable[[Portrait, Floats], Bytes]  # -> (n, size, size, 3)
    depths: Callable[[Portrait, Floats], Floats]  # -> (n, size, size) head units; NaN where the head is not


@dataclass(frozen=True, kw_only=True)
class ViewScores:
    """As records keep them, to stand beside a head's other numbers."""

    metrics: Metrics
    truth: Metrics
    controls: dict[str, Metrics] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Found:
    """Of one view or all."""

    run: Values = field(default_factory=dict)
    truth: Values = field(default_factory=dict)
    controls: dict[str, Values] = field(default_factory=dict)


def scored(made: Rendered, judged: Judge, lights: LightsStay, *, with_controls: bool) -> ViewScores:
    """The numbers of every view. A head of the embedded clip must have the ground truth's cameras (`check_views`)."""
    found = _Found()
    config, studio = made.head.config, None
    if config.clip.path is None:
        studio = _Studio(made=made, judged=judged, lights=lights, retakes=Retakes(parts.embedded(config)))
    with progress(f"{made.head.name}: views", len(VIEWS), "views") as advance:
        for view in VIEWS:
            one = _imposed(made, judged, view) if studio is None else studio.score(view, with_controls=with_controls)
            found.run.update(views.at(view, one.run))
            found.truth.update(views.at(view, one.truth))
            for name, values in one.controls.items():
                found.controls.setdefault(name, {}).update(views.at(view, values))
            advance(1)
    truth = as_json(found.truth)
    return ViewScores(
        metrics=as_json(found.run, truth),
        truth=truth,
        controls={name: as_json(values) for name, values in found.controls.items()},
    )


def posed(portrait: Portrait, view: View, neck: NDArray[np.float64], background: Bytes) -> Portrait:
    """Its frames at a view's pose, over one picture (size, size, 3)."""
    count = len(portrait.frames)
    rotation, translation = about_necks(turns(np.full(count, view.yaw), np.full(count, view.pitch)), neck)
    cameras = replace(portrait.cameras, rotation=rotation, translation=translation)
    return replace(portrait, cameras=cameras, background=np.repeat(background[None], count, axis=0))


def neck_of(cameras: Cameras) -> NDArray[np.float64]:
    """(3,) the mean place of the neck in camera space, about which views turn the head."""
    return np.asarray(necks(cameras.rotation, cameras.translation).mean(axis=0))


def resting_face(portrait: Portrait) -> Floats:
    """(n, 68, 2) pixels of its rigid face at its poses."""
    cameras = portrait.cameras
    rotation, translation, shape = (
        values.astype(np.float64) for values in (cameras.rotation, cameras.translation, portrait.face_shape)
    )
    return np.asarray(project(rotation, translation, shape, cameras.focal) + cameras.size / 2, np.float32)


def spread(count: int, most: int) -> NDArray[np.int64]:
    """At most `most` of `count` rows, evenly from the first to the last."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


@dataclass(frozen=True, kw_only=True)
class _Studio:
    """Where the head and the truth are pictured from the same side."""

    made: Rendered
    judged: Judge
    lights: LightsStay
    retakes: Retakes

    def score(self, view: View, *, with_controls: bool) -> _Found:
        material, images = self.made.material, self.made.images
        rows = spread(len(material.test.frames), FRAMES)
        windows = material.test_windows[rows]
        neck = neck_of(material.train.cameras)
        size = material.test.cameras.size
        shown = posed(material.test.take(rows), view, neck, np.full((size, size, 3), views.GREY, np.uint8))
        pose = shown.cameras.rotation[0], shown.cameras.translation[0]
        resting = resting_face(shown)[0]
        side = Side(
            view=view,
            where=f"{len(rows)} of {len(material.test.frames)} held-out frames of {size}x{size}, evenly spread, drawn again with the "
            f"head at one pose ({view.title}, degrees from the camera); true cameras; {LIGHTS[self.lights]}",
            retake=self.retakes.take(shown.frames, *pose, self.lights),
            resting=resting,
            reader=self._reader(pose, resting),
            metrics=self.judged.metrics,
        )
        depth = self._depth(shown, windows, side)
        found = _Found(run=side.score(images(shown, windows), depth), truth=side.truth(depth))
        if with_controls:
            nearest = controls.nearest_rows(material.train, shown, material.train_sound, material.test_sound[rows])
            turned = side.noted(NOTES[TURNED]).score(views.turned_pictures(material.train, nearest, shown.cameras))
            mute = side.noted(NOTES[MUTE]).score(images(shown, np.zeros_like(windows)), names=views.OF_MUTE)
            found.controls.update({TURNED: turned, MUTE: mute})
        return found

    def _reader(self, pose: tuple[Floats, Floats], resting: Floats) -> FaceReader:
        """The head's own reader, or for one that is fitted to true frames one fitted to frames of this view."""
        if not self.judged.reader.is_guided:
            return self.judged.reader
        frames = spread(self.made.head.clip.num_reference_frames, READER_FRAMES)
        seen = self.retakes.take(frames, *pose, self.lights)
        alone = views.over_grey(seen.images, seen.head)
        return FittedLandmarks.fit(alone, views.with_anchors(seen.landmarks, resting))

    def _depth(self, shown: Portrait, windows: Floats, side: Side) -> DepthError:
        rows = np.arange(0, len(windows), DEPTH_EVERY)
        true = side.retake.depth
        made = np.full_like(true, np.nan)
        made[rows] = self.made.depths(shown.take(rows), windows[rows])
        made[side.retake.eyes] = np.nan
        return DepthError(made=made, true=true, shown=np.isin(np.arange(len(windows)), rows))


def _imposed(made: Rendered, judged: Judge, view: View) -> _Found:
    """The whole held-out speech at a view, over the training frame nearest the mean pose."""
    material = made.material
    train, neck = material.train, neck_of(material.train.cameras)
    shown = posed(material.test, view, neck, train.background[controls.middle_row(train)])
    cameras = shown.cameras
    guide = resting_face(shown)
    where = (
        f"{len(shown.frames)} held-out frames of {cameras.size}x{cameras.size} with the head at one pose ({view.title}, degrees from "
        "the camera) over a training frame's background; no truth from there is known: identity is compared with the true frames at "
        "their own poses"
    )
    images = made.images(shown, material.test_windows)
    return _Found(run=views.imposed(images, material.test, guide, judged, where))
