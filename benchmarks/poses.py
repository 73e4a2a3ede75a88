"""Head poses by landmarks alone and with keypoints. `python -m benchmarks.poses [--out FILE]`, with TFG_ASSETS.

Real people: five seconds and the held-out end of each, at the largest size of the face. A quarter of the keypoints is left out of
the fit; given the poses each of them has one best place in head space, and the error is how far it is from where it was followed to.
A pose that trembles moves all of them. Embedded people, whose cameras are known: landmarks are the true ones with white noise as
large as what MediaPipe's leave on real people (0.5 % of the eye distance), and the error is of the turn from frame to frame.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from analysis.stats import estimate
from benchmarks.timing import machine
from experiments import people
from tfg import overrides, parts, picture_size
from tfg.features.cameras import CameraFit, fit_cameras
from tfg.features.keypoints import Keypoints, find_keypoints, greys
from tfg.features.portrait import frame_face
from tfg.features.pose_fit import Problem, Solution, locate_points, project
from tfg.features.sidecar import read_sidecar
from tfg.features.stabilise import stabilised
from tfg.landmarks import eye_distance
from tfg.metrics.head_motion import jitter
from tfg.record import provenance
from tfg.selection import features_of
from tfg.types import FPS, Floats

TUNING = {
    "p05": people.SEGMENT["p05"],
    "p07": people.SEGMENT["p07"],
    "p10": ("people/p10.mp4", 5, 8),
    "p01": ("people/p01.mp4", 5, 10),
}
TESTING = people.of("p03", "p04", "p06", "p08", "p09", "p11", "german")
IDENTITIES = (0, 1, 2)
LEFT_OUT = 0.25  # of the keypoints
NOISE = 0.005  # of the eye distance
SECONDS = 5.0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file too")
    options = parser.parse_args(arguments)
    if "TFG_ASSETS" not in os.environ:
        parser.error("set TFG_ASSETS to the folder of real videos")
    text = "\n".join(_report()) + "\n"
    print(text)
    if options.out is not None:
        options.out.write_text(text)
    return 0


def _report() -> Iterator[str]:
    yield from ("# Head poses by landmarks alone and with keypoints", "", __doc__.split("\n\n", 1)[1].strip(), "")
    commit, dirty = provenance.commit()
    here = machine()
    cpu = f"{here['processor']}, {here['instructions']}"
    yield from (f"Commit {commit}{', changed' if dirty else ''}; {cpu}. Brackets: 95 % t interval over people.", "")
    yield (
        "| person | px | keypoints a frame | error of those left out, px: landmarks, with keypoints | ratio "
        "| jitter, degrees/frame^2 |"
    )
    yield "|---|--:|--:|--:|--:|--:|"
    ratios: dict[str, list[float]] = {"tuning": [], "testing": []}
    for group, chosen in (("tuning", TUNING), ("testing", TESTING)):
        for person, place in chosen.items():
            cells, ratio = _real(place)
            ratios[group].append(ratio)
            yield f"| {person} | {' | '.join(cells)} |"
    for group, found in ratios.items():
        mean = estimate(found)
        yield f"| {group}, mean | | | | {mean.mean:.2f} [{mean.low:.2f}, {mean.high:.2f}] | |"
    yield from (
        "",
        "| embedded identity | error of the turn, degrees: landmarks, with keypoints | ratio |",
        "|---|--:|--:|",
    )
    for identity in IDENTITIES:
        before, after = _embedded(identity)
        yield f"| {identity} | {before:.3f}, {after:.3f} | {after / before:.2f} |"


def _real(place: people.Place) -> tuple[list[str], float]:
    file, start, held_out = place
    given = [f"clip.path={people.FOLDER}/{file}", f"split.held_out={held_out}", *overrides.UNTRAINED]
    config = overrides.composed(overrides.complete(given))
    size = picture_size.SIZES[-1]
    clip = replace(parts.open_clip(config), size=size)
    features = frame_face(features_of(None, parts.construct(config.face, "face"), None, clip), "auto")
    side = features.clip.crop.side
    size = max(fitting for fitting in picture_size.SIZES if fitting <= max(side, picture_size.SIZES[0]))
    features = replace(features, clip=replace(features.clip, size=size))
    first, count = round(start * FPS), round(SECONDS * FPS)
    stop = features.clip.num_frames
    frames = np.concatenate([np.arange(first, first + count), np.arange(features.clip.num_reference_frames, stop)])
    landmarks = features.clip.to_clip(np.concatenate([features.track(a, b).landmarks for a, b in _runs(frames)]))
    known = np.isfinite(landmarks).all(axis=(1, 2))
    grey = np.concatenate([greys(features.clip.frames(a, b)) for a, b in _runs(frames)])[known]
    frames, landmarks = frames[known], landmarks[known]
    fitted = frames < first + count
    fit = fit_cameras(landmarks, size, frames=frames, fitted=fitted)
    points = find_keypoints(grey, landmarks, fit.cameras.rotation, fitted)
    judged = np.random.default_rng(0).random(len(points.key)) < LEFT_OUT
    better = stabilised(fit, landmarks, points.take(~judged), frames, fitted)
    errors = [_error(found, points.take(judged)) for found in (fit, better)]
    jitters = ", ".join(f"{_jitter(found.cameras.rotation, frames):.2f}" for found in (fit, better))
    cells = [
        str(size),
        f"{points.seen.sum(axis=1).mean():.0f}",
        f"{errors[0]:.2f}, {errors[1]:.2f}",
        f"{errors[1] / errors[0]:.2f}",
        jitters,
    ]
    return cells, errors[1] / errors[0]


def _runs(frames: np.ndarray) -> list[tuple[int, int]]:
    cuts = np.flatnonzero(np.diff(frames) != 1) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(frames, cuts)]


def _error(fit: CameraFit, points: Keypoints) -> float:
    """Median distance in pixels of points from where their best places are seen."""
    cameras = fit.cameras
    places = points.places.astype(np.float64) - cameras.size / 2
    poses = Solution(
        rotation=cameras.rotation.astype(np.float64),
        translation=cameras.translation.astype(np.float64),
        shape=np.zeros((len(points.key), 3)),
        log_focal=float(np.log(cameras.focal)),
    )
    middle = fit.face_shape.mean(axis=0).astype(np.float64)
    problem = Problem(
        points=places,
        weights=points.seen.astype(np.float64),
        noise=1.0,
        huber=1.5,
        generic=np.broadcast_to(middle, poses.shape.shape),
        shape_sigma=1.0,  # anywhere in the head
        focal=cameras.focal,
        focal_sigma=1.0,
    )
    found = locate_points(problem, poses, steps=20)
    away = np.linalg.norm(places - project(poses.rotation, poses.translation, found, cameras.focal), axis=2)
    return float(np.median(away[points.seen]))


def _jitter(rotation: Floats, frames: np.ndarray) -> float:
    inside = (np.diff(frames)[1:] == 1) & (np.diff(frames)[:-1] == 1)
    return float(np.median(jitter(rotation.astype(np.float64))[1:-1][inside]))


def _turns(rotation: Floats) -> np.ndarray:
    """(n - 1, 3) rotation vectors from frame to frame, degrees."""
    return np.degrees(Rotation.from_matrix(rotation[1:] @ rotation[:-1].transpose(0, 2, 1)).as_rotvec())


def _embedded(identity: int) -> tuple[float, float]:
    """Median error of the turn from frame to frame in degrees, by landmarks and with keypoints."""
    given = [
        f"clip.synthetic.identity_seed={identity}",
        "clip.synthetic.seconds=16",
        "clip.size=256",
        *overrides.UNTRAINED,
    ]
    clip = parts.open_clip(overrides.composed(overrides.complete(given)))
    count = round(SECONDS * FPS)
    truth = read_sidecar(clip, ("landmarks", "rotation"), "face=sidecar")
    true, rotation = clip.to_clip(truth["landmarks"][:count]), truth["rotation"][:count]
    noise = NOISE * float(np.median(eye_distance(true)))
    landmarks = (true + np.random.default_rng(identity).normal(0, noise, true.shape)).astype(np.float32)
    fit = fit_cameras(landmarks, clip.size)
    grey = greys(clip.frames(0, count))
    every = np.ones(count, bool)
    points = find_keypoints(grey, landmarks, fit.cameras.rotation, every)
    better = stabilised(fit, landmarks, points, np.arange(count), every)
    before, after = (
        float(np.median(np.linalg.norm(_turns(found.cameras.rotation) - _turns(rotation), axis=1)))
        for found in (fit, better)
    )
    return before, after


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
