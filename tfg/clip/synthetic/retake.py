"""Frames of an embedded clip once more, from another side: the same person, speech and face, the head at one pose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tfg.clip.synthetic.expression import coefficients
from tfg.clip.synthetic.mesh import make_person_mesh
from tfg.clip.synthetic.motion import motion_of
from tfg.clip.synthetic.person import make_person
from tfg.clip.synthetic.render import FrameRenderer
from tfg.clip.synthetic.shade import WITH_CAMERA
from tfg.clip.synthetic.specification import SyntheticClip
from tfg.clip.synthetic.speech import MOUTH_PARAMETERS, make_spoken_track
from tfg.types import Bools, Bytes, Floats

LightsStay = Literal["world", "camera"]  # what lights stand still with while the camera goes round the head


@dataclass(frozen=True, kw_only=True)
class Retake:
    """n frames as they look at one pose; nothing of them was encoded."""

    images: Bytes  # (n, size, size, 3) head, torso and wall
    head: Bools  # (n, size, size)
    torso: Bools  # (n, size, size)
    eyes: Bools  # (n, size, size) any part of an open eye
    depth: Floats  # (n, size, size) head units along the camera's axis; NaN where the head's surface is not
    landmarks: Floats  # (n, 68, 2) pixels


class Retakes:
    """Draws one clip's person; holds what does not change from pose to pose."""

    def __init__(self, spec: SyntheticClip) -> None:
        motion, track = motion_of(spec), make_spoken_track(spec.speech_seed, spec.num_frames)
        self._renderer = FrameRenderer(make_person_mesh(make_person(spec.identity_seed), spec.size), spec.size)
        self._weights = coefficients(track.mouth, motion.upper)
        self._tongue = track.mouth[:, MOUTH_PARAMETERS.index("tongue")]
        self._gaze = motion.gaze

    def take(self, frames: NDArray[np.int64], rotation: Floats, translation: Floats, lights: LightsStay) -> Retake:
        """Some frames (n,) of the clip at one pose (3, 3), (3,)."""
        turn = rotation.astype(np.float64)
        lit = WITH_CAMERA.turned(turn) if lights == "world" else WITH_CAMERA
        drawn = [
            self._renderer.draw(
                self._weights[frame],
                turn,
                translation.astype(np.float64),
                self._gaze[frame],
                float(self._tongue[frame]),
                lit,
                surfaces=True,
            )
            for frame in frames
        ]
        surfaces = [one.surfaces for one in drawn if one.surfaces is not None]
        return Retake(
            images=np.stack([one.image for one in drawn]),
            head=np.stack([one.head for one in drawn]),
            torso=np.stack([one.torso for one in drawn]),
            eyes=np.stack([one.eyes for one in surfaces]),
            depth=np.stack([one.depth for one in surfaces]),
            landmarks=np.stack([one.landmarks for one in drawn]),
        )
