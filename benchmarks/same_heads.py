"""Are the heads of two results folders the same: parameters bit by bit, every number of the scores, the heads of every run?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfg.record.results import HEADS, HeadRecord, RunRecord, ScoresRecord
from tfg.training import LAST, read_checkpoint


def finished(results: Path) -> list[Path]:
    """Folders of the heads that have a record, by name."""
    return sorted(path.parent for path in results.glob(f"{HEADS}/*/head.json"))


def training_seconds(results: Path) -> float:
    """Of the processor, for all heads together."""
    records = [HeadRecord.read(head) for head in finished(results)]
    return sum(record.stages["training"]["processor_seconds"] for record in records)


def differing(one: Path, other: Path) -> list[str]:
    """Names of heads that differ or that one folder lacks, of such runs, and files that a killed process has left in `other`."""
    names = {path.name for path in finished(one)} | {path.name for path in finished(other)}
    found = sorted(name for name in names if not _equal(one / HEADS / name, other / HEADS / name))
    runs = [
        {path.parent.name: RunRecord.read(path).head for path in root.glob("*/result.json")} for root in (one, other)
    ]
    found += sorted(name for name, _ in runs[0].items() ^ runs[1].items())
    return found + [str(path) for path in other.rglob("*.part*")]


def _equal(one: Path, other: Path) -> bool:
    import torch

    if not (one / "head.json").exists() or not (other / "head.json").exists():
        return False
    first, second = (read_checkpoint(folder / LAST)["state_dict"] for folder in (one, other))
    same = first.keys() == second.keys() and all(
        values.dtype == second[name].dtype and torch.equal(_bits(values), _bits(second[name]))
        for name, values in first.items()
    )
    scores = [
        {path.name: ScoresRecord.read(path).metrics for path in folder.glob("scores-*.json")} for folder in (one, other)
    ]
    return same and json.dumps(scores[0], sort_keys=True) == json.dumps(scores[1], sort_keys=True)


def _bits(values: Any) -> Any:
    """The bytes of a tensor, so that NaN equals itself and -0 is not 0."""
    import torch

    return values.contiguous().flatten().view(torch.uint8)
