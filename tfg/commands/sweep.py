"""A sweep as a whole: what is checked before its first run starts, and the table after its last."""

from __future__ import annotations

import hashlib
import math
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from tfg import heads, overrides, parts, picture_size, sizing
from tfg.record import claims, identity, table
from tfg.record import evaluations as kept
from tfg.record.checks import value_at
from tfg.record.files import write_text
from tfg.record.results import DamagedRecord, RunResult, read_failure
from tfg.schedule import is_amount
from tfg.split import amount_of
from tfg.threads import AUTO
from tfg.types import ENGINES, InputError


def start(arguments: list[str], job: Callable[[list[str]], None]) -> int:
    """A run or a sweep from its command line: every cell is checked before the first starts; the table comes after the last.

    `job` runs the unfinished cells by hydra. Exit code 0, 1 (a run failed) or 2 (input).
    """
    flags = [text for text in arguments if text.startswith("-")]
    asked = [text for text in arguments if not text.startswith("-")]
    try:
        if unknown := set(flags) - {"-m", "--multirun"}:
            raise InputError(f"{min(unknown)}: is no option of run.py; there are -m for a sweep, --help and --cfg job")
        given = overrides.complete(asked)
        given += [] if any(text.startswith("group=") for text in given) else [f"group={group()}"]
        plan = overrides.cells(given)
        if len(plan) > 1 and not {"-m", "--multirun"} & set(flags):
            raise InputError("a list of values is a sweep: add -m")
        if axes := overrides.varying(given):
            named = [f"sweep.axes=[{','.join(axes)}]", f"sweep.size={len(plan)}"]
            given, plan = [*given, *named], [[*cell, *named] for cell in plan]
        configs = _sized([overrides.composed(cell) for cell in plan])
        missing = [config for config in configs if not _checked_as_done(config)]
        _refuse_twins(configs)
        for look in (parts.check, parts.check_clip, parts.check_backbone):  # the cheap checks of all cells first
            for config in missing:
                look(config)
    except InputError as error:
        print(f"tfg: {error}", file=sys.stderr)
        return 2
    overrides.say_choice(asked, given)
    if missing:
        job([*flags, *given])
    else:
        print(
            f"tfg: all {len(configs)} runs are done already" if len(configs) > 1 else "tfg: done already",
            file=sys.stderr,
        )
    return report(configs)


def title(config: DictConfig, number: int) -> str:
    """`run 2 of 4: selector=isexplore seed=1`; nothing where nothing varies."""
    varied = identity.varied(parts.plain(config))
    values = " ".join(f"{axis}={value}" for axis, value in varied.items())
    return f"run {number} of {config.sweep.size}: {values}" if varied else ""


def group() -> str:
    """Name of a sweep in the tracker: when it began."""
    return time.strftime("%Y%m%d-%H%M%S")


def _sized(configs: list[DictConfig]) -> list[DictConfig]:
    """The cells with their pictures' sizes, which a name needs; what can be wrong without a look at a video is refused first."""
    for config in configs:
        _check_values(config)
        if picture_size.is_open(config):
            parts.clip_identity(config)
            parts.check(config)
    return [sizing.sized(config) for config in configs]


def check(config: DictConfig) -> None:
    """What can be known to be wrong with a cell before any run starts, its backbone aside; InputError names the key or file."""
    _check_values(config)
    parts.check(config)
    parts.check_clip(config)


def _refuse_twins(configs: list[DictConfig]) -> None:
    """Cells that differ only in what no training depends on would be one run, each undoing the other."""
    cells: dict[Path, DictConfig] = {}
    for config in configs:
        folder = parts.run_folder(config)
        if folder in cells:
            one, other = parts.plain(cells[folder]), parts.plain(config)
            keys = [axis for axis in config.sweep.axes if value_at(one, axis) != value_at(other, axis)] or [
                "the same value twice"
            ]
            raise InputError(
                f"{', '.join(keys)}: makes two cells of the sweep one run, as no training depends on it; give one value"
            )
        cells[folder] = config


def _check_values(config: DictConfig) -> None:
    """The keys that no part has for itself."""
    for key in ("seconds", "stride_seconds"):
        value = config[key]
        if not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
            raise InputError(f"{key}={value}: must be a number of seconds above 0")
    amount_of(config.split.held_out)
    if config.start is not None and config.selector.name != "at":
        raise InputError(
            f"start={config.start}: is of selector=at; selector={config.selector.name} looks for a segment itself, remove it"
        )
    if not isinstance(config.seed, int) or config.seed < 0:
        raise InputError(f"seed={config.seed}: must be a whole number, 0 or above")
    picture_size.check(config.clip.size)
    every = config.trainer.checkpoint_every
    if not isinstance(every, int) or every < 1:
        raise InputError(f"trainer.checkpoint_every={every}: must be a whole number of steps, 1 or above")
    count = config.trainer.threads
    whole = isinstance(count, int) and not isinstance(count, bool) and count >= 1
    if count not in (None, AUTO) and not whole:
        raise InputError(
            f"trainer.threads={count}: must be auto, a whole number of threads, 1 or above, or null for all cores"
        )
    if not is_amount(config.trainer.growth):
        raise InputError(f"trainer.growth={config.trainer.growth}: must be a number, 0 or above")
    for key, allowed in (("profile", ("cpu", "gpu")), ("device", ("cpu", "cuda"))):
        if config.trainer[key] not in allowed:
            raise InputError(f"trainer.{key}={config.trainer[key]}: allowed are {', '.join(allowed)}")
    if config.trainer.device == "cuda" and not _has_card():
        raise InputError("trainer.device=cuda: no CUDA card is found here; use trainer=cpu")
    engine, device = config.backbone.engine, config.trainer.device
    if engine not in ENGINES or (engine in ("cpu", "cuda") and engine != device):
        raise InputError(f"backbone.engine={engine}: on trainer.device={device} allowed are auto, torch, {device}")
    if config.group is not None and not re.fullmatch(r"[\w.-]+", str(config.group)):
        raise InputError(f"group={config.group}: it names files; use letters, digits, dots, dashes and underscores")
    check_folder("results", config.results)


