"""The cells of a sweep given to an engine that runs several at once: Hydra's launchers for joblib and for submitit, here or on SLURM.

What is right by default for a talking head is set here: cells at once, threads and cards of each, and jobs that are requeued and go on
from their last checkpoint. Only unfinished cells are given to it, each composed again where it runs.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import secrets
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from tfg import configuration, jobs
from tfg.cell_job import CellJob
from tfg.cells import Cell
from tfg.progress import counted
from tfg.record.standing import SWEEPS
from tfg.threads import cores, count_of
from tfg.types import InputError

KEY = "hydra/launcher"
BASIC, JOBLIB, LOCAL, SLURM = "basic", "joblib", "submitit_local", "submitit_slurm"
PACKAGES = {JOBLIB: "hydra-joblib-launcher", LOCAL: "hydra-submitit-launcher", SLURM: "hydra-submitit-launcher"}
ATTEMPTS = 3  # of a sweep on this machine whose workers are killed: each goes on from the last checkpoints
MINUTES = 240  # of a job until it is requeued
REQUEUES = 100  # after a time-out; after a preemption there is no limit
SHARED_CORES = 4  # of a job on a cluster whose training uses all that it has


@dataclass(frozen=True, kw_only=True)
class Launcher:
    """A launcher of Hydra by its name, and the values of `hydra.launcher.*` that were given."""

    name: str
    given: tuple[str, ...] = ()

    @property
    def elsewhere(self) -> bool:
        """Whether its jobs run on other machines than this."""
        return self.name == SLURM

    def value(self, key: str) -> str | None:
        """As given on the command line."""
        named = [text.split("=", 1)[1] for text in self.given if text.lstrip("+").startswith(f"hydra.launcher.{key}=")]
        return named[-1] if named else None

    def whole(self, key: str) -> int | None:
        """The same as a number; InputError names the key."""
        text = self.value(key)
        try:
            return None if text in (None, "null") else int(str(text))
        except ValueError as error:
            raise InputError(f"hydra.launcher.{key}={text}: must be a whole number") from error


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a cell may use."""

    at_once: int | None  # cells on one machine; None: as many as the cluster starts
    threads: int
    cards: int  # 0 or 1


def split(given: Sequence[str]) -> tuple[Launcher | None, list[str]]:
    """The launcher of a command line, None for Hydra's own which runs cell after cell, and the overrides that are no launcher's.

    InputError where it is not known, or not installed.
    """
    named = [text.split("=", 1)[1] for text in given if text.startswith(f"{KEY}=")]
    if not named or named[-1] == BASIC:
        return None, list(given)
    own = [text for text in given if not text.lstrip("+~").startswith("hydra")]
    settings = tuple(text for text in given if text not in own and not text.startswith(f"{KEY}="))
    launcher = Launcher(name=named[-1], given=settings)
    check(launcher)
    return launcher, own


def check(launcher: Launcher) -> None:
    """InputError where it cannot be used here, or is given no number where it takes one, with the remedy."""
    name = launcher.name
    if name not in PACKAGES:
        raise InputError(
            f"{KEY}={name}: is not known; there are {', '.join((BASIC, *PACKAGES))}, and python -m experiments.on_ray"
        )
    try:
        importlib.metadata.distribution(PACKAGES[name])
    except importlib.metadata.PackageNotFoundError as error:
        raise InputError(f"{KEY}={name}: is not installed here; pip install -e '.[cluster]'") from error
    if name == SLURM and shutil.which("sbatch") is None:
        raise InputError(
            f"{KEY}={name}: no sbatch is found here; start it where jobs are submitted, or take {KEY}=joblib"
        )
    for key in ("n_jobs", "cpus_per_task"):
        launcher.whole(key)


