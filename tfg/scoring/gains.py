"""What speech itself gains: the run minus its mute control, frame by frame, with an interval; and a verdict in one line."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tfg.metrics.base import MetricFacts
from tfg.record.metrics import IDENTICAL_DB, OFF
from tfg.record.results import Metrics
from tfg.statistics import bootstrap
from tfg.statistics.bootstrap import Series, Statistic
from tfg.statistics.measures import measure

SHARE, LISTENER = "sync_share", "sync_c_listener"
DIFFERENCES = ("psnr_mouth", "lmd", "mouth_correlation", LISTENER)
METHOD = (
    "over the held-out frames that have a number in each; 95 % interval by the moving-block bootstrap (docs/metrics.md)"
)
SHARE_FACTS = MetricFacts(title="Share of the truth's sync", better="up", digits=2)
_OF_MEANS = "no interval: the records hold no numbers per frame that these are means of; over the frames of each"


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Exactly one of `value` and `unavailable` is set; an interval only beside a value."""

    definition: str
    facts: MetricFacts
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unavailable: str | None = None

    @property
    def is_shown(self) -> bool:
        """Whether the interval lies on the better side of 0."""
        if self.low is None or self.high is None:
            return False
        return self.low > 0 if self.facts.better == "up" else self.high < 0

    @property
    def is_loss(self) -> bool:
        """Whether the interval lies on the worse side of 0."""
        if self.low is None or self.high is None:
            return False
        return self.high < 0 if self.facts.better == "up" else self.low > 0


def gains(run: Metrics, mute: Metrics | str, truth: Metrics) -> dict[str, Gain]:
    """DIFFERENCES and SHARE of a record's entries. `mute`: the same head under the mean training audio, or why it was not scored."""
    found = {name: _difference(name, run, mute, truth) for name in DIFFERENCES if name in run}
    if LISTENER in run:
        found[SHARE] = _share(run, mute, truth)
    return found


def verdict(found: dict[str, Gain]) -> str:
    """Whether speech helps the run, by the intervals of its gains: one line. What has no gain is not judged, which is no finding."""
    judged = [gain for name, gain in found.items() if name != SHARE]
    shown = [_said(gain) for gain in judged if gain.is_shown]
    lost = [_said(gain) for gain in judged if gain.is_loss]
    rest = [_said(gain) for gain in judged if gain.value is not None and not gain.is_shown and not gain.is_loss]
    absent = {gain.facts.title: str(gain.unavailable) for gain in judged if gain.value is None}
    if len(absent) == len(judged):
        why = "; ".join(dict.fromkeys(absent.values())) or "nothing that speech gains was scored"
        return f"speech is not judged: {why}"
    parts = [f"speech helps: {', '.join(shown)}" if shown else "speech is not shown to help"]
    parts += [f"it hurts: {', '.join(lost)}"] if lost else []
    parts += [f"not shown: {', '.join(rest)}"] if rest else []
    lacking = [title for title, why in absent.items() if OFF not in why]
    parts += [f"not judged: {', '.join(lacking)}"] if lacking else []
    return "; ".join(parts)


def as_json(found: dict[str, Gain]) -> dict[str, dict[str, object]]:
    """For records: every gain with its interval, reason, definition and facts."""
    return {
        name: {
            "value": gain.value,
            "low": gain.low,
            "high": gain.high,
            "unavailable": gain.unavailable,
            "definition": gain.definition,
            **asdict(gain.facts),
        }
        for name, gain in found.items()
    }


def apart_by_listener(truth: Metrics, mute: Metrics) -> bootstrap.Estimate | None:
    """The listener's score of the truth minus that of the mute control; None where there is no interval."""
    sides = (measure(LISTENER, truth, truth), measure(LISTENER, mute, truth))
    if sides[0] is None or sides[1] is None:
        return None
    return bootstrap.difference(sides[0].series, sides[1].series, bootstrap.mean)


def _said(gain: Gain) -> str:
    name = f"{gain.facts.title} {gain.facts.unit}".rstrip()
    digits = gain.facts.digits
    if gain.low is None or gain.high is None:
        return f"{name} {gain.value:+.{digits}f} (no interval)"
    return f"{name} {gain.value:+.{digits}f} [{gain.low:+.{digits}f}, {gain.high:+.{digits}f}]"


