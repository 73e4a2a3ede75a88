"""The committed data that the paper's artefacts are made of. What is not there yet is empty, and shows as a hole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.heads import ATLAS, read
from analysis.script import MEASURED


@dataclass(frozen=True, kw_only=True)
class Sources:
    atlas: pd.DataFrame  # a row a head, columns of tfg.atlas
    poses: pd.DataFrame  # the same of experiments.poses, and `poses`
    same_motion: pd.DataFrame  # the same of experiments.same_motion
    measured: Path  # folder of the other tables, as analysis.table_... writes them

    def table(self, name: str) -> pd.DataFrame | None:
        """A measured table; None where it is not there."""
        path = self.measured / f"{name}.csv"
        return pd.read_csv(path) if path.exists() else None


def read_sources(measured: Path = MEASURED) -> Sources:
    poses = read(measured / "poses.csv")
    return Sources(
        atlas=read(measured / ATLAS.name),
        poses=poses if "poses" in poses else poses.assign(poses=float("nan")),
        same_motion=read(measured / "same_motion.csv"),
        measured=measured,
    )
