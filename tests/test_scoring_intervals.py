"""Intervals of a mean over frames: known spreads, what has none, and that neighbouring frames are not counted as independent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tfg.scoring import intervals
from tfg.scoring.intervals import BLOCK, FEWEST_BLOCKS, interval


def width(values):
    found = interval(values)
    return found.high - found.low


def test_of_independent_frames_it_is_students_over_blocks():
    values = np.random.default_rng(0).standard_normal(1000).tolist()
    expected = 2 * stats.t.ppf(0.975, 1000 / BLOCK - 1) * np.std(values) / math.sqrt(1000)
    assert width(values) == pytest.approx(expected, rel=0.25)  # a spread of 40 blocks is known to about 11 %
    found = interval(values)
    assert (found.low + found.high) / 2 == pytest.approx(np.mean(values))


def test_frames_that_repeat_count_once():
    values = np.random.default_rng(1).standard_normal(40)
    assert width(np.repeat(values, BLOCK).tolist()) > 3 * width(np.resize(values, 1000).tolist())


def test_it_covers_the_true_mean_about_as_often_as_it_says(monkeypatch):
    monkeypatch.setattr(intervals, "DRAWS", 200)
    rng = np.random.default_rng(2)
    kernel = np.ones(5) / 5  # frames alike over 5 frames
    hits = 0
    for _ in range(200):
        found = interval(np.convolve(rng.standard_normal(304), kernel, "valid").tolist())
        hits += found.low <= 0 <= found.high
    assert 0.88 <= hits / 200 <= 0.99  # 95 %, of 200 draws +-3 %; few blocks cost a little


def test_frames_without_a_number_are_left_out_and_perfect_ones_count_100_db():
    values = [30.0 + frame % 3 for frame in range(FEWEST_BLOCKS * BLOCK)]
    assert interval([None, *values, None]) == interval(values)
    assert interval(values[:-1]) is None
    assert interval([None, *values[:-1]]) is None
    assert interval([math.inf] * len(values)) is None
    found = interval([math.inf] * len(values) + [50.0] * len(values))
    assert (found.low + found.high) / 2 == pytest.approx(75)


def test_equal_frames_have_an_interval_of_no_width_and_the_same_values_the_same_one():
    assert width([2.0] * 200) == pytest.approx(0, abs=1e-12)
    values = np.random.default_rng(3).standard_normal(200).tolist()
    assert interval(values) == interval(values)


def test_only_means_over_frames_have_one():
    frames = np.random.default_rng(4).standard_normal(200).tolist()
    mean = {"value": float(np.mean(frames)), "per_frame": frames, "curve": ""}
    made = intervals.intervals(
        {
            "mean": mean,
            "other": mean | {"curve": "Mouth opening, px"},
            "single": mean | {"per_frame": None},
            "none": mean | {"value": None},
        }
    )
    assert [made["metrics"][name] is None for name in ("mean", "other", "single", "none")] == [False, True, True, True]
    assert f"blocks of {BLOCK} consecutive frames" in made["method"]
