"""Weights of columns learned from people of an atlas: ridge regression of how good a person's segments are beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tfg.atlas.table import Numbers, Person
from tfg.ranking import TIE
from tfg.types import InputError

SEGMENTS, PEOPLE = "segments", "people"
CHOSEN = "chosen"
RIDGES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # people; what CHOSEN may be


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What a column is standardised by."""

    mean: float
    deviation: float


@dataclass(frozen=True, kw_only=True)
class Learn:
    """What is learned: columns are standardised over the SEGMENTS of each person, or by one Scale for all PEOPLE."""

    columns: tuple[str, ...]
    targets: tuple[str, ...]  # score columns, larger is better: their mean, each standardised within the person
    ridge: float | None  # evidence for no effect, in people; None: of RIDGES by leave-one-person-out
    over: str = SEGMENTS


@dataclass(frozen=True, kw_only=True)
class Learned:
    weights: Mapping[str, float]  # column -> weight of the standardised column
    scales: Mapping[str, Scale]  # column -> of PEOPLE; empty with SEGMENTS
    ridge: float
    people: tuple[str, ...]  # with two segments or more that have every column and target


@dataclass(frozen=True, kw_only=True)
class _Sample:
    """The n segments of a person that have every column and target."""

    person: str
    inputs: Numbers  # (n, columns), as they are
    over_segments: Numbers  # (n, columns), standardised within the person
    target: Numbers  # (n,)


def learned(learn: Learn, people: Sequence[Person]) -> Learned:
    """Every person counts the same; InputError where nobody has two segments with all numbers."""
    samples = _samples(learn, people)
    ridge = learn.ridge if learn.ridge is not None else _chosen(learn, samples)
    weights, scales = _fitted(learn, samples, ridge)
    return Learned(
        weights=dict(zip(learn.columns, map(float, weights), strict=True)),
        scales=scales,
        ridge=ridge,
        people=tuple(sample.person for sample in samples),
    )


def skills(learn: Learn, people: Sequence[Person]) -> dict[str, float]:
    """Person -> correlation over their segments of the target with what is learned from the other people; 0 where that is flat."""
    samples = _samples(learn, people)
    return {
        left.person: _correlation(_predicted(learn, others, left), left.target) for left, others in _left_out(samples)
    }


def standardised(values: Numbers) -> Numbers:
    """Mean 0 and standard deviation 1 over the numbers that are there; 0 where all are alike."""
    known = values[np.isfinite(values)]
    if not len(known) or np.ptp(known) <= TIE * np.abs(known).max():
        return np.where(np.isfinite(values), 0.0, np.nan)
    return np.asarray((values - known.mean()) / known.std())


def _samples(learn: Learn, people: Sequence[Person]) -> list[_Sample]:
    samples = []
    for person in people:
        inputs = np.stack([person.numbers[column] for column in learn.columns], axis=1)
        over_segments = np.stack([standardised(column) for column in inputs.T], axis=1)
        target = np.mean([standardised(person.numbers[column]) for column in learn.targets], axis=0)
        known = np.isfinite(inputs).all(axis=1) & np.isfinite(target)
        if known.sum() >= 2:
            kept = (inputs[known], over_segments[known], target[known])
            samples.append(_Sample(person=person.name, inputs=kept[0], over_segments=kept[1], target=kept[2]))
    if not samples:
        raise InputError(f"nobody to learn {', '.join(learn.targets)} from; it takes two people or more")
    return samples


def _fitted(learn: Learn, samples: Sequence[_Sample], ridge: float) -> tuple[Numbers, dict[str, Scale]]:
    scales = _scales(learn.columns, samples) if learn.over == PEOPLE else {}
    size = len(learn.columns)
    square, product = np.zeros((size, size)), np.zeros(size)
    for sample in samples:
        inputs = _standardised(learn, sample, scales)
        square += inputs.T @ inputs / len(inputs)
        product += inputs.T @ sample.target / len(inputs)
    return np.asarray(np.linalg.solve(square + ridge * np.eye(size), product)), scales


def _scales(columns: Sequence[str], samples: Sequence[_Sample]) -> dict[str, Scale]:
    """The mean of the people's means, and the root of the mean of their variances; a column that never varies keeps its unit."""
    means = np.mean([sample.inputs.mean(axis=0) for sample in samples], axis=0)
    deviations = np.sqrt(np.mean([sample.inputs.var(axis=0) for sample in samples], axis=0))
    deviations = np.where(deviations > TIE * np.abs(means), deviations, 1.0)
    return {
        column: Scale(mean=float(mean), deviation=float(deviation))
        for column, mean, deviation in zip(columns, means, deviations, strict=True)
    }


def _standardised(learn: Learn, sample: _Sample, scales: Mapping[str, Scale]) -> Numbers:
    """(n, columns). By one Scale for all people the person's own mean goes too: the target knows none of it, nor does a choice."""
    if learn.over == SEGMENTS:
        return sample.over_segments
    deviations = np.array([scales[column].deviation for column in learn.columns])
    return np.asarray((sample.inputs - sample.inputs.mean(axis=0)) / deviations)


def _chosen(learn: Learn, samples: Sequence[_Sample]) -> float:
    """The ridge of the least mean squared error on the person left out; of equal ones the largest."""
    if len(samples) < 2:
        raise InputError("ridge: chosen: it takes two people or more to leave one out; give a number")
    errors = [
        np.mean([
            np.mean((_predicted(replace(learn, ridge=ridge), others, left) - left.target) ** 2)
            for left, others in _left_out(samples)
        ])
        for ridge in RIDGES
    ]  # fmt: skip
    return max(ridge for ridge, error in zip(RIDGES, errors, strict=True) if error <= min(errors) * (1 + TIE))


def _left_out(samples: Sequence[_Sample]) -> list[tuple[_Sample, list[_Sample]]]:
    """Each person beside the others; InputError where there are none."""
    if len(samples) < 2:
        raise InputError("it takes two people or more to leave one out")
    return [(left, [other for other in samples if other is not left]) for left in samples]


def _predicted(learn: Learn, samples: Sequence[_Sample], of: _Sample) -> Numbers:
    """(n,) target of a person, by what is learned from the samples."""
    ridge = learn.ridge if learn.ridge is not None else _chosen(learn, samples)
    weights, scales = _fitted(learn, samples, ridge)
    return np.asarray(_standardised(learn, of, scales) @ weights)


def _correlation(one: Numbers, other: Numbers) -> float:
    if min(np.ptp(one), np.ptp(other)) <= TIE:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
