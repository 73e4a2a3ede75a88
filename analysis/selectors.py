"""How well selectors choose on the atlas, nothing trained: `python -m analysis.selectors [--atlas CSV] [SELECTOR.yaml ...]`.

The rules that come with tfg (tfg/atlas/rules) and those given, on five seconds with InsTaG; over all people, real ones, and those on
whom no setting was chosen. Writes analysis/data/measured/selectors.{md,csv,tex}, or to --out. `tfg bench` shows the same of one group.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis.atlas import OUT as ATLAS
from analysis.script import MEASURED
from tfg.atlas import report, rule
from tfg.atlas.bench import QUALITIES, Verdict, judge, replica
from tfg.atlas.rule import Rule
from tfg.atlas.table import Person, read
from tfg.record.tabular import Table, to_markdown, write
from tfg.types import InputError

BACKBONE, SECONDS = "instag", 5.0
AGAINST = ("random", "isexplore")
GROUPS = {
    "all": lambda person: True,
    "real": lambda person: person.kind == "real",
    "untuned": lambda person: not person.tuned,
}


def main(arguments: list[str]) -> int:
    """0, or 2 with one line for what the user can mend."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("selectors", nargs="*", metavar="SELECTOR.yaml", help="beside those that come with tfg")
    parser.add_argument("--atlas", type=Path, default=ATLAS, help=f"of `python -m analysis.atlas` (default {ATLAS})")
    parser.add_argument("--out", type=Path, default=MEASURED, help=f"folder for the table (default {MEASURED})")
    options = parser.parse_args(arguments)
    try:
        rules = [rule.read(given) for given in (*rule.shipped(), *options.selectors)]
        made = table(rules, read(options.atlas, backbone=BACKBONE, seconds=SECONDS))
    except InputError as error:
        print(f"analysis: {error}", file=sys.stderr)
        return 2
    paths = write(made, options.out)
    print(to_markdown(made), end="")
    print("\n".join(map(str, paths)), file=sys.stderr)
    return 0


def table(rules: list[Rule], people: list[Person]) -> Table:
    """A row for each group of people, quality and rule."""
    rows, records, left_out, shown = [], [], [], []
    for group, of_group in GROUPS.items():
        chosen = [person for person in people if of_group(person)]
        for quality, what in QUALITIES.items():
            judged, beside = judge(rules, chosen, quality, AGAINST), replica(chosen, quality)
            if not any(verdict.choices for verdict in judged):
                left_out.append(f"{group}, {what}: no head has it.")
                continue
            of_quality = [*judged, *([beside] if beside else [])]
            shown += of_quality
            for verdict in of_quality:
                digits = 2 if quality == "psnr_face" else 3
                ahead = [report.number(verdict.ahead.get(name), digits, "+") for name in AGAINST]
                rows.append((f"{group}: {what}", *report.row(verdict), *ahead))
                records.append((group, quality, verdict.rule, len(verdict.choices), verdict.chance, *_numbers(verdict)))
                if verdict.not_judged:
                    left_out.append(f"{group}, {what}, {verdict.title}: not judged on {', '.join(verdict.not_judged)}.")
    return Table(
        name="selectors",
        caption="Selectors on the atlas: what each would have gained, by lookup",
        header=("People, quality", *report.HEADER, *(f"minus {name}" for name in AGAINST)),
        rows=tuple(rows),
        record_header=("group", "quality", "selector", "people", "chance", *_names()),
        records=tuple(records),
        notes=(*report.notes(shown), *left_out),
    )


_FIELDS = ("value", "regret", "above", "percentile", "first", "top")


def _names() -> list[str]:
    fields = (*_FIELDS, *(f"minus_{name}" for name in AGAINST))
    return [f"{field}{end}" for field in fields for end in ("", "_low", "_high")]


def _numbers(verdict: Verdict) -> list[float | None]:
    found = [*(verdict.over.get(field) for field in _FIELDS), *(verdict.ahead.get(name) for name in AGAINST)]
    return [number for one in found for number in ((one.mean, one.low, one.high) if one else (None, None, None))]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
