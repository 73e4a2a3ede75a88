"""How well rules choose on an atlas, by lookup: every segment has a head, so the best one and random's distribution are known.

The unit is a person; what lies below, segments and seeds, is inside a person's number (as in tfg/statistics/comparison.py), so
intervals are Student's t over people. The best segment is that of the same trainings, whose luck is in its lead: where a person has
two seeds, REPLICA is how far a choice by one seed's scores gets in the other's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from tfg.atlas.rule import RANDOM, Rule
from tfg.atlas.table import Numbers, Person
from tfg.statistics.bootstrap import CONFIDENCE

QUALITIES = {  # larger is better
    "gain_sync_share": "share of the truth's sync",
    "sync_c": "official Sync-C",  # where heads were scored with SyncNet's weights
    "mouth_correlation": "mouth r",
    "psnr_face": "face PSNR, dB",
}
REPLICA = "replica"
TOP = 3
DRAWS = 20_000
ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a rule gains on one person and quality, in the mean over its draws."""

    person: str
    segments: int  # with the quality, among which it chose
    value: float  # quality of the choice
    regret: float  # quality of the best segment minus value
    above: float  # value minus the mean of all segments, which is random's
    percentile: float  # share of segments that are worse, ties and itself half: 0.5 for random
    first: float  # share of draws that are the best segment
    top: float  # or among the best TOP


@dataclass(frozen=True, kw_only=True)
class OverPeople:
    """A mean with its 95 % interval, None where there are fewer than two or they do not vary."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One rule on one quality."""

    rule: str
    title: str
    about: str  # what it chooses, in words; may be empty
    quality: str
    choices: tuple[Choice, ...]  # a person each
    not_judged: tuple[str, ...]  # it was learned from them, or no segment of them has the quality and its features
    chance: float | None  # probability that random is as far above the mean over these people; None for random
    over: dict[str, OverPeople]  # field of a choice -> over people
    ahead: dict[str, OverPeople]  # name of another rule -> value minus that one's over the people of both


def judge(rules: Sequence[Rule], people: Sequence[Person], quality: str, against: Sequence[str]) -> list[Verdict]:
    """Each rule on the people who have its features and were not learned from; `against`: names of rules to compare with."""
    scored = [person for person in people if _known(person, quality).any()]
    judged = {
        rule.name: [
            person
            for person in scored
            if person.name not in rule.learned_from and rule.candidates(_with(person, quality)).any()
        ]
        for rule in rules
    }
    choices = {
        rule.name: tuple(
            _choice(person, quality, rule.shares(_with(person, quality), [one for one in people if one is not person]))
            for person in judged[rule.name]
        )
        for rule in rules
    }
    verdicts = []
    for rule in rules:
        own = choices[rule.name]
        ahead = {name: _ahead(own, choices[name]) for name in against if name in choices and name != rule.name}
        draws_all = rule.kind == RANDOM and rule.shortlist is None
        names = [choice.person for choice in own]
        verdicts.append(
            Verdict(
                rule=rule.name,
                title=rule.title,
                about=rule.about,
                quality=quality,
                choices=own,
                not_judged=tuple(person.name for person in people if person.name not in names),
                chance=None if draws_all else _chance(own, judged[rule.name], quality),
                over=_over(own),
                ahead={name: found for name, found in ahead.items() if found is not None},
            )
        )
    return verdicts


def replica(people: Sequence[Person], quality: str) -> Verdict | None:
    """Each seed's choices by another seed's scores, in the mean over ordered pairs of seeds; None without a person of two."""
    choices, judged = [], []
    for person in people:
        seeds = person.seeds[quality]
        pairs = [(one, other) for one in range(len(seeds)) for other in range(len(seeds)) if one != other]
        found = []
        for one, other in pairs:
            both = np.isfinite(seeds[one]) & np.isfinite(seeds[other])
            if both.sum() > 1:
                found.append(_scored(person.name, seeds[one][both], _one_hot(seeds[other][both])))
        if found:
            judged.append(person.name)
            choices.append(_mean_choice(found))
    if not choices:
        return None
    return Verdict(
        rule=REPLICA,
        title="Best by another seed",
        about="",
        quality=quality,
        choices=tuple(choices),
        not_judged=tuple(person.name for person in people if person.name not in judged),
        chance=None,
        over=_over(choices),
        ahead={},
    )


