"""A head seen from the side, scored: against the truth drawn from there, or without one by what needs none.

Nothing here renders a head: `novel_views` does, for clips with and without a true picture from everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tfg.clip.synthetic.retake import Retake
from tfg.features.base import FaceReader
from tfg.features.face.fitted import FittedLandmarks
from tfg.features.pose_fit import project
from tfg.landmarks import ANCHORS
from tfg.metrics.base import Metric, MetricValue
from tfg.metrics.depth import DepthError
from tfg.metrics.identity import Identity
from tfg.metrics.image import ImageQuality
from tfg.metrics.landmark import MouthCorrelation
from tfg.metrics.listener.metric import ListenerSync
from tfg.metrics.lpips import PerceptualDistance
from tfg.record.views import View
from tfg.scoring.run import Judge, Values
from tfg.scoring.score import Held, Subject, read_faces, score
from tfg.types import Bools, Bytes, Cameras, FaceTrack, Floats, Portrait

GREY = 128  # of everything but the head
OF_IMAGES = ("psnr_face", "psnr_mouth", "ssim_face", "lpips_face")
OF_FACES = ("mouth_correlation", "identity")
EYES_LEFT_OUT = ", open eyes grey in both: no head is given the gaze"
WITHOUT_TRUTH = ("identity", "sync_c_listener", "sync_offset_listener")
OF_MUTE = ("psnr_mouth", "mouth_correlation")  # of OF_IMAGES and OF_FACES what speech moves
_PICTURES, _FACES = (ImageQuality, PerceptualDistance), (MouthCorrelation, Identity)
LEAST_READ = 0.8  # correlation of lip openings that a fitted reader must reach on true frames of the view


@dataclass(frozen=True, kw_only=True)
class Side:
    """One view of n held-out frames with its truth."""

    view: View
    where: str  # which frames, their number and size; cameras and lights
    retake: Retake
    resting: Floats  # (68, 2) the face at rest at this pose, in pixels: where every frame's head is, for readers that must be shown it
    reader: FaceReader
    metrics: tuple[Metric, ...]  # those of the head's other scores

    def score(
        self, images: Bytes, depth: DepthError | None = None, names: Sequence[str] = (*OF_IMAGES, *OF_FACES)
    ) -> Values:
        """Of pictures (n, size, size, 3) over plain GREY, those numbers whose metric is there; without `depth` no depth error."""
        made, true, seen = self.alone(images), over_grey(self.retake.images, self.retake.head), ~self.retake.eyes
        values = self._scored(
            over_grey(made, seen), over_grey(true, seen), self._chosen(names, _PICTURES), EYES_LEFT_OUT
        )
        if of_faces := self._chosen(names, _FACES):
            guide = np.repeat(self.resting[None], len(made), axis=0)
            track = (read_faces(self.reader, Held(images=pictures), guide) for pictures in (made, true))
            values |= self._scored(made, true, of_faces, "", *track)
        if depth is not None:
            values |= self._scored(made, true, (depth,), "")
        kept = (*names, *(() if depth is None else depth.names))
        return {name: self._checked(name, values[name]) for name in kept if name in values}

    def truth(self, depth: DepthError | None) -> Values:
        """The same of the truth against itself."""
        same = None if depth is None else replace(depth, made=depth.true)
        return self.score(over_grey(self.retake.images, self.retake.head), same)

    def noted(self, control: str) -> Side:
        """The same for a control: what it is joins every definition."""
        return replace(self, where=f"{self.where}; control: {control}")

    def alone(self, images: Bytes) -> Bytes:
        """Pictures of a head without what the torso hides of it in every frame.

        Only in every frame: where the jaw moves, its true edge would show in the prediction, and lips and jaw could be read off it.
        """
        hidden = self.retake.torso.all(axis=0)
        return over_grey(images, np.broadcast_to(~hidden, self.retake.torso.shape))

    def _chosen(self, names: Sequence[str], kinds: tuple[type, ...]) -> tuple[Metric, ...]:
        return tuple(metric for metric in self.metrics if isinstance(metric, kinds) and set(names) & set(metric.names))

    def _scored(
        self,
        made: Bytes,
        true: Bytes,
        metrics: tuple[Metric, ...],
        note: str,
        made_faces: FaceTrack | None = None,
        true_faces: FaceTrack | None = None,
    ) -> Values:
        none = FaceTrack.empty(0, len(made))
        subject = Subject(
            prediction=Held(images=made),
            truth=Held(images=true),
            made=none if made_faces is None else made_faces,
            true=none if true_faces is None else true_faces,
            guide=self.retake.landmarks,
            where=f"{self.where}; the head alone over plain grey{note}",
        )
        return score(subject, metrics, self.reader.definition)

    def _checked(self, name: str, value: MetricValue) -> MetricValue:
        """Of a lips reader that fails on the truth of this view no number is given."""
        found = self.reader.opening_correlation if isinstance(self.reader, FittedLandmarks) else 1.0
        if name != "mouth_correlation" or value.value is None or found >= LEAST_READ:
            return value
        why = f"the lips reader fitted to this view finds openings with r = {found:.2f} on its true frames, {LEAST_READ} is needed"
        return replace(value, value=None, per_frame=None, unavailable=why)


def imposed(images: Bytes, test: Portrait, guide: Floats, judged: Judge, where: str) -> Values:
    """Of held-out frames at a pose that the clip does not show: the person, and lips with their sound. No truth from there is known.

    `guide` (n, 68, 2): where the head is. Identity is compared with the true frame of the same number, at its own pose.
    """
    chosen = tuple(metric for metric in judged.metrics if isinstance(metric, Identity | ListenerSync))
    subject = Subject(
        prediction=Held(images=images),
        truth=Held(images=test.images),
        made=read_faces(judged.reader, Held(images=images), guide),
        true=judged.true,
        audio=judged.audio,
        where=where,
    )
    values = score(subject, chosen, judged.reader.definition)
    return {name: values[name] for name in WITHOUT_TRUTH if name in values}


def at(view: View, values: Values) -> Values:
    """Under the names and titles of a view."""
    return {
        f"{name}_{view.name}": replace(value, facts=replace(value.facts, title=f"{value.facts.title}, {view.title}"))
        for name, value in values.items()
    }


def over_grey(images: Bytes, shown: Bools) -> Bytes:
    """(n, size, size, 3) where `shown` (n, size, size), GREY elsewhere."""
    return np.where(shown[..., None], images, np.uint8(GREY))


def with_anchors(landmarks: Floats, resting: Floats) -> Floats:
    """Landmarks (n, 68, 2) with the points that say where the head is at those of the resting face (68, 2).

    Lids and brows move them by a part of a pixel, which would show through in what a reader makes of a head that keeps still.
    """
    found, rows = landmarks.copy(), list(ANCHORS)
    found[:, rows] = resting[rows]
    return found


def turned_pictures(train: Portrait, rows: NDArray[np.int64], cameras: Cameras) -> Bytes:
    """(n, size, size, 3) the heads of some training frames over GREY, moved as flat pictures to other poses of n frames.

    Each by the affine map that brings the 68 points of the resting face at the one pose closest to those at the other.
    """
    shape = train.face_shape.astype(np.float64)

    def placed(posed: Cameras) -> NDArray[np.float64]:
        given = posed.rotation.astype(np.float64), posed.translation.astype(np.float64)
        return project(*given, shape, posed.focal) + posed.size / 2 - 0.5  # OpenCV's pixel centres are whole numbers

    heads = over_grey(train.images, train.head_mask)
    pictures = np.empty((len(rows), *heads.shape[1:]), np.uint8)
    pairs = zip(rows, placed(train.cameras.take(rows)), placed(cameras), strict=True)
    for picture, (row, source, target) in zip(pictures, pairs, strict=True):
        homogeneous = np.concatenate([source, np.ones((len(source), 1))], axis=1)
        move = np.linalg.lstsq(homogeneous, target, rcond=None)[0].T
        cv2.warpAffine(
            heads[row], move, picture.shape[1::-1], dst=picture, flags=cv2.INTER_LINEAR, borderValue=(GREY,) * 3
        )
    return pictures
