"""Intervals of the numbers of one video: frames without a number, frames equal to their truth, and what is no mean over frames."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tfg.scoring.intervals import interval, intervals
from tfg.statistics.bootstrap import FEWEST_FRAMES


def test_frames_without_a_number_are_left_out_and_perfect_ones_count_100_db():
    values = [30.0 + frame % 3 for frame in range(FEWEST_FRAMES)]
    assert interval([None, *values, None]) == interval(values)
    assert interval(values[:-1]) is None
    assert interval([None, *values[:-1]]) is None
    assert interval([math.inf] * len(values)) is None
    found = interval([math.inf] * len(values) + [50.0] * len(values))
    assert (found.low + found.high) / 2 == pytest.approx(75)


def test_frames_that_are_all_equal_have_none():
    assert interval([2.0] * 200) is None  # what other speech would bring is not known


def test_only_means_over_frames_have_one():
    frames = np.random.default_rng(4).standard_normal(200).tolist()
    mean = {"value": float(np.mean(frames)), "per_frame": frames, "curve": ""}
    made = intervals(
        {
            "mean": mean,
            "other": mean | {"curve": "Mouth opening, px"},
            "single": mean | {"per_frame": None},
            "none": mean | {"value": None},
        }
    )
    assert [made["metrics"][name] is None for name in ("mean", "other", "single", "none")] == [False, True, True, True]
    assert "moving-block bootstrap" in made["method"]