def over_people(values: Sequence[float]) -> OverPeople:
    """Of a number each, by Student's t."""
    numbers = np.asarray(values, np.float64)
    mean, count = float(numbers.mean()), len(numbers)
    if count < 2 or np.ptp(numbers) <= ROUNDING * np.abs(numbers).max():
        return OverPeople(mean=mean, low=None, high=None)
    reach = float(special.stdtrit(count - 1, 0.5 + CONFIDENCE / 2) * numbers.std(ddof=1) / np.sqrt(count))
    return OverPeople(mean=mean, low=mean - reach, high=mean + reach)


def _known(person: Person, quality: str) -> np.ndarray:
    return np.isfinite(person.numbers[quality])


def _with(person: Person, quality: str) -> Person:
    """The person with the segments alone that have the quality."""
    rows = _known(person, quality)
    return replace(
        person,
        starts=person.starts[rows],
        numbers={name: values[rows] for name, values in person.numbers.items()},
        seeds={name: values[:, rows] for name, values in person.seeds.items()},
    )


def _choice(person: Person, quality: str, shares: Numbers) -> Choice:
    return _scored(person.name, person.numbers[quality][_known(person, quality)], shares)


def _scored(name: str, values: Numbers, shares: Numbers) -> Choice:
    """(n,) qualities and probabilities of being chosen."""
    worse = (values[:, None] > values).sum(axis=1) + 0.5 * (values[:, None] == values).sum(axis=1)
    better = (values[:, None] < values).sum(axis=1)
    return Choice(
        person=name,
        segments=len(values),
        value=float(shares @ values),
        regret=float(values.max() - shares @ values),
        above=float(shares @ values - values.mean()),
        percentile=float(shares @ worse / len(values)),
        first=float(shares @ (better < 1)),
        top=float(shares @ (better < TOP)),
    )


def _one_hot(scores: Numbers) -> Numbers:
    return np.asarray(np.arange(len(scores)) == scores.argmax(), np.float64)


def _mean_choice(found: Sequence[Choice]) -> Choice:
    def mean(of: Callable[[Choice], float]) -> float:
        return float(np.mean([of(choice) for choice in found]))

    return Choice(
        person=found[0].person,
        segments=found[0].segments,
        value=mean(lambda choice: choice.value),
        regret=mean(lambda choice: choice.regret),
        above=mean(lambda choice: choice.above),
        percentile=mean(lambda choice: choice.percentile),
        first=mean(lambda choice: choice.first),
        top=mean(lambda choice: choice.top),
    )


def _over(choices: Sequence[Choice]) -> dict[str, OverPeople]:
    fields = ("value", "regret", "above", "percentile", "first", "top")
    return {field: over_people([getattr(choice, field) for choice in choices]) for field in fields} if choices else {}


def _ahead(choices: Sequence[Choice], others: Sequence[Choice]) -> OverPeople | None:
    """Value minus that of another rule, over the people of both."""
    theirs = {choice.person: choice.value for choice in others}
    pairs = [choice.value - theirs[choice.person] for choice in choices if choice.person in theirs]
    return over_people(pairs) if pairs else None


def _chance(choices: Sequence[Choice], people: Sequence[Person], quality: str) -> float | None:
    """By DRAWS draws of a segment of each person, alike and apart: the same for the same atlas."""
    if not choices:
        return None
    rng = np.random.default_rng(0)
    above = np.zeros(DRAWS)
    for person in people:
        values = person.numbers[quality][_known(person, quality)]
        above += rng.choice(values, DRAWS) - values.mean()
    wanted = sum(choice.above for choice in choices)
    return float((above >= wanted - ROUNDING).mean())
