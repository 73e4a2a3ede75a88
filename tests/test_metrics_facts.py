"""Every number of every metric has its facts, and they reach the records."""

from __future__ import annotations

import numpy as np
import pytest

from tfg.metrics.base import MetricFacts, MetricValue
from tfg.metrics.listener.fitted import NoListener
from tfg.metrics.openface import ActionUnitError
from tfg.record.metrics import header
from tfg.scoring import controls, suite
from tfg.scoring.run import as_json
from tfg.scoring.setting import Switches

OFF = Switches(lpips=False, listener=False, syncnet=False, identity=False, fid=False)
METRICS = suite.build(OFF, reader=None, listener=NoListener(reason="off"), action_units=ActionUnitError())


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.names[0])
def test_every_name_has_its_facts(metric):
    assert tuple(metric.facts) == metric.names


def test_titles_differ_and_directions_are_known():
    facts = [fact for metric in METRICS for fact in metric.facts.values()]
    assert len({fact.title for fact in facts}) == len(facts)
    assert {fact.better for fact in facts} == {"up", "down", "none"}
    assert all(0 <= fact.digits <= 4 for fact in facts)


def test_a_record_holds_the_facts_beside_the_value():
    facts = MetricFacts(title="PSNR", unit="dB", better="up", digits=2)
    entry = as_json({"psnr": MetricValue(definition="d", facts=facts, value=np.inf, per_frame=(1.0, None))})["psnr"]
    assert entry == {
        **{"value": "inf", "unavailable": None, "definition": "d", "per_frame": [1.0, None]},
        **{"title": "PSNR", "unit": "dB", "better": "up", "digits": 2, "curve": ""},
    }
    assert header(entry) == "PSNR dB \u2191"


def test_derived_names_derive_their_facts():
    facts = MetricFacts(title="Mouth r", better="up", digits=3)
    values = {"r": MetricValue(definition="d", facts=facts, value=0.5)}
    decoded = controls.decoded(values)["r_decoded"].facts
    assert (decoded.title, decoded.better) == ("Mouth r, decoded", "up")
