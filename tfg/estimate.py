"""How long a run will take on this machine, by the part of it that takes the time, and how long it took."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfg.progress import clock
from tfg.record.meter import Spent

PARTS = {  # -> the stages of a run that it is
    "processing": ("selection", "sync", "prior", "features_train", "features_held_out"),
    "training": ("training",),
    "rendering": ("rendering",),
    "scoring": ("metrics",),
}


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The cost of each of PARTS, and what it follows from. Wall seconds are those of a machine as busy as it was in the rehearsal."""

    parts: dict[str, Spent]
    timed: dict[str, Spent]  # what was timed -> the cost of one

    def text(self) -> str:
        """One line, before."""
        return f"about {clock(_total(self.parts).seconds)} on this machine: {_listed(self.parts)}"

    def notes(self) -> dict[str, Any]:
        """For the record of a stage."""
        return {"estimated": _rounded(self.parts), "timed": _rounded(self.timed)}

    def outcome(self, took: Mapping[str, Spent]) -> str:
        """One line, after; a head that was found or gone on with is not compared with a whole one."""
        estimated = _total({part: self.parts[part] for part in took})
        left_out = "" if len(took) == len(PARTS) else " for these parts, the others were there already"
        return f"took {clock(_total(took).seconds)}, estimated {clock(estimated.seconds)}{left_out}: {_listed(took)}"


def taken(stages: Mapping[str, Mapping[str, Any]]) -> dict[str, Spent]:
    """The cost of each of PARTS that was done, from the records of its stages."""
    done = {part: {name: _spent(stages[name]) for name in names if name in stages} for part, names in PARTS.items()}
    return {part: _total(costs) for part, costs in done.items() if costs}


def noted(took: Mapping[str, Spent]) -> dict[str, Any]:
    """For the record of a stage."""
    return {"took": _rounded(took)}


def _total(costs: Mapping[str, Spent]) -> Spent:
    return functools.reduce(operator.add, costs.values(), Spent())


def _spent(record: Mapping[str, Any]) -> Spent:
    return Spent(seconds=record["seconds"], processor_seconds=record["processor_seconds"])


def _listed(costs: Mapping[str, Spent]) -> str:
    return ", ".join(f"{part} {clock(cost.seconds)}" for part, cost in costs.items())


def _rounded(costs: Mapping[str, Spent]) -> dict[str, dict[str, float | None]]:
    return {name: cost.rounded() for name, cost in costs.items()}
