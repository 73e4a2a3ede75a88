"""Records of a study of finished heads, as its table takes them."""

from __future__ import annotations

from typing import Any

from analysis.load import IncompleteGrid
from analysis.script import Asked
from experiments.afterwards import Afterwards, Labels
from tfg.types import InputError


def records(study: Afterwards, asked: Asked) -> list[tuple[Labels, dict[str, Any] | None]]:
    """Of every head that the study wants; None where there is none yet, if that is allowed."""
    try:
        wanted = [labels for labels, _ in study.cells(asked.results)]
    except InputError as error:
        raise IncompleteGrid(str(error)) from error
    found = [(labels, study.record(asked.results, labels)) for labels in wanted]
    missing = [" ".join(labels.values()) for labels, record in found if record is None]
    if missing and not asked.allow_missing:
        raise IncompleteGrid(
            f"{study.name}: {len(missing)} of {len(found)} heads are missing ({'; '.join(missing)}); run "
            f"`python -m experiments.{study.name}`, or show the holes with --allow-missing"
        )
    commits = {record["commit"][:8] for _, record in found if record is not None}
    if len(commits) > 1 and not asked.allow_mixed:
        raise IncompleteGrid(
            f"{study.name}: records of {len(commits)} commits ({', '.join(sorted(commits))}); delete and rerun the old ones, or "
            "mix them with --allow-mixed"
        )
    return found
