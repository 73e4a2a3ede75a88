"""What a metric gives: a number or the reason why there is none, with the sentence that defines it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class MetricValue:
    """Exactly one of `value` and `unavailable` is set."""

    definition: str  # region, range, size, frames, crop, weights' checksum
    value: float | None = None
    unavailable: str | None = None  # why, and what would make it available
    per_frame: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.unavailable is None):
            raise ValueError("MetricValue: give either value or unavailable")
