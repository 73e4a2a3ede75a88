"""How far the held-out part lies from what training showed: in head pose, and in the range of mouth, lids and brows.

And how much of its mouth a pose alone shows: people nod as they speak, so that a mouth which is rigid in the head opens and closes
in the picture with the true one.

Describes a run; nothing is ever selected or trained by it. PSNR follows it more than anything a selector can be praised for: over six
segments of the embedded clip, face PSNR and the mean angle correlated at -0.97.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfg.features.pose_fit import project
from tfg.landmarks import MOUTH_CORNERS, eye_distance, mouth_opening
from tfg.metrics.base import MetricValue, mean
from tfg.rotations import nearest_angles
from tfg.types import UPPER_FACE, Bools, Floats, Portrait

NEAR_DEGREES = 5.0
FEWEST_NEAR = 25  # frames: 1 s
BINNED = ("psnr_face", "psnr_mouth", "ssim_face", "lpips_face", "identity")  # means over frames
BINS = (0, 2, 4, 6, 8, 12, 16, 24, 181)  # degrees to the nearest training pose
RANGE = (2, 98)  # percentiles
DEFINITIONS = {
    "mean_degrees": "mean over held-out frames of the angle of the turn to the training frame of nearest head rotation, degrees",
    "p90_degrees": "90th percentile of the same",
    "mean_shift": "mean over held-out frames of the distance to the nearest head position of the training part, in distances between "
    "the outer eye corners",
    "p90_shift": "90th percentile of the same",
    "mouth_coverage": "share of the held-out range of mouth opening that the training part's range covers; a range is from the "
    f"{RANGE[0]}nd to the {RANGE[1]}th percentile",
    "width_coverage": "the same of the distance between the mouth's corners",
    "blink_coverage": "the same of the mean blink value of both eyes",
    "brow_coverage": "the same of the mean value of the brow blendshapes",
    "rigid_mouth_r": "Pearson's r of the held-out part's mouth opening with that of the mean face, rigid under the same poses",
    "rigid_mouth_amplitude": "standard deviation of the opening of that rigid mouth, as a share of the true one's",
}
_STILL = 1e-4  # pixels of standard deviation
_BLINKS = [index for index, name in enumerate(UPPER_FACE) if "Blink" in name]
_BROWS = [index for index, name in enumerate(UPPER_FACE) if "brow" in name.lower()]


def angles(train: Portrait, test: Portrait) -> NDArray[np.float64]:
    """(n,) degrees from each test frame to the training frame of nearest head rotation."""
    return nearest_angles(test.cameras.rotation, train.cameras.rotation)


def pose_gap(train: Portrait, test: Portrait) -> dict[str, float | None]:
    """The numbers of DEFINITIONS; a coverage is None where the held-out part does not move there."""
    turned = angles(train, test)
    places = [p.cameras.translation.astype(np.float64) for p in (train, test)]
    moved = np.array([np.sqrt(((places[0] - place) ** 2).sum(axis=1).min()) for place in places[1]])
    found: dict[str, float | None] = {
        "mean_degrees": float(turned.mean()),
        "p90_degrees": float(np.percentile(turned, 90)),
        "mean_shift": float(moved.mean()),
        "p90_shift": float(np.percentile(moved, 90)),
    }
    for name, signal in (
        ("mouth", lambda p: mouth_opening(p.landmarks, "run")),
        ("width", lambda p: _width(p.landmarks)),
        ("blink", lambda p: p.upper[:, _BLINKS].mean(axis=1)),
        ("brow", lambda p: p.upper[:, _BROWS].mean(axis=1)),
    ):
        found[f"{name}_coverage"] = coverage(signal(train), signal(test))
    return found | rigid_mouth(test)


def rigid_mouth(test: Portrait) -> dict[str, float | None]:
    """The two numbers of a mouth that does not move in the head; None where the true mouth or the head does not move."""
    cameras = test.cameras
    rotation, translation, shape = (
        values.astype(np.float64) for values in (cameras.rotation, cameras.translation, test.face_shape)
    )
    placed = project(rotation, translation, shape, cameras.focal)
    rigid, true = (mouth_opening(points).astype(np.float64) for points in (placed, test.landmarks))
    if true.std() < _STILL:
        return {"rigid_mouth_r": None, "rigid_mouth_amplitude": None}
    r = None if rigid.std() < _STILL else float(np.corrcoef(rigid, true)[0, 1])
    return {"rigid_mouth_r": r, "rigid_mouth_amplitude": float(rigid.std() / true.std())}


def coverage(train: NDArray[np.floating[Any]], test: NDArray[np.floating[Any]]) -> float | None:
    """Share of the range of (m,) test values inside the range of (n,) training values; None where the test values are all alike."""
    (low, high), (first, last) = (np.percentile(values, RANGE) for values in (train, test))
    if last - first < 1e-9:
        return None
    return float(max(0.0, min(high, last) - max(low, first)) / (last - first))


def near(psnr: MetricValue, turned: NDArray[np.float64]) -> MetricValue:
    """`psnr_face_near`: face PSNR over the frames within NEAR_DEGREES of a training pose; (n,) angles in degrees."""
    said = f"within {NEAR_DEGREES:g} degrees of a training pose"
    return of_frames(psnr, turned <= NEAR_DEGREES, f"{psnr.facts.title} near", said)


def of_frames(value: MetricValue, chosen: Bools, title: str, said: str) -> MetricValue:
    """A mean over frames, of `chosen` (n,) frames alone, which lie as is `said`; unavailable where they are fewer than FEWEST_NEAR."""
    facts, definition = replace(value.facts, title=title), f"of the frames {said}; {value.definition}"
    if value.per_frame is None:
        return replace(value, facts=facts, definition=definition)
    kept = tuple(number if row else None for number, row in zip(value.per_frame, chosen, strict=True))
    known = [number for number in kept if number is not None]
    if len(known) < FEWEST_NEAR:
        why = f"{len(known)} of {len(chosen)} frames lie {said}, {FEWEST_NEAR} are needed"
        return replace(value, facts=facts, definition=definition, value=None, per_frame=None, unavailable=why)
    return replace(value, facts=facts, definition=definition, value=mean(np.array(known)).value, per_frame=kept)


def by_distance(values: dict[str, MetricValue], turned: NDArray[np.float64]) -> dict[str, MetricValue]:
    """BINNED over the frames of each range of distance to the training poses, (n,) degrees, that has some: `psnr_face_pose4to6`."""
    found = {}
    for name in (name for name in BINNED if name in values):
        for low, high in pairwise(BINS):
            chosen = (turned >= low) & (turned < high)
            said = f"{low} to {high} degrees from the nearest training pose"
            if chosen.any():
                title = f"{values[name].facts.title}, {low} to {high} degrees away"
                found[f"{name}_pose{low}to{high}"] = of_frames(values[name], chosen, title, said)
    return found


def _width(landmarks: Floats) -> Floats:
    """(n,) distance of the mouth's corners over the run's median eye distance."""
    first, last = MOUTH_CORNERS
    width = np.linalg.norm(landmarks[:, first] - landmarks[:, last], axis=-1)
    return np.asarray(width / np.median(eye_distance(landmarks)))
