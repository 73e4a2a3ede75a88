"""What the numbers of a head depend on beside which seconds it was trained on, and in what of it heads differ.

Found from the records, whatever keys they have: the one place for `tfg compare`, the report and its ranking. Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tfg.record import identity
from tfg.record.metrics import NONE
from tfg.record.results import HeadRecord, RunResult, ScoresRecord

Settings = Mapping[str, str]  # dotted key -> value in few letters
Differing = dict[str, tuple[list[str], list[str]]]  # key -> values of the first side, of the second
STEPS, COMMIT, MACHINE = "training steps", "commit", "machine"
OF_REPETITIONS = ("seed", COMMIT, MACHINE)  # in which runs that are ranked together may differ
MOST = 8  # named in a line
_SUM = 12  # digits shown of a checksum


def of_result(result: RunResult) -> dict[str, str]:
    """Of a run's head and scores, as they were read from their records."""
    notes = result.notes
    made_by = _made_by(result.commit, result.dirty, result.machine)
    return _described(notes["trained_with"], notes["segment"], result.stages, made_by, notes["setting"])


def of_head(head: HeadRecord, scores: ScoresRecord) -> dict[str, str]:
    made_by = _made_by(head.commit, head.dirty or scores.dirty, head.machine)
    return _described(head.config, head.segment, head.stages, made_by, scores.setting)


def between(pairs: Iterable[tuple[Settings, Settings]]) -> Differing:
    """In what the two of some pair differ. Where an option of a group is another one, its values are not compared."""
    found: Differing = {}
    for first, second in pairs:
        for key in dict.fromkeys((*first, *second)):
            values = first.get(key, NONE), second.get(key, NONE)
            name = f"{key.partition('.')[0]}.name"
            if values[0] == values[1] or (key != name and first.get(name) != second.get(name)):
                continue
            sides = found.setdefault(key.removesuffix(".name") if key == name else key, ([], []))
            for side, value in zip(sides, values, strict=True):
                if value not in side:
                    side.append(value)
    return found


def sentence(found: Differing) -> str:
    """One line: the values of both sides, the first MOST keys; or that nothing differs."""
    if not found:
        return (
            "Beside their segments nothing differs: settings of training and metrics, commit and machine are the same."
        )
    said = [f"{key} {', '.join(first)} | {', '.join(second)}" for key, (first, second) in found.items()]
    more = [f"and {len(said) - MOST} more"] if len(said) > MOST else []
    return f"Beside their segments they differ in (first | second): {'; '.join([*said[:MOST], *more])}"


def _described(
    config: Mapping[str, Any],
    segment: Mapping[str, Any],
    stages: Mapping[str, Any],
    made_by: Mapping[str, str],
    setting: Mapping[str, Any],
) -> dict[str, str]:
    """Steps and seconds, the keys of conf/ that a head depends on (those of its backbone last), what made it, its metrics."""
    kept = {key: value for key, value in identity.kept(config, str).items() if key not in identity.ONLY_OF_THE_CHOICE}
    kept["backbone"] = kept.pop("backbone", {})
    values = {STEPS: stages["training"].get("steps"), "seconds": segment.get("seconds")}
    return {
        key: _text(value) for key, value in (*values.items(), *_flat(kept), *made_by.items(), *_of_metrics(setting))
    }


def _of_metrics(setting: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """A switch with the weights that it used, which say nothing where it is off."""
    apart = ("switches", "weights", "listener")
    used = {**setting.get("weights", {}), "listener": setting.get("listener")}
    for name, is_on in setting.get("switches", {}).items():
        by = "" if used.get(name) is None else f", {str(used[name])[:_SUM]}"
        yield f"metrics.{name}", f"on{by}" if is_on else "off"
    yield from _flat({key: value for key, value in setting.items() if key not in apart}, "metrics.")


def _made_by(commit: str, dirty: bool, machine: Mapping[str, Any]) -> dict[str, str]:
    return {COMMIT: commit[:_SUM] + (" with changes" if dirty else ""), MACHINE: str(machine["cpu"])}


def _flat(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _text(value: Any) -> str:
    """A number in the fewest digits that are it, 5 and 5.0 alike."""
    if value is None:
        return NONE
    if isinstance(value, float) and float(short := f"{value:g}") == value:
        return short
    return value if isinstance(value, str) else json.dumps(value)
