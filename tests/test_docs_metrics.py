"""docs/metrics.md has an entry for every number that a video can be scored with, and each entry says what it must."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tfg.metrics.listener.fitted import NoListener
from tfg.metrics.openface import ActionUnitError
from tfg.scoring import suite
from tfg.scoring.setting import Switches

TEXT = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text()
ENTRIES = {
    heading: body for heading, body in re.findall(r"^### (`.+)\n((?:(?!^#).*\n?)+)", TEXT, flags=re.MULTILINE)
}  # the headings that begin with a name


def names_of(heading):
    return re.findall(r"`(\w+)`", heading)


def test_every_metric_has_exactly_one_entry_and_no_entry_is_of_a_metric_that_is_gone():
    switches = Switches(lpips=False, listener=False, syncnet=False, identity=False, fid=False)
    listener = NoListener(reason="switched off")
    metrics = suite.build(switches, reader=None, listener=listener, action_units=ActionUnitError())
    made = [name for metric in metrics for name in metric.names]
    assert sorted(name for heading in ENTRIES for name in names_of(heading)) == sorted(made)


@pytest.mark.parametrize("heading", ENTRIES)
def test_every_entry_says_what_it_is_what_moves_it_how_it_is_tested_and_what_others_do(heading):
    for part in ("Formula.", "Region, range.", "Moves it.", "Tested.", "Elsewhere."):
        assert f"**{part}**" in ENTRIES[heading], part


def test_every_test_that_is_named_exists():
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", TEXT))
    root = Path(__file__).parents[1]
    assert named
    assert [path for path in named if not (root / path).is_file()] == []
