"""How long a run will take and took: parts named, sums of stages, what was not done again left out."""

from __future__ import annotations

from tfg.estimate import PARTS, Estimate, noted, taken
from tfg.progress import clock
from tfg.record.meter import Spent


def spent(seconds: float) -> Spent:
    return Spent(seconds=seconds, processor_seconds=seconds / 2)


ESTIMATE = Estimate(
    parts={"processing": spent(20), "training": spent(97), "rendering": spent(6), "scoring": spent(7)},
    timed={"step 1": spent(0.04)},
)
STAGES = {
    "rehearsal": {"seconds": 2.0, "processor_seconds": 2.0},
    "selection": {"seconds": 3.0, "processor_seconds": 1.0},
    "sync": {"seconds": 1.0, "processor_seconds": 1.0},
    "features_train": {"seconds": 2.0, "processor_seconds": None},
    "training": {"seconds": 100.0, "processor_seconds": 90.0},
    "rendering": {"seconds": 5.0, "processor_seconds": 4.0},
    "metrics": {"seconds": 9.0, "processor_seconds": 8.0},
}


def test_the_line_before_names_the_parts_and_their_sum() -> None:
    line = "about 2:10 on this machine: processing 0:20, training 1:37, rendering 0:06, scoring 0:07"
    assert ESTIMATE.text() == line


def test_parts_are_sums_of_their_stages_and_the_rehearsal_is_none() -> None:
    took = taken(STAGES)
    assert {part: cost.seconds for part, cost in took.items()} == {
        "processing": 6.0,
        "training": 100.0,
        "rendering": 5.0,
        "scoring": 9.0,
    }
    assert took["training"].processor_seconds == 90.0
    assert took["processing"].processor_seconds is None  # not known of one stage
    assert "rehearsal" not in {name for names in PARTS.values() for name in names}


def test_the_line_after_stands_beside_the_estimate() -> None:
    line = "took 2:00, estimated 2:10: processing 0:06, training 1:40, rendering 0:05, scoring 0:09"
    assert ESTIMATE.outcome(taken(STAGES)) == line


def test_a_found_head_is_compared_with_the_parts_that_were_done() -> None:
    took = taken({name: STAGES[name] for name in ("selection", "sync", "metrics")})
    assert ESTIMATE.outcome(took) == (
        "took 0:13, estimated 0:27 for these parts, the others were there already: processing 0:04, scoring 0:09"
    )


def test_the_record_has_wall_and_processor_seconds_of_both() -> None:
    assert ESTIMATE.notes()["estimated"]["training"] == {"seconds": 97, "processor_seconds": 48.5}
    assert ESTIMATE.notes()["timed"] == {"step 1": {"seconds": 0.04, "processor_seconds": 0.02}}
    assert noted(taken(STAGES))["took"]["training"] == {"seconds": 100.0, "processor_seconds": 90.0}


def test_hours_are_said() -> None:
    assert [clock(seconds) for seconds in (0.4, 59.6, 3723)] == ["0:00", "1:00", "1:02:03"]
