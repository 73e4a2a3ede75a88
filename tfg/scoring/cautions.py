"""When a lip measure cannot be trusted: too few frames, a reader's noise, lips that follow the pose, a listener that cannot tell.

Mouth r and the listener may contradict each other; these sentences say which of them is not to be trusted on a clip, and why. And one
of what a viewer sees at once: a head that does not blink.
"""

from __future__ import annotations

import numpy as np

from tfg.landmarks import mouth_opening
from tfg.record.results import Metrics
from tfg.scoring.gains import LISTENER, apart_by_listener
from tfg.statistics import bootstrap
from tfg.statistics.measures import OPENINGS, measure
from tfg.types import Floats

WIDEST = 0.5  # of an interval of r: wider, it says little more than the sign
LEAST_READ = 0.9  # r of the truth's openings read at the scored size and at the video's own
FARTHEST = 1  # frames: the listener's offset of the truth
FEWEST_WINDOWS = 100
BLINKS, LIDS = "blink_rate", "lid_amplitude"


def cautions(
    run: Metrics, mute: Metrics | None, truth: Metrics, read: float | None, rigid: float | None
) -> dict[str, list[str]]:
    """Measure -> sentences; without an entry where nothing speaks against it.

    `read`: `agreement_of_readings`; None where both readings are one. `rigid`: r of a mouth that does not move in the head
    (tfg/scoring/pose_gap.py); None where it has none.
    """
    found = {
        OPENINGS: _of_lips(run, mute, truth, read, rigid),
        LISTENER: _of_listener(run, mute, truth),
        BLINKS: _of_blinks(run, truth),
    }
    return {name: said for name, said in found.items() if said}


def agreement_of_readings(scored: Floats, native: Floats) -> float | None:
    """Pearson's r of the truth's mouth openings by two readings (n, 68, 2); None where one of them does not move."""
    pair = bootstrap.kept(np.stack([mouth_opening(points).astype(np.float64) for points in (scored, native)]))
    return None if pair.shape[1] < 2 or (pair.std(axis=1) < 1e-6).any() else float(bootstrap.correlation(pair))


def _of_lips(run: Metrics, mute: Metrics | None, truth: Metrics, read: float | None, rigid: float | None) -> list[str]:
    if not _has(run, OPENINGS):
        return []
    said = []
    found, count = measure(OPENINGS, run, truth), len(run[OPENINGS]["per_frame"])
    interval = None if found is None else found.interval()
    if interval is None:
        said.append(f"{count} frames are too few for an interval")
    elif interval.high - interval.low > WIDEST:
        said.append(f"its 95 % interval over {count} frames is {_span(interval)}")
    if read is not None and read < LEAST_READ:
        said.append(f"the truth's openings read at this size and at the video's own correlate at {read:.2f} only")
    if mute is not None and _has(mute, OPENINGS):
        silent = measure(OPENINGS, mute, truth)
        pose = None if silent is None else silent.interval()
        if pose is not None and (pose.low > 0 or pose.high < 0):
            share = mute["mouth_amplitude"]["value"]
            moved = "" if share is None else f" at {share:.2f} of the truth's amplitude"
            beside = "" if rigid is None else f"; a mouth that is rigid in the head has {rigid:+.2f} at these poses"
            said.append(
                f"the head's pose moves its lips: the mute control has r {pose.value:+.2f} {_span(pose)}{moved}{beside}"
            )
    return said


def _of_listener(run: Metrics, mute: Metrics | None, truth: Metrics) -> list[str]:
    if not _has(run, LISTENER) or not _has(truth, LISTENER):
        return []
    said = []
    windows = sum(frame is not None for frame in run[LISTENER]["per_frame"])
    if windows < FEWEST_WINDOWS:
        said.append(f"only {windows} windows were scored")
    offset = truth["sync_offset_listener"]["value"]
    if abs(offset) > FARTHEST:
        said.append(f"it finds the truth itself {offset:+.0f} frames out of sync")
    if mute is not None and _has(mute, LISTENER):
        apart = apart_by_listener(truth, mute)
        if apart is None or apart.low <= 0:
            found = "no interval" if apart is None else f"{apart.value:+.3f} {_span(apart, 3)}"
            said.append(f"it does not tell the truth from the mute control (difference {found})")
    return said


def _of_blinks(run: Metrics, truth: Metrics) -> list[str]:
    if not _has(run, BLINKS) or not _has(truth, BLINKS) or run[BLINKS]["value"] > 0 or truth[BLINKS]["value"] == 0:
        return []
    moved = f", its lids move {run[LIDS]['value']:.2f} of the truth's way" if _has(run, LIDS) else ""
    return [f"the head does not blink, the person does {truth[BLINKS]['value']:.0f} times a minute{moved}"]


def _has(metrics: Metrics, name: str) -> bool:
    return name in metrics and metrics[name]["value"] is not None


def _span(found: bootstrap.Estimate, digits: int = 2) -> str:
    return f"[{found.low:.{digits}f}, {found.high:.{digits}f}]"
