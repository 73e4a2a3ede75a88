"""Which runs are shown: methods and clips of a results folder, every method on every clip, their videos as excerpts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfg.record.results import RunResult
from tfg.types import InputError

AXES = ("selector", "backbone", "audio", "conditioning", "seconds")  # of the configuration, by which methods may differ


@dataclass(frozen=True, kw_only=True)
class Source:
    """One run as a rater may see it."""

    run: str
    method: str
    clip: str
    rendered: Path
    truth: Path


def sources(given: Sequence[Path], by: Sequence[str] | None, least: int) -> list[Source]:
    """The runs of results folders, or single run folders; InputError where clips and at least `least` methods make no full grid."""
    found = [(folder.parent, RunResult.read(folder / "result.json")) for folder in _folders(given)]
    clips = _clip_names([result for _, result in found])
    axes = tuple(by) if by else _differing([result.config for _, result in found])
    listed = [
        Source(
            run=result.run_id,
            method=" ".join(_value(result.config, axis) for axis in axes),
            clip=clips[result.notes["clip"]["identity"], result.notes["truth_digest"]],
            rendered=results / result.files["rendered"],
            truth=results / result.files["truth"],
        )
        for results, result in found
    ]
    _check_grid(listed, axes, least)
    return sorted(listed, key=lambda source: (source.clip, source.method))


def _folders(given: Sequence[Path]) -> list[Path]:
    folders: list[Path] = []
    for path in given:
        inside = (
            [path] if (path / "result.json").exists() else sorted(file.parent for file in path.glob("*/result.json"))
        )
        if not inside:
            raise InputError(f"{path}: holds no finished run (result.json); give a results folder, or folders of runs")
        folders += inside
    return list(dict.fromkeys(folder.resolve() for folder in folders))


def _clip_names(results: Sequence[RunResult]) -> dict[tuple[str, str], str]:
    """A name for each clip with one held-out part; the same name twice is told apart by a number."""
    names: dict[tuple[str, str], str] = {}
    for result in results:
        clip = result.notes["clip"]
        key = (clip["identity"], result.notes["truth_digest"])
        if key not in names:
            same = sum(name.split(" #")[0] == clip["name"] for name in names.values())
            names[key] = clip["name"] if not same else f"{clip['name']} #{same + 1}"
    return names


def _differing(configs: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    kept = tuple(axis for axis in AXES if len({_value(config, axis) for config in configs if axis in config}) > 1)
    return kept or AXES[:1]


def _value(config: dict[str, Any], axis: str) -> str:
    value: Any = config
    for part in axis.split("."):
        if not isinstance(value, dict) or part not in value:
            raise InputError(
                f"--by {axis}: is no key of every run's configuration; give some of {', '.join(AXES)} or seed"
            )
        value = value[part]
    if isinstance(value, dict):
        if "name" not in value:
            raise InputError(
                f"--by {axis}: is a group of keys without a name; give one of them, such as {axis}.{next(iter(value))}"
            )
        return str(value["name"])
    return f"{axis}={value}"


def _check_grid(listed: Sequence[Source], axes: Sequence[str], least: int) -> None:
    cells: dict[tuple[str, str], str] = {}
    for source in listed:
        if (other := cells.setdefault((source.clip, source.method), source.run)) != source.run:
            raise InputError(
                f"{source.run}: is, as {other}, {source.method} on {source.clip}; name the runs to show, or tell them apart by "
                f"--by {','.join(axes)},seed"
            )
    clips, methods = ({key[axis] for key in cells} for axis in (0, 1))
    if len(methods) < least:
        raise InputError(
            f"{next(iter(methods))}: is the only method; a study compares at least two (see --by, --truth)"
        )
    for clip in sorted(clips):
        for method in sorted(methods):
            if (clip, method) not in cells:
                raise InputError(
                    f"{clip}: no run of {method}; make it, or name the runs to show (every method on every clip)"
                )
