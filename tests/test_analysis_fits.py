"""Fits recover the parameters that made the data, and the paper's own number follows from its R2."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from analysis import fits

RNG = np.random.default_rng(0)


def made(people=12, segments=20, slope=0.1, bend=-0.05, noise=0.03, between=0.5):
    """Sync of people who differ by far more than their segments do; x has another mean and size in each."""
    names, x, y = [], [], []
    for person in range(people):
        standard = RNG.normal(size=segments)
        standard = (standard - standard.mean()) / standard.std(ddof=1)
        names += [f"p{person}"] * segments
        x += list(10 * person + (1 + person) * standard)
        y += list(between * RNG.normal() + slope * standard + bend * standard**2 + noise * RNG.normal(size=segments))
    return names, np.array(x), np.array(y)


def test_the_published_p_follows_from_the_published_r2_at_23_points():
    assert round(fits.overall_p(0.4653, 23), 4) == 0.0019
    assert [n for n in range(10, 60) if round(fits.overall_p(0.4653, n), 4) == 0.0019] == [23]


def test_p_is_that_of_statsmodels():
    x, y = RNG.normal(size=23), RNG.normal(size=23)
    found = fits.quadratic(x, y)
    assert found.p == pytest.approx(fits.overall_p(found.r2, 23), rel=1e-9)


def test_a_quadratic_is_recovered():
    x = RNG.uniform(-2, 2, 400)
    found = fits.quadratic(x, 1 + 0.5 * x - 0.25 * x**2 + 0.1 * RNG.normal(size=400))
    assert found.coefficients == pytest.approx((1, 0.5, -0.25), abs=0.02)
    assert found.rise(-1, 1) == pytest.approx(1.0, abs=0.03)
    assert found.p_bend < 1e-6
    assert found.spearman > 0.5


def test_a_line_has_no_bend():
    x = RNG.uniform(-2, 2, 400)
    assert abs(fits.quadratic(x, x + RNG.normal(size=400)).t_bend) < 2.6


def test_people_are_compared_with_themselves():
    names, x, y = made()
    assert fits.quadratic(x, y).r2 < 0.5, "across people the measure says little"
    rises = fits.rises(names, x, y)
    assert np.mean(list(rises.values())) == pytest.approx(0.2, abs=0.02)
    model = fits.mixed(names, x, y)
    assert (model.slope, model.bend) == pytest.approx((0.1, -0.05), abs=0.01)
    assert model.person_variance > 10 * model.residual_variance


def test_a_measure_that_never_varies_in_a_person_leaves_the_person_out():
    names, x, y = made(people=3)
    x[:20] = 7.0
    assert list(fits.rises(names, x, y)) == ["p1", "p2"]


def test_the_r2_of_a_left_out_person_is_of_a_fit_without_them():
    names, x, y = made(noise=0.001)
    assert min(fits.left_out_r2(names, x, y).values()) > 0.8
    y[:20] = -y[:20]  # p0 is the other way round: nobody else knows
    found = fits.left_out_r2(names, x, y)
    assert found["p0"] < 0 < 0.8 < found["p1"]
    noise = fits.left_out_r2(names, x, RNG.normal(size=len(y)))
    assert np.mean(list(noise.values())) < 0.05


def test_one_outlier_is_dropped_and_no_good_point():
    x = np.linspace(-2, 2, 40)
    y = x**2 + 0.1 * RNG.normal(size=40)
    y[7] += 3
    assert np.flatnonzero(fits.outliers(x, y)).tolist() == [7]
    assert int(np.argmax(fits.influence(x, y))) == 7


def test_benjamini_hochberg_by_hand():
    assert fits.corrected([0.01, 0.04, 0.03, 0.20]) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.20])
    assert fits.corrected([]) == []


def test_the_band_holds_the_truth_and_is_wider_over_few_people():
    places = np.linspace(-1, 1, 9)
    names = np.repeat([f"p{i}" for i in range(20)], 15).tolist()
    x = RNG.normal(size=300)
    y = 0.3 * x + np.repeat(0.2 * RNG.normal(size=20), 15) + 0.1 * RNG.normal(size=300)
    low, high = fits.band(names, x, y, places)
    assert (low < 0.3 * places + 0.1).all()
    assert (high > 0.3 * places - 0.1).all()
    few_low, few_high = fits.band(names[:75], x[:75], y[:75], places)
    assert (few_high - few_low).mean() > (high - low).mean()


@pytest.mark.parametrize(
    ("x", "y"), [([1, 2, 3, 4], [1, 2, 3, 4]), ([1] * 9, range(9)), ([1, 2, np.nan, 4, 5], range(5))]
)
def test_too_little_is_refused(x, y):
    with pytest.raises(ValueError, match="needs"):
        fits.quadratic(list(x), list(y))


def test_people_whose_means_were_taken_off_cost_a_degree_of_freedom_each():
    names, x, y = made(people=4, segments=8, slope=0.0, bend=0.0)
    standard = fits.within(names, x)
    score = y - pd.Series(y).groupby(names).transform("mean").to_numpy()
    found = fits.quadratic(standard, score)
    frame = pd.DataFrame({"x": standard, "y": y, "person": names})
    whole, people = (smf.ols(f"y ~ {terms}C(person)", frame).fit() for terms in ("x + I(x ** 2) + ", ""))
    p, p_bend = fits.p_within(
        found, 4
    )  # where people have as many segments each, the same as with a mean for each in the model
    assert p == pytest.approx(whole.compare_f_test(people)[1], rel=1e-6)
    assert p_bend == pytest.approx(whole.pvalues["I(x ** 2)"], rel=1e-6)
