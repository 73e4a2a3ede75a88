"""How often 95 % intervals over frames cover a truth that is known: `python -m benchmarks.coverage` writes benchmarks/coverage.md.

Made series only; about two minutes of one processor.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import signal, stats

from tfg.record.provenance import machine
from tfg.statistics import bootstrap
from tfg.statistics.bootstrap import Estimate

OUT = Path(__file__).with_suffix(".md")
FRAMES = (150, 500, 1500)
DECAYS = (0.0, 0.5, 0.8, 0.9, 0.95)
DRAWS = 2000  # of means: a coverage to +-1.0 %
FEW = 200  # of other statistics: +-3 %
SETTLE = 600  # frames before a series starts
TRUE_R, OTHER_R, CLOSED = 0.75, 0.6, -0.3

Values = NDArray[np.float64]
Series = Callable[[np.random.Generator, int, int], Values]  # draws, frames -> (draws, frames) of true mean 0


def autoregressive(decay: float) -> Series:
    """Variance 1, correlation `decay` of neighbours."""

    def made(rng: np.random.Generator, draws: int, frames: int) -> Values:
        noise = rng.standard_normal((draws, frames + SETTLE)) * np.sqrt(1 - decay**2)
        return np.asarray(signal.lfilter([1.0], [1.0, -decay], noise, axis=1)[:, SETTLE:])

    return made


def filtered(above: list[float], below: list[float]) -> Series:
    def made(rng: np.random.Generator, draws: int, frames: int) -> Values:
        return np.asarray(
            signal.lfilter(above, below, rng.standard_normal((draws, frames + SETTLE)), axis=1)[:, SETTLE:]
        )

    return made


def noisy(decay: float, noise: float) -> Series:
    """With independent noise of this variance, as a reader's."""

    def made(rng: np.random.Generator, draws: int, frames: int) -> Values:
        return autoregressive(decay)(rng, draws, frames) + np.sqrt(noise) * rng.standard_normal((draws, frames))

    return made


def mapped(decay: float, change: Callable[[Values], Values], mean: float) -> Series:
    def made(rng: np.random.Generator, draws: int, frames: int) -> Values:
        return change(autoregressive(decay)(rng, draws, frames)) - mean

    return made


OTHERS: dict[str, Series] = {
    "AR(1) 0.98 (50 frames, 2 s)": autoregressive(0.98),
    "AR(1) -0.4": autoregressive(-0.4),
    "AR(1) 0.8 + noise 1:1": noisy(0.8, 1.0),
    "AR(1) 0.95 + noise 1:1": noisy(0.95, 1.0),
    "AR(1) 0.98 + noise 1:2": noisy(0.98, 2.0),
    "AR(2) 1.2, -0.25": filtered([1.0], [1.0, -1.2, 0.25]),
    "AR(2) 1.6, -0.8, swinging": filtered([1.0], [1.0, -1.6, 0.8]),
    "moving average of 25": filtered([1.0] * 25, [1.0]),
    "AR(1) 0.8 above its mean, 0 or 1": mapped(0.8, lambda x: (x > 0).astype(np.float64), 0.5),
    "AR(1) 0.8 in its upper tenth, 0 or 1": mapped(0.8, lambda x: (x > stats.norm.ppf(0.9)).astype(np.float64), 0.1),
    "exp of AR(1) 0.8": mapped(0.8, np.exp, float(np.exp(0.5))),
}


def of_mean(series: Series, frames: int, number: int) -> tuple[float, float, float]:
    """Coverage, share of draws with an interval, median half width over 1.96 true errors of the mean."""
    values = series(np.random.default_rng([frames, number]), DRAWS, frames)
    found = [made for made in map(bootstrap.mean_of, values) if made is not None]
    covered = np.mean([made.low <= 0 <= made.high for made in found])
    width = np.median([made.high - made.low for made in found]) / 2
    return float(covered), len(found) / DRAWS, float(width / (1.96 * values.mean(axis=1).std()))


def of_statistics(decay: float, frames: int) -> dict[str, tuple[float, float]]:
    """Name -> coverage, share of draws with an interval. A prediction x and a truth y that correlate by TRUE_R, another by OTHER_R."""
    recall = float(
        stats.multivariate_normal([0, 0], [[1, TRUE_R], [TRUE_R, 1]]).cdf([CLOSED] * 2) / stats.norm.cdf(CLOSED)
    )
    made = autoregressive(decay)(np.random.default_rng([frames, int(10 * decay)]), 3 * FEW, frames).reshape(
        3, FEW, frames
    )
    hits: dict[str, list[bool]] = {}
    for y, *own in zip(*made, strict=True):
        x, other = (r * y + np.sqrt(1 - r**2) * noise for r, noise in zip((TRUE_R, OTHER_R), own, strict=True))
        closed = np.stack([(x < CLOSED) & (y < CLOSED), y < CLOSED]).astype(np.float64)
        pair, second = np.stack([x, y]), np.stack([other, y])
        found: dict[str, tuple[Estimate | None, float]] = {
            "r": (bootstrap.estimate(pair, bootstrap.correlation, bootstrap.FISHER), TRUE_R),
            "r minus r": (bootstrap.difference(pair, second, bootstrap.correlation), TRUE_R - OTHER_R),
            "ratio of deviations": (bootstrap.estimate(pair, bootstrap.spread_ratio, bootstrap.LOGARITHM), 1.0),
            "recall": (bootstrap.estimate(closed, bootstrap.ratio), recall),
        }
        for name, (interval, true) in found.items():
            if interval is not None:
                hits.setdefault(name, []).append(interval.low <= true <= interval.high)
    return {name: (float(np.mean(covered)), len(covered) / FEW) for name, covered in hits.items()}


