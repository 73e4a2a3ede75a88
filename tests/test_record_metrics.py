"""How entries of records are printed."""

from __future__ import annotations

import pytest

from tfg.record.metrics import formatted, header, number, ranged, titled

PSNR = {"value": 31.4159, "title": "PSNR face", "unit": "dB", "better": "up", "digits": 2}


def test_a_value_has_the_digits_of_its_metric_and_a_missing_one_is_a_dash():
    assert formatted(PSNR) == "31.42"
    assert formatted(PSNR | {"value": "inf"}) == "inf"
    assert formatted(PSNR | {"value": 3.0, "digits": 0}) == "3"
    assert formatted(PSNR | {"value": None}) == formatted(None) == "-"
    assert number(1, PSNR) == "1.00"
    assert ranged([1, 2.555], PSNR) == "1.00 to 2.56"
    assert ranged(None, PSNR) == "-"


@pytest.mark.parametrize(("better", "arrow"), [("up", " \u2191"), ("down", " \u2193"), ("none", "")])
def test_the_header_has_unit_and_the_arrow_of_the_better_direction(better, arrow):
    assert header(PSNR | {"better": better}) == f"PSNR face dB{arrow}"
    assert titled(PSNR | {"unit": ""}) == "PSNR face"
