"""How the embedded clip's head moves: pose, blinks, brows and gaze from smooth seeded processes, independent of the speech."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfg.clip.synthetic.arithmetic import (
    cos,
    dot,
    interpolated,
    length,
    normal,
    product,
    sin,
    smoothed,
    snapped,
    tanh,
    uniform,
)
from tfg.clip.synthetic.specification import SyntheticClip
from tfg.types import FPS, Floats

# Yaw, pitch, roll in degrees; x, y, z shift in head units: no frame goes beyond.
POSE_LIMITS = np.array([12.0, 8.0, 6.0, 0.07, 0.045, 0.16])

_PIVOT = np.array([0.0, 0.95, 0.95])  # head space: the top of the neck, about which a head turns
_SLOW_SECONDS, _QUICK_SECONDS = 0.9, 0.3  # widths of the two smoothing kernels that mix into every motion
_SACCADE_SECONDS = 0.04


@dataclass(frozen=True, kw_only=True)
class HeadMotion:
    pose: NDArray[np.float64]  # (n, 6) in the order of POSE_LIMITS
    upper: Floats  # (n, 7) in [0, 1], tfg.types.UPPER_FACE order
    gaze: Floats  # (n, 2) radians of the eyes in the head: to the image's right, down


def motion_of(spec: SyntheticClip) -> HeadMotion:
    """The clip's motion; after `motion_seconds` all of it starts anew."""
    seconds = (spec.motion_seconds or spec.seconds, spec.poses_seconds or spec.motion_seconds or spec.seconds)
    once, posed = (round(length * FPS) for length in seconds)
    motion = make_head_motion(spec.motion_seed, once, spec.num_poses, posed)
    again = np.arange(spec.num_frames) % once
    return HeadMotion(pose=motion.pose[again], upper=motion.upper[again], gaze=motion.gaze[again])


def make_head_motion(seed: int, num_frames: int, num_poses: int | None, num_posed: int | None = None) -> HeadMotion:
    """Motion of `num_frames` frames; with `num_poses` the head visits exactly that many poses, in the first `num_posed` if given."""
    streams = [np.random.default_rng([seed, 2, stream]) for stream in range(4)]
    pose = np.stack([limit * tanh(0.55 * _wander(streams[0], num_frames)) for limit in POSE_LIMITS], axis=1)
    if num_poses is not None:
        pose = np.concatenate([_visit(pose[:num_posed], num_poses, streams[1]), pose[len(pose[:num_posed]) :]])
    return HeadMotion(pose=pose, upper=_upper_face(streams[2], num_frames), gaze=_gaze(streams[3], pose))


def rotations(pose: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3, 3) camera from head: roll first, then pitch (chin down is positive), then yaw (to the image's right is positive)."""
    yaw, pitch, roll = np.deg2rad(pose[:, :3].T)
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)

    def stack(*entries: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack(entries, axis=1).reshape(-1, 3, 3)

    turn = stack(cos(yaw), zero, -sin(yaw), zero, one, zero, sin(yaw), zero, cos(yaw))
    nod = stack(one, zero, zero, zero, cos(pitch), -sin(pitch), zero, sin(pitch), cos(pitch))
    tilt = stack(cos(roll), -sin(roll), zero, sin(roll), cos(roll), zero, zero, zero, one)
    return product(product(turn, nod), tilt)


def translations(
    pose: NDArray[np.float64], rotation: NDArray[np.float64], rest: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, 3): the head's shift from `rest` (3,), turning about the top of the neck."""
    return rest + pose[:, 3:] + _PIVOT - dot(rotation, _PIVOT)


def _wander(rng: np.random.Generator, num_frames: int) -> NDArray[np.float64]:
    """(num_frames,) smooth noise of unit variance."""
    signal = np.zeros(num_frames)
    for seconds, share in ((_SLOW_SECONDS, 0.9), (_QUICK_SECONDS, 0.44)):
        width = seconds * FPS
        noise = normal(rng, num_frames + 2 * int(5 * width))
        smooth = smoothed(noise, width)[int(5 * width) :][:num_frames]
        signal += share * smooth * np.sqrt(2 * width * np.sqrt(np.pi))
    return signal


def _visit(pose: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The same motion through `count` of its own poses: every frame takes the nearest (k-medoids from farthest points)."""
    points = snapped(pose / POSE_LIMITS)
    chosen = [int(rng.integers(len(points)))]
    distance = length(points - points[chosen[0]])
    while len(chosen) < count:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, length(points - points[chosen[-1]]))
    centres = points[chosen]
    for _ in range(5):
        nearest = length(points[:, None] - centres).argmin(axis=1)
        for index in range(count):
            members = points[nearest == index]
            centres[index] = members[length(members - members.mean(axis=0)).argmin()]
    return (centres * POSE_LIMITS)[length(points[:, None] - centres).argmin(axis=1)]


def _events(rng: np.random.Generator, num_frames: int, shortest: float, longest: float) -> list[float]:
    """Seconds of events with uniformly drawn gaps."""
    times, last = [], uniform(rng, 0.3, longest)
    while last < num_frames / FPS:
        times.append(last)
        last += uniform(rng, shortest, longest)
    return times


def _upper_face(rng: np.random.Generator, num_frames: int) -> Floats:
    moments = (np.arange(num_frames) + 0.5) / FPS
    blink = 0.04 + 0.02 * tanh(_wander(rng, num_frames))
    for start in _events(rng, num_frames, 1.4, 4.6):
        peak = uniform(rng, 0.9, 1.0)
        profile = interpolated(moments - start, [0.0, 0.09, 0.14, 0.32], [0.0, 1.0, 1.0, 0.0])
        blink = np.maximum(blink, peak * profile)
    raised = 0.06 + 0.05 * tanh(_wander(rng, num_frames))
    lowered = 0.05 + 0.04 * tanh(_wander(rng, num_frames))
    for start in _events(rng, num_frames, 2.0, 6.0):
        length, peak = uniform(rng, 0.5, 1.4), uniform(rng, 0.35, 0.95)
        profile = interpolated(moments - start, [0.0, 0.2, 0.2 + length, 0.6 + length], [0.0, 1.0, 0.9, 0.0])
        target = raised if rng.random() < 0.65 else lowered
        target += peak * smoothed(profile, 1.2)
    tilt = 0.25 * tanh(_wander(rng, num_frames))  # one brow higher than the other
    left, right = 1 + tilt, 1 - tilt
    upper = [lowered * right, lowered * left, raised, raised * 0.8 * left, raised * 0.8 * right, blink, blink]
    return np.clip(np.stack(upper, axis=1), 0.0, 1.0).astype(np.float32)


def _gaze(rng: np.random.Generator, pose: NDArray[np.float64]) -> Floats:
    """(n, 2) radians: glances held for a while, mostly at the camera, whatever the head does."""
    num_frames = len(pose)
    moments = (np.arange(num_frames) + 0.5) / FPS
    glance = np.zeros((num_frames, 2))
    times = [0.0, *_events(rng, num_frames, 0.5, 2.6)]
    targets = normal(rng, (len(times), 2)) * [0.10, 0.05] * (rng.random((len(times), 1)) < 0.6)
    for index in range(1, len(times)):
        moved = np.clip((moments - times[index]) / _SACCADE_SECONDS, 0.0, 1.0)[:, None]
        glance = glance + moved * (targets[index] - targets[index - 1])
    return (glance - 0.75 * np.deg2rad(pose[:, :2])).astype(np.float32)
