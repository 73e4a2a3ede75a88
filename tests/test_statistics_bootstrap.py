"""Intervals over frames: coverage of known truths by simulation, known spreads, and what has no interval."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal, stats

from tfg.statistics import bootstrap
from tfg.statistics.autocorrelation import SHORTEST_BLOCK, blocks
from tfg.statistics.bootstrap import FEWEST_FRAMES, FISHER, LOGARITHM, difference, estimate, mean_of

SETTLE = 300  # frames before a made series starts


def autoregressive(rng, decay, *shape):
    """Variance 1, true mean 0, correlation `decay` of neighbours."""
    noise = rng.standard_normal((*shape[:-1], shape[-1] + SETTLE)) * np.sqrt(1 - decay**2)
    return signal.lfilter([1.0], [1.0, -decay], noise, axis=-1)[..., SETTLE:]


@pytest.mark.parametrize("frames", [150, 500, 1500])
@pytest.mark.parametrize("decay", [0.0, 0.5, 0.8, 0.9, 0.95])
def test_95_percent_intervals_cover_the_true_mean_in_93_to_97_percent_of_500_draws(frames, decay):
    """500 draws of a true 95 % lie outside of 93 to 97 in 4 of 100 cases, hence the fixed seed (1 of the seeds 0 to 3 fails in one of
    the 15 cases); 2,000 draws of each: benchmarks/coverage.md."""
    rng = np.random.default_rng([0, frames, int(100 * decay)])
    found = [mean_of(series) for series in autoregressive(rng, decay, 500, frames)]
    assert 0.93 <= np.mean([made.low <= 0 <= made.high for made in found]) <= 0.97


def test_of_many_independent_frames_the_interval_is_students():
    values = np.random.default_rng(0).standard_normal(5000)
    found = mean_of(values)
    assert found.high - found.low == pytest.approx(
        2 * 1.96 * values.std() / np.sqrt(5000), rel=0.25
    )  # 200 blocks: +-5 %
    assert found.value == pytest.approx(values.mean())


def test_frames_that_repeat_count_once():
    values = np.random.default_rng(1).standard_normal(40)
    wide, narrow = mean_of(np.repeat(values, 25)), mean_of(np.resize(values, 1000))
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_blocks_are_a_second_and_longer_where_frames_resemble_each_other_for_longer():
    rng = np.random.default_rng(2)
    lengths = [blocks(autoregressive(rng, decay, 1500)).length for decay in (0.0, 0.9, 0.97)]
    assert lengths[0] == SHORTEST_BLOCK < lengths[1] < lengths[2] <= 1500 // 4


def test_any_statistic_has_the_interval_of_the_mean_where_it_is_one():
    values = autoregressive(np.random.default_rng(3), 0.8, 300)
    drawn, exact = estimate(values[None], lambda rows: rows[0].mean(axis=-1)), mean_of(values)
    assert (drawn.high - drawn.low) == pytest.approx(exact.high - exact.low, rel=0.1)  # 1,000 draws: a spread to +-2 %
    assert drawn.probability == pytest.approx(exact.probability, abs=0.03)


def test_a_correlation_is_covered_and_keeps_within_its_range():
    rng, hits = np.random.default_rng(4), []
    for _ in range(100):
        first, noise = autoregressive(rng, 0.8, 2, 150)
        found = estimate(np.stack([first, 0.9 * first + np.sqrt(1 - 0.81) * noise]), bootstrap.correlation, FISHER)
        assert -1 < found.low < found.value < found.high < 1
        hits.append(found.low <= 0.9 <= found.high)
    assert np.mean(hits) >= 0.88  # of 100 draws 95 +- 2, at least


def test_a_difference_is_paired_by_frame():
    rng = np.random.default_rng(5)
    shared = 10 * autoregressive(rng, 0.9, 1, 500)
    first, second = (shared + autoregressive(rng, 0.5, 1, 500) + shift for shift in (0.5, 0.0))
    found = difference(first, second, bootstrap.mean)
    assert found.low < 0.5 < found.high
    assert found.low > 0  # while the series themselves wander by 10
    assert found.probability > 0.975
    turned = difference(second, first, bootstrap.mean)
    assert turned.value == pytest.approx(-found.value)
    assert turned.probability == pytest.approx(1 - found.probability, abs=0.01)


def test_ratios_are_of_spreads_and_of_sums():
    rng = np.random.default_rng(6)
    rows = np.stack([2 * autoregressive(rng, 0.5, 400), autoregressive(rng, 0.5, 400)])
    found = estimate(rows, bootstrap.spread_ratio, LOGARITHM)
    assert 0 < found.low < 2 < found.high
    hits = (rng.random((2, 400)) < 0.5).astype(float)
    found = estimate(np.stack([hits[0] * hits[1], hits[1]]), bootstrap.ratio)
    assert found.low < 0.5 < found.high


def test_too_few_frames_and_what_does_not_vary_have_no_interval():
    values = np.random.default_rng(7).standard_normal((2, FEWEST_FRAMES))
    assert estimate(values, bootstrap.correlation) is not None
    values[0, 3] = np.nan
    assert estimate(values, bootstrap.correlation) is None  # its column is left out in both
    constant = np.full(200, 30.1)
    assert mean_of(constant) is None
    assert estimate(constant[None], bootstrap.mean) is None
    same = np.random.default_rng(8).standard_normal((1, 200))
    assert difference(same, same, bootstrap.mean) is None
    assert estimate(np.concatenate([same, same]), bootstrap.correlation, FISHER) is None  # exactly 1
    rare = np.zeros((2, 200))
    rare[:, 0] = 1
    assert estimate(rare, bootstrap.ratio) is None  # undefined in draws without the one case


@pytest.mark.parametrize(
    "values",
    [np.tile(np.arange(5.0), 40), np.tile([1.1, 2.3], 60)],
    ids=["blocks hold whole patterns", "alternates"],
)
def test_a_pattern_that_repeats_shows_no_certainty(values):
    """Blocks that all give the same number would make an interval of no width; numbers that alternate have no model."""
    assert mean_of(values) is None
    assert estimate(values[None], lambda rows: rows[0].mean(axis=-1)) is None
    assert difference(values[None], np.zeros((1, len(values))), bootstrap.mean) is None
    noisy = mean_of(values + 0.1 * np.random.default_rng(12).standard_normal(len(values)))
    assert noisy.low < values.mean() < noisy.high


def test_the_mean_is_taken_of_columns_without_a_gap_and_on_the_scale_asked_for():
    rows = 5 + autoregressive(np.random.default_rng(13), 0.5, 2, 300)
    rows[1, :100] = np.nan
    found = estimate(rows, bootstrap.mean)
    assert found == mean_of(rows[0, 100:])
    assert difference(rows, np.zeros((2, 300)), bootstrap.mean) == found
    scaled = estimate(rows, bootstrap.mean, LOGARITHM)
    assert scaled.value == pytest.approx(found.value)
    assert scaled.value**2 == pytest.approx(scaled.low * scaled.high)  # as far to either side on the logarithm


def test_the_same_numbers_have_the_same_interval():
    values = np.random.default_rng(9).standard_normal((2, 200))
    assert estimate(values, bootstrap.correlation) == estimate(values, bootstrap.correlation)


def test_the_share_that_blocks_show_is_what_simulation_shows():
    """Numbers without autocorrelation, whose nearest model is the fastest decay."""
    series = np.random.default_rng(10).standard_normal((5000, 100))
    means = np.stack([series[:, start : start + SHORTEST_BLOCK].mean(axis=1) for start in range(76)])
    shown = np.mean(means.var(axis=0)) * SHORTEST_BLOCK  # of the mean's variance, 1 / 100 frames
    assert blocks(series[0]).share[0] * 100 / SHORTEST_BLOCK == pytest.approx(shown * 100 / SHORTEST_BLOCK, rel=0.03)


def test_student_is_reached_with_many_degrees_of_freedom():
    values = np.random.default_rng(11).standard_normal(20_000)
    found = mean_of(values)
    sided = stats.norm.cdf(found.value * np.sqrt(20_000) / values.std())
    assert found.probability == pytest.approx(sided, abs=0.05)
