"""Landmarks of candidates: read once per stretch of overlapping candidates, gaps interpolated or the candidate rejected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from tfg.selectors.base import Candidates, CandidateScore
from tfg.selectors.motion import MotionComplexity, SegmentMotion
from tfg.types import Bools, FaceTrack, Floats, InputError

Measured = TypeVar("Measured")


@dataclass(frozen=True, kw_only=True)
class Rejected:
    reason: str


def score_motion(
    candidates: Candidates, starts: Sequence[int], motion: MotionComplexity, signals: str
) -> dict[int, SegmentMotion | Rejected]:
    """MC of each candidate in `starts`, or why it has none; InputError when none of them has one."""

    def measure(track: FaceTrack) -> SegmentMotion | Rejected:
        landmarks = complete_landmarks(track, 0, len(track.num_faces), motion.max_missing)
        return landmarks if isinstance(landmarks, Rejected) else motion.of(landmarks, signals)

    return score_faces(candidates, starts, measure, "selector.motion.max_missing")


def score_faces(
    candidates: Candidates, starts: Sequence[int], measure: Callable[[FaceTrack], Measured | Rejected], limit: str
) -> dict[int, Measured | Rejected]:
    """`measure` of the face in each candidate of `starts`; InputError, which names the key `limit`, when all are rejected."""
    found: dict[int, Measured | Rejected] = {}
    for first, last in stretches(starts, candidates.num_frames):
        track = candidates.face(first, last)
        for start in sorted(starts):
            if first <= start and start + candidates.num_frames <= last:
                found[start] = measure(track.rows(start - first, start - first + candidates.num_frames))
    rejected = [outcome for outcome in found.values() if isinstance(outcome, Rejected)]
    if len(rejected) == len(found):
        raise InputError(
            f"{candidates.where}: all {len(found)} candidates looked at were rejected, the first because of {rejected[0].reason}; use "
            f"a clip that shows one face throughout, or raise {limit}"
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
    part = track.rows(start, stop)
    if (unclear := too_few_clear(part, max_missing)) is not None:
        return unclear
    landmarks, missing = part.landmarks, ~clear_frames(part)
    if not missing.any():
        return landmarks
    rows = np.arange(stop - start)
    known = np.flatnonzero(~missing)
    flat = landmarks.reshape(len(rows), -1)
    filled = np.stack([np.interp(rows, known, column[known]) for column in flat.T], axis=1)
    return filled.reshape(landmarks.shape).astype(np.float32)


def clear_frames(track: FaceTrack) -> Bools:
    """(n,) frames with exactly one face."""
    return (track.num_faces == 1) & np.isfinite(track.landmarks).all(axis=(1, 2))


def too_few_clear(track: FaceTrack, max_missing: int) -> Rejected | None:
    """Why a candidate with this track drops out, None where at most `max_missing` of its frames, and not all, are unclear."""
    missing = ~clear_frames(track)
    if missing.sum() <= max_missing and not missing.all():
        return None
    first = int(np.flatnonzero(missing)[0])
    what = "more than one face" if track.num_faces[first] > 1 else "no face"
    return Rejected(
        reason=f"{what} in frame {track.start + first}: {missing.sum()} of {len(missing)} frames without one clear face, "
        f"{max_missing} allowed"
    )


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