def _has_card() -> bool:
    import torch

    return torch.cuda.is_available()


def _checked_as_done(config: DictConfig) -> bool:
    """Whether a cell is done, told without looking at more than its files."""
    return heads.is_done(config, parts.run_folder(config))


def check_folder(key: str, value: object) -> None:
    """Files can be made in this folder, or it can be made; InputError naming the key where not."""
    if not isinstance(value, str) or not value:
        raise InputError(f"{key}={value}: must be the path of a folder, such as results")
    folder = _existing(Path(value))
    if not folder.is_dir():
        raise InputError(f"{key}={value}: {folder} is a file; give a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{key}={value}: {folder} may not be written to; give a folder of yours")


def _existing(path: Path) -> Path:
    """The path or the nearest folder above it that is there."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def report(configs: list[DictConfig]) -> int:
    """Print the table of these cells, write it to results/, list failures; exit code 0, 1, or 2 for bad input only.

    Cells that were left to another process are waited for, and done here where that process ended without them.
    """
    folders = [parts.run_folder(config) for config in configs]
    for config, folder in zip(configs, folders, strict=True):
        _wait(config, folder)
    done: list[tuple[str, RunResult]] = []
    codes: list[int] = []
    for config, folder in zip(configs, folders, strict=True):
        if (folder / "result.json").exists():
            try:
                done.append((identity.label(parts.plain(config)), RunResult.read(folder / "result.json")))
            except DamagedRecord as error:
                print(f"tfg: {error}", file=sys.stderr)
                codes.append(1)
    if done:
        codes.append(_show(configs[0], folders, done))
    failed = [folder for folder in folders if (folder / "failure.json").exists()]
    for folder in failed:
        codes.append(_failed(folder, alone=len(folders) == 1))
    missing = len(folders) - len({folder for folder in folders if (folder / "result.json").exists()} | set(failed))
    if missing:
        print(
            f"tfg: {missing} of {len(folders)} runs did not finish; the same command goes on with them", file=sys.stderr
        )
        full = shutil.disk_usage(_existing(Path(configs[0].results))).free < 2**16  # not even failure.json finds room
        codes.append(2 if full else 1)
    return max(codes, default=0) if 1 not in codes else 1


def _wait(config: DictConfig, folder: Path) -> None:
    """Wait for another process that works on this run; do the run here where it has died."""
    if not (folder / claims.NAME).exists() or heads.is_done(config, folder) or (folder / "failure.json").exists():
        return
    claim = claims.Claim(folder / claims.NAME)
    try:
        claim.take()
        claim.release()
        return
    except claims.Taken as taken:
        print(f"tfg: waiting for {folder.name}, which {taken.by} runs", file=sys.stderr)
    claim.wait()
    claim.release()
    if not heads.is_done(config, folder) and not (folder / "failure.json").exists():
        from tfg import pipeline

        pipeline.run(config)


def _show(config: DictConfig, folders: list[Path], done: list[tuple[str, RunResult]]) -> int:
    """The table on stdout and in a file of its own; 2 where the disk is full."""
    root = Path(config.results)
    text = table.markdown(done, evaluations(root))
    print(text)
    for _, result in done:
        print(f"{result.run_id}\n  video  {root / result.files['side_by_side']}")
        print(f"  plot   {root / result.files['selection_plot']}")
    path = root / f"table-{_table_name(config, [folder.name for folder in folders])}.md"
    try:
        write_text(path, text + "\n")
    except OSError as error:
        print(
            f"tfg: {path}: {error.strerror}; the table above could not be written; free some space and repeat",
            file=sys.stderr,
        )
        return 2
    print(f"table: {path}")
    return 0


def _failed(folder: Path, *, alone: bool) -> int:
    """Say why a run failed, which a single one has done itself just before; its exit code."""
    try:
        failure = read_failure(folder)
    except DamagedRecord as error:
        print(f"tfg: {error}", file=sys.stderr)
        return 1
    if not alone:
        print(f"tfg: {folder.name} failed in {failure['stage']}: {failure['message']}", file=sys.stderr)
    return 2 if failure.get("user") else 1


def evaluations(root: Path) -> list[dict[str, Any]]:
    """What `tfg evaluate --name` kept below a results folder, in the order of names; a damaged file is named in one line."""
    records, problems = kept.read_all(root)
    for problem in problems:
        print(f"tfg: {problem}", file=sys.stderr)
    return records


def _table_name(config: DictConfig, runs: list[str]) -> str:
    """The sweep's own name where it was given one, else one of its runs: the same command writes the same file."""
    named = config.group is not None and not re.fullmatch(r"\d{8}-\d{6}", str(config.group))
    return str(config.group) if named else hashlib.sha256("\n".join(sorted(runs)).encode()).hexdigest()[:8]
