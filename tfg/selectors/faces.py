"""Landmarks of candidates: read once per stretch of overlapping candidates, gaps interpolated or the candidate rejected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfg.selectors.base import Candidates, CandidateScore
from tfg.selectors.motion import MotionComplexity, SegmentMotion
from tfg.types import FaceTrack, Floats, InputError


@dataclass(frozen=True, kw_only=True)
class Rejected:
    reason: str


def score_motion(
    candidates: Candidates, starts: Sequence[int], motion: MotionComplexity, signals: str
) -> dict[int, SegmentMotion | Rejected]:
    """MC of each candidate in `starts`, or why it has none; InputError when none of them has one."""
    found: dict[int, SegmentMotion | Rejected] = {}
    for first, last in stretches(starts, candidates.num_frames):
        track = candidates.face(first, last)
        for start in sorted(starts):
            if first <= start and start + candidates.num_frames <= last:
                landmarks = complete_landmarks(
                    track, start - first, start - first + candidates.num_frames, motion.max_missing
                )
                found[start] = landmarks if isinstance(landmarks, Rejected) else motion.of(landmarks, signals)
    rejected = [outcome for outcome in found.values() if isinstance(outcome, Rejected)]
    if len(rejected) == len(found):
        raise InputError(
            f"{candidates.where}: all {len(found)} candidates looked at were rejected, the first because of {rejected[0].reason}; use "
            "a clip that shows one face throughout, or raise selector.motion.max_missing"
        )
    return found


def stretches(starts: Sequence[int], num_frames: int) -> list[tuple[int, int]]:
    """The frames of all candidates as disjoint ranges [first, last), so that none is read twice."""
    merged: list[tuple[int, int]] = []
    for start in sorted(starts):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], start + num_frames))
        else:
            merged.append((start, start + num_frames))
    return merged


def complete_landmarks(track: FaceTrack, start: int, stop: int, max_missing: int) -> Floats | Rejected:
    """(n, 68, 2) of rows [start, stop) of a track, missing frames filled linearly in time (ends held), or the reason why not.

    A frame counts as missing where there is not exactly one face: with two, whose lips these are is anyone's guess. The
    limit is on all missing frames of the candidate, since filling in removes high frequencies and so flatters it.
    """
    landmarks = track.landmarks[start:stop]
    num_faces = track.num_faces[start:stop]
    missing = (num_faces != 1) | ~np.isfinite(landmarks).all(axis=(1, 2))
    if missing.sum() > max_missing or missing.all():
        first = int(np.flatnonzero(missing)[0])
        what = "more than one face" if num_faces[first] > 1 else "no face"
        return Rejected(
            reason=f"{what} in frame {track.start + start + first}: {missing.sum()} of {stop - start} frames without one "
            f"clear face, {max_missing} allowed"
        )
    if not missing.any():
        return landmarks
    rows = np.arange(stop - start)
    known = np.flatnonzero(~missing)
    flat = landmarks.reshape(len(rows), -1)
    filled = np.stack([np.interp(rows, known, column[known]) for column in flat.T], axis=1)
    return filled.reshape(landmarks.shape).astype(np.float32)


def motion_score(
    start: int,
    outcome: SegmentMotion | Rejected,
    score: float | None,
    diversity: float | None = None,
    extras: dict[str, float] | None = None,
) -> CandidateScore:
    """The record of one candidate whose face was read."""
    if isinstance(outcome, Rejected):
        return CandidateScore(start=start, diversity=diversity, note=outcome.reason, extras=extras)
    return CandidateScore(
        start=start,
        diversity=diversity,
        motion_complexity=outcome.complexity,
        score=score,
        note="nothing moves: motion complexity set to 0" if outcome.still else None,
        extras={**(extras or {}), "motion_amplitude_pixels": outcome.amplitude},
    )
