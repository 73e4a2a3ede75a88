"""What a bench found as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tfg.atlas.bench import DRAWS, QUALITIES, REPLICA, TOP, OverPeople, Verdict

HEADER = ("selector", "value", "regret", "percentile of random", "best", f"best {TOP}", "random does as well", "people")
NOTES = (
    "value: of the chosen segment's head, in the mean over people; regret: the best segment's less that; percentile of random: share "
    f"of segments that are worse (random: 0.5); best, best {TOP}: share of people whose chosen segment is the best, or among these",
    "brackets: 95 % t interval over people, which may leave [0, 1]; random does as well: probability that a random segment of each "
    f"person gets as far, by {DRAWS:,} draws",
)
OF_REPLICA = "Best by another seed: its values are of single seeds, the selectors' of means over a segment's seeds"


def text(verdicts: Sequence[Verdict], title: str) -> str:
    """A table for each quality."""
    parts = [title]
    for quality, what in QUALITIES.items():
        of_quality = [verdict for verdict in verdicts if verdict.quality == quality]
        if any(verdict.choices for verdict in of_quality):
            parts += ["", what, *_table(of_quality), *_left_out(of_quality)]
        else:
            parts += ["", f"{what}: no head of these people has it"]
    return "\n".join([*parts, "", *notes(verdicts), *_abouts(verdicts)])


def notes(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """What the columns and rows that are shown mean."""
    return (*NOTES, OF_REPLICA) if any(verdict.rule == REPLICA and verdict.choices for verdict in verdicts) else NOTES


def row(verdict: Verdict) -> tuple[str, ...]:
    """As HEADER has it, then value minus each rule that it is compared with."""
    digits = 2 if verdict.quality == "psnr_face" else 3
    over = verdict.over
    if not over:
        return (verdict.title, *["-"] * 6, "0")
    chance = "-" if verdict.chance is None else f"{verdict.chance:.3f}"
    return (
        verdict.title,
        number(over["value"], digits),
        number(over["regret"], digits),
        number(over["percentile"], 2),
        *(f"{over[field].mean:.2f}" for field in ("first", "top")),
        chance,
        str(len(verdict.choices)),
    )


def number(found: OverPeople | None, digits: int, sign: str = "") -> str:
    """`mean [low, high]`."""
    if found is None:
        return "-"
    mean = f"{found.mean:{sign}.{digits}f}"
    return mean if found.low is None else f"{mean} [{found.low:{sign}.{digits}f}, {found.high:{sign}.{digits}f}]"


def as_json(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    return [asdict(verdict) for verdict in verdicts]


def _table(verdicts: Sequence[Verdict]) -> list[str]:
    against = list(dict.fromkeys(name for verdict in verdicts for name in verdict.ahead))
    digits = 2 if verdicts[0].quality == "psnr_face" else 3
    rows = [(*HEADER, *(f"minus {name}" for name in against))]
    rows += [(*row(one), *(number(one.ahead.get(name), digits, "+") for name in against)) for one in verdicts]
    widths = [max(len(line[column]) for line in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in rows
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def _abouts(verdicts: Sequence[Verdict]) -> list[str]:
    """A line a rule that says what it chooses."""
    return [f"{title}: {about}" for title, about in dict.fromkeys((one.title, one.about) for one in verdicts) if about]


def _left_out(verdicts: Sequence[Verdict]) -> list[str]:
    return [
        f"{verdict.title}: not judged on {', '.join(verdict.not_judged)}" for verdict in verdicts if verdict.not_judged
    ]
