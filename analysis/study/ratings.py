"""Mean ratings of methods by a mixed model: method fixed; rater, clip, and how either differs from method to method, random.

The interval of a difference is over raters and clips: it holds for other raters and other clips of the same kind.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from analysis.study.answers import Rating
from analysis.study.contrasts import Contrasts
from tfg.types import InputError


@dataclass(frozen=True, kw_only=True)
class Means:
    means: Contrasts
    variances: dict[str, float]  # rater, clip, rater x method, clip x method as far as they can be told apart; residual


def fit(ratings: Sequence[Rating], methods: Sequence[str]) -> Means:
    """Of one question; REML. InputError where the model does not converge."""
    frame = pd.DataFrame([asdict(rating) for rating in ratings])
    known = tuple(methods)
    raters, clips = frame["rater"].nunique(), frame["clip"].nunique()
    if missing := [method for method in known if method not in set(frame["method"])]:
        raise InputError(f"{missing[0]}: nobody who is kept has rated it; wait for more answers")
    if raters < 2:
        of_method = frame.groupby("method")["value"].mean()
        values = of_method[list(known)].to_numpy(np.float64)
        alone = Contrasts(methods=known, values=values, covariance=None, degrees=0, over="one rater, no interval")
        return Means(means=alone, variances={})
    random = {"rater": "0 + C(rater)", "rater x method": "0 + C(rater):C(method)"}
    if clips > 1:
        random |= {"clip": "0 + C(clip)", "clip x method": "0 + C(clip):C(method)"}
    else:
        random.pop("rater x method")  # a cell has one rating, so that this is the residual
    frame = frame.assign(value=frame["value"].astype(float), all=1, method=pd.Categorical(frame["method"], known))
    model = MixedLM.from_formula("value ~ 0 + C(method)", frame, groups="all", re_formula="0", vc_formula=random)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # also given where a variance is 0, at the border
        found = model.fit(
            reml=True, method="nm", maxiter=4000
        )  # Powell's line searches reach where crossed effects are singular
    if not found.converged:
        raise InputError("ratings: the mixed model did not converge; wait for more answers")
    parts = dict(zip(model.exog_vc.names, found.vcomp, strict=True))
    count = len(known)
    means = Contrasts(
        methods=known,
        values=np.asarray(found.fe_params, np.float64),
        covariance=np.asarray(found.cov_params(), np.float64)[:count, :count],
        degrees=(min(raters, clips) if clips > 1 else raters) - 1,
        over=f"{raters} raters and {clips} clips" if clips > 1 else f"{raters} raters, for this one clip",
    )
    return Means(
        means=means, variances={**{name: float(parts[name]) for name in random}, "residual": float(found.scale)}
    )
