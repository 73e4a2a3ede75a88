"""The torso field of a head: learned once, from the head's training portrait alone, and kept beside its checkpoint."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path

from tfg.heads import Head
from tfg.record.files import is_sealed
from tfg.record.results import HeadRecord
from tfg.record.stages import Stages
from tfg.threads import threads
from tfg.torso.settings import TorsoSettings, file_name
from tfg.types import Portrait


def made(head: Head, settings: TorsoSettings, stages: Stages) -> str | None:
    """The file of a finished head's field, learned now where it is not there or damaged; None where it is switched off."""
    name, record = file_name(settings), HeadRecord.read(head.folder)
    if name is None or (record.files.get("torso") == name and is_sealed(head.folder / name)):
        return name
    if record.files.get("torso") == name:
        print(f"tfg: {head.folder / name} is missing or damaged (its checksum differs); made anew", file=sys.stderr)
    from tfg import rendering
    from tfg.torso import field, learning

    with stages("torso") as stage, threads(head.threads) as count:
        portrait, *_ = rendering.load_portrait(head.folder / "portrait.npz")
        learned, trust = learning.learn(portrait, settings, *head.seeded_by)
        field.save(head.folder / name, learned)
        stage.frames = len(portrait.frames)
        stage.notes = {**asdict(trust), "threads": count, "settings": asdict(settings)}
    stages_of_head = record.stages | {"torso": stages.records["torso"]}
    replace(record, stages=stages_of_head, files=record.files | {"torso": name}).write(head.folder)
    return name


def before(path: Path, portrait: Portrait) -> Portrait:
    """A portrait over the pictures that a field has for its poses. InputError where the file is damaged."""
    from tfg.torso import field

    return field.behind(portrait, field.load(path))
