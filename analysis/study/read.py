"""Tables of the raters' answers as CSV, Markdown and LaTeX: preferences (Bradley-Terry), ratings (mixed model), agreement.

Left out is who preferred the standing picture in more than --failures of the attention checks, or answered none of them. Intervals
are 95 %.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from scipy.special import expit

from analysis.study import agreement, bradley_terry, ratings
from analysis.study.answers import Key, Preference, Rater, Rating, kept, read_key, read_raters
from tfg.record.tabular import Table, to_markdown, write
from tfg.types import InputError

KEY = Path("page.key.json")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("answers", nargs="+", type=Path, help="CSV files that raters saved")
    parser.add_argument("--key", type=Path, default=KEY, help="that `make` wrote beside the page (default %(default)s)")
    parser.add_argument("--failures", type=int, default=0, help="failed checks that are let pass (default 0)")
    parser.add_argument("--out", type=Path, default=Path("study"), help="folder for the tables (default %(default)s)")


def run(options: argparse.Namespace) -> None:
    """Prints the tables and writes them."""
    if options.failures < 0:
        raise InputError(f"--failures {options.failures}: must be at least 0")
    key = read_key(options.key)
    raters = read_raters(options.answers, key)
    made = tables(key, raters, options.failures)
    paths = [path for table in made for path in write(table, options.out)]
    print("\n".join(to_markdown(table) for table in made), end="")
    print("\n".join(map(str, paths)), file=sys.stderr)


def tables(key: Key, raters: Sequence[Rater], failures: int) -> list[Table]:
    """Of those who pass the checks; InputError where nobody does."""
    good, left_out = kept(raters, key, failures)
    if not good:
        raise InputError(
            f"--failures {failures}: all {len(raters)} raters fail more checks than that, or answered none; none is left to read"
        )
    notes = _who(key, raters, good, left_out, failures)
    preferences = [answer for rater in good for answer in rater.preferences]
    rated = [answer for rater in good for answer in rater.ratings]
    made = _preference_tables(key, preferences, notes) if preferences else []
    if rated:
        made.append(_rating_table(key, rated, notes))
    if not made:
        raise InputError("answers: hold attention checks alone; give files with answers")
    return [*made, _agreement_table(key, preferences, rated, notes)]


def _who(
    key: Key, raters: Sequence[Rater], good: Sequence[Rater], left_out: Sequence[Rater], failures: int
) -> tuple[str, ...]:
    notes = [
        f"{len(good)} of {len(raters)} raters; left out is who failed more than {failures} attention checks or answered none"
        + (
            f": {', '.join(f'rater {rater.number} ({rater.failed} of {rater.checks})' for rater in left_out)}."
            if left_out
            else "."
        )
    ]
    if stopped := [rater for rater in good if rater.trials < len(key.plans[rater.number - 1])]:
        named = ", ".join(
            f"rater {rater.number} ({rater.trials} of {len(key.plans[rater.number - 1])})" for rater in stopped
        )
        notes.append(f"Stopped before the end, kept with what they answered: {named}.")
    return tuple(notes)


def _preference_tables(key: Key, answers: Sequence[Preference], notes: tuple[str, ...]) -> list[Table]:
    found = bradley_terry.fit(answers, key.methods)
    odds = found.log_odds
    shown = {method: [answer for answer in answers if method in (answer.left, answer.right)] for method in key.methods}
    order = sorted(key.methods, key=lambda method: -odds.of(method)[0])
    strengths = [
        (method, *odds.of(method), sum(answer.winner == method for answer in shown[method]), len(shown[method]))
        for method in order
    ]
    explained = (
        f"Strength: log-odds of being chosen against the mean method (Bradley-Terry); intervals over {odds.over}.",
        f"A left video is chosen over an equal right one with probability {expit(found.side):.2f}; the model takes that into account.",
    )
    pairs = []
    for first, second in itertools.combinations(order, 2):
        both = [answer for answer in shown[first] if second in (answer.left, answer.right)]
        value, low, high = (None if end is None else float(expit(end)) for end in odds.between(first, second))
        assert value is not None
        pairs.append((first, second, value, low, high, sum(answer.winner == first for answer in both), len(both)))
    return [
        Table(
            name="study_preference",
            caption="Which method is preferred",
            header=("Method", "Strength", "Chosen"),
            rows=tuple(
                (method, _text(value, low, high, "+.2f"), f"{won} of {count}")
                for method, value, low, high, won, count in strengths
            ),
            record_header=("method", "strength", "low", "high", "chosen", "shown"),
            records=tuple(strengths),
            notes=(*explained, *notes),
        ),
        Table(
            name="study_pairs",
            caption="How often the first method is preferred to the second",
            header=("First", "Second", "Probability", "Chosen"),
            rows=tuple(
                (first, second, _text(value, low, high, ".2f"), f"{won} of {count}")
                for first, second, value, low, high, won, count in pairs
            ),
            record_header=("first", "second", "probability", "low", "high", "chosen", "shown"),
            records=tuple(pairs),
            notes=(f"Probability by the model, intervals over {odds.over}; 0.5 inside is no preference shown.", *notes),
        ),
    ]


def _rating_table(key: Key, answers: Sequence[Rating], notes: tuple[str, ...]) -> Table:
    rows, records, explained = [], [], []
    for question, asked in key.questions.items():
        found = ratings.fit([answer for answer in answers if answer.question == question], key.methods)
        order = sorted(key.methods, key=lambda method: -found.means.of(method)[0])
        parts = ", ".join(f"{name} {value:.2f}" for name, value in found.variances.items())
        explained.append(f"{question}: {asked} Intervals over {found.means.over}; variances: {parts or 'not known'}.")
        for method in order:
            value = found.means.of(method)
            gap = found.means.between(method, order[0]) if method != order[0] else (0.0, None, None)
            behind = "-" if method == order[0] else _text(*gap, "+.2f")
            count = sum(answer.method == method and answer.question == question for answer in answers)
            rows.append((question, method, _text(*value, ".2f"), behind, str(count)))
            records.append((question, method, *value, *gap, count))
    low, high = key.scale
    return Table(
        name="study_ratings",
        caption=f"Ratings from {low} to {high}",
        header=("Question", "Method", "Mean", "Minus the best", "Ratings"),
        rows=tuple(rows),
        record_header=("question", "method", "mean", "low", "high", "minus_best", "minus_low", "minus_high", "ratings"),
        records=tuple(records),
        notes=(*explained, *notes),
    )


def _agreement_table(
    key: Key, preferences: Sequence[Preference], rated: Sequence[Rating], notes: tuple[str, ...]
) -> Table:
    found: list[tuple[str, float | None]] = []
    if preferences:
        judged = [((answer.clip, *sorted((answer.left, answer.right))), answer.winner) for answer in preferences]
        found.append(("preference", agreement.alpha(judged, agreement.nominal)))
    for question in key.questions if rated else ():
        values = [((answer.clip, answer.method), answer.value) for answer in rated if answer.question == question]
        found.append((question, agreement.alpha(values, agreement.interval)))
    return Table(
        name="study_agreement",
        caption="How far raters agree (Krippendorff's alpha)",
        header=("Question", "Alpha"),
        rows=tuple((name, "-" if value is None else f"{value:.2f}") for name, value in found),
        record_header=("question", "alpha"),
        records=tuple(found),
        notes=(
            "1: they agree; 0: as by chance. Preference: nominal; ratings: steps of the scale are equal. A dash: no video has two "
            "answers, or all answers are one.",
            *notes,
        ),
    )


def _text(value: float, low: float | None, high: float | None, digits: str) -> str:
    if low is None or high is None:
        return format(value, digits)
    return f"{value:{digits}} [{low:{digits}}, {high:{digits}}]"
