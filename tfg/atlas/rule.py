"""A selector as a YAML of an atlas's columns, without code: `score` or `learn`, among all segments or a `shortlist`.

    shortlist: {by: audio_pairs, top: 5} # the largest; `-column`: the smallest
    score: {ratio: [audio_pairs, mc_both_0.25_pooled_radial]}

score: `random` (all alike), `first`, `{ratio: [above, below]}` (above / (below + 1e-8), raw numbers) or `{sum: {column: weight}}`
(numbers standardised within the person). learn: `{columns: [...], target: score column, ridge: people}`, a ridge regression of the
standardised target, learned for each person on the others alone. learned_from: people on whom the weights were learned or chosen,
who are then not judged.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tfg.atlas.columns import FEATURE, NAMED, SCORE
from tfg.atlas.table import Numbers, Person, quoted
from tfg.types import InputError

EPSILON = 1e-8  # paper equation 3
SHIPPED = Path(__file__).with_name("rules")
KEYS = ("title", "shortlist", "score", "learn", "learned_from")
TIE = 1e-9  # relative, as of tfg/selectors/ranking.py
RANDOM, FIRST, RATIO, SUM = "random", "first", "ratio", "sum"


@dataclass(frozen=True, kw_only=True)
class Shortlist:
    by: str  # feature
    sign: int  # 1: the largest, -1: the smallest
    top: int


@dataclass(frozen=True, kw_only=True)
class Learn:
    columns: tuple[str, ...]
    target: str  # score column, larger is better
    ridge: float  # evidence for no effect, in people


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Exactly one of `kind` (with `terms`) and `learn` is set."""

    name: str
    title: str
    kind: str | None  # RANDOM, FIRST, RATIO, SUM
    terms: Mapping[str, float]  # column -> weight; of RATIO 1 and -1
    learn: Learn | None
    shortlist: Shortlist | None
    learned_from: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Every feature that it looks at."""
        listed = () if self.shortlist is None else (self.shortlist.by,)
        return tuple(dict.fromkeys((*listed, *self.terms, *(self.learn.columns if self.learn else ()))))

    def candidates(self, person: Person) -> NDArray[np.bool_]:
        """(n,) segments that have every feature it looks at."""
        numbers = [person.starts, *(person.numbers[column] for column in self.columns)]
        return np.asarray(np.isfinite(numbers).all(axis=0))

    def shares(self, person: Person, others: Sequence[Person]) -> Numbers:
        """(n,) probability of choosing each segment, sum 1; NaN features rule a segment out. `others`: to learn from."""
        left = self.candidates(person)
        if not left.any():
            raise InputError(f"{self.name}: no segment of {person.name} has all of {', '.join(self.columns)}")
        if self.shortlist is not None:
            values = self.shortlist.sign * person.numbers[self.shortlist.by]
            rows = _best(np.where(left, values, -np.inf), min(self.shortlist.top, int(left.sum())))
            left = np.isin(np.arange(len(left)), rows)
        if self.kind == RANDOM:
            return np.asarray(left / left.sum())
        chosen = _best(np.where(left, self._scores(person, others), -np.inf), 1)
        return np.asarray(np.isin(np.arange(len(left)), chosen).astype(np.float64))

    def _scores(self, person: Person, others: Sequence[Person]) -> Numbers:
        if self.kind == FIRST:
            return -person.starts
        if self.kind == RATIO:
            above, below = (person.numbers[column] for column in self.terms)
            return np.asarray(above / (below + EPSILON))
        weights = dict(self.terms) if self.learn is None else self.learned(others)
        return np.asarray(sum(weight * standardised(person.numbers[column]) for column, weight in weights.items()))

    def learned(self, people: Sequence[Person]) -> dict[str, float]:
        """Weights of standardised columns by ridge; every person counts the same, segments without a number are left out."""
        assert self.learn is not None
        columns = self.learn.columns
        square, product, used = np.zeros((len(columns),) * 2), np.zeros(len(columns)), 0
        for person in people:
            inputs = np.stack([standardised(person.numbers[column]) for column in columns], axis=1)
            target = standardised(person.numbers[self.learn.target])
            known = np.isfinite(inputs).all(axis=1) & np.isfinite(target)
            if known.sum() < 2:
                continue
            square += inputs[known].T @ inputs[known] / known.sum()
            product += inputs[known].T @ target[known] / known.sum()
            used += 1
        if not used:
            raise InputError(f"{self.name}: nobody to learn {self.learn.target} from; it takes two people or more")
        weights = np.linalg.solve(square + self.learn.ridge * np.eye(len(columns)), product)
        return dict(zip(columns, map(float, weights), strict=True))


def standardised(values: Numbers) -> Numbers:
    """Mean 0 and standard deviation 1 over the numbers that are there; 0 where all are alike."""
    known = values[np.isfinite(values)]
    if not len(known) or np.ptp(known) <= TIE * np.abs(known).max():
        return np.where(np.isfinite(values), 0.0, np.nan)
    return np.asarray((values - known.mean()) / known.std())


def read(given: str) -> Rule:
    """A YAML by path, or one that comes with tfg by name; InputError says in one line what is wrong with it."""
    path = SHIPPED / f"{given}.yaml" if given in shipped() else Path(given)
    if not path.is_file():
        raise InputError(f"{given}: no such rule; give a YAML, or one of {', '.join(shipped())}")
    if path.stem in shipped() and path.resolve().parent != SHIPPED.resolve():
        raise InputError(f"{path}: {path.stem} is a rule that comes with tfg; rename the file")
    try:
        values = OmegaConf.to_container(OmegaConf.load(path))
    except (OSError, UnicodeDecodeError, OmegaConfBaseException) as error:
        raise InputError(f"{path}: cannot be read ({_line(error)})") from error
    except Exception as error:  # of the YAML parser, which has no base class of its own in what tfg declares
        raise InputError(f"{path}: not a YAML ({_line(error)})") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: no keys in it; allowed are {', '.join(KEYS)}")
    try:
        return _rule(path.stem, values)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def shipped() -> list[str]:
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def _rule(name: str, values: Mapping[Any, Any]) -> Rule:
    _only(values, KEYS, "key")
    if ("score" in values) == ("learn" in values):
        raise ValueError("give one of score and learn")
    kind, terms = _scored(values["score"]) if "score" in values else (None, {})
    people = values.get("learned_from", [])
    if not isinstance(people, list) or not all(isinstance(one, str) for one in people):
        raise ValueError(f"learned_from: {quoted(people)} is no list of people")
    return Rule(
        name=name,
        title=str(values.get("title", name)),
        kind=kind,
        terms=terms,
        learn=_learn(values["learn"]) if "learn" in values else None,
        shortlist=_shortlist(values["shortlist"]) if "shortlist" in values else None,
        learned_from=tuple(people),
    )


def _scored(given: Any) -> tuple[str, dict[str, float]]:
    if given in (RANDOM, FIRST):
        return given, {}
    if not isinstance(given, dict) or len(given) != 1 or next(iter(given)) not in (RATIO, SUM):
        raise ValueError(
            f"score: {quoted(given)}; give random, first, {{ratio: [above, below]}} or {{sum: {{column: weight}}}}"
        )
    ((kind, terms),) = given.items()
    if kind == RATIO:
        if not isinstance(terms, list) or len(terms) != 2:
            raise ValueError(f"score.ratio: {quoted(terms)}; give two columns, [above, below]")
        above, below = (_column(column, FEATURE) for column in terms)
        if above == below:
            raise ValueError(f"score.ratio: {above} twice")
        return RATIO, {above: 1.0, below: -1.0}
    if not isinstance(terms, dict) or not terms:
        raise ValueError(f"score.sum: {quoted(terms)}; give {{column: weight}}")
    return SUM, {_column(column, FEATURE): _number(f"score.sum.{column}", weight) for column, weight in terms.items()}


def _shortlist(given: Any) -> Shortlist:
    if not isinstance(given, dict) or set(given) != {"by", "top"}:
        raise ValueError(f"shortlist: {quoted(given)}; give {{by: column, top: count}}")
    by, top = str(given["by"]), given["top"]
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise ValueError(f"shortlist.top: {quoted(top)}; give a whole number, at least 1")
    return Shortlist(by=_column(by.removeprefix("-"), FEATURE), sign=-1 if by.startswith("-") else 1, top=top)


def _learn(given: Any) -> Learn:
    if not isinstance(given, dict) or set(given) != {"columns", "target", "ridge"}:
        raise ValueError("learn: give {columns: [...], target: score column, ridge: number}")
    if not isinstance(given["columns"], list) or not given["columns"]:
        raise ValueError(f"learn.columns: {quoted(given['columns'])}; give a list of columns")
    ridge = _number("learn.ridge", given["ridge"])
    if ridge <= 0:
        raise ValueError(f"learn.ridge: {ridge:g}; give a number above 0")
    columns = tuple(dict.fromkeys(_column(column, FEATURE) for column in given["columns"]))
    return Learn(columns=columns, target=_column(given["target"], SCORE), ridge=ridge)


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


def _best(scores: Numbers, count: int) -> list[int]:
    """Rows of the largest scores; of those that differ by rounding the smaller start first."""
    finite = np.abs(scores[np.isfinite(scores)])
    tolerance = TIE * float(finite.max()) if len(finite) else 0.0
    left, chosen = list(range(len(scores))), list[int]()
    while len(chosen) < count:
        top = max(scores[row] for row in left)
        row = next(row for row in left if scores[row] >= top - tolerance)
        chosen.append(row)
        left.remove(row)
    return chosen


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
