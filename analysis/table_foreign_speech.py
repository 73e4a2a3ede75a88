"""Heads that speak what is not their person's own, compared over people. `python -m analysis.table_foreign_speech`.

After `experiments.foreign_speech`; writes analysis/data/measured/foreign_speech.{md,csv,tex}, or to --out.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from statistics import fmean
from typing import Any

from analysis import afterwards, script
from analysis.over_people import Column, Numbers, Row, Runs, Ways
from analysis.script import Asked
from experiments.foreign_speech import OWN, PEOPLE, SOUNDS, STUDY, WAYS
from experiments.priors import TUNED
from tfg.record.tabular import Table

WANTED = 0.75  # of the own voice's share: within 25 % of it
IN_TIME = 1  # frames


def _column(key: str, title: str, digits: int = 2) -> Column:
    return Column(key=key, title=title, digits=digits, of=lambda numbers: numbers.get(("row", key), float("nan")))


COLUMNS = (
    _column("sync", "Sync-C own listener"),
    _column("in_time", "Lips in time"),
    _column("share", "Share of the truth's sync"),
    _column("over_wanted", f"Share - {WANTED:g} of own"),
    _column("wrong_share", "Share, wrong sound"),
    _column("their_share", "Share, true lips of who speaks"),
)
COMPARED = Ways(people=tuple(PEOPLE), ways=SOUNDS, columns=COLUMNS, tuned=TUNED)


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where the records do not make a table."""
    return script.main(__doc__, arguments, lambda asked: table(_by_head(asked)))


def table(records: dict[tuple[str, str], dict[str, Any] | None]) -> Table:
    """Of (person, prior) -> record: a row for each person and sound, then means and differences from the own speech, of each prior."""
    rows, notes = [], []
    for way in WAYS:
        runs = _runs({person: found for (person, prior), found in records.items() if prior == way})
        over_people = COMPARED.over_people(runs)
        rows += [_labelled(row, way) for row in (*COMPARED.of_each(runs), *over_people)]
        notes += _verdicts(runs, way)
    made = [found for found in records.values() if found is not None]
    reasons = sorted({f"{found['person']}: {why}" for found in made if (why := found["rows"][0]["unavailable"])})
    return COMPARED.table_of(
        rows,
        commits={found["commit"] for found in made},
        name="foreign_speech",
        caption="Heads that speak what is not their person's own, heard by their person's listener",
        way="Speech",
        conditions="InsTaG, 128 px, 5 s, held-out poses; every sound of a head cut to the same frames. Share: (head - mute) / "
        "(truth - mute), mute and truth with the own speech.",
        notes=(
            f"Lips in time: 1 where the listener finds them within {IN_TIME} frame of the sound that drove them.",
            "Wrong sound: the same lips with the own speech (for own: with voice 1); 0 is chance. True lips of who speaks: their "
            "video with their sound, by the listener of the head's person: what it finds of another's voice and lips at all.",
            *notes,
            *(f"No number of {why}." for why in reasons),
        ),
    )


def _by_head(asked: Asked) -> dict[tuple[str, str], dict[str, Any] | None]:
    return {(labels["person"], labels["way"]): record for labels, record in afterwards.records(STUDY, asked)}


def _runs(records: dict[str, dict[str, Any] | None]) -> Runs:
    """Of each person's record: person, sound, no segment -> the numbers of its row."""
    return {
        (person, sound, ""): {} if record is None else _numbers(record, sound)
        for person, record in records.items()
        for sound in SOUNDS
    }


def _numbers(record: dict[str, Any], sound: str) -> Numbers:
    rows = {row["sound"]: row for row in record["rows"]}
    row, own = rows[sound], rows[OWN]["share"]
    kept = {key: row[key] for key in ("sync", "share", "wrong_share", "their_share")}
    if row["offset"] is not None:
        kept["in_time"] = abs(row["offset"]) <= IN_TIME
    if row["share"] is not None and own is not None:
        kept["over_wanted"] = row["share"] - WANTED * own
    return {("row", key): float("nan") if value is None else float(value) for key, value in kept.items()}


def _labelled(row: Row, way: str) -> Row:
    return replace(row, person=f"{way}: {row.person}")


def _verdicts(runs: Runs, way: str) -> list[str]:
    """Whether each sound's share is within 25 % of the own voice's, on average over the people that have both."""
    said = []
    for sound in SOUNDS[1:]:
        pairs = [
            (runs[person, sound, ""].get(("row", "share")), runs[person, OWN, ""].get(("row", "share")))
            for person, other, _ in runs
            if other == sound
        ]
        known = [
            (made, own) for made, own in pairs if made is not None and own is not None and made == made and own == own
        ]
        if known:
            ratio = fmean(made for made, _ in known) / fmean(own for _, own in known)
            said.append(
                f"{sound} {ratio:.2f} ({'within' if ratio >= WANTED else 'not within'} 25 %, {len(known)} people)"
            )
    return [f"{way}: mean share over the own voice's: {', '.join(said)}."] if said else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
