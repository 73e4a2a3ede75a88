"""Files that are cut short or have flipped bits: of the cache, records, checkpoints. Each is made of a whole sweep's folder."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import psutil

from benchmarks.reliability_disturbed import Row
from benchmarks.short_sweep import Sweep, gone, kill
from tfg.record.files import is_sealed, seal_of
from tfg.record.results import HEADS, HeadRecord
from tfg.training import LAST, PREVIOUS, newest_checkpoint, read_checkpoint

LENGTHS: dict[str, Callable[[int], int]] = {
    "0": lambda whole: 0,
    "7": lambda whole: 7,
    "100": lambda whole: 100,
    "half": lambda whole: whole // 2,
    "one-less": lambda whole: whole - 1,
}
FLIPS = 4  # of every file of the cache
CHECKPOINT_FLIPS = 8  # runs with a flipped bit in the last checkpoint
SUMS = 1000  # flips that only the checksum looks at


def half_written(folder: Path, reference: Path, random: Random) -> Iterator[Row]:
    """Every file of the cache, then every record, cut at several lengths."""
    row = Row("half-written cache: every feature entry and the clip")
    for name, length in LENGTHS.items():
        sweep = _with_cache(folder / f"cache-{name}", reference)
        damaged = [path for path in _cache_files(sweep)]
        for path in damaged:
            _cut(path, length)
        _run(sweep, row, reference)
    yield row
    row = Row("half-written records: head.json, result.json, scores")
    for name, length in LENGTHS.items():
        sweep = _finished(folder / f"records-{name}", reference)
        records = ["head.json", "result.json", "scores-*.json"]
        heads = sorted((sweep.results / HEADS).iterdir())
        for head, pattern in zip(heads, records, strict=True):
            (path,) = _run_of(sweep, head).glob(pattern) if pattern == "result.json" else head.glob(pattern)
            _cut(path, length)
        (_run_of(sweep, heads[0]) / "progress.json").write_text('{"stage": "tr')
        (_run_of(sweep, heads[0]) / ".claim.json").write_text('{"host"')
        for path in (sweep.results / ".sweeps").iterdir():
            _cut(path, length)
        sweep.spoiled = {heads[0].name}
        _run(sweep, row, reference)
        _no_steps(sweep, row)
    yield row


def flipped_bits(folder: Path, reference: Path, random: Random) -> Iterator[Row]:
    """A bit of every file of the cache; of checkpoints of an interrupted and of a finished head."""
    row = Row("a flipped bit in every feature entry and in the clip")
    for number in range(FLIPS):
        sweep = _with_cache(folder / f"cache-{number}", reference)
        for path in _cache_files(sweep):
            _flip(path, random)
        _run(sweep, row, reference)
    yield row
    cut = _interrupted(folder / "interrupted", reference)
    yield _sums(cut, random)
    (head,) = (cut.results / HEADS).iterdir()
    steps = {name: int(read_checkpoint(head / name)["state_dict"]["step"]) for name in (LAST, PREVIOUS)}
    for name, what, count in (
        ("a flipped bit in the last checkpoint", (LAST,), CHECKPOINT_FLIPS),
        ("a flipped bit in its checksum", (seal_of(Path(LAST)).name,), 2),
        ("a flipped bit in both checkpoints", (LAST, PREVIOUS), 3),
    ):
        row = Row(name)
        expected = 0 if PREVIOUS in what else steps[PREVIOUS]
        for number in range(count):
            sweep = Sweep(folder=folder / f"{name.replace(' ', '-')}-{number}", starts=(0,))
            for part in ("results", "cache"):
                shutil.copytree(cut.folder / part, sweep.folder / part, symlinks=True)
            for file in what:
                _flip(sweep.results / HEADS / head.name / file, random)
            _run(sweep, row, reference)
            resumed = _training(sweep, head.name)["resumed_from"]
            named = sum("its checksum differs" in line for line in sweep.said(1))
            if resumed != expected or named != (2 if PREVIOUS in what else 1):
                row.faults.append(f"{sweep.folder.name}: went on from step {resumed}, not {expected}; {named} lines")
        yield row
    row = Row("a flipped bit in a finished head's checkpoint, found by another run")
    for number in range(3):
        sweep = _finished(folder / f"finished-{number}", reference)
        heads = sorted((sweep.results / HEADS).iterdir())
        for head in heads:
            _flip(head / LAST, random)
            shutil.rmtree(_run_of(sweep, head))  # as where another selector leads to it
        sweep.spoiled = {head.name for head in heads}
        _run(sweep, row, reference)
    yield row


def _sums(cut: Sweep, random: Random) -> Row:
    """Many positions, without a run for each: which checkpoint is taken, and what is said."""
    row = Row(f"{SUMS} single flipped bits in the last checkpoint: the one before is taken, one line")
    (head,) = (cut.results / HEADS).iterdir()
    whole = (head / LAST).read_bytes()
    for _ in range(SUMS):
        _flip(head / LAST, random)
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            taken = newest_checkpoint(head)
        if taken != head / PREVIOUS or said.getvalue().count("\n") != 1:
            row.faults.append(f"{taken} was taken: {said.getvalue()}")
        (head / LAST).write_bytes(whole)
        row.cases += 1
    return row


def _interrupted(folder: Path, reference: Path) -> Sweep:
    """Killed in training with two whole checkpoints, which for a moment of each writing are one file by two names."""
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        sweep = _with_cache(folder, reference)
        process = sweep.start()
        while process.poll() is None and not list(sweep.results.glob(f"{HEADS}/*/{PREVIOUS}.sha256")):
            psutil.Process(process.pid).cpu_times()
        if kill(parent := psutil.Process(process.pid)):
            gone([parent])
            process.wait()
            heads = list((sweep.results / HEADS).iterdir())
            whole = bool(heads) and all(is_sealed(heads[0] / name) for name in (LAST, PREVIOUS))
            if whole and not (heads[0] / LAST).samefile(heads[0] / PREVIOUS):
                return sweep


def _with_cache(folder: Path, reference: Path) -> Sweep:
    """Nothing is made yet but the whole cache."""
    sweep = Sweep(folder=folder, starts=(0,))
    shutil.copytree(reference.parent / "cache", sweep.cache, symlinks=True)
    return sweep


def _finished(folder: Path, reference: Path) -> Sweep:
    """All is made."""
    sweep = Sweep(folder=folder)
    for part in ("results", "cache"):
        shutil.copytree(reference.parent / part, sweep.folder / part, symlinks=True)
    return sweep


def _run(sweep: Sweep, row: Row, reference: Path) -> None:
    codes = [sweep.ended(sweep.start())]
    if codes != [0]:
        sweep.until_done()
    row.note(sweep, codes, reference)


def _no_steps(sweep: Sweep, row: Row) -> None:
    """A head whose record alone is damaged is not trained: its last checkpoint is all of it."""
    for head in (sweep.results / HEADS).iterdir():
        trained = _training(sweep, head.name)
        if trained["resumed_from"] not in (0, trained["steps"]):
            row.faults.append(f"{sweep.folder.name}: {head.name} went on from step {trained['resumed_from']}")


def _training(sweep: Sweep, head: str) -> dict[str, int]:
    return HeadRecord.read(sweep.results / HEADS / head).stages["training"]


def _run_of(sweep: Sweep, head: Path) -> Path:
    """The run that the head was made for; its record may be cut already."""
    for path in sweep.results.glob("at-*/result.json"):
        with contextlib.suppress(ValueError):
            if json.loads(path.read_text())["head"] == head.name:
                return path.parent
    raise RuntimeError(f"no run of {head}")


def _cache_files(sweep: Sweep) -> list[Path]:
    found = [*(sweep.cache / "features").rglob("*.safetensors"), *(sweep.cache / "clips").rglob("clip.*")]
    return [path for path in found if path.suffix in (".safetensors", ".mp4", ".npz")]


def _cut(path: Path, length: Callable[[int], int]) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: length(len(data))])


def _flip(path: Path, random: Random) -> None:
    data = bytearray(path.read_bytes())
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    path.write_bytes(data)
