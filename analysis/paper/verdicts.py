"""The claims with their verdicts, and how many people each would need: the head of the page, and verdicts.csv."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from analysis.artefact import Artefact
from analysis.claims import AT_LEAST, MORE, NONE_WRONG, NOT_LESS, read_claims
from analysis.evidence import evidence
from analysis.figures import LINE, WHISKERS, Figure, Panel, Series, colour
from analysis.heads import COMMANDS, MADE_BY, SYNC, only
from analysis.power import POWER, curve
from analysis.sources import Sources
from analysis.tables import HOLE
from analysis.verdicts import Effect, Hole, Verdict, judge
from tfg.record.tabular import Table

COLUMNS = (
    "claim",
    "verdict",
    "effect",
    "low",
    "high",
    "people",
    "heads",
    "part",
    "unit",
    "smallest",
    "people_needed",
    "people_to_decide",
    "sentence",
)
PEOPLE = tuple(range(3, 61, 3))  # of the power curves
BESIDE = ("everyone", "real people", "people on whom nothing was chosen", "official Sync-C", "mouth r")


def judged(sources: Sources) -> tuple[Verdict, ...]:
    """All claims in order."""
    return tuple(judge(claim, evidence(claim, sources)) for claim in read_claims())


def beside(sources: Sources, claim_index: int) -> dict[str, tuple[Effect | Hole, ...]]:
    """The same test on other people or with another score; no verdict is made of these."""
    claim = read_claims()[claim_index]
    chosen = {
        BESIDE[0]: (sources, SYNC),
        BESIDE[1]: (replace(sources, atlas=only(sources.atlas, kind="real")), SYNC),
        BESIDE[2]: (replace(sources, atlas=only(sources.atlas, untuned=True)), SYNC),
        BESIDE[3]: (sources, "sync_c"),
        BESIDE[4]: (sources, "mouth_correlation"),
    }
    return (
        {}
        if claim.rule in (AT_LEAST, NONE_WRONG)
        else {
            name: tuple(evidence(claim, data, sync, everyone=name == BESIDE[0]))
            for name, (data, sync) in chosen.items()
        }
    )


def write_csv(verdicts: tuple[Verdict, ...], path: Path) -> Path:
    """One row a claim: the part that decided."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_record(verdict) for verdict in verdicts)
    return path


def make(verdicts: tuple[Verdict, ...]) -> Artefact:
    """A row for each part of each claim; effects in units of the smallest that matters, and the power curves."""
    rows, records = [], []
    for verdict in verdicts:
        for part, outcome, found in verdict.parts:
            numbers = _numbers(found)
            rows.append(
                (
                    f"{verdict.claim.number}. {verdict.claim.name}",
                    verdict.outcome,
                    part.name,
                    outcome,
                    _interval(found),
                    part.unit,
                    f"{part.smallest:g}",
                    str(len(numbers[3])),
                    str(numbers[4]),
                )
            )
            records.append(
                (
                    verdict.claim.number,
                    verdict.outcome,
                    part.name,
                    outcome,
                    *numbers[:3],
                    len(numbers[3]),
                    numbers[4],
                    part.unit,
                    part.smallest,
                )
            )
    return Artefact(
        where="experiments/claims.md, which was written before the atlas was run",
        said="Every claim with what was found, in the unit of its test. A claim of several parts holds only where each part does.",
        table=Table(
            name="claims",
            caption="The claims and their verdicts",
            header=(
                "Claim",
                "Verdict",
                "Part",
                "Of the part",
                "Effect",
                "Unit",
                "Smallest that matters",
                "People",
                "Heads",
            ),
            rows=tuple(rows),
            record_header=(
                "claim",
                "verdict",
                "part",
                "of_part",
                "effect",
                "low",
                "high",
                "people",
                "heads",
                "unit",
                "smallest",
            ),
            records=tuple(records),
            notes=(
                "Brackets: interval over people, 95 % (claim 7: 90 %).",
                *(
                    f"Claim {verdict.claim.number}, {part.name}: {found.reason}; run `{found.command}`."
                    for verdict in verdicts
                    for part, _, found in verdict.parts
                    if isinstance(found, Hole)
                ),
            ),
        ),
        figure=Figure(panels=(_effects(verdicts), _power(verdicts))),
        commands=(*COMMANDS, "python -m analysis.paper"),
    )


def _effects(verdicts: tuple[Verdict, ...]) -> Panel:
    x, y, low, high = [], [], [], []
    for verdict in verdicts:
        for part, _, found in verdict.parts:
            if isinstance(found, Effect) and found.low is not None and found.high is not None:
                x.append(f"{verdict.claim.number} {part.name}")
                y.append(found.value / part.smallest)
                low.append(found.low / part.smallest)
                high.append(found.high / part.smallest)
    shown = (Series(kind=WHISKERS, x=x, y=y, low=low, high=high, texts=x),) if x else ()
    return Panel(
        x_title="Claim and part",
        y_title="Effect / smallest that matters",
        title="1: what matters, 0: nothing",
        series=shown,
        hole="" if shown else MADE_BY,
    )


def _power(verdicts: tuple[Verdict, ...]) -> Panel:
    """Of the parts that decided."""
    curves = []
    for verdict in verdicts:
        found, claim = verdict.decisive, verdict.claim
        if isinstance(found, Hole) or found.deviation is None or claim.rule not in (MORE, NOT_LESS):
            continue
        part = next(part for part, _, effect in verdict.parts if effect is found)
        power = curve(part.smallest, found.deviation, PEOPLE, claim.level)
        curves.append(Series(kind=LINE, x=PEOPLE, y=power, name=f"claim {claim.number}", colour=colour(claim.number)))
    return Panel(
        x_title="People",
        y_title="Power at the smallest effect",
        title=f"Wanted: {POWER:g}",
        series=tuple(curves),
        hole="" if curves else MADE_BY,
    )


def _record(verdict: Verdict) -> tuple[object, ...]:
    found = verdict.decisive
    part = next(part for part, _, effect in verdict.parts if effect is found)
    value, low, high, people, heads = _numbers(found)
    return (
        *(verdict.claim.number, verdict.outcome, value, low, high, len(people), heads),
        *(
            part.name,
            part.unit,
            part.smallest,
            verdict.people_needed(),
            verdict.people_to_decide(),
            verdict.claim.sentence,
        ),
    )


def _numbers(found: Effect | Hole) -> tuple[float | None, float | None, float | None, tuple[str, ...], int]:
    if isinstance(found, Hole):
        return None, None, None, (), 0
    return found.value, found.low, found.high, found.people, found.heads


def _interval(found: Effect | Hole) -> str:
    if isinstance(found, Hole):
        return HOLE
    if found.low is None or found.high is None:
        return f"{found.value:.3g}"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
