"""What speech itself gains: the run minus its mute control, frame by frame, with an interval; and a verdict in one line."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from tfg.metrics.base import MetricFacts
from tfg.record.results import Metrics
from tfg.statistics import bootstrap
from tfg.statistics.measures import measure

DIFFERENCES = ("psnr_mouth", "lmd", "mouth_correlation", "sync_c_listener")
SHARE, LISTENER = "sync_share", "sync_c_listener"
METHOD = "95 % interval by the moving-block bootstrap over the same held-out frames of both (docs/metrics.md)"
SHARE_FACTS = MetricFacts(title="Share of the truth's sync", better="up", digits=2)
_NO_INTERVAL = "; no interval: too few frames"


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
    """Whether speech helps the run, by the intervals of its gains: one line."""
    judged = {name: gain for name, gain in found.items() if name != SHARE}
    shown = [_said(gain) for gain in judged.values() if gain.is_shown]
    lost = [_said(gain) for gain in judged.values() if gain.is_loss]
    rest = [_said(gain) for gain in judged.values() if not gain.is_shown and not gain.is_loss]
    parts = [f"speech helps: {', '.join(shown)}" if shown else "speech is not shown to help"]
    parts += [f"it hurts: {', '.join(lost)}"] if lost else []
    parts += [f"not shown: {', '.join(rest)}"] if rest else []
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
    if gain.value is None:
        return f"{name} unavailable"
    digits = gain.facts.digits
    if gain.low is None or gain.high is None:
        return f"{name} {gain.value:+.{digits}f} (no interval)"
    return f"{name} {gain.value:+.{digits}f} [{gain.low:+.{digits}f}, {gain.high:+.{digits}f}]"


def _difference(name: str, run: Metrics, mute: Metrics | str, truth: Metrics) -> Gain:
    entry, definition = run[name], f"{name} of the run minus that of its mute control; {METHOD}"
    facts = MetricFacts(**{key: entry[key] for key in ("title", "unit", "better", "digits")})
    if reason := _missing(name, run, mute):
        return Gain(definition=definition, facts=facts, unavailable=reason)
    assert not isinstance(mute, str)
    sides = (measure(name, run, truth), measure(name, mute, truth))
    interval = None
    if sides[0] is not None and sides[1] is not None:
        interval = bootstrap.difference(sides[0].series, sides[1].series, sides[0].statistic)
    return _gain(definition, facts, float(entry["value"]) - float(mute[name]["value"]), interval)


def _share(run: Metrics, mute: Metrics | str, truth: Metrics) -> Gain:
    """(run - mute) / (truth - mute) of the listener, only where the listener tells the truth from the mute control."""
    definition = (
        f"(run - mute control) / (truth - mute control) of {LISTENER}, comparable between clips, only where the listener tells the "
        f"truth from the mute control by an interval without 0; {METHOD}"
    )
    if reason := _missing(LISTENER, run, mute, truth):
        return Gain(definition=definition, facts=SHARE_FACTS, unavailable=reason)
    assert not isinstance(mute, str)
    apart = apart_by_listener(truth, mute)
    if apart is None or apart.low <= 0:
        found = "no interval" if apart is None else f"{apart.value:.3f} [{apart.low:.3f}, {apart.high:.3f}]"
        why = f"the listener does not tell the truth from the mute control here (truth minus mute: {found})"
        return Gain(definition=definition, facts=SHARE_FACTS, unavailable=why)
    sides = [measure(LISTENER, metrics, truth) for metrics in (run, mute, truth)]
    interval = None
    if all(side is not None for side in sides):
        interval = bootstrap.estimate(np.concatenate([side.series for side in sides if side is not None]), _ratio)
    scored, floor, ceiling = (float(metrics[LISTENER]["value"]) for metrics in (run, mute, truth))
    return _gain(definition, SHARE_FACTS, (scored - floor) / (ceiling - floor), interval)


def _ratio(rows: bootstrap.Series) -> bootstrap.Series:
    scored, floor, ceiling = (row.mean(axis=-1) for row in rows)
    return np.asarray((scored - floor) / (ceiling - floor))


def _missing(name: str, run: Metrics, mute: Metrics | str, *others: Metrics) -> str | None:
    """Why one of the numbers is not there."""
    if isinstance(mute, str):
        return mute
    reasons = [metrics[name]["unavailable"] for metrics in (run, mute, *others) if metrics[name]["value"] is None]
    return str(reasons[0]) if reasons else None


def _gain(definition: str, facts: MetricFacts, value: float, interval: bootstrap.Estimate | None) -> Gain:
    if interval is None:
        return Gain(definition=definition + _NO_INTERVAL, facts=facts, value=value)
    return Gain(definition=definition, facts=facts, value=value, low=interval.low, high=interval.high)
