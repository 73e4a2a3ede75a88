"""TensorBoard: `tensorboard --logdir results` shows every run. The only file that imports tensorboard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import tensorboard  # noqa: F401  torch's writer needs it
from torch.utils.tensorboard import SummaryWriter

from tfg.record.checks import is_number
from tfg.trackers.base import SWEEP, Named
from tfg.trackers.mirror import Mirror, Table, markdown

FOLDER = "tensorboard"  # of a run's folder, or of a results folder with what is of a sweep


class TensorBoardTracker:
    """One folder of event files, to which a run that is gone on with adds."""

    def __init__(self, named: Named, settings: Mapping[str, Any]) -> None:
        self._folder = named.folder / FOLDER / (named.run_id if named.kind == SWEEP else "")
        self._writer = SummaryWriter(str(self._folder))
        told = {"name": named.name, "group": named.group, "tags": list(named.tags), "config": named.config}
        self._writer.add_text("run", _code(told), 0)
        self._last = 0

    def curve(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"train/{name}", value, step, new_style=True, double_precision=True)
        self._last = max(self._last, step)

    def picture(self, step: int, path: Path) -> None:
        self._show("pictures/held_out", path, step)

    def record(self, mirror: Mirror) -> None:
        texts = {}
        for name, value in mirror.summary.items():
            if isinstance(value, int | float) and is_number(value):
                self._writer.add_scalar(name, value, 0, new_style=True, double_precision=True)
            else:
                texts[name] = value
        self._writer.add_text("summary", _code(texts), 0)
        self.table("candidates", mirror.candidates())
        for name, path in mirror.media().items():
            if path.suffix == ".png":
                self._show(name, path, 0)
        files = {**mirror.media(), **{name: path for one in mirror.artifacts() for name, path in one.files.items()}}
        self._writer.add_text("files", _code({name: str(path) for name, path in files.items()}), 0)

    def table(self, name: str, table: Table) -> None:
        self._writer.add_text(name, markdown(table), 0)

    def finish(self, *, failed: bool) -> None:
        self._writer.add_text("end", "failed" if failed else "finished", 0)
        self._writer.close()

    def _show(self, name: str, path: Path, step: int) -> None:
        picture = cv2.imread(str(path))
        if picture is None:
            raise ValueError(f"{path}: is no picture")
        self._writer.add_image(name, picture[:, :, ::-1], step, dataformats="HWC")


def open_tracker(named: Named, settings: Mapping[str, Any]) -> TensorBoardTracker:
    return TensorBoardTracker(named, settings)


def _code(values: Mapping[str, Any]) -> str:
    """JSON as a block of Markdown."""
    return "\n".join(f"    {line}" for line in json.dumps(values, indent=1).splitlines())
