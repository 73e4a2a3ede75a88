"""The table of foreign speech: shares beside the own voice's, and whether they are within a quarter of it on average."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.table_foreign_speech import table
from experiments.foreign_speech import OWN, PEOPLE, SOUNDS, WAYS

Records = dict[tuple[str, str], dict[str, Any] | None]


def record(person: str, shares: dict[str, float | None], offset: float = 0.0) -> dict[str, Any]:
    def row(sound: str) -> dict[str, Any]:
        share = shares.get(sound)
        why = None if share is not None else "no listener"
        numbers = {"sync": 0.2, "offset": offset, "share": share, "wrong_share": 0.0, "their_share": None}
        return {"sound": sound, "unavailable": why, **numbers}

    return {"person": person, "commit": "c" * 40, "rows": [row(sound) for sound in SOUNDS]}


def test_the_verdict_is_of_mean_shares_over_the_people_that_have_both() -> None:
    """0.9 and 0.3 of 1.0 and 0.5: means 0.6 of 0.75, which is 0.8; a mean of ratios would say 0.75."""
    first, second, third = list(PEOPLE)[:3]
    shares: dict[str, float | None] = dict.fromkeys(SOUNDS, 0.1)
    records: Records = {
        (first, "others"): record(first, shares | {OWN: 1.0, "voice 1": 0.9}),
        (second, "others"): record(second, shares | {OWN: 0.5, "voice 1": 0.3}, offset=4.0),
        (third, "others"): record(third, {}),
        (first, "universal"): None,
    }
    made = table(records)
    notes = "\n".join(made.notes)
    assert (
        "others: mean share over the own voice's: voice 1 0.80 (within 25 %, 2 people), voice 2 0.13 (not within"
        in notes
    )
    assert f"No number of {third}: no listener." in made.notes
    found = {(row[0], row[1]): dict(zip(made.header, row, strict=True)) for row in made.rows}
    assert found["others: mean", "voice 1"]["Lips in time"].startswith("0.67 [")
    exact = {(row[0], row[1]): dict(zip(made.record_header, row, strict=True)) for row in made.records}
    assert exact[f"others: {second}", "voice 1"]["over_wanted"] == pytest.approx(0.3 - 0.75 * 0.5)
    assert found["others: minus own", "voice 1"]["Share of the truth's sync"].startswith("-0.15 [")
    assert found[f"others: {third}", "voice 1"]["Share of the truth's sync"] == "-"
    assert found[f"universal: {first}", "voice 1"]["Share of the truth's sync"] == "missing"


def test_a_voice_whose_head_has_no_share_of_its_own_counts_in_no_verdict() -> None:
    first = next(iter(PEOPLE))
    made = table({(first, way): record(first, {"voice 1": 0.5}) for way in WAYS})
    assert not any("mean share" in note for note in made.notes)
    assert pytest.approx(0.5) in [value for row in made.records for value in row if isinstance(value, float)]
