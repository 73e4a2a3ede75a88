"""Fits of a score on a measure of segments: the paper's quadratic, the same within people, and what a reader must see beside it.

`x` and `y` are (n,) without holes: who calls leaves out, and counts, what has no number.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from statsmodels.regression.linear_model import RegressionResultsWrapper
from statsmodels.stats.multitest import multipletests
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from analysis.load import IncompleteGrid

Numbers = NDArray[np.float64]
OUTLIER_LEVEL = 0.05  # of the studentised residual after Bonferroni's correction; declared in experiments/claims.md
FEWEST = 5  # points of a quadratic: two more than its coefficients
DRAWS = 1000  # of a bootstrap band
_FORMULA = "y ~ x + I(x ** 2)"


@dataclass(frozen=True, kw_only=True)
class Quadratic:
    """y = a + b x + c x^2 by least squares."""

    count: int
    coefficients: tuple[float, float, float]  # a, b, c
    r2: float
    f: float  # overall F(2, n - 3)
    p: float  # of the overall F test: what the paper reports
    t_bend: float  # of c
    p_bend: float
    spearman: float  # rank correlation of x and y, which no form is assumed for
    p_spearman: float

    def at(self, x: ArrayLike) -> Numbers:
        a, b, c = self.coefficients
        places = np.asarray(x, np.float64)
        return a + b * places + c * places**2

    def rise(self, low: float, high: float) -> float:
        """Its value at `high` minus at `low`."""
        below, above = self.at([low, high])
        return float(above - below)


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """A quadratic with a random intercept for each person: fitted within people, not across them."""

    count: int
    people: int
    slope: float
    p_slope: float
    bend: float
    p_bend: float
    person_variance: float
    residual_variance: float


def overall_p(r2: float, count: int) -> float:
    """p of a quadratic's overall F test from its R2 alone: (1 - R2)^((n - 3) / 2), since F has 2 and n - 3 degrees of freedom."""
    return float((1 - r2) ** ((count - 3) / 2))


def p_within(found: Quadratic, people: int) -> tuple[float, float]:
    """Overall p and p of the bend of a quadratic on numbers less their person's mean, which costs a degree of freedom each."""
    degrees = found.count - people - 2
    if degrees < 1:
        return float("nan"), float("nan")
    t = found.t_bend * (degrees / (found.count - 3)) ** 0.5
    return overall_p(found.r2, degrees + 3), float(2 * stats.t.sf(abs(t), degrees))


def quadratic(x: ArrayLike, y: ArrayLike) -> Quadratic:
    """ValueError for fewer than FEWEST points or a measure that does not vary."""
    found = _fitted(x, y)
    a, b, c = found.params
    rank, p_rank = stats.spearmanr(found.model.exog[:, 1], found.model.endog)
    return Quadratic(
        count=int(found.nobs),
        coefficients=(float(a), float(b), float(c)),
        r2=float(found.rsquared),
        f=float(found.fvalue),
        p=float(found.f_pvalue),
        t_bend=float(found.tvalues.iloc[2]),
        p_bend=float(found.pvalues.iloc[2]),
        spearman=float(rank),
        p_spearman=float(p_rank),
    )


