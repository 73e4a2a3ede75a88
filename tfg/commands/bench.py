"""`tfg bench`: how well selectors, each a YAML of an atlas's columns, choose on an atlas; nothing is trained."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tfg.atlas import report, rule, rule_text, table
from tfg.atlas.bench import QUALITIES, judge, replica
from tfg.types import InputError

BESIDE = ("random", "isexplore")  # always judged, and what the others are compared with


def run(options: argparse.Namespace) -> None:
    """A table for each quality on stdout, or with --json a verdict each; with --weights the rule learned on all people."""
    rules = [rule.read(given) for given in options.selectors]
    names = [one.name for one in rules]
    if len(set(names)) < len(names):
        raise InputError(
            f"bench: {next(name for name in names if names.count(name) > 1)} is given twice; rename a file"
        )
    people = table.read(Path(options.atlas), backbone=options.backbone, seconds=options.seconds)
    chosen = [person for person in people if _wanted(person, options)]
    if not chosen:
        raise InputError(f"{options.atlas}: nobody left with --kind {options.kind}{' --untuned' * options.untuned}")
    if options.weights:
        print(weights(rules, chosen))
        return
    rules += [rule.read(name) for name in BESIDE if name not in names]
    verdicts = [
        verdict
        for quality in QUALITIES
        for verdict in (*judge(rules, chosen, quality, BESIDE), replica(chosen, quality))
        if verdict is not None
    ]
    kinds = f"{options.kind} people{' on whom no setting was chosen' * options.untuned}"
    counted = f"{len(chosen)} ({kinds}), {sum(len(person.starts) for person in chosen)} segments"
    title = f"{options.atlas}: {options.backbone}, {options.seconds:g} s, {counted}"
    print(json.dumps(report.as_json(verdicts), indent=1) if options.json else report.text(verdicts, title))


def weights(rules: list[rule.Rule], people: list[table.Person]) -> str:
    """The one learned rule as a YAML of fixed weights that names its people, on whom it is then not judged."""
    if len(rules) != 1 or rules[0].learn is None:
        raise InputError("--weights: give one rule with `learn`")
    return "\n".join([f"title: {rules[0].title}, fixed", *rule_text.lines(rules[0].fixed(people))])


def _wanted(person: table.Person, options: argparse.Namespace) -> bool:
    return options.kind in ("all", person.kind) and not (options.untuned and person.tuned)
