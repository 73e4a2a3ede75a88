"""Weights & Biases. The only file that imports wandb."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import wandb

from tfg.trackers.base import RUN, Named, first_line
from tfg.trackers.mirror import Artifact, Mirror, Table, row
from tfg.types import InputError

STEP = "step"  # of the training: the axis of every curve
_START_SECONDS, _FINISH_SECONDS = 30.0, 600.0  # that a server is waited for


class WandbTracker:
    """One wandb run."""

    def __init__(
        self, named: Named, settings: Mapping[str, Any], *, anew: bool = False, files: Path | None = None
    ) -> None:
        """`anew`: what the server has under this id is replaced, not gone on with. `files`: in place of the run's folder."""
        os.environ.setdefault("WANDB_SILENT", "true")
        mode = _mode(settings["mode"])
        self.online, self._artifacts = mode == "online", settings["artifacts"]
        self._run = wandb.init(
            project=settings["project"],
            mode=cast(Any, mode),
            id=named.run_id,
            name=named.name,
            group=named.group,
            job_type=named.kind,
            tags=named.tags,
            config=named.config,
            dir=files or named.folder,
            resume="allow" if self.online and not anew else None,  # offline it is refused with a warning
            settings=wandb.Settings(
                console="off",
                disable_git=True,
                x_disable_stats=True,
                init_timeout=float(os.environ.get("WANDB_INIT_TIMEOUT", _START_SECONDS)),
                finish_timeout=_FINISH_SECONDS,
            ),
        )
        self._run.define_metric(STEP, hidden=True, summary="none")
        for names in ("train/*", "pictures/*"):
            self._run.define_metric(names, step_metric=STEP, summary="none")

    def curve(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log({STEP: step, **{f"train/{name}": value for name, value in values.items()}})

    def picture(self, step: int, path: Path) -> None:
        self._run.log({STEP: step, "pictures/held_out": wandb.Image(str(path), caption=f"step {step}: head | truth")})

    def record(self, mirror: Mirror) -> None:
        media = {
            name: wandb.Video(str(path)) if path.suffix == ".mp4" else wandb.Image(str(path))
            for name, path in mirror.media().items()
        }
        self._run.log({**media, "candidates": _table(mirror.candidates())})
        self._run.summary.update(mirror.summary)
        if self._artifacts != "none":
            for piece in mirror.artifacts():
                if piece.kind != "features" or self._artifacts == "all":
                    self._keep(piece)

    def table(self, name: str, table: Table) -> None:
        self._run.log({name: _table(table)})

    def finish(self, *, failed: bool) -> None:
        self._run.finish(exit_code=int(failed))

    def _keep(self, piece: Artifact) -> None:
        """Log it, or where the run was given it, say that it was used: wandb draws the lineage of both."""
        made = wandb.Artifact(piece.name, piece.kind, metadata={"made_from": list(piece.made_from), **piece.facts})
        for name, path in piece.files.items():
            made.add_file(str(path), name=name, policy="immutable")  # no second copy of the file
        if (piece.kind == "clip" or piece.found) and self.online:
            self._run.use_artifact(made)
        else:
            self._run.log_artifact(made)


def pulled(project: str, entity: str | None, group: str | None) -> list[dict[str, Any]]:
    """A row a run of tfg in a project, as `mirror.row`; InputError where wandb cannot be asked."""
    try:
        api = wandb.Api(timeout=int(_START_SECONDS))
        path = f"{entity or api.default_entity}/{project}"
        runs = list(api.runs(path, filters={"group": group} if group else None, lazy=False))
    except (wandb.errors.Error, ValueError, OSError) as error:
        raise InputError(f"wandb project {project}: {first_line(error)}") from error
    of_tfg = [run for run in runs if run.job_type == RUN and "run_id" in run.summary]
    return [
        row(dict(run.config), {key: value for key, value in dict(run.summary).items() if _is_ours(key, value)})
        for run in of_tfg
    ]


def _is_ours(key: str, value: Any) -> bool:
    """Not of wandb's own, nor a logged table or picture."""
    return not key.startswith("_") and not (hasattr(value, "keys") and "_type" in value)


def open_tracker(named: Named, settings: Mapping[str, Any]) -> WandbTracker:
    return WandbTracker(named, settings)


def _mode(given: str) -> str:
    """`auto`: as WANDB_MODE says, else online where a login is found."""
    if given != "auto":
        return given
    return os.environ.get("WANDB_MODE") or ("online" if wandb.login(prompt=False, verify=False) else "offline")


def _table(table: Table) -> Any:
    return wandb.Table(columns=[*table.columns], data=table.rows, allow_mixed_types=True)
