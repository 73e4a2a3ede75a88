"""When a lip measure says that it cannot be trusted, and when it says nothing."""

from __future__ import annotations

import numpy as np
import pytest
from test_scoring_gains import COUNT, NOISE, value

from tfg.metrics.base import MetricFacts, MetricValue
from tfg.record.results import Metrics
from tfg.scoring.cautions import agreement_of_readings, cautions
from tfg.scoring.run import as_json

OFFSET = MetricFacts(title="Sync offset own listener", unit="frames", better="none", digits=0)

AMPLITUDE = MetricFacts(title="Mouth amplitude", unit="of truth", better="none", digits=2)


def scored(r: float, sync: float, seed: int, *, offset: float = 0, count: int = COUNT) -> Metrics:
    opening, noise = NOISE[5][:count], NOISE[seed][:count]
    mouth = r * opening + np.sqrt(1 - r**2) * noise
    return as_json(
        {
            "mouth_correlation": value("mouth_correlation", mouth, float(np.corrcoef(mouth, opening)[0, 1])),
            "mouth_amplitude": MetricValue(definition="d", facts=AMPLITUDE, value=0.25),
            "sync_c_listener": value("sync_c_listener", sync + 0.05 * noise),
            "sync_offset_listener": MetricValue(definition="d", facts=OFFSET, value=offset),
        }
    )


RUN, MUTE, TRUTH = scored(0.8, 0.3, 0), scored(0.0, 0.1, 1), scored(1.0, 0.5, 2)


def test_nothing_is_said_of_measures_that_nothing_speaks_against():
    assert cautions(RUN, MUTE, TRUTH, 0.99, 0.4) == {}
    assert cautions(RUN, None, TRUTH, None, None) == {}


@pytest.mark.parametrize(
    ("run", "mute", "truth", "read", "measure", "words"),
    [
        (
            scored(0.8, 0.3, 0, count=60),
            None,
            scored(1.0, 0.5, 2, count=60),
            None,
            "mouth_correlation",
            "60 frames are too few",
        ),
        (
            scored(0.2, 0.3, 0, count=120),
            None,
            scored(1.0, 0.5, 2, count=120),
            None,
            "mouth_correlation",
            "its 95 % interval",
        ),
        (RUN, MUTE, TRUTH, 0.62, "mouth_correlation", "correlate at 0.62 only"),
        (
            RUN,
            scored(-0.5, 0.1, 1),
            TRUTH,
            None,
            "mouth_correlation",
            "the head's pose moves its lips: the mute control has r -0.5",
        ),
        (RUN, MUTE, scored(1.0, 0.1, 2), None, "sync_c_listener", "does not tell the truth from the mute control"),
        (
            RUN,
            MUTE,
            scored(1.0, 0.5, 2, offset=-4),
            None,
            "sync_c_listener",
            "finds the truth itself -4 frames out of sync",
        ),
        (scored(0.8, 0.3, 0, count=90), None, scored(1, 0.5, 2, count=90), None, "sync_c_listener", "only 90 windows"),
    ],
)
def test_what_speaks_against_a_measure_is_said_of_it(run, mute, truth, read, measure, words):
    assert any(words in sentence for sentence in cautions(run, mute, truth, read, 0.42)[measure])


def test_how_far_a_muted_mouth_moves_and_what_a_rigid_one_would_have_is_said_beside():
    (said,) = cautions(RUN, scored(-0.5, 0.1, 1), TRUTH, None, 0.42)["mouth_correlation"]
    assert said.endswith("at 0.25 of the truth's amplitude; a mouth that is rigid in the head has +0.42 at these poses")


def test_a_head_that_does_not_blink_is_told_where_the_person_does():
    def blinking(rate: float, amplitude: float | None = None) -> Metrics:
        facts = MetricFacts(title="Blinks", unit="a minute", better="none", digits=1)
        found = {"blink_rate": MetricValue(definition="d", facts=facts, value=rate)}
        if amplitude is not None:
            found["lid_amplitude"] = MetricValue(definition="d", facts=AMPLITUDE, value=amplitude)
        return as_json(found)

    (said,) = cautions(blinking(0, 0.11), None, blinking(48), None, None)["blink_rate"]
    assert said == "the head does not blink, the person does 48 times a minute, its lids move 0.11 of the truth's way"
    assert cautions(blinking(6, 0.4), None, blinking(48), None, None) == {}
    assert cautions(blinking(0, 0.4), None, blinking(0), None, None) == {}


def test_a_measure_that_was_not_scored_has_no_caution():
    run = {name: entry for name, entry in RUN.items() if name == "mouth_correlation"}
    assert "sync_c_listener" not in cautions(run, None, TRUTH, 0.5, None)


def test_readings_agree_by_their_openings():
    rng = np.random.default_rng(0)
    points = np.zeros((50, 68, 2), np.float32)
    points[:, 60:68, 1] = rng.uniform(0, 9, (50, 8))
    assert agreement_of_readings(points, 2 * points + 3) == pytest.approx(1)
    assert abs(agreement_of_readings(points, points[::-1].copy())) < 0.5
    assert agreement_of_readings(points, np.zeros_like(points)) is None
