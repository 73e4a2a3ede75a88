"""Heads of the atlas as fits and tables take them: numbers by person and segment, of one setting, seeds averaged where asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.load import IncompleteGrid
from analysis.script import MEASURED
from tfg.atlas import rule
from tfg.atlas.columns import COLUMNS, KEY
from tfg.atlas.table import Person

ATLAS = MEASURED / "atlas.csv"
SYNC = "gain_sync_share"
MADE_BY = "python -m experiments.atlas"
COMMANDS = (MADE_BY, "python -m experiments.atlas_features", "python -m analysis.atlas --allow-missing")
SETTING = ("px", "audio")  # what the heads of one comparison share; the prior is the person's
SECONDS = 5.0  # of a segment, unless said otherwise
IN_TIME = 1.0  # frames that the truth of a held-out part may be early or late
TOP = 5  # candidates whose faces ISExplore reads (conf/selector/isexplore.yaml)
_TEXT = ("person", "kind", "backbone", "audio", "prior", "head", "commit", "scored_at", "machine")
_SWITCHES = ("tuned", "full")


@dataclass(frozen=True, kw_only=True)
class Segments:
    """One row a person and start; `left_out`: what of the atlas is not in it, a line each."""

    rows: pd.DataFrame  # columns of the atlas, means over seeds; `heads`: how many those are of
    left_out: tuple[str, ...] = ()

    @property
    def people(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.rows["person"]))

    @property
    def heads(self) -> int:
        return int(self.rows["heads"].sum())

    def means(self, column: str) -> dict[str, float]:
        """Person -> mean over their segments that have the number."""
        found = self.rows.dropna(subset=[column]).groupby("person", sort=False)[column].mean()
        return {str(person): float(value) for person, value in found.items()}

    def of(self, *columns: str, at_least: int = 1) -> Segments:
        """Those that have all these numbers, of people with at least so many of them; who is left out is named."""
        rows = self.rows.dropna(subset=list(columns))
        count = rows.groupby("person")["start"].transform("count")
        kept = rows[count >= at_least]
        lost = [person for person in self.people if person not in set(kept["person"])]
        fewer = len(self.rows) - len(rows)
        said = [f"{person}: fewer than {at_least} segments with {' and '.join(columns)}" for person in lost]
        said += [f"{fewer} segments without {' or '.join(columns)}"] if fewer else []
        return Segments(rows=kept, left_out=(*self.left_out, *said))


def read(path: Path) -> pd.DataFrame:
    """The columns of tfg.atlas; no rows where there is no file yet. IncompleteGrid for a file that lacks a key column."""
    if not path.exists():
        kinds = {column.name: "object" if column.name in (*_TEXT, *_SWITCHES) else "float64" for column in COLUMNS}
        return pd.DataFrame(columns=list(kinds)).astype(kinds).copy()
    found = pd.read_csv(path, dtype=dict.fromkeys(_TEXT, "object"), keep_default_na=False, na_values=[""])
    missing = [column.name for column in COLUMNS if column.role == KEY and column.name not in found]
    if missing:
        raise IncompleteGrid(f"{path}: no column {', '.join(missing)}; write it with `{MADE_BY}`")
    for name in _SWITCHES:
        found[name] = found[name].map(lambda value: str(value).lower() == "true")
    absent = [column.name for column in COLUMNS if column.name not in found]
    return pd.concat([found, pd.DataFrame(float("nan"), index=found.index, columns=absent)], axis=1).copy()


def heads(
    atlas: pd.DataFrame,
    backbone: str,
    *,
    seconds: float | None = SECONDS,
    full: bool = False,
    growth: float | None = 1.0,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """A row a head, of the setting that most people have; the others are said. `seconds=None`: any length.

    `growth` of the steps with the length; 0: the steps of five seconds, None: any.
    """
    rows = atlas[(atlas["backbone"] == backbone) & (atlas["full"] == full)]
    if seconds is not None:
        rows = rows[rows["seconds"].astype(float) == seconds]
    if growth is not None and seconds != SECONDS:  # five seconds are the unit of growth
        rows = rows[rows["growth"].astype(float) == growth]
    if rows.empty:
        return rows, ()
    settings = rows[list(SETTING)].astype(str).agg(", ".join, axis=1)
    main = settings.groupby(settings).agg(lambda of: rows.loc[of.index, "person"].nunique()).idxmax()
    others = settings[settings != main].value_counts()
    return rows[settings == main], tuple(f"{count} heads of another setting ({name})" for name, count in others.items())


def segments(
    atlas: pd.DataFrame,
    backbone: str = "instag",
    *,
    seconds: float | None = SECONDS,
    full: bool = False,
    growth: float | None = 1.0,
) -> Segments:
    """Means over the seeds of each segment."""
    rows, left_out = heads(atlas, backbone, seconds=seconds, full=full, growth=growth)
    if rows.empty:
        return Segments(rows=rows.assign(heads=pd.Series(dtype="int64")))
    keys = ["person", "start"]
    numbers = [name for name in rows.select_dtypes("number").columns if name not in keys]
    grouped = rows.groupby(keys, sort=False)
    sizes = grouped.size()
    twice = rows[rows.duplicated([*keys, "seconds", "seed"])]
    if len(twice):
        first = twice.iloc[0]
        raise IncompleteGrid(
            f"atlas: {first['person']}, {first['start']:g} s, seed {first['seed']}: {len(twice) + 1} rows; keep one"
        )
    whole = grouped[numbers].count().eq(sizes, axis=0)
    found = grouped[numbers].mean().where(whole).reset_index()  # NaN where a seed lacks the number
    found["heads"] = sizes.to_numpy()
    for name in ("kind", "tuned"):
        found[name] = grouped[name].first().to_numpy()
    return Segments(rows=found.sort_values(keys, ignore_index=True), left_out=left_out)


def only(atlas: pd.DataFrame, *, kind: str | None = None, untuned: bool = False) -> pd.DataFrame:
    """The people of one kind, or those on whom no setting was chosen."""
    rows = atlas if kind is None else atlas[atlas["kind"] == kind]
    return rows[~rows["tuned"].astype(bool)] if untuned else rows


def comparable(atlas: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Without the people whose share of the truth's sync says nothing, each named with the reason (claims.yaml, `changes`).

    The share takes the truth for the most that can be reached: its held-out part must be in time by the listener, and at least half
    of the person's heads must have a share.
    """
    reasons = {}
    for person, rows in atlas.groupby("person", sort=False):
        offset = rows["sync_offset_listener_truth"].median()
        share = rows[SYNC].notna().mean()
        if abs(offset) > IN_TIME:
            reasons[str(person)] = f"{person}: the held-out truth is {offset:+g} frames out of time"
        elif share < 0.5:
            why = "of the others the listener does not tell the truth from the mute head"
            reasons[str(person)] = f"{person}: {share:.0%} of the heads have a share, {why}"
    return atlas[~atlas["person"].isin(reasons)], tuple(reasons.values())


def chosen(found: Segments, selector: str) -> dict[str, pd.Series]:
    """Person -> the segment that a rule of tfg.atlas chooses; nobody who has no segment with all that it looks at."""
    choice, choices = rule.read(selector), {}
    for name, rows in found.rows.groupby("person", sort=False):
        person = Person(
            name=str(name),
            kind=str(rows["kind"].iloc[0]),
            tuned=bool(rows["tuned"].iloc[0]),
            seconds=float(rows["seconds"].iloc[0]),
            starts=rows["start"].to_numpy(float),
            numbers={column: rows[column].to_numpy(float) for column in choice.columns},
            seeds={},
        )
        if rows[list(choice.columns)].notna().all(axis=1).any():
            choices[person.name] = rows.iloc[int(choice.shares(person, ()).argmax())]
    return choices
