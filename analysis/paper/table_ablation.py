"""Table 4: selectors compared, beside the controls. `python -m analysis.paper.table_ablation` after `experiments.ablation`."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from analysis import script
from analysis.load import RUN, IncompleteGrid
from analysis.stats import Estimate, estimate
from analysis.tables import HOLE, number
from analysis.vocabulary import METRICS, SELECTORS, SOURCES, Metric, printed
from experiments.ablation import GRID
from tfg.record import costs
from tfg.record.tabular import Table

OUT = Path(__file__).resolve().parent.parent / "out"
COSTS = (
    ("selection_processor_seconds", "Selection CPU s", 1),
    ("selection_frames", "Frames seen", 0),
    ("features_train_processor_seconds", "Training part CPU s", 1),
    ("training_processor_seconds", "Training CPU s", 0),
)


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where the results do not make a table."""
    return script.main(
        __doc__, arguments, lambda asked: table(asked.load(GRID), allow_missing=asked.allow_missing), out=OUT
    )


def table(frame: pd.DataFrame, *, allow_missing: bool = False) -> Table:
    """A row for each selector, then the controls and the truth; a column for each metric that some run has."""
    metrics, notes = _columns(frame)
    rows, records = [], []
    groups: list[tuple[str, pd.DataFrame, bool]] = [
        (term.name, frame[(frame["selector"] == term.tag) & (frame["source"] == RUN)], True) for term in SELECTORS
    ] + [(printed(SOURCES, term.tag), frame[frame["source"] == term.tag], False) for term in SOURCES]
    for name, part, is_selector in groups:
        if part.empty:
            continue
        cells, record = _row(name, part, metrics, is_selector=is_selector, allow_missing=allow_missing)
        rows.append(cells)
        records.append(record)
        if not is_selector:
            notes += _explained(name, part, metrics)
    return Table(
        name="table_ablation",
        caption="Selectors compared (Table 4 of ISExplore), on held-out speech",
        header=("Selector", "n", *(metric.title for metric in metrics), *(title for _, title, _ in COSTS)),
        rows=tuple(rows),
        record_header=(
            "selector",
            "n",
            *(f"{metric.tag}{suffix}" for metric in metrics for suffix in ("", "_low", "_high")),
            *(column for column, _, _ in COSTS),
        ),
        records=tuple(records),
        notes=(
            "n: runs. Brackets: 95 % t interval over seeds; a row of one run has none, so its rank is a single draw.",
            "CPU s: processor seconds of all threads, as if nothing had been cached; the held-out part's are not in it.",
            *_given(frame),
            "Controls and ground truth: mean over all runs, whose segments differ, hence no interval.",
            "Speech gain: the run minus its mute control (the same head driven by the mean training audio). "
            "Of controls that the head renders only mouth and lips are scored, of still only lips and sync.",
            *notes,
        ),
    )


def _columns(frame: pd.DataFrame) -> tuple[list[Metric], list[str]]:
    """Metrics that at least one run has; of those which none has, the reason becomes a note."""
    runs = frame[frame["source"] == RUN]
    kept, notes = [], []
    for tag in METRICS:
        part = runs[runs["metric"] == tag]
        if part.empty:
            continue
        metric = Metric.of(tag, part.iloc[0])
        if part["value"].notna().any():
            kept.append(metric)
        else:
            notes.append(f"{metric.name}: unavailable in every run: {part['unavailable'].iloc[0]}")
    dirty = runs.loc[runs["dirty"].eq(True), "run_id"].nunique() if "dirty" in runs else 0
    if dirty:
        notes.append(f"{dirty} runs come from a checkout with uncommitted changes.")
    return kept, notes


def _given(frame: pd.DataFrame) -> list[str]:
    """What the costs leave out where faces were not read."""
    runs = frame.drop_duplicates("run_id")
    if not (count := int(runs["faces_given"].eq(True).sum())):
        return []
    return [
        f"+ faces: in {count} runs the sidecar gave the faces that the selection used; reading them is not in its cost."
    ]


def _explained(name: str, part: pd.DataFrame, metrics: list[Metric]) -> list[str]:
    """Why a control lacks a number that it could have, one note for each reason."""
    by_reason: dict[str, list[str]] = {}
    for metric in metrics:
        if (part["metric"] == metric.tag).any() and _estimate(part, metric) is None:
            by_reason.setdefault(_reasons(part, metric), []).append(metric.name)
    return [f"{name}: no {', '.join(names)}: {reason}" for reason, names in by_reason.items()]


def _row(
    name: str, part: pd.DataFrame, metrics: list[Metric], *, is_selector: bool, allow_missing: bool
) -> tuple[tuple[str, ...], tuple[object, ...]]:
    """Printed cells and exact numbers of one row."""
    done, wanted = part["run_id"].dropna().nunique(), len(part[["selector", "seed"]].drop_duplicates())
    cells, record = [name, _count(done, wanted)], [name, done]
    for metric in metrics:
        found = _estimate(part, metric)
        have = found.count if found else 0
        if is_selector and have < done and not allow_missing:
            raise IncompleteGrid(
                f"{name}: {metric.tag} is missing in {done - have} of {done} runs ({_reasons(part, metric)}); mend it, or "
                "show the hole with --allow-missing"
            )
        cells.append(_printed(found, done, metric, is_selector=is_selector))
        interval = found if is_selector else None
        record += [found and found.mean, interval and interval.low, interval and interval.high]
    once = part.dropna(subset="run_id").drop_duplicates("run_id")
    for column, _, digits in COSTS:
        known = is_selector and not once.empty and bool(once[column].notna().all())
        mean = float(once[column].mean()) if known else None
        given = column.startswith("selection_processor") and bool(once["faces_given"].eq(True).any())
        cells.append(HOLE if is_selector and once.empty else costs.cell(mean, digits=digits, given=given))
        record.append(mean)
    return tuple(cells), tuple(record)


def _estimate(part: pd.DataFrame, metric: Metric) -> Estimate | None:
    """Over the runs that have the number; None where none has."""
    values = part.loc[part["metric"] == metric.tag, "value"].dropna()
    return estimate([float(value) for value in values]) if len(values) else None


def _printed(found: Estimate | None, done: int, metric: Metric, *, is_selector: bool) -> str:
    """The number; of fewer than all runs it says of how many; a selector's hole is named, a control's is explained below."""
    if found is None:
        return HOLE if is_selector else "-"
    text = number(found, metric.digits) if is_selector else f"{found.mean:.{metric.digits}f}"
    return text if found.count == done else f"{text} ({_count(found.count, done)})"


def _count(have: int, wanted: int) -> str:
    return str(have) if have == wanted else f"{have} of {wanted}"


def _reasons(part: pd.DataFrame, metric: Metric) -> str:
    reasons = part.loc[part["metric"] == metric.tag, "unavailable"].dropna()
    return "; ".join(sorted({str(reason) for reason in reasons})) or "not in result.json"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
