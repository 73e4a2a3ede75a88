"""How many people a claim needs, from how much its effect varies between the people that were measured."""

from __future__ import annotations

from collections.abc import Sequence

from scipy import stats
from statsmodels.stats.power import TTestPower

POWER = 0.8
MOST = 1000  # people, beyond which only that is said
CERTAIN = 8.0  # standard errors of an effect, beyond which the noncentral t is not computed any more: its power is 1


def power(smallest: float, deviation: float, people: int, level: float = 0.95) -> float:
    """Chance that a t interval over so many people excludes 0 where the effect is `smallest`."""
    if people < 2:
        return 0.0
    if deviation == 0 or smallest / deviation * people**0.5 > CERTAIN:
        return 1.0
    return float(TTestPower().power(smallest / deviation, people, 1 - level))


def people_needed(smallest: float, deviation: float, level: float = 0.95) -> int | None:
    """The fewest with a power of POWER; None beyond MOST."""
    low, high = 2, MOST
    if power(smallest, deviation, high, level) < POWER:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if power(smallest, deviation, middle, level) >= POWER else (middle + 1, high)
    return low


def people_to_decide(distance: float, deviation: float, level: float = 0.95) -> int | None:
    """The fewest whose t interval has a half-width below `distance`; None beyond MOST."""
    for people in range(2, MOST + 1):
        if float(stats.t.ppf((1 + level) / 2, people - 1)) * deviation / people**0.5 < distance:
            return people
    return None


def curve(smallest: float, deviation: float, people: Sequence[int], level: float = 0.95) -> list[float]:
    return [power(smallest, deviation, count, level) for count in people]
