"""What a sweep will need before it runs: heads to train and to find, time, disk and memory, by runs of this kind that are done here.

Where none is done, by a rehearsal of its first run (tfg/rehearsal.py). What cannot fit is refused in one line.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import psutil

from tfg import heads, parts, preflight
from tfg.cells import Cell
from tfg.progress import clock, counted
from tfg.record import identity, kinds
from tfg.record.results import HEADS
from tfg.selectors.base import Candidates
from tfg.selectors.candidates import candidates_for, frames_of
from tfg.types import FPS, InputError, Segment

ROOM = 1.2  # of what is estimated, so much must be free


@dataclass(frozen=True, kw_only=True)
class Each:
    """Of one run that trains its head; None: not known."""

    seconds: float | None = None
    disk_mb: float | None = None
    memory_mb: float | None = None
    by: str = "not known before one of this kind is done"


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Of a whole sweep."""

    done: int
    states: dict[
        str, str
    ]  # run that is not done -> what it will do: FOUND, TRAINS, CHOOSES, or GOES_ON and from which step
    each: Each

    @property
    def to_train(self) -> int:
        """Heads at most: two selectors may yet choose one segment."""
        return sum(state != FOUND for state in self.states.values())

    def text(self, at_once: int | None) -> str:
        """One line."""
        count, found = len(self.states), len(self.states) - self.to_train
        open_ones = sum(state == CHOOSES for state in self.states.values())
        most = " at most" if open_ones else ""
        if not count:
            return (
                f"all {self.done} runs are done: nothing to train"
                if self.done > 1
                else "the run is done: nothing to train"
            )
        heads_to = f"{self.to_train or 'no'} head{'' if self.to_train == 1 else 's'} to train{most}"
        said = [f"{counted(self.done + count, 'run')}: {self.done} done, {heads_to}, {found or 'none'} to find"]
        if not self.to_train:
            return said[0]
        each = self.each
        if each.seconds is not None:
            together = (
                f", {at_once} at once" if at_once and at_once > 1 else " one after the other" if at_once else " of work"
            )
            said.append(f"about {clock(each.seconds * self.to_train / (at_once or 1))}{together}")
        if each.disk_mb is not None:
            said.append(f"{_size(each.disk_mb * self.to_train)} of disk")
        if each.memory_mb is not None:
            said.append(f"{_size(each.memory_mb)} of memory each")
        needs = f"{', '.join(said[1:])} ({each.by})" if said[1:] else f"time, disk and memory are {each.by}"
        return f"{said[0]}; {needs}"


FOUND, TRAINS, CHOOSES, GOES_ON = "its head is found", "trains its head", "chooses its segment, then trains", "goes on"


def forecast(cells: Sequence[Cell], missing: Sequence[Cell]) -> Forecast:
    """Of the cells and those of them that are not done; where none of their kind is done, by some steps of the first (`estimate`)."""
    states: dict[str, str] = {}
    names: set[str] = set()
    for cell in missing:
        name = _head(cell)
        if name is None:
            states[cell.folder.name] = CHOOSES
            continue
        folder = cell.results / HEADS / name
        if name in names or (folder / "head.json").exists():
            states[cell.folder.name] = FOUND
        else:
            states[cell.folder.name] = _trains(folder)
        names.add(name)
    each = Each()
    if missing:
        each = past(missing[0]) or (_rehearsed(missing[0]) if missing[0].config.estimate else Each())
    return Forecast(done=len(cells) - len(missing), states=states, each=each)


def _trains(head: Path) -> str:
    """From its start, or from which step on."""
    if not any(head.glob("*.ckpt")):
        return TRAINS
    from tfg import training  # Lightning, which no other cell waits for

    step = training.step_reached(head)
    return TRAINS if step is None else f"{GOES_ON} from step {step}"


def past(cell: Cell) -> Each | None:
    """Of the runs of this cell's kind in its results folder; None where there is none."""
    wanted = kinds.kind_of(cell.plain)
    took = [one for one in kinds.newest(cell.results) if one.kind == wanted]
    if not took:
        return None
    folders = [[cell.results / one.run_id, cell.results / HEADS / one.head] for one in took[:5]]
    return Each(
        seconds=sum(one.seconds for one in took) / len(took),
        memory_mb=max(one.peak_mb for one in took),
        disk_mb=sum(_used(folder) for pair in folders for folder in pair) / len(folders) / 1e6,
        by=f"by {len(took)} run{'s' if len(took) > 1 else ''} of this kind here",
    )