def outliers(x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
    """(n,) those whose studentised residual is significant after Bonferroni's correction; once, not again on the rest."""
    tested = _fitted(x, y).outlier_test(method="bonf")
    return np.asarray(tested["bonf(p)"] < OUTLIER_LEVEL)


def influence(x: ArrayLike, y: ArrayLike) -> Numbers:
    """(n,) Cook's distance: how far the fit moves where the point is left out."""
    distances, _ = _fitted(x, y).get_influence().cooks_distance
    return np.asarray(distances, np.float64)


def within(people: Sequence[str], numbers: ArrayLike) -> Numbers:
    """(n,) in standard deviations (n - 1) from the person's own mean; NaN for a person whose numbers are all the same."""
    groups = pd.Series(np.asarray(numbers, np.float64)).groupby(np.asarray(people, object))
    spread = groups.transform("std")
    return np.asarray((groups.transform(lambda of: of - of.mean()) / spread.where(spread > 0)), np.float64)


def rises(people: Sequence[str], x: ArrayLike, y: ArrayLike) -> dict[str, float]:
    """Person -> rise of their own quadratic from one standard deviation of x below their mean to one above, in the unit of y.

    Of people with at least FEWEST points at three places.
    """
    names, standard, scores = np.asarray(people, object), within(people, x), np.asarray(y, np.float64)
    found = {}
    for person in dict.fromkeys(people):
        rows = (names == person) & np.isfinite(standard)
        if rows.sum() >= FEWEST and len(np.unique(standard[rows])) >= 3:
            below, above = np.polyval(np.polyfit(standard[rows], scores[rows], 2), [-1.0, 1.0])
            found[person] = float(above - below)
    return found


def left_out_r2(people: Sequence[str], x: ArrayLike, y: ArrayLike) -> dict[str, float]:
    """Person -> R2 of a quadratic that was fitted on the others, all standardised in their person; below 0: worse than the mean."""
    names, measure, score = np.asarray(people, object), within(people, x), within(people, y)
    usable = np.isfinite(measure) & np.isfinite(score)
    found = {}
    for person in dict.fromkeys(people):
        own, others = usable & (names == person), usable & (names != person)
        if own.sum() >= 2 and others.sum() >= FEWEST:  # each varies, being standardised
            errors = score[own] - np.polyval(np.polyfit(measure[others], score[others], 2), measure[own])
            found[person] = float(1 - (errors**2).sum() / (score[own] ** 2).sum())
    return found


def mixed(people: Sequence[str], x: ArrayLike, y: ArrayLike) -> Mixed:
    """x standardised within people; IncompleteGrid where it does not converge, ValueError of fewer than two people."""
    frame = pd.DataFrame({"person": list(people), "x": within(people, x), "y": np.asarray(y, np.float64)}).dropna()
    if frame["person"].nunique() < 2:
        raise ValueError("a mixed model needs at least two people")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # also given where the variance is 0, at the border
        found = smf.mixedlm(_FORMULA, frame, groups=frame["person"]).fit(reml=True, method="powell")
    if not found.converged:
        raise IncompleteGrid("the mixed model did not converge; use the fits of each person")
    return Mixed(
        count=len(frame),
        people=int(frame["person"].nunique()),
        slope=float(found.params.iloc[1]),
        p_slope=float(found.pvalues.iloc[1]),
        bend=float(found.params.iloc[2]),
        p_bend=float(found.pvalues.iloc[2]),
        person_variance=float(found.cov_re.iloc[0, 0]),
        residual_variance=float(found.scale),
    )


def corrected(p: Sequence[float]) -> list[float]:
    """Benjamini-Hochberg: the share of false findings at which each would be one."""
    if not p:
        return []
    return [float(value) for value in multipletests(p, method="fdr_bh")[1]]


def band(
    people: Sequence[str], x: ArrayLike, y: ArrayLike, places: ArrayLike, *, level: float = 0.95, seed: int = 0
) -> tuple[Numbers, Numbers]:
    """Ends of the curve's interval at each place, by bootstrap over people; of a single person, over points."""
    measure, score = np.asarray(x, np.float64), np.asarray(y, np.float64)
    names = np.asarray(people, object)
    groups = [np.flatnonzero(names == person) for person in dict.fromkeys(people)]
    if len(groups) == 1:
        groups = [np.array([index]) for index in range(len(names))]
    rng = np.random.default_rng(seed)
    curves = []
    for _ in range(DRAWS):
        rows = np.concatenate([groups[index] for index in rng.integers(len(groups), size=len(groups))])
        if len(np.unique(measure[rows])) >= 3:
            curves.append(np.polyval(np.polyfit(measure[rows], score[rows], 2), np.asarray(places, np.float64)))
    tail = (1 - level) / 2
    low, high = np.quantile(np.stack(curves), [tail, 1 - tail], axis=0)
    return low, high


def _fitted(x: ArrayLike, y: ArrayLike) -> RegressionResultsWrapper:
    frame = pd.DataFrame({"x": np.asarray(x, np.float64), "y": np.asarray(y, np.float64)})
    if not np.isfinite(frame.to_numpy()).all():
        raise ValueError("a fit needs numbers; leave out, and count, what has none")
    if len(frame) < FEWEST or frame["x"].nunique() < 3:
        raise ValueError(f"a quadratic needs {FEWEST} points at 3 places, got {len(frame)} at {frame['x'].nunique()}")
    return smf.ols(_FORMULA, frame).fit()
