"""Evaluations as text: one table, a row a video, the truth against itself, mean and interval; below it what each number is."""

from __future__ import annotations

from typing import Any

from tabulate import tabulate

from tfg.scoring.folder import INTERVAL, summary

FORMATS = {"psnr": ".2f", "ssim": ".4f", "lpips": ".4f"}


def text(records: list[dict[str, Any]], *, many: bool) -> str:
    """Scores of one video, or a row a video with mean and interval; then definitions and reasons."""
    names = [name for name in records[0]["metrics"] if not name.endswith("_decoded")]
    available = [name for name in names if any(record["metrics"][name]["value"] is not None for record in records)]
    lines = [_many(records, available) if many else _one(records[0], available), ""]
    for record in records:
        lines += [f"{record['name']}: {note}" for note in record["compared"]]
    lines += ["Definitions:"]
    lines += [f"  {name}: {records[0]['metrics'][name]['definition']}" for name in available]
    if missing := [name for name in names if name not in available]:
        lines += ["Unavailable:"]
        lines += [f"  {name}: {records[0]['metrics'][name]['unavailable']}" for name in missing]
    return "\n".join(lines)


def _one(record: dict[str, Any], names: list[str]) -> str:
    """A row a metric: the prediction, and the truth scored against itself."""
    truth = record["ground_truth"]
    header = ["metric", record["name"], *(["ground truth"] if truth else [])]
    rows = [
        [name, _number(name, record["metrics"][name]), *([_number(name, truth[name])] if truth else [])]
        for name in names
    ]
    return tabulate(rows, header, tablefmt="github", disable_numparse=True, stralign="right", colalign=("left",))


def _many(records: list[dict[str, Any]], names: list[str]) -> str:
    """A row a video, then their mean, interval, and the mean of the truths against themselves."""
    rows = [[record["name"], *(_number(name, record["metrics"][name]) for name in names)] for record in records]
    means = summary(records)
    rows.append([f"mean of {len(records)}", *(_format(name, means[name]["mean"]) for name in names)])
    rows.append(["95 % interval", *(_range(name, means[name]) for name in names)])
    if all(record["ground_truth"] for record in records):
        truths = summary(records, "ground_truth")
        rows.append(["ground truth", *(_format(name, truths[name]["mean"]) for name in names)])
    table = tabulate(
        rows, ["video", *names], tablefmt="github", disable_numparse=True, stralign="right", colalign=("left",)
    )
    return f"{table}\n{INTERVAL}"


def _number(name: str, metric: dict[str, Any]) -> str:
    return _format(name, None if metric["value"] is None else float(metric["value"]))


def _format(name: str, value: Any) -> str:
    return "-" if value is None else format(float(value), FORMATS.get(name.split("_")[0], ".3f"))


def _range(name: str, interval: dict[str, Any]) -> str:
    return "-" if interval["low"] is None else f"{_format(name, interval['low'])} to {_format(name, interval['high'])}"