def refuse(found: Forecast, results: Path, at_once: int | None, key: str | None) -> None:
    """InputError where the disk, or the memory of this machine, cannot hold it. `key`: says how many run at once, if one does."""
    each = found.each
    free = shutil.disk_usage(preflight.existing(results)).free / 1e6
    if each.disk_mb is not None and (needed := each.disk_mb * found.to_train * ROOM) > free:
        raise InputError(
            f"results={results}: {found.to_train} heads need about {_size(needed)}, {_size(free)} are free there; "
            "free some space or give another folder"
        )
    if each.memory_mb is None or at_once is None:
        return
    available = psutil.virtual_memory().available / 1e6
    if (needed := each.memory_mb * at_once) > available:
        fit = int(available // each.memory_mb)
        remedy = f"give {key}={fit}" if key and fit else "end other programs, or take a machine with more"
        runs = "a run needs" if at_once == 1 else f"{at_once} runs at once need"
        raise InputError(f"memory: {runs} about {_size(needed)}, {_size(available)} are free; {remedy}")


def cached(cell: Cell) -> str:
    """Of the clip's features, in one line."""
    from tfg.features.cost import FACES, MASKS
    from tfg.selection import features_of

    built, clip = parts.build(cell.config), parts.open_clip(cell.config)
    features, count = features_of(built.audio, built.face, built.masks, clip), clip.num_frames
    kept = [f"{count - features.missing(name, 0, count)} of {count} {name}" for name in (FACES, MASKS)]
    return f"{clip.name}: cached are {', '.join(kept)}{', the sound' if features.has_sound() else ', no sound'}"


def _head(cell: Cell) -> str | None:
    """Name of the head that a cell leads to; None where its selector has yet to look at the clip, or the sound's offset is open."""
    config, clip = cell.config, parts.open_clip(cell.config)
    if config.clip.sound_offset == parts.AUTO and clip.sidecar is None:
        return None
    chosen = cell.folder / "selection.json"
    num_frames = frames_of(config.seconds)
    try:
        record = json.loads(chosen.read_text())
        if "pieces" in record:
            return None  # of several, which only the selection itself puts together
        segment = Segment.whole(round(record["start"] * FPS), num_frames)
    except (OSError, ValueError, KeyError, TypeError):
        candidates = Candidates(
            starts=candidates_for(
                clip.num_reference_frames, config.seconds, config.stride_seconds, where=str(clip.path)
            ),
            num_frames=num_frames,
            num_reference_frames=clip.num_reference_frames,
            audio=_looks,
            face=_looks,
            sample=_looks,
            voiced=_looks,
            draw=config.seed,
            where=str(clip.path),
        )
        rng = np.random.default_rng(identity.seed_for("selection", clip.identity))
        try:
            segment = parts.construct(config.selector, "selector").select(candidates, rng).segment
        except _Looks:
            return None
    return heads.of_run(config, clip, segment).name


class _Looks(Exception):
    """A selector asks for a feature of the clip."""


def _looks(*arguments: Any) -> NoReturn:
    raise _Looks


def _rehearsed(cell: Cell) -> Each:
    from tfg.rehearsal import rehearse
    from tfg.selection import features_of

    built, clip = parts.build(cell.config), parts.open_clip(cell.config)
    try:
        found = rehearse(cell.config, built, features_of(built.audio, built.face, built.masks, clip))
    except InputError as error:
        return Each(by=f"not known: {error}")
    memory = psutil.Process().memory_info().rss / 1e6
    seconds = sum(cost.seconds for cost in found.parts.values())
    return Each(
        seconds=seconds,
        memory_mb=memory,
        by="by some steps of the first; disk is not known before one of this kind is done",
    )


def _used(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _size(mb: float) -> str:
    return f"{mb / 1e3:.1f} GB" if mb >= 1e3 else f"{max(mb, 1):.0f} MB"
