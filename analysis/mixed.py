"""The mixed model of runs of two selectors: selector fixed; person, segment and seed random, each nested in the one before.

Which variance is which:
- `person`, `segment`: how far clips and their segments differ for both selectors alike; pairs cancel it;
- `seed`: what runs of one person, segment and seed share whatever the selector, which pairs cancel too: initialisation and order of
  training, which one seed sets together;
- `effect`: how far the difference of the selectors itself varies from person to person;
- `residual`: what pairs do not cancel: a selector's own draws (the selection variance, where segments are the selector's choice), what
  a seed does to one selector only, and arithmetic that is not repeated.
The difference averages all of them; its interval is over persons.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from analysis.load import IncompleteGrid
from tfg.record.metrics import IDENTICAL_DB
from tfg.statistics.pairing import Scored

LEVELS = ("person", "segment", "seed")
FEWEST_PERSONS = 3


@dataclass(frozen=True, kw_only=True)
class Mixed:
    difference: float  # first selector minus second
    low: float  # 95 %, Student's t of one degree less than persons
    high: float
    variances: dict[str, float]  # of the levels that have several units in the one above, effect, residual
    count: int  # runs
    statement: str  # which variances the difference averages


def fit(metric: str, groups: Mapping[str, Sequence[Scored]]) -> Mixed:
    """Of two selectors' runs; IncompleteGrid names the run without the metric, or what is too few."""
    rows = []
    for selector, runs in groups.items():
        for run in runs:
            entry = run.metrics.get(metric)
            if entry is None or entry["value"] is None:
                raise IncompleteGrid(f"{run.name}: no {metric}; the mixed model needs it of every run")
            value = float(entry["value"])
            value = IDENTICAL_DB if np.isinf(value) else value
            labels = {"person": run.clip, "segment": str(run.segment), "seed": str(run.seed)}
            rows.append({"selector": selector, "value": value, **labels})
    return fit_frame(pd.DataFrame(rows), next(iter(groups)))


def fit_frame(frame: pd.DataFrame, first: str) -> Mixed:
    """Columns selector (two values, of which `first` minus the other), value, person, segment, seed; REML.

    A level with one unit in every unit above it is left out, and so are segments that the two selectors do not share.
    """
    if (persons := frame["person"].nunique()) < FEWEST_PERSONS:
        raise IncompleteGrid(f"{persons} persons; the mixed model needs {FEWEST_PERSONS}, else use `tfg compare`")
    shared = frame.groupby(["person", "segment"])["selector"].nunique().eq(2).all()
    nested = {"person": frame["person"].astype(str)}
    nested["segment"] = nested["person"] + ("/" + frame["segment"].astype(str) if shared else "")
    nested["seed"] = nested["segment"] + "/" + frame["seed"].astype(str)
    kept, above = ["person"], persons
    for level in LEVELS[1:]:
        units = nested[level].nunique()
        if above < units < len(frame):
            kept.append(level)
        above = max(above, units)
    made = frame.assign(**nested, side=np.where(frame["selector"] == first, 0.5, -0.5))
    formulas = {level: f"0 + C({level})" for level in kept[1:]}
    if len(kept) > 1:  # several pairs a person
        formulas["effect"] = "0 + side"
    model = MixedLM.from_formula("value ~ side", made, groups="person", re_formula="1", vc_formula=formulas or None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # also given where a variance is 0, at the border
        found = model.fit(reml=True, method="powell")  # the default, by gradients, stops far from the optimum
    if not found.converged:
        raise IncompleteGrid("the mixed model did not converge; use the intervals of the table")
    error = float(found.bse["side"])
    reach = float(stats.t.ppf(0.975, persons - 1)) * error
    parts = dict(zip(model.exog_vc.names if formulas else [], found.vcomp, strict=True))
    variances = {"person": float(found.cov_re.iloc[0, 0]), **{name: float(parts[name]) for name in formulas}}
    difference = float(found.params["side"])
    return Mixed(
        difference=difference,
        low=difference - reach,
        high=difference + reach,
        variances=variances | {"residual": float(found.scale)},
        count=len(frame),
        statement=_statement(kept, shared=bool(shared)),
    )


def _statement(kept: list[str], *, shared: bool) -> str:
    missing = [level for level in LEVELS if level not in kept and (shared or level != "segment")]
    parts = [f"It averages over {', '.join(kept)} and what pairs do not cancel"]
    parts += [f"with one {' and one '.join(missing)} each, whose variance cannot be told apart"] if missing else []
    parts += [] if shared else ["segments are the selectors' own, so selection variance is in the residual"]
    return "; ".join(parts) + "."
