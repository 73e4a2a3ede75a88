"""Strengths of methods from pairwise choices: P(left is chosen) = 1 / (1 + exp(-(s_left - s_right + side))), Bradley and Terry (1952).

`side` is how much raters lean to the left video. Strengths are log-odds and sum to 0. Half a choice either way between any two methods
(Jeffreys' prior of a single share) keeps a method that always wins finite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from analysis.study.answers import Preference
from analysis.study.contrasts import Contrasts

Array = NDArray[np.float64]
PRIOR = 0.5  # choices either way between two methods


@dataclass(frozen=True, kw_only=True)
class Strengths:
    log_odds: Contrasts  # against the mean method
    side: float  # log-odds of the left video between equals


def fit(answers: Sequence[Preference], methods: Sequence[str]) -> Strengths:
    """Newton's method; the covariance is the sandwich with scores summed by rater and by clip (Cameron, Gelbach and Miller 2011)."""
    known = tuple(methods)
    count = len(known)
    design = np.zeros((len(answers), count + 1))
    design[:, count] = 1.0  # side
    for row, answer in enumerate(answers):
        design[row, known.index(answer.left)] = 1.0
        design[row, known.index(answer.right)] = -1.0
    won = np.array([answer.winner == answer.left for answer in answers], np.float64)
    prior = np.array([np.eye(count + 1)[i] - np.eye(count + 1)[j] for i in range(count) for j in range(i)])
    basis = np.linalg.svd(np.r_[np.ones(count), 0.0][None])[2][1:].T  # of strengths that sum to 0, and the side
    design, prior = design @ basis, prior @ basis
    found = np.zeros(basis.shape[1])
    for _ in range(100):
        share, drawn = expit(design @ found), expit(prior @ found)
        slope = design.T @ (won - share) + 2 * PRIOR * prior.T @ (0.5 - drawn)
        curvature = (design.T * (share * (1 - share))) @ design + 2 * PRIOR * (prior.T * (drawn * (1 - drawn))) @ prior
        step = np.linalg.solve(curvature, slope)
        found = found + step
        if np.abs(step).max() < 1e-10:
            break
    scores = design * (won - expit(design @ found))[:, None]
    raters, clips = [answer.rater for answer in answers], [answer.clip for answer in answers]
    meat, degrees, over = _clustered(scores, raters, clips)
    values = basis @ found
    covariance = None
    if meat is not None:
        bread = np.linalg.inv(curvature)
        covariance = (basis @ bread @ meat @ bread @ basis.T)[:count, :count]
    log_odds = Contrasts(methods=known, values=values[:count], covariance=covariance, degrees=degrees, over=over)
    return Strengths(log_odds=log_odds, side=float(values[count]))


def _clustered(scores: Array, raters: Sequence[int], clips: Sequence[str]) -> tuple[Array | None, int, str]:
    """Sum over raters + over clips - over both, made positive; degrees of freedom; what that is over."""
    by_rater, num_raters = _outer(scores, raters)
    if num_raters < 2:
        return None, 0, "one rater, no interval"
    by_clip, num_clips = _outer(scores, clips)
    if num_clips < 2:
        return by_rater, num_raters - 1, f"{num_raters} raters, for this one clip"
    both, _ = _outer(scores, list(zip(raters, clips, strict=True)))
    values, vectors = np.linalg.eigh(by_rater + by_clip - both)
    return (
        (vectors * np.maximum(values, 0.0)) @ vectors.T,
        min(num_raters, num_clips) - 1,
        f"{num_raters} raters and {num_clips} clips",
    )


def _outer(scores: Array, groups: Sequence[object]) -> tuple[Array, int]:
    """Sum over groups of the outer product of their summed scores, corrected for few groups; how many there are."""
    names = list(dict.fromkeys(groups))
    places = np.array([names.index(group) for group in groups])
    sums = np.zeros((len(names), scores.shape[1]))
    np.add.at(sums, places, scores)
    return sums.T @ sums * (len(names) / max(len(names) - 1, 1)), len(names)
