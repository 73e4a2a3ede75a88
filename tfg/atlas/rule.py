"""A selector as a YAML of an atlas's columns, without code: `score` or `learn`, among all segments or a `shortlist`.

    shortlist: {by: audio_pairs, top: 5} # the largest; `-column`: the smallest; `sound`: by the score's columns of sound alone
    score: {ratio: [audio_pairs, mc_both_0.25_pooled_radial]}

score: `random` (all alike), `first`, `{ratio: [above, below]}` (above / (below + 1e-8), raw numbers), `{sum: {column: weight}}`
(numbers standardised within the person) or `{linear: {column: {weight: 1, mean: 0, deviation: 1}}}` (weight x (number - mean) /
deviation, of one segment alone). shortlist.max_overlap: fraction that two of it may share.
learn: `{columns: [...], target: score column, ridge: people}`, a ridge regression of the standardised target, learned for each person
on the others alone; `target: [...]`: the mean of several; `ridge: chosen`: by leave-one-person-out; `over: people`: columns are
standardised by one mean and deviation for all people. learned_from: people on whom the weights were learned or chosen, who are then
not judged. title, about: its name and what it chooses in words, for the table and its legend. docs/bench.md has an example.
A selector of conf/ with these keys is a rule too (tfg/selectors/linear.py).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf

from tfg import yaml_file
from tfg.atlas.columns import FEATURE, NAMED, SCORE, SOUND
from tfg.atlas.learning import CHOSEN, PEOPLE, SEGMENTS, Learn, Scale, learned, standardised
from tfg.atlas.table import Numbers, Person, quoted
from tfg.ranking import best
from tfg.types import InputError

EPSILON = 1e-8  # paper equation 3
SHIPPED = Path(__file__).with_name("rules")
KEYS = ("title", "about", "shortlist", "score", "learn", "learned_from")
# Of a rule that is a selector of conf/ too.
SELECTOR_KEYS = ("_target_", "name", "audio", "max_missing", "note", "defaults")
RANDOM, FIRST, RATIO, SUM, LINEAR = "random", "first", "ratio", "sum", "linear"


@dataclass(frozen=True, kw_only=True)
class Shortlist:
    by: str  # feature, or SOUND: the score's columns of sound alone
    sign: int  # 1: the largest, -1: the smallest
    top: int
    max_overlap: float | None = None  # fraction that two of them may share; None: any


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Exactly one of `kind` (with `terms`) and `learn` is set."""

    name: str
    title: str
    about: str  # what it chooses, in words; may be empty
    kind: str | None  # RANDOM, FIRST, RATIO, SUM, LINEAR
    terms: Mapping[str, float]  # column -> weight; of RATIO 1 and -1
    scales: Mapping[str, Scale] = field(default_factory=dict)  # of LINEAR, column -> what it is standardised by
    learn: Learn | None
    shortlist: Shortlist | None
    learned_from: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Every feature that it looks at."""
        listed = () if self.shortlist is None or self.shortlist.by == SOUND else (self.shortlist.by,)
        return tuple(dict.fromkeys((*listed, *self.terms, *(self.learn.columns if self.learn else ()))))

    def candidates(self, person: Person) -> NDArray[np.bool_]:
        """(n,) segments that have every feature it looks at."""
        numbers = [person.starts, *(person.numbers[column] for column in self.columns)]
        return np.asarray(np.isfinite(numbers).all(axis=0))

    def shares(self, person: Person, others: Sequence[Person]) -> Numbers:
        """(n,) probability of choosing each segment, sum 1; NaN features rule a segment out. `others`: to learn from."""
        left = np.flatnonzero(self.candidates(person))
        if not len(left):
            raise InputError(f"{self.name}: no segment of {person.name} has all of {', '.join(self.columns)}")
        fixed = self.fixed(others)
        numbers = {column: person.numbers[column] for column in self.columns}
        if self.shortlist is not None:
            of_left = {column: values[left] for column, values in numbers.items()}
            left = left[fixed.listed(of_left, person.starts[left].tolist(), person.seconds)]
        shares = np.zeros(len(person.starts))
        if self.kind == RANDOM:
            shares[left] = 1 / len(left)
        else:
            scores = fixed.scores(numbers, person.starts)[left]
            shares[left[best(scores, person.starts[left].tolist(), 1)]] = 1.0
        return shares

    def listed(self, numbers: Mapping[str, Numbers], starts: Sequence[float], length: float) -> list[int]:
        """Rows of the shortlist out of n segments of that `length`, in the unit of `starts`; best first."""
        assert self.shortlist is not None
        by = self.shortlist.by
        values = self.of_sound(numbers) if by == SOUND else self.shortlist.sign * numbers[by]
        overlap = self.shortlist.max_overlap
        return best(values, starts, self.shortlist.top, num_frames=length, max_overlap=overlap)

    def scores(self, numbers: Mapping[str, Numbers], starts: Numbers) -> Numbers:
        """(n,) what is maximised, of a rule that is not RANDOM and has learned."""
        if self.kind == FIRST:
            return -starts
        if self.kind == RATIO:
            above, below = (numbers[column] for column in self.terms)
            return np.asarray(above / (below + EPSILON))
        return self._weighted(numbers, tuple(self.terms))

    def of_sound(self, numbers: Mapping[str, Numbers]) -> Numbers:
        """(n,) the part of a SUM or LINEAR that sound alone decides: what is seen of faces is at its mean."""
        return self._weighted(numbers, [column for column in self.terms if NAMED[column].reads == SOUND])

    def _weighted(self, numbers: Mapping[str, Numbers], columns: Sequence[str]) -> Numbers:
        def of(column: str) -> Numbers:
            if self.kind == SUM:
                return standardised(numbers[column])
            scale = self.scales[column]
            return np.asarray((numbers[column] - scale.mean) / scale.deviation)

        return np.asarray(sum(self.terms[column] * of(column) for column in columns))

    def fixed(self, people: Sequence[Person]) -> Rule:
        """The rule with the weights that it learns from these people; itself where it learns nothing."""
        if self.learn is None:
            return self
        try:
            found = learned(self.learn, people)
        except InputError as error:
            raise InputError(f"{self.name}: {error}") from error
        kind = LINEAR if self.learn.over == PEOPLE else SUM
        return replace(self, kind=kind, terms=found.weights, scales=found.scales, learn=None, learned_from=found.people)


def read(given: str) -> Rule:
    """A YAML by path, or one that comes with tfg by name; InputError says in one line what is wrong with it."""
    path = SHIPPED / f"{given}.yaml" if given in shipped() else Path(given)
    if not path.is_file():
        raise InputError(f"{given}: no such rule; give a YAML, or one of {', '.join(shipped())}")
    if path.stem in shipped() and path.resolve().parent != SHIPPED.resolve():
        raise InputError(f"{path}: {path.stem} is a rule that comes with tfg; rename the file")
    values = yaml_file.read(path, "docs/bench.md has an example")
    if not isinstance(values, dict):
        raise InputError(f"{path}: no keys in it; allowed are {', '.join(KEYS)}")
    try:
        return parsed(path.stem, values)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def shipped() -> list[str]:
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def parsed(name: str, values: Mapping[Any, Any]) -> Rule:
    """What a YAML says, or a configuration of the same keys; ValueError in one line."""
    values = {
        key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value for key, value in values.items()
    }
    _only(values, (*KEYS, *(SELECTOR_KEYS if "_target_" in values else ())), "key")
    if ("score" in values) == ("learn" in values):
        raise ValueError("give one of score and learn")
    kind, terms, scales = _scored(values["score"]) if "score" in values else (None, {}, {})
    learn = _learn(values["learn"]) if "learn" in values else None
    people = values.get("learned_from", [])
    weighed = learn.columns if learn else tuple(terms) if kind in (SUM, LINEAR) else ()
    if not isinstance(people, list) or not all(isinstance(one, str) for one in people):
        raise ValueError(f"learned_from: {quoted(people)} is no list of people")
    return Rule(
        name=name,
        title=str(values.get("title", name)),
        about=str(values.get("about", "")),
        kind=kind,
        terms=terms,
        scales=scales,
        learn=learn,
        shortlist=_shortlist(values["shortlist"], weighed) if "shortlist" in values else None,
        learned_from=tuple(people),
    )


def _scored(given: Any) -> tuple[str, dict[str, float], dict[str, Scale]]:
    if given in (RANDOM, FIRST):
        return given, {}, {}
    if not isinstance(given, dict) or len(given) != 1 or next(iter(given)) not in (RATIO, SUM, LINEAR):
        raise ValueError(
            f"score: {quoted(given)}; give random, first, {{ratio: [above, below]}}, {{sum: {{column: weight}}}} or {{linear: ...}}"
        )
    ((kind, terms),) = given.items()
    if kind == RATIO:
        if not isinstance(terms, list) or len(terms) != 2:
            raise ValueError(f"score.ratio: {quoted(terms)}; give two columns, [above, below]")
        above, below = (_column(column, FEATURE) for column in terms)
        if above == below:
            raise ValueError(f"score.ratio: {above} twice")
        return RATIO, {above: 1.0, below: -1.0}, {}
    if not isinstance(terms, dict) or not terms:
        given_as = "weight" if kind == SUM else "{weight: 1, mean: 0, deviation: 1}"
        raise ValueError(f"score.{kind}: {quoted(terms)}; give {{column: {given_as}}}")
    if kind == SUM:
        return SUM, {_column(column, FEATURE): _number(f"score.sum.{column}", one) for column, one in terms.items()}, {}
    found = {_column(column, FEATURE): _term(f"score.linear.{column}", one) for column, one in terms.items()}
    return (
        LINEAR,
        {column: weight for column, (weight, _) in found.items()},
        {column: scale for column, (_, scale) in found.items()},
    )


def _term(key: str, given: Any) -> tuple[float, Scale]:
    names = ("weight", "mean", "deviation")
    if not isinstance(given, dict) or set(given) != set(names):
        lacking = [name for name in names if name not in given] if isinstance(given, dict) else []
        what = f"no {lacking[0]}" if lacking else quoted(given)
        raise ValueError(f"{key}: {what}; give {{weight: 1, mean: 0, deviation: 1}}")
    weight, mean, deviation = (_number(f"{key}.{name}", given[name]) for name in names)
    if deviation <= 0:
        raise ValueError(f"{key}.deviation: {deviation:g}; give a number above 0")
    return weight, Scale(mean=mean, deviation=deviation)


def _shortlist(given: Any, weighed: Sequence[str] = ()) -> Shortlist:
    """`weighed`: the columns whose weighted sum is the score."""
    if not isinstance(given, dict) or not {"by", "top"} <= set(given) <= {"by", "top", "max_overlap"}:
        raise ValueError(f"shortlist: {quoted(given)}; give {{by: column, top: count}}")
    by, top, overlap = str(given["by"]), given["top"], given.get("max_overlap")
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise ValueError(f"shortlist.top: {quoted(top)}; give a whole number, at least 1")
    if overlap is not None and not 0 <= _number("shortlist.max_overlap", overlap) < 1:
        raise ValueError(f"shortlist.max_overlap: {overlap:g}; give a number from 0 and below 1, or null")
    if by == SOUND:
        if not any(NAMED[column].reads == SOUND for column in weighed):
            raise ValueError("shortlist.by: sound, but the score weighs no column of sound; name a column")
        return Shortlist(by=SOUND, sign=1, top=top, max_overlap=overlap)
    sign = -1 if by.startswith("-") else 1
    return Shortlist(by=_column(by.removeprefix("-"), FEATURE), sign=sign, top=top, max_overlap=overlap)


def _learn(given: Any) -> Learn:
    needed = {"columns", "target", "ridge"}
    if not isinstance(given, dict) or not needed <= set(given) <= {*needed, "over"}:
        raise ValueError("learn: give {columns: [...], target: score column, ridge: number}")
    if not isinstance(given["columns"], list) or not given["columns"]:
        raise ValueError(f"learn.columns: {quoted(given['columns'])}; give a list of columns")
    ridge = None if given["ridge"] == CHOSEN else _number("learn.ridge", given["ridge"])
    if ridge is not None and ridge <= 0:
        raise ValueError(f"learn.ridge: {ridge:g}; give a number above 0, or {CHOSEN}")
    if (over := given.get("over", SEGMENTS)) not in (SEGMENTS, PEOPLE):
        raise ValueError(f"learn.over: {quoted(over)}; give {SEGMENTS} or {PEOPLE}")
    columns = tuple(dict.fromkeys(_column(column, FEATURE) for column in given["columns"]))
    targets = given["target"] if isinstance(given["target"], list) and given["target"] else [given["target"]]
    return Learn(columns=columns, targets=tuple(_column(name, SCORE) for name in targets), ridge=ridge, over=over)


def _column(name: Any, role: str) -> str:
    """The name, where it is a column of that role."""
    if isinstance(name, str) and name in NAMED:
        if NAMED[name].role == role:
            return name
        known = "is known only after training" if role == FEATURE else "is no score of a head"
        raise ValueError(f"{name} {known}; give a column of the role {role}")
    close = difflib.get_close_matches(str(name), [one for one in NAMED if NAMED[one].role == role], n=1)
    hint = f"; did you mean {close[0]}?" if close else "; tfg/atlas/columns.py lists them"
    raise ValueError(f"{quoted(name)} is no column of an atlas{hint}")


def _number(key: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    except OverflowError:  # a whole number beyond 1.8e308
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{key}: {quoted(value)} is no number")
    return number


def _only(values: Mapping[Any, Any], allowed: Sequence[str], what: str) -> None:
    if strange := [key for key in values if key not in allowed]:
        raise ValueError(f"{quoted(strange[0])} is no {what} of a rule; allowed are {', '.join(allowed)}")
