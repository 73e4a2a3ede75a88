"""Heads of every segment on a grid of starts, of fourteen people. `python -m experiments.atlas [--known CSV] [key=value ...]`.

A selector is then judged by looking up the head of the segment that it would choose: `tfg bench`. After it
`python -m experiments.atlas_features` and `python -m analysis.atlas -o analysis/data/measured/atlas.csv`, both with `--known` where a
table of another machine is gone on with: its heads are not made again. Go on from the commit that the table's rows name.

People: those of experiments/priors.py with the same held-out seconds, and four synthetic ones. Segments of five seconds overlap on
real people with less than a minute to train on, not on GRID and the synthetic ones. Tuned: settings were chosen on p01, p02, p05, p07,
p10 and on synthetic identity 0. Prior: the universal one. That was learned from GRID's speaker and from synthetic people, so these
have REAL instead, that of the other real people, which `python -m experiments.leave_one_out` makes and which is never published: every
prior is of other people in other recordings. Scored without LPIPS and identity, by cost.

Order: five seconds with InsTaG and seed 0, a segment of each person in turn, coarse to fine over the clip, so that a partial atlas
holds all people evenly; whole references at the steps of five seconds; seed 1 of half of the people; whole references at steps that
grow with the length; other lengths; SyncTalk.

Budget (written on 2026-11-22 before it ran, from one head: 47 processor seconds of training, 22 of scoring 8 s held out, 10 of the
rest; with 12 to 15 s held out about 95 a head): 204 heads of seed 0 5.4 h; 14 whole references 0.4 h; 120 heads of seed 1 3.2 h; 14
whole references with growing steps 2.5 h, of which GRID and s0 have 1.1; 105 heads of 2, 10 and 20 s 3.9 h; 24 of SyncTalk 1.6 h: 481
heads, 17 hours of one core.

Expected (written on 2026-11-22 before it ran): within a person the standard deviation over segments is 0.7 dB of face PSNR, 0.1 of
mouth r and 0.12 of the share of the truth's sync, two to four times that over seeds (0.2 dB, 0.03, 0.05). Face PSNR follows the pose
gap (r = -0.8 within people). Audio diversity explains less than 5 % of sync within people: the prior knows other sounds. ISExplore's
segment lies at the 50th to 60th percentile of random in sync. The whole reference is 2 dB and 0.15 of mouth r above the mean segment,
ten seconds at equal steps 0.3 dB above five, SyncTalk 1 dB below InsTaG with the same ranking of segments in PSNR (Spearman 0.7), not
in sync (0.2).
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from experiments import priors
from experiments.grid import Cell, Grid
from experiments.people import FOLDER
from tfg.types import FPS, InputError

REAL = f"{priors.PRIORS}/grid.safetensors"
FULL = "full"  # label of the segment that is the whole training part


@dataclass(frozen=True, kw_only=True)
class Person:
    clip: tuple[str, ...]  # overrides
    held_out: int  # seconds
    frames: int  # of the training part
    kind: str  # real | synthetic
    tuned: bool
    prior: str | None = None  # instead of the universal one
    segments: int = 12  # of five seconds

    @property
    def overrides(self) -> tuple[str, ...]:
        prior = () if self.prior is None else (f"prior.weights={self.prior}",)
        return (*self.clip, f"split.held_out={self.held_out}", *prior)

    def starts(self, seconds: float, count: int) -> list[float]:
        """First seconds of `count` segments, evenly from the first to the last that fits, on whole frames."""
        last = self.frames - round(seconds * FPS)
        return [round(index * last / (count - 1)) / FPS for index in range(count)]


def _real(name: str, frames: int) -> Person:
    file, held = priors.PEOPLE[name]
    grid = name == "grid"
    return Person(
        clip=(f"clip.path={FOLDER}/{file}",),
        held_out=held,
        frames=frames,
        kind="real",
        tuned=name in priors.TUNED,
        prior=REAL if grid else None,
        segments=30 if grid else 12,
    )


def _synthetic(identity: int, seconds: int, segments: int) -> Person:
    held = 12
    seeds = (f"clip.synthetic.{seed}_seed={identity}" for seed in ("identity", "speech", "motion"))
    return Person(
        clip=("clip=embedded", *seeds, f"clip.synthetic.seconds={seconds}"),
        held_out=held,
        frames=(seconds - held) * FPS,
        kind="synthetic",
        tuned=identity == 0,
        prior=REAL,
        segments=segments,
    )


PEOPLE = {
    "s0": _synthetic(0, 180, 30),
    "grid": _real("grid", 5549),
    "german": _real("german", 300),
    "p08": _real("p08", 1199),
    "p03": _real("p03", 427),
    "p09": _real("p09", 382),
    "p01": _real("p01", 938),
    "p02": _real("p02", 502),
    "p05": _real("p05", 452),
    "p07": _real("p07", 1216),
    "p10": _real("p10", 888),
    "s1": _synthetic(1, 78, 12),
    "s2": _synthetic(2, 78, 12),
    "s3": _synthetic(3, 78, 12),
}
AGAIN = ("s0", "grid", "german", "p08", "p03", "p09", "s1")  # with a second seed
LENGTHS = ("s0", "grid", "p08", "p01", "s1")  # with other lengths
OTHER_LENGTHS = ((2.0, 6, 1), (10.0, 6, 0), (10.0, 6, 1), (20.0, 3, 1))  # seconds, segments, growth
SYNCTALK = ("p08", "s1")
FIXED = (
    "trainer=cpu",
    "clip.size=128",
    "selector=at",
    "audio=whisper",
    "conditioning=lips",
    "prior=universal",
    "metrics.lpips=false",
    "metrics.identity=false",
)


def cell(
    name: str, start: float, seconds: float | str, *, seed: int = 0, backbone: str = "instag", growth: int = 1
) -> Cell:
    """The head of one segment; `seconds` may be FULL."""
    person = PEOPLE[name]
    length = person.frames / FPS if seconds == FULL else seconds
    labels = {"person": name, "backbone": backbone, "seconds": seconds, "start": start, "seed": seed, "growth": growth}
    return Cell(
        labels=labels,
        overrides=(
            *FIXED,
            *person.overrides,
            f"backbone={backbone}",
            f"start={start:g}",
            f"seconds={length:g}",
            f"seed={seed}",
            *(() if growth == 1 else (f"trainer.growth={growth}",)),
        ),
    )


def coarse_to_fine(count: int) -> list[int]:
    """0 ... count - 1, each as far as can be from those before (bits reversed): 0, 4, 2, 6, 1 ... of eight."""
    bits = max(1, (count - 1).bit_length())
    turned = (int(format(index, f"0{bits}b")[::-1], 2) for index in range(2**bits))
    return [index for index in turned if index < count]


def interleaved(rows: Iterable[Sequence[Cell]]) -> Iterator[Cell]:
    """The first of each row, then the second of each ..."""
    return (one for column in zip_longest(*rows) for one in column if one is not None)


def _segments(
    name: str, seconds: float, count: int, *, seed: int = 0, backbone: str = "instag", growth: int = 1
) -> list[Cell]:
    starts = PEOPLE[name].starts(seconds, count)
    return [
        cell(name, starts[index], seconds, seed=seed, backbone=backbone, growth=growth)
        for index in coarse_to_fine(count)
    ]


def _cells() -> Iterator[Cell]:
    yield from interleaved(_segments(name, 5.0, PEOPLE[name].segments) for name in PEOPLE)
    yield from (cell(name, 0.0, FULL, growth=0) for name in PEOPLE)
    yield from interleaved(_segments(name, 5.0, PEOPLE[name].segments, seed=1) for name in AGAIN)
    yield from (cell(name, 0.0, FULL, growth=1) for name in PEOPLE)
    for seconds, count, growth in OTHER_LENGTHS:
        yield from interleaved(_segments(name, seconds, count, growth=growth) for name in LENGTHS)
    yield from interleaved(_segments(name, 5.0, PEOPLE[name].segments, backbone="synctalk") for name in SYNCTALK)


GRID = Grid(name="atlas", cells=tuple(_cells()))


def known_in(table: Path) -> dict[str, dict[str, str]]:
    """Title of each cell that a table of `analysis.atlas` has -> its row. InputError where it cannot be read."""
    titles = {_title(cell.labels): cell.title for cell in GRID.cells}
    try:
        with table.open(newline="") as file:
            rows = {_title(_labels(row)): row for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else f"no such table ({error})"
        raise InputError(f"--known {table}: {reason}; give one of `python -m analysis.atlas`") from error
    return {title: rows[key] for key, title in titles.items() if key in rows}


def _labels(row: Mapping[str, str]) -> dict[str, str | float | int]:
    return {
        "person": row["person"],
        "backbone": row["backbone"],
        "seconds": FULL if row["full"] == "true" else float(row["seconds"]),
        "start": float(row["start"]),
        "seed": int(row["seed"]),
        "growth": int(row["growth"]),
    }


def _title(labels: Mapping[str, str | float | int]) -> tuple[str | float | int, ...]:
    frame = round(float(labels["start"]) * FPS)
    return (*(labels[axis] for axis in ("person", "backbone", "seconds", "seed", "growth")), frame)


def main(arguments: Sequence[str]) -> int:
    from experiments import launch  # here, so that a table can import GRID as plain data

    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--known", type=Path)
    options, rest = parser.parse_known_args(arguments)
    try:
        return launch.main(GRID, rest, () if options.known is None else known_in(options.known))
    except InputError as error:
        print(f"tfg: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
