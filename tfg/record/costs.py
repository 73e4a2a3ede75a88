"""What the records of a run say of its cost, for tables; older records lack some of it. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GIVEN = "given by the sidecar"  # faces or masks that cost nothing because the clip came with them
PLUS_FACES = " + faces"  # behind a cost that does not include reading the faces it needs


def stage_processor_seconds(stages: Mapping[str, Any], stage: str) -> float | None:
    """Of a stage: of making its features anew where it uses any, else as it ran; None where that is not known."""
    record = stages.get(stage, {})
    return record.get("cold_processor_seconds", record.get("processor_seconds"))


def faces_given(selection_cost: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Whether a selection used faces that it did not have to read: its cost is then not what a video's would be."""
    from_sidecar = config.get("face", {}).get("name") == "sidecar"
    return selection_cost.get("faces", GIVEN if from_sidecar and selection_cost["frames"] else "") == GIVEN


def cell(seconds: float | None, *, digits: int, given: bool = False) -> str:
    """A cell: the seconds, with a mark where faces were given; a dash where they are not known."""
    return "-" if seconds is None else f"{seconds:.{digits}f}{PLUS_FACES if given else ''}"