def of_people(clips: int, seeds: int, between: float) -> dict[str, float]:
    """Coverage of the mean over clips by Student's t of their means, and by percentiles of a nested bootstrap (clips, then seeds)."""
    rng = np.random.default_rng([clips, seeds, int(10 * between)])
    values = between * rng.standard_normal((DRAWS, clips, 1)) + rng.standard_normal((DRAWS, clips, seeds))
    units = values.mean(axis=2)
    reach = stats.t.ppf(0.975, clips - 1) * units.std(axis=1, ddof=1) / np.sqrt(clips)
    covered = []
    for study in values:
        chosen = rng.integers(0, clips, (400, clips, 1))
        means = study[chosen, rng.integers(0, seeds, (400, clips, seeds))].mean(axis=(1, 2))
        low, high = np.percentile(means, [2.5, 97.5])
        covered.append(low <= 0 <= high)
    return {"t": float(np.mean(np.abs(units.mean(axis=1)) <= reach)), "nested": float(np.mean(covered))}


def page() -> Iterator[str]:
    yield "# How often the intervals over frames cover\n"
    yield (
        f"Share of 95 % intervals that hold the known truth, in percent; written by `python -m benchmarks.coverage`. Means: {DRAWS:,} "
        f"draws (+-1.0), other statistics: {FEW} (+-3). In brackets: median width over that of 1.96 known errors of the mean. "
        "Method: docs/metrics.md. Made series: the same on every machine up to rounding.\n"
    )
    yield "## Mean of AR(1) series\n"
    yield from _table("correlation of neighbours", {f"{decay:g}": autoregressive(decay) for decay in DECAYS})
    yield "## Mean of other series\n"
    yield from _table("series", OTHERS)
    yield "## Other statistics, of AR(1) series\n"
    yield f"Two rows that correlate by {TRUE_R}, and by {OTHER_R} for the difference of two; recall: both below {CLOSED}.\n"
    rows = {(frames, decay): of_statistics(decay, frames) for frames in FRAMES[:2] for decay in DECAYS[1:4]}
    names = list(next(iter(rows.values())))
    yield "| frames | correlation of neighbours | " + " | ".join(names) + " |"
    yield "|---" * (len(names) + 2) + "|"
    for (frames, decay), found in rows.items():
        cells = [_cell(*found[name]) for name in names]
        yield f"| {frames} | {decay:g} | " + " | ".join(cells) + " |"
    yield "\n## Mean over clips of several seeds each\n"
    yield "Clips differ by `between` times as much as seeds. `tfg compare` takes Student's t of the clips' means.\n"
    yield "| clips | seeds | between | Student's t | percentiles of a nested bootstrap |"
    yield "|---|---|---|---|---|"
    for clips, seeds, between in ((3, 3, 1.0), (5, 3, 1.0), (5, 3, 0.0), (10, 3, 1.0), (20, 3, 1.0)):
        both = of_people(clips, seeds, between)
        yield f"| {clips} | {seeds} | {between:g} | {_cell(both['t'], 1)} | {_cell(both['nested'], 1)} |"


def _table(head: str, kinds: dict[str, Series]) -> Iterator[str]:
    yield f"| {head} | " + " | ".join(f"{frames} frames" for frames in FRAMES) + " |"
    yield "|---" * (len(FRAMES) + 1) + "|"
    for number, (name, series) in enumerate(kinds.items()):
        found = [of_mean(series, frames, number) for frames in FRAMES]
        yield f"| {name} | " + " | ".join(f"{_cell(*made[:2])} ({made[2]:.2f})" for made in found) + " |"
    yield ""


def _cell(covered: float, given: float) -> str:
    return f"{100 * covered:.1f}" + ("" if given == 1 else f", of {100 * given:.0f} % that have one")


def main() -> int:
    started = time.process_time()
    lines = list(page())
    cpu = machine()["cpu"]
    lines += ["", f"{time.process_time() - started:.0f} s of one processor ({cpu})."]
    OUT.write_text("\n".join(lines) + "\n")
    print(OUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
