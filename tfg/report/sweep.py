"""The table of runs as the page sorts and filters it: cells as tfg prints them, numbers beside them to sort by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tfg.record import costs, differences, identity, table
from tfg.record.metrics import NONE, header, ranged
from tfg.record.pieces import starts_of
from tfg.record.results import RunResult
from tfg.report.digest import Digest, verdict_of

AXES = (
    "selector",
    "backbone",
    "audio",
    "seconds",
    "seed",
)  # columns where they vary, whether or not a sweep named them
INFINITE = 1e300
SWEEP = "sweep"


def as_json(digests: Sequence[Digest], evaluations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Columns and rows. A row: its run, texts a column, numbers a column (None: none), ranges, what was held out, rows below it.

    `settings`: what heads depend on beside their segments and some of these runs differ in; a row has the number of its values.
    """
    made = table.tabulated([(one.label, one.result) for one in digests], evaluations, every_metric=True)
    axes = axes_of([one.result for one in digests])
    columns = [{"key": key, "title": key, "kind": "axis", "better": "none", "on": True} for key in axes]
    columns += [_plain(title) for title in made.leading]
    columns += [
        {
            "key": name,
            "title": header(entry),
            "kind": "metric",
            "better": entry["better"],
            "on": name in table.COLUMNS,
        }
        for name, entry in made.metrics.items()
    ]
    columns += [_plain(cost) for cost in table.COSTS]
    below: list[list[dict[str, Any]]] = []
    tops: list[list[str]] = []
    others: list[dict[str, Any]] = []
    for row in made.rows:
        if row.kind == "run":
            tops.append(row.cells)
            below.append([])
        else:
            (others if row.kind == "other" else below[-1]).append({"name": row.name, "cells": "\t".join(row.cells)})
    settings, sets = _settings([one.settings for one in digests])
    rows = []
    for one, cells, under, of_settings in zip(digests, tops, below, sets, strict=True):
        own = [axis_of(one.result, axis) for axis in axes]
        rows.append(
            {
                "id": one.result.run_id,
                "label": one.label,
                "cells": [*own, *cells],
                "values": [*map(_number, own), *map(_sortable, numbers_of(one.result, made))],
                "ranges": {name: ranged(ends, made.metrics[name]) for name, ends in one.intervals.items()},
                "unranged": one.unranged,
                "held": one.result.notes["truth_digest"],
                "head": one.result.head,
                "settings": of_settings,
                "verdict": verdict_of(one.result),
                "below": under,
            }
        )
    facts = {
        name: {key: entry[key] for key in ("title", "unit", "better", "digits")} for name, entry in made.metrics.items()
    }
    return {"columns": columns, "rows": rows, "others": others, "axes": len(axes), "facts": facts, "settings": settings}


def _settings(found: Sequence[differences.Settings]) -> tuple[dict[str, Any], list[int]]:
    """Keys that vary, every set of their values once, and the keys that a ranking ignores; which of the sets each has."""
    keys = [
        key
        for key in dict.fromkeys(key for one in found for key in one)
        if len({one.get(key, NONE) for one in found}) > 1
    ]
    sets: dict[tuple[str, ...], int] = {}
    of = [sets.setdefault(tuple(one.get(key, NONE) for key in keys), len(sets)) for one in found]
    return {"keys": keys, "sets": list(sets), "ignored": differences.OF_REPETITIONS}, of


def axes_of(results: Sequence[RunResult]) -> list[str]:
    """Those of any sweep, and of AXES, the clip and the sweep's name what varies."""
    named = dict.fromkeys(axis for result in results for axis in identity.varied(result.config))
    keys = [table.CLIP, *AXES, *(axis for axis in named if axis not in AXES), SWEEP]
    return [key for key in keys if key in named or len({axis_of(result, key) for result in results}) > 1]


def axis_of(result: RunResult, axis: str) -> str:
    """A dash where a configuration has no such key."""
    if axis == table.CLIP:
        return table.clip_of(result)
    if axis == SWEEP:
        return result.group
    try:
        return identity.shown(result.config, axis)
    except ValueError:
        return "-"


def _plain(title: str) -> dict[str, Any]:
    return {
        "key": title,
        "title": title,
        "kind": "cost" if title in table.COSTS else "start",
        "better": "none",
        "on": True,
    }


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def numbers_of(result: RunResult, made: table.RunTable) -> list[float | None]:
    """Of the columns of a table as the record has them, steps a whole number; None where it has none."""
    leading: dict[str, float | None] = {
        table.START: float(starts_of(result.selection)[0]),
        table.STEPS: table.steps_of(result),
    }
    values = [result.metrics.get(name, {}).get("value") for name in made.metrics]
    of_costs = [
        result.selection["cost"].get("processor_seconds"),
        costs.stage_processor_seconds(result.stages, "training"),
        result.stages["training"]["seconds"],
    ]
    numbers = [None if value is None else float(value) for value in values]
    return [*(leading[title] for title in made.leading), *numbers, *of_costs]


def _sortable(value: float | None) -> float | None:
    """JSON has no infinity, the PSNR of a picture equal to its truth."""
    return INFINITE if value == math.inf else value