def share(launcher: Launcher, configs: Sequence[DictConfig]) -> Share:
    """Threads and cards of a cell, and cells at once: given, else as many as the machine has cores or cards for."""
    on_card = any(config.trainer.device == "cuda" for config in configs)
    one_thread = all(count_of(config.trainer.threads, config.clip.size) == 1 for config in configs)
    asked = launcher.whole("n_jobs" if launcher.name == JOBLIB else "cpus_per_task")
    asked = None if asked is not None and asked < 1 else asked  # joblib's -1: all
    own = os.environ.get("OMP_NUM_THREADS")
    if launcher.elsewhere:
        return Share(at_once=None, threads=asked or (1 if one_thread else SHARED_CORES), cards=int(on_card))
    places = _cards() if on_card else cores()
    at_once = asked if asked and launcher.name == JOBLIB else places // (asked or 1)
    at_once = max(1, min(at_once, len(configs)))
    threads = asked if launcher.name == LOCAL and asked else max(1, cores() // at_once)
    return Share(at_once=at_once, threads=int(own) if own else threads, cards=int(on_card))


def at_once(launcher: Launcher | None, wanted: Sequence[Cell]) -> int | None:
    """Cells that will run together on this machine; None: they run on others."""
    return 1 if launcher is None else share(launcher, [cell.config for cell in wanted]).at_once


def key_of(launcher: Launcher | None) -> str | None:
    """That says how many run at once."""
    return "hydra.launcher.n_jobs" if launcher is not None and launcher.name == JOBLIB else None


def launch(launcher: Launcher, wanted: Sequence[Cell], *, on_interrupt: str = jobs.ASK) -> None:
    """Run the cells until each has ended or its job has; KeyboardInterrupt passes.

    `on_interrupt`: what becomes of a cluster's jobs on Ctrl-C, one of jobs.CHOICES.
    """
    left = list(wanted)
    before = {cell.folder: _failed_at(cell) for cell in left}
    for _ in range(1 if launcher.elsewhere else ATTEMPTS):
        named = f"tfg-{secrets.token_hex(4)}"
        try:
            _launch_once(launcher, named, left)
        except KeyboardInterrupt:
            if launcher.elsewhere:
                jobs.interrupted(named, on_interrupt)
            raise
        except InputError:
            raise
        except (Exception, SystemExit) as error:  # of a job that was killed; cells that fail write failure.json
            line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            if launcher.name == SLURM and not _submitted(left[0].results / SWEEPS / named):
                remedy = f"see with sinfo that the cluster answers, or take {KEY}={JOBLIB}"
                raise InputError(f"{KEY}={SLURM}: no job could be submitted ({line}); {remedy}") from error
            print(f"tfg: {KEY}={launcher.name}: a job ended without its result ({line})", file=sys.stderr)
            if launcher.elsewhere:
                jobs.wait(named)
        left = [cell for cell in left if cell.result() is None and _failed_at(cell) in (None, before[cell.folder])]
        if not left:
            return


def _submitted(folder: Path) -> bool:
    """Whether SLURM has taken a job of the launch that has this folder: submitit then gives the job a folder of its own."""
    return any(folder.glob("*/*_submitted.pkl"))


def overrides_of(launcher: Launcher, cell: Share, named: str, folder: str) -> list[str]:
    """What Hydra is given for the launcher: our defaults where nothing else was given, then what was given."""
    defaults: dict[str, Any] = {}
    if launcher.name == JOBLIB:
        defaults["n_jobs"] = cell.at_once
    else:
        defaults |= {
            "name": named,
            "submitit_folder": f"'{folder}/{named}/%j'",
            "cpus_per_task": cell.threads,
            "timeout_min": MINUTES if launcher.elsewhere else 60 * 24 * 30,
        }
    if launcher.elsewhere:
        defaults |= {"max_num_timeout": REQUEUES, "+additional_parameters.requeue": "true"}
        if cell.cards and launcher.value("gres") is None and launcher.value("gpus_per_task") is None:
            defaults["gpus_per_node"] = cell.cards
    # What is given of joblib's n_jobs is in the share already.
    settings = [text for text in launcher.given if not (launcher.name == JOBLIB and "hydra.launcher.n_jobs=" in text)]
    given = {text.lstrip("+~").split("=", 1)[0] for text in settings}
    ours = []
    for key, value in defaults.items():
        plus, plain = ("+", key[1:]) if key.startswith("+") else ("", key)
        if f"hydra.launcher.{plain}" not in given:
            ours.append(f"{plus}hydra.launcher.{plain}={value}")
    return [f"{KEY}={launcher.name}", *ours, *settings]


def _launch_once(launcher: Launcher, named: str, wanted: Sequence[Cell]) -> None:
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.plugins import Plugins
    from hydra.errors import HydraException
    from hydra.types import HydraContext, RunMode

    results, own = wanted[0].results, share(launcher, [cell.config for cell in wanted])
    folder = results / SWEEPS
    together = launcher.name == JOBLIB
    job = CellJob(
        folder=str(folder),
        at_once=own.at_once,
        cards=bool(own.cards),
        together=together,
        parent=os.getpid() if together else None,
    )
    given = [*overrides_of(launcher, own, named, str(folder)), f"results='{results}'"]
    with _environment(own.threads), initialize_config_dir(str(configuration.folder()), "tfg", "1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        try:
            config = hydra.compose_config("config", given, run_mode=RunMode.MULTIRUN)
        except (HydraException, OmegaConfBaseException) as error:
            raise InputError(f"{' '.join(launcher.given)}: {str(error).splitlines()[0]}") from error
        context = HydraContext(config_loader=hydra.config_loader, callbacks=_no_callbacks())
        engine = Plugins.instance().instantiate_launcher(hydra_context=context, task_function=job, config=config)
        _say(launcher, own, len(wanted), named)
        for returned in engine.launch([list(cell.overrides) for cell in wanted], initial_job_idx=0):
            _ = returned.return_value  # raises what the job raised


def _no_callbacks() -> Any:
    from hydra._internal.callbacks import Callbacks

    return Callbacks()


def _say(launcher: Launcher, own: Share, count: int, named: str) -> None:
    threads = f"{counted(own.threads, 'thread')}{' and a card' if own.cards else ''} each"
    where = f"jobs {named}" if launcher.elsewhere else f"{own.at_once} at once"
    print(f"tfg: {KEY}={launcher.name}: {counted(count, 'run')}, {where}, {threads}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _environment(threads: int) -> Iterator[None]:
    """Of the processes that run cells: their threads, and this very tfg where it is not installed."""
    path = [str(configuration.PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    values = {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": os.pathsep.join(dict.fromkeys(path))}
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _failed_at(cell: Cell) -> int | None:
    """When its failure.json was written."""
    try:
        return (cell.folder / "failure.json").stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _cards() -> int:
    import torch

    return max(1, torch.cuda.device_count())
