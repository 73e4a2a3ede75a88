"""Which runs take as long as each other: those of one kind, and what finished ones took. Standard library only, as all records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfg.record import identity

MOST = 100  # finished runs that are read, the newest
_OF_A_KIND = ("backbone", "audio", "conditioning", "seconds", "face", "masks", "metrics", "torso")


@dataclass(frozen=True)
class Kind:
    """Two runs with one `digest` differ in nothing that time, disk and memory depend on."""

    digest: str
    text: str  # backbone, size, length of the segment, schedule; of what else counts only the digest knows


@dataclass(frozen=True, kw_only=True)
class Took:
    """A finished run."""

    run_id: str
    head: str
    kind: Kind
    seconds: float  # wall seconds of all stages, those of its head and scores included where these were found
    peak_mb: float


def kind_of(config: Mapping[str, Any]) -> Kind:
    """Of a resolved configuration; backbone and trainer's profile hold the steps."""
    size, profile = config.get("clip", {}).get("size"), config.get("trainer", {}).get("profile")
    described = {key: config.get(key) for key in _OF_A_KIND} | {"size": size, "profile": profile}
    named = (
        config["backbone"]["name"],
        None if size is None else f"{size} px",
        f"{config['seconds']:g} s",
        None if profile is None else f"trainer={profile}",
    )
    return Kind(identity.digest_of(described), ", ".join(part for part in named if part is not None))


def newest(results: Path) -> Iterator[Took]:
    """Finished runs of a results folder, the newest first, MOST of them; a record that cannot be read is left to who reads it."""
    found = sorted(results.glob("*/result.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found[:MOST]:
        try:
            record = json.loads(path.read_text())
            stages = record["stages"].values()
            yield Took(
                run_id=str(record["run_id"]),
                head=str(record["head"]),
                kind=kind_of(record["config"]),
                seconds=float(sum(stage["seconds"] for stage in stages)),
                peak_mb=float(max((stage["peak_mb"] for stage in stages), default=0.0)),
            )
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            continue
