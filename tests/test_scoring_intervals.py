"""Intervals of the numbers of one video: means over frames and what is made of mouth openings; nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tfg.scoring.intervals import intervals
from tfg.statistics.bootstrap import FEWEST_FRAMES, mean_of


def of_mean(per_frame):
    known = [min(value, 100.0) for value in per_frame if value is not None]
    value = math.inf if all(np.isinf(frame) for frame in per_frame if frame is not None) else float(np.mean(known))
    entry = {"value": value, "per_frame": per_frame, "curve": ""}
    return intervals({"psnr": entry}, {})["metrics"]["psnr"]


def test_frames_without_a_number_are_left_out_and_perfect_ones_count_100_db():
    values = [30.0 + frame % 3 for frame in range(FEWEST_FRAMES)]
    assert of_mean([None, *values, None]) == of_mean(values)
    assert of_mean(values[:-1]) is None
    assert of_mean([None, *values[:-1]]) is None
    assert of_mean([math.inf] * len(values)) is None
    assert sum(of_mean([math.inf] * len(values) + [50.0] * len(values))) / 2 == pytest.approx(75)


def test_frames_that_are_all_equal_have_none():
    assert of_mean([2.0] * 200) is None  # what other speech would bring is not known


def test_means_over_frames_and_correlations_of_openings_have_one():
    first, second = np.random.default_rng(4).standard_normal((2, 200))
    mean = {"value": float(np.mean(first)), "per_frame": first.tolist(), "curve": ""}
    openings = {
        "value": float(np.corrcoef(first, second)[0, 1]),
        "per_frame": first.tolist(),
        "curve": "Mouth opening, px",
    }
    made = intervals(
        {
            "mean": mean,
            "mouth_correlation": openings,
            "other": mean | {"curve": "Mouth opening, px"},
            "single": mean | {"per_frame": None},
            "none": mean | {"value": None},
            "another": mean | {"value": 9.0},
        },
        {"mouth_correlation": openings | {"value": 1.0, "per_frame": second.tolist()}},
    )
    assert [name for name, ends in made["metrics"].items() if ends] == ["mean", "mouth_correlation"]
    found = mean_of(first)
    assert made["metrics"]["mean"] == [found.low, found.high]
    assert "moving-block bootstrap" in made["method"]
