"""Runs' results as the small record that is committed: `python -m analysis.measured NAME results/<run> ...`.

Writes analysis/data/measured/NAME.json (every number, its reason, the cost of each stage, commit, machine; no per-frame values)
and NAME.md, the same as a table.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tfg.record import costs
from tfg.record.metrics import header as metric_header
from tfg.record.metrics import number
from tfg.record.results import DamagedRecord, RunResult

FOLDER = Path(__file__).parent / "data" / "measured"
SHOWN = (
    "psnr_face",
    "psnr_mouth",
    "ssim_face",
    "lpips",
    "lmd",
    "mouth_correlation",
    "mouth_lag",
    "closure_recall",
    "mouth_amplitude",
    "sync_c_listener",
    "identity",
)


def record(result: RunResult) -> dict[str, Any]:
    """What is kept of one run."""
    config = result.config
    return {
        "run_id": result.run_id,
        "head": result.head,
        "trained": result.trained,  # for this run; else the head was found, and its costs are those of its training
        "commit": result.commit,
        "dirty": result.dirty,
        "machine": result.machine,
        "selector": config["selector"]["name"],
        "backbone": config["backbone"]["name"],
        "audio": config["audio"]["name"],
        "seconds": config["seconds"],
        "seed": config["seed"],
        **{key: result.selection[key] for key in ("start", "pieces") if key in result.selection},
        "selection_cost": result.selection["cost"],
        "stages": result.stages,
        "metrics": _values(result.metrics),
        "controls": {name: _values(metrics) for name, metrics in result.controls.items()},
        "truth": _values(result.truth),
        "gains": {name: {key: gain[key] for key in ("value", "low", "high")} for name, gain in result.gains.items()},
        "verdict": result.verdict,
        "pose_gap": result.pose_gap,
        "definitions": {name: metric["definition"] for name, metric in result.metrics.items()},
        "facts": {
            name: {key: metric[key] for key in ("title", "unit", "better", "digits")}
            for name, metric in result.metrics.items()
        },
    }


def _values(metrics: dict[str, dict[str, Any]]) -> dict[str, float | None]:
    return {name: metric["value"] for name, metric in metrics.items()}


def markdown(name: str, records: list[dict[str, Any]]) -> str:
    """One row a run, its controls and the truth; a missing number is a dash."""
    facts = {tag: found for run in records for tag, found in run["facts"].items()}
    header = [
        "run",
        "start s",
        *[metric_header(facts[tag]) if tag in facts else tag for tag in SHOWN],
        "selection CPU s",
        "training part CPU s",
        "training CPU s",
        "training s",
        "all stages s",
        "peak MB",
    ]
    rows = []
    for run in records:
        seconds = sum(stage["seconds"] for stage in run["stages"].values())
        peak = max(stage["peak_mb"] for stage in run["stages"].values())
        numbers = [*_costs(run), f"{run['stages']['training']['seconds']:.0f}", f"{seconds:.0f}", str(peak)]
        rows.append([_label(run), f"{run['start']:g}", *_row(run["metrics"], facts), *numbers])
        beside = {**run["controls"], "truth": run["truth"]}
        rows += [[f"- {name}", "", *_row(values, facts), *[""] * len(numbers)] for name, values in beside.items()]
    commits = sorted({run["commit"][:8] + ("+" if run["dirty"] else "") for run in records})
    machine = records[0]["machine"]
    lines = [
        f"# {name}",
        "",
        f"Commit {', '.join(commits)}; {machine['cpu']}, {machine['cores']} cores, Python {machine['python']}; "
        f"audio {', '.join(sorted({run['audio'] for run in records}))}. Written by `python -m analysis.measured`.",
        "",
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *["| " + " | ".join(row) + " |" for row in rows],
        "",
        *[
            f"- {_label(run)}: {run['verdict']}; pose gap {run['pose_gap']['mean_degrees']:.1f} degrees"
            for run in records
        ],
    ]
    return "\n".join(lines) + "\n"


def _label(run: dict[str, Any]) -> str:
    return f"{run['selector']} {run['backbone']} seed={run['seed']}{'' if run['trained'] else ' (head shared)'}"


def _costs(run: dict[str, Any]) -> list[str]:
    """Processor seconds of selection, training part and training; a dash in records that are older than the number."""
    cost, stages = run["selection_cost"], run["stages"]
    select = costs.cell(cost.get("processor_seconds"), digits=1, given=costs.faces_given(cost, {}))
    rest = [costs.stage_processor_seconds(stages, stage) for stage in ("features_train", "training")]
    return [select, *[costs.cell(seconds, digits=0) for seconds in rest]]


def _row(values: dict[str, float | None], facts: dict[str, dict[str, Any]]) -> list[str]:
    return [number(values[tag], facts[tag]) if tag in values else "-" for tag in SHOWN]


def main(arguments: list[str]) -> int:
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    name, *folders = arguments
    try:
        records = [record(RunResult.read(Path(folder) / "result.json")) for folder in folders]
    except DamagedRecord as error:
        print(f"analysis: {error}", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(records, indent=1) + "\n")
    (FOLDER / f"{name}.md").write_text(markdown(name, records))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
