"""One cell of a sweep in the process that a launcher has started for it."""

from __future__ import annotations

import functools
import os
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from tfg.record.claims import Claim, Taken

POLL_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class CellJob:
    """What is called with a cell's configuration; travels to other processes and machines."""

    folder: str  # for what processes of one machine agree on
    at_once: int | None  # cells of this machine; None: the cluster sees to it
    cards: bool  # one of the machine's cards for each
    together: bool  # several write to one terminal
    parent: int | None = None  # a process whose children run the cells and end with it; None: they need no parent

    def __call__(self, config: DictConfig) -> None:
        if self.parent not in (None, os.getpid()):  # one cell at once is run by the parent itself
            _end_with(self.parent)
        if self.at_once is not None and (self.cards or not self.together):
            place = _place(self.folder, self.at_once)
            if self.cards:
                _take_card(place)
        from tfg import overrides, pipeline, progress, schedule

        if self.together:
            progress.lines_only()
        schedule.register_resolvers()
        overrides.name_prior(config)
        pipeline.run(config)


@functools.cache
def _end_with(parent: int | None) -> None:
    """End this process at once when its parent has ended: joblib's workers live on for minutes, with what they have in hand."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        os._exit(143)

    threading.Thread(target=watch, name="parent", daemon=True).start()


@functools.cache
def _place(folder: str, count: int) -> int:
    """Number of the place of this process among `count` of this machine, waited for; it keeps it to its end."""
    root = Path(folder) / f"places-{socket.gethostname()}"
    root.mkdir(parents=True, exist_ok=True)
    while True:
        for place in range(count):
            try:
                Claim(root / str(place)).take()
                return place
            except Taken:
                continue
        time.sleep(POLL_SECONDS)


def _take_card(place: int) -> None:
    """Of those that may be used; before CUDA is begun."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None or "," in allowed:  # else this process has taken its own
        cards = allowed.split(",") if allowed else None
        os.environ["CUDA_VISIBLE_DEVICES"] = cards[place % len(cards)] if cards else str(place)