def _difference(name: str, run: Metrics, mute: Metrics | str, truth: Metrics) -> Gain:
    entry, definition = run[name], f"{name} of the run minus that of its mute control"
    facts = MetricFacts(**{key: entry[key] for key in ("title", "unit", "better", "digits")})
    if reason := _missing(name, {"run": run, "mute control": mute}):
        return Gain(definition=f"{definition}, {METHOD}", facts=facts, unavailable=reason)
    assert not isinstance(mute, str)
    first, second = measure(name, run, truth), measure(name, mute, truth)
    if first is None or second is None:
        apart = _number(run[name]) - _number(mute[name])
        return Gain(definition=f"{definition}; {_OF_MEANS}", facts=facts, value=apart)
    rows, statistic = len(first.series), first.statistic

    def minus(series: Series) -> Series:
        return np.asarray(statistic(series[:rows]) - statistic(series[rows:]))

    interval = bootstrap.difference(first.series, second.series, statistic)
    return _gain(f"{definition}, {METHOD}", facts, [first.series, second.series], minus, interval)


def _share(run: Metrics, mute: Metrics | str, truth: Metrics) -> Gain:
    """(run - mute) / (truth - mute) of the listener, only where the listener tells the truth from the mute control."""
    definition = (
        f"(run - mute control) / (truth - mute control) of {LISTENER}, comparable between clips, only where the listener tells the "
        "truth from the mute control by an interval without 0"
    )
    if reason := _missing(LISTENER, {"run": run, "mute control": mute, "truth": truth}):
        return Gain(definition=f"{definition}; {METHOD}", facts=SHARE_FACTS, unavailable=reason)
    assert not isinstance(mute, str)
    apart = apart_by_listener(truth, mute)
    if apart is None or apart.low <= 0:
        found = "no interval" if apart is None else f"{apart.value:.3f} [{apart.low:.3f}, {apart.high:.3f}]"
        why = f"the listener does not tell the truth from the mute control here (truth minus mute: {found})"
        return Gain(definition=f"{definition}; {METHOD}", facts=SHARE_FACTS, unavailable=why)
    sides = [side.series for metrics in (run, mute, truth) if (side := measure(LISTENER, metrics, truth)) is not None]
    if len(sides) < 3:
        scored, floor, ceiling = (_number(metrics[LISTENER]) for metrics in (run, mute, truth))
        value = (scored - floor) / (ceiling - floor)
        return Gain(definition=f"{definition}; {_OF_MEANS}", facts=SHARE_FACTS, value=value)
    interval = bootstrap.estimate(np.concatenate(sides), _ratio)
    return _gain(f"{definition}; {METHOD}", SHARE_FACTS, sides, _ratio, interval)


def _ratio(rows: Series) -> Series:
    scored, floor, ceiling = (row.mean(axis=-1) for row in rows)
    return np.asarray((scored - floor) / (ceiling - floor))


def _missing(name: str, sides: dict[str, Metrics | str]) -> str | None:
    """Why one of the numbers is not there."""
    if reasons := [metrics for metrics in sides.values() if isinstance(metrics, str)]:
        return reasons[0]
    for side, metrics in sides.items():
        assert not isinstance(metrics, str)
        if name not in metrics:
            return f"{name} is not among the scores of the {side}"
        if metrics[name]["value"] is None:
            return str(metrics[name]["unavailable"])
    return None


def _number(entry: dict[str, Any]) -> float:
    value = float(entry["value"])
    return IDENTICAL_DB if math.isinf(value) else value


def _gain(
    definition: str, facts: MetricFacts, sides: list[Series], statistic: Statistic, interval: bootstrap.Estimate | None
) -> Gain:
    """Number and interval of the same frames: those in which every side has a number."""
    if interval is not None:
        return Gain(definition=definition, facts=facts, value=interval.value, low=interval.low, high=interval.high)
    whole = bootstrap.kept(np.concatenate(sides))
    with np.errstate(all="ignore"):
        value = float(statistic(whole)) if whole.size else math.nan
    if not math.isfinite(value):
        return Gain(
            definition=definition, facts=facts, unavailable="the frames with a number in each are too few or all alike"
        )
    return Gain(definition=f"{definition}; {bootstrap.NO_INTERVAL}", facts=facts, value=value)
