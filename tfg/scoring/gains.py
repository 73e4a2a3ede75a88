"""What speech itself gains: the run minus its mute control, frame by frame, with an interval; and a verdict in one line."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from tfg.metrics.base import MetricFacts, MetricValue
from tfg.scoring.frames import rows
from tfg.statistics import bootstrap

DIFFERENCES = ("psnr_mouth", "lmd", "mouth_correlation", "sync_c_listener")
SHARE = "sync_share"
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


def gains(
    run: dict[str, MetricValue], mute: dict[str, MetricValue] | str, truth: dict[str, MetricValue]
) -> dict[str, Gain]:
    """DIFFERENCES and SHARE. `mute`: the same head under the mean training audio, or why it was not scored."""
    found = {name: _difference(name, run, mute, truth) for name in DIFFERENCES if name in run}
    if "sync_c_listener" in run:
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


def _said(gain: Gain) -> str:
    name = f"{gain.facts.title} {gain.facts.unit}".rstrip()
    if gain.value is None:
        return f"{name} unavailable"
    digits = gain.facts.digits
    if gain.low is None or gain.high is None:
        return f"{name} {gain.value:+.{digits}f} (no interval)"
    return f"{name} {gain.value:+.{digits}f} [{gain.low:+.{digits}f}, {gain.high:+.{digits}f}]"


def _difference(
    name: str, run: dict[str, MetricValue], mute: dict[str, MetricValue] | str, truth: dict[str, MetricValue]
) -> Gain:
    facts, definition = run[name].facts, f"{name} of the run minus that of its mute control; {METHOD}"
    if isinstance(mute, str):
        return Gain(definition=definition, facts=facts, unavailable=mute)
    pair = (run[name], mute[name])
    if missing := [value.unavailable for value in pair if value.unavailable]:
        return Gain(definition=definition, facts=facts, unavailable=missing[0])
    if name == "mouth_correlation":
        series, statistic = [rows(value, truth[name]) for value in pair], bootstrap.correlation
    else:
        series, statistic = [rows(value) for value in pair], bootstrap.mean
    interval = bootstrap.difference(series[0], series[1], statistic)
    return _gain(definition, facts, _number(pair[0]) - _number(pair[1]), interval)


def _share(run: dict[str, MetricValue], mute: dict[str, MetricValue] | str, truth: dict[str, MetricValue]) -> Gain:
    """(run - mute) / (truth - mute) of the listener, only where the listener tells the truth from the mute control."""
    name = "sync_c_listener"
    definition = (
        f"(run - mute control) / (truth - mute control) of {name}, comparable between clips, only where the listener tells the "
        f"truth from the mute control by an interval without 0; {METHOD}"
    )
    if isinstance(mute, str):
        return Gain(definition=definition, facts=SHARE_FACTS, unavailable=mute)
    values = (run[name], mute[name], truth[name])
    if missing := [value.unavailable for value in values if value.unavailable]:
        return Gain(definition=definition, facts=SHARE_FACTS, unavailable=missing[0])
    made, silent, true = (rows(value) for value in values)
    apart = bootstrap.difference(true, silent, bootstrap.mean)
    if apart is None or apart.low <= 0:
        found = "no interval" if apart is None else f"{apart.value:.3f} [{apart.low:.3f}, {apart.high:.3f}]"
        why = f"the listener does not tell the truth from the mute control here (truth minus mute: {found})"
        return Gain(definition=definition, facts=SHARE_FACTS, unavailable=why)
    interval = bootstrap.estimate(
        np.concatenate([made, silent, true]),
        lambda means: (means[0].mean(-1) - means[1].mean(-1)) / (means[2].mean(-1) - means[1].mean(-1)),
    )
    scored, floor, ceiling = map(_number, values)
    return _gain(definition, SHARE_FACTS, (scored - floor) / (ceiling - floor), interval)


def _gain(definition: str, facts: MetricFacts, value: float, interval: bootstrap.Estimate | None) -> Gain:
    if interval is None:
        return Gain(definition=definition + _NO_INTERVAL, facts=facts, value=value)
    return Gain(definition=definition, facts=facts, value=value, low=interval.low, high=interval.high)


def _number(value: MetricValue) -> float:
    assert value.value is not None, "a gain is of available numbers"
    return value.value
