"""The weights of selector=linear, learned on the atlas: `python -m analysis.learn_selector -o conf/selector/linear.yaml`.

What is learned and why stands in tfg/atlas/rules/linear_of_others.yaml. What ships is learned on synthetic people and GRID's speaker
alone, since nothing learned from other footage is published; `tfg bench conf/selector/linear.yaml` judges it on all others. Of the
prior that drove those heads (experiments/atlas.py), which is of other people and not published, nothing but the heads' scores enters.
The YAML names its rows, the commit and its skill on people left out, and says so where the atlas is not whole.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.atlas import OUT as ATLAS
from analysis.selectors import BACKBONE, SECONDS
from experiments.atlas import GRID
from tfg.atlas import rule, rule_text
from tfg.atlas.bench import over_people
from tfg.atlas.learning import learned, skills
from tfg.atlas.rule import Rule
from tfg.atlas.table import Person, read
from tfg.record import provenance
from tfg.types import InputError

RECIPE = "linear_of_others"
PUBLISHED = "grid"  # the one real person whose footage may be learned from: CC BY 4.0
AUDIO, MAX_MISSING = "logmel", 5


def main(arguments: list[str]) -> int:
    """0, or 2 with one line for what the user can mend."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, required=True, help="the YAML")
    parser.add_argument("--atlas", type=Path, default=ATLAS, help=f"of `python -m analysis.atlas` (default {ATLAS})")
    options = parser.parse_args(arguments)
    try:
        people = read(options.atlas, backbone=BACKBONE, seconds=SECONDS)
        found = yaml(rule.read(RECIPE), [person for person in people if may_ship(person)])
    except InputError as error:
        print(f"analysis: {error}", file=sys.stderr)
        return 2
    options.out.write_text(found)
    print(options.out)
    return 0


def may_ship(person: Person) -> bool:
    """Whether what is learned from this person may be published."""
    return person.kind == "synthetic" or person.name == PUBLISHED


def yaml(recipe: Rule, people: Sequence[Person]) -> str:
    """conf/selector/linear.yaml of these people; InputError where they are too few."""
    assert recipe.learn is not None
    found, skill = learned(recipe.learn, people), over_people(list(skills(recipe.learn, people).values()))
    fixed = replace(recipe.fixed(people), learned_from=tuple(person.name for person in people))
    commit, dirty = provenance.commit()
    unused = [person.name for person in people if person.name not in found.people]
    lacking = missing(people)
    interval = "" if skill.low is None else f" [{skill.low:+.2f}, {skill.high:+.2f}]"
    note = (
        (f"INTERIM, not to be reported: {lacking} of the heads to learn from are not trained yet. " if lacking else "")
        + f"Weights of {len(found.people)} people; r with the mean of {' and '.join(recipe.learn.targets)} on a person left out "
        f"{skill.mean:+.2f}{interval}."
    )
    return "\n".join(
        [
            "# Not of the paper: the largest weighted sum of what sound and the faces of a few say; weights learned on an atlas.",
            f"# Made by `python -m analysis.learn_selector` at {commit[:8]}{'+' * dirty}, as tfg/atlas/rules/{RECIPE}.yaml declares:",
            f"# {BACKBONE}, segments of {SECONDS:g} s: {', '.join(_counted(person) for person in people)}.",
            *([f"# Without {', '.join(unused)}, of whom no two segments have all numbers."] if unused else []),
            f"# Ridge {found.ridge:g}, of the least error on the person left out. The interval of r is a 95 % t interval over people.",
            "defaults:",
            f"  - override /selector_audio@_global_.selector_audio: {AUDIO} # the features that the weights are of",
            "",
            "_target_: tfg.selectors.linear.Linear",
            "name: linear",
            f"audio: {AUDIO} # of selector_audio",
            f"max_missing: {MAX_MISSING} # frames of a candidate without one clear face; with more it is rejected",
            f'note: "{note}"',
            *rule_text.lines(fixed),
            "",
        ]
    )


def _counted(person: Person) -> str:
    seeds = len(next(iter(person.seeds.values())))
    return f"{person.name} ({len(person.starts)} segments, {seeds} seed{'s' * (seeds > 1)})"


def missing(people: Sequence[Person]) -> int:
    """Heads of the grid, of these people, backbone and length, that the table has not."""
    names = {person.name for person in people}
    asked = [
        cell
        for cell in GRID.cells
        if cell.labels["person"] in names
        and (cell.labels["backbone"], cell.labels["seconds"], cell.labels["growth"]) == (BACKBONE, SECONDS, 1)
    ]
    return len(asked) - sum(int(np.isfinite(person.seeds["psnr_face"]).sum()) for person in people)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
