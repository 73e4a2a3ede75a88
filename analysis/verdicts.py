"""From effects to verdicts, by the rule that the claim declared: holds, does not hold, underpowered; or a hole that shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.claims import MORE, NONE_WRONG, NOT_LESS, Claim, Part
from analysis.power import people_needed, people_to_decide
from analysis.stats import estimate

HOLDS, FAILS, UNDERPOWERED, UNMEASURED = VERDICTS = ("holds", "does not hold", "underpowered", "not measured")
FEWEST = 3  # people of an interval that may decide


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Of one part of a claim. `low` and `high` are None of a single person."""

    part: str
    value: float
    low: float | None
    high: float | None
    people: tuple[str, ...]
    heads: int
    deviation: float | None = None  # between people
    left_out: tuple[str, ...] = ()  # people or heads without the number, and why


@dataclass(frozen=True, kw_only=True)
class Hole:
    """A part that could not be measured."""

    part: str
    reason: str
    command: str  # that makes what is missing


@dataclass(frozen=True, kw_only=True)
class Verdict:
    claim: Claim
    outcome: str  # of VERDICTS
    decisive: Effect | Hole  # the part that decided
    parts: tuple[tuple[Part, str, Effect | Hole], ...]  # each with its own outcome

    def people_needed(self) -> int | None:
        """Of the decisive part, for 80 % power at the smallest effect; None where it is not known or beyond reach."""
        part, found = self._spread()
        return None if found is None else people_needed(part.smallest, found[1], self.claim.level)

    def people_to_decide(self) -> int | None:
        """Of the decisive part, for an interval that would decide, were effect and spread to stay what they are."""
        part, found = self._spread()
        if found is None:
            return None
        value, deviation = found
        if self.claim.rule == NOT_LESS:
            distance = abs(value + part.smallest)
        else:
            distance = value if value >= part.smallest else part.smallest - value
        return people_to_decide(distance, deviation, self.claim.level)

    def _spread(self) -> tuple[Part, tuple[float, float] | None]:
        """The decisive part, with its effect and how far people differ in it where that is known."""
        part, _, found = next(entry for entry in self.parts if entry[2] is self.decisive)
        known = not isinstance(found, Hole) and found.deviation is not None and self.claim.rule in (MORE, NOT_LESS)
        return part, (found.value, found.deviation) if known else None  # type: ignore[union-attr,return-value]


def over_people(
    part: str, values: Mapping[str, float], heads: int, *, level: float = 0.95, left_out: tuple[str, ...] = ()
) -> Effect:
    """Mean over people with Student's t interval; ValueError of nobody."""
    numbers = list(values.values())
    found = estimate(numbers, level)
    return Effect(
        part=part,
        value=found.mean,
        low=found.low,
        high=found.high,
        people=tuple(values),
        heads=heads,
        deviation=float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None,
        left_out=left_out,
    )


def outcome_of(rule: str, smallest: float, found: Effect) -> str:
    """Of one part: what experiments/claims.md says in words."""
    if rule == NONE_WRONG:
        return HOLDS if found.value <= smallest else FAILS
    if found.low is None or found.high is None or len(found.people) < FEWEST:
        return UNDERPOWERED
    if rule == MORE:
        enough = found.low > 0 and found.value >= smallest
        short = found.high < smallest
    elif rule == NOT_LESS:
        enough, short = found.low > -smallest, found.high < -smallest
    else:
        enough, short = found.low >= smallest, found.high < smallest
    return HOLDS if enough else FAILS if short else UNDERPOWERED


def judge(claim: Claim, found: Sequence[Effect | Hole]) -> Verdict:
    """Every part must hold; one that fails is enough to fail, also beside one that could not be measured."""
    by_name = {effect.part: effect for effect in found}
    parts = tuple(
        (part, UNMEASURED if isinstance(effect, Hole) else outcome_of(claim.rule, part.smallest, effect), effect)
        for part, effect in ((part, by_name[part.name]) for part in claim.parts)
    )
    for outcome in (FAILS, UNMEASURED, UNDERPOWERED, HOLDS):
        of_outcome = [entry for entry in parts if entry[1] == outcome]
        if of_outcome:
            decisive = min(of_outcome, key=lambda entry: _margin(entry[2], entry[0].smallest))[2]
            return Verdict(claim=claim, outcome=outcome, decisive=decisive, parts=parts)
    raise AssertionError(f"claim {claim.number} has no part")


def _margin(found: Effect | Hole, smallest: float) -> float:
    """How far a part is from holding, in its smallest effect: the least of a claim's parts is shown."""
    return 0.0 if isinstance(found, Hole) else found.value / (smallest or 1.0)
