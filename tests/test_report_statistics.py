"""The page's own comparison of two runs prints what `tfg compare` prints, digit by digit."""

from __future__ import annotations

import json

import chromium
import numpy as np
import pytest

from benchmarks.report_records import make
from tfg.commands.compare import read, signed
from tfg.report.site import write_site
from tfg.statistics.bootstrap import FEWEST_FRAMES
from tfg.statistics.comparison import compare
from tfg.statistics.pairing import matched

# Frames and correlation of neighbours: too few for an interval; as in heads; such that blocks are longer than the shortest.
SERIES = ((90, 0.8), (150, 0.8), (400, 0.98))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium.browser(tmp_path_factory.mktemp("browser") / "profile") as page:
        yield page


@pytest.mark.parametrize(("frames", "memory"), SERIES)
def test_every_printed_digit_of_a_comparison_is_that_of_tfg_compare(browser, tmp_path, frames, memory):
    first, second = make(tmp_path / "results", 2, frames, person="one", memory=memory)
    index, _ = write_site(tmp_path / "results", tmp_path / "site")
    browser.open("about:blank")
    browser.open(f"{(index.parent / 'compare.html').as_uri()}#a={first.name}&b={second.name}")
    browser.wait("document.querySelectorAll('#table tbody tr').length > 0")
    cells = "[...row.cells].slice(-3).map((cell) => cell.textContent)"
    rows = f"[...document.querySelectorAll('#table tbody tr')].map((row) => [row.dataset.metric, {cells}])"
    shown = dict(browser.evaluate(rows))
    expected = compare(matched([read(first)], [read(second)])[0])
    known = {name: made for name, made in expected.items() if made.difference is not None}
    assert set(shown) == set(known)
    for name, made in known.items():
        assert shown[name][0] == signed(made.difference, made.entry), name
        if not name.endswith("_decoded"):  # whose frames are not in the report
            assert shown[name][1:] == printed(made), name
    assert (frames < FEWEST_FRAMES) == all(made.low is None for made in expected.values())


def printed(made):
    if made.low is None:
        return ["-", "-"]
    ends = f"{signed(made.low, made.entry)} to {signed(made.high, made.entry)}"
    return [ends, "-" if made.probability is None else f"{made.probability:.3f}"]


def test_numbers_round_as_python_rounds_them(browser, tmp_path):
    make(tmp_path / "results", 2, 30, person="one")
    index, _ = write_site(tmp_path / "results", tmp_path / "site")
    browser.open((index.parent / "compare.html").as_uri())
    values = [
        0.125,
        0.375,
        -0.125,
        0.5,
        1.5,
        2.5,
        -2.5,
        2.675,
        1e-9,
        -1e-9,
        0.0,
        33.833,
        1e6 + 0.5,
        100.0,
        0.0625,
        12345.678,
    ]
    values += np.random.default_rng(0).normal(0, 50, 200).round(3).tolist()
    cases = [(value, digits) for value in values for digits in (0, 1, 2, 3, 4)]
    shown = browser.evaluate(f"{json.dumps(cases)}.map(([value, digits]) => tfg.fixed(value, digits))")
    assert shown == [f"{value:.{digits}f}" for value, digits in cases]
