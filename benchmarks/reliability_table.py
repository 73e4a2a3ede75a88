"""The Markdown of benchmarks/reliability.json."""

from __future__ import annotations

from typing import Any

INTRODUCTION = """\
# Reliability

`make reliability` makes these tables: sweeps of short heads (50 steps, 64 px, a checkpoint every 6) are killed, disturbed or damaged,
the same command is given again until it ends with 0, and every head is then compared with that of an undisturbed sweep. A fault is: a
head that differs in any bit of its parameters or any number of its scores; a finished head that is gone, or whose record was written a
second time (inode and time of `head.json` are watched); a claim, a temporary file or a process that is left; a traceback; where two
commands are given at once, more trainings than heads. Damaged media have a table of their own: [damaged_media.md](damaged_media.md).
"""
OF_STAGES = """
By the stage of the run that the killed process had in hand (*checkpoint*: its temporary file was there; of a parent and of helpers the
stage of a run that was in hand elsewhere; *between stages*: none was). A training that was begun again went on from a checkpoint.
"""
OF_COSTS = """
Measured as follows; processor seconds are of processes that were waited for, without forks, a killed parent's workers and SLURM's.
"""


def markdown(found: dict[str, Any]) -> str:
    lines = [INTRODUCTION]
    kills = {name: part["rows"][0] for name, part in found.items() if name.startswith("kills_")}
    if kills:
        lines += _kills(kills)
    rows = [
        row
        for name, part in found.items()
        if not name.startswith("kills_") and name != "joblib"
        for row in part["rows"]
    ]
    if rows:
        lines += _rows(rows)
    if "joblib" in found:
        lines += _two_at_once(found["joblib"]["rows"][0])
    faults = [f"- {fault}" for part in found.values() for row in part["rows"] for fault in row["faults"]]
    lines += ["", "Faults:", "", *faults] if faults else ["", "No fault was found."]
    return "\n".join([*lines, *_measured(found)]) + "\n"


def _kills(kills: dict[str, Any]) -> list[str]:
    lines = ["## SIGKILL", ""]
    lines += [
        "| engine | kills | commands | sweeps | heads | trainings begun | faults |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in kills.values():
        if row["left_out"]:
            lines.append(f"| {row['engine']} | left out: {row['left_out']} | | | | | |")
            continue
        numbers = (
            f"{sum(row['hits'].values())} of {row['asked']}",
            row["commands"],
            row["sweeps"],
            row["heads"],
            row["trainings"],
            len(row["faults"]),
        )
        lines.append(f"| {row['engine']} | {' | '.join(map(str, numbers))} |")
    stages = list(dict.fromkeys(stage for row in kills.values() for stage in row["hits"]))
    lines.append(OF_STAGES)
    lines += [f"| engine | {' | '.join(stages)} | processes killed |", f"|---|{'---:|' * len(stages)}---|"]
    for row in kills.values():
        killed = ", ".join(f"{count} {name}" for name, count in row["victims"].items())
        lines.append(
            f"| {row['engine']} | {' | '.join(str(row['hits'].get(stage, 0)) for stage in stages)} | {killed} |"
        )
    return [*lines, ""]


def _rows(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "## What else happens",
        "",
        "| | cases | exit codes of the disturbed commands | faults |",
        "|---|---:|---|---:|",
    ]
    for row in rows:
        codes = ", ".join(f"{row['codes'].count(code)} x {code}" for code in sorted(set(row["codes"])))
        lines.append(
            f"| {row['what']} | {row['cases'] or 'left out: ' + row['left_out']} | {codes} | {len(row['faults'])} |"
        )
    lines += ["", "Lines that were printed, beside those of stages (of each kind once):", ""]
    for row in rows:
        said = [line for line in row["lines"] if ": training: " not in line]
        lines += [f"- **{row['what']}**", *(f"  - `{line}`" for line in said)]
    return [*lines, ""]


def _two_at_once(row: dict[str, Any]) -> list[str]:
    share, busy = (min(row[f"joblib_{name}"]) / min(row[f"serial_{name}"]) for name in ("seconds", "processor"))
    return [
        "## Two cells at once",
        "",
        f"{row['cells']} cells with `hydra.launcher.n_jobs=2` took {share:.2f} of the serial wall time (demand: at most 0.75) and "
        f"{busy:.2f} of its processor seconds (demand: 0.90 to 1.10), the least of {len(row['serial_seconds'])} turns each. "
        f"Load before: {row['load']}.",
        "",
        "| | wall s | processor s |",
        "|---|---|---|",
        *(
            f"| {name} | {_list(row[f'{name}_seconds'])} | {_list(row[f'{name}_processor'])} |"
            for name in ("serial", "joblib")
        ),
        "",
    ]


def _list(values: list[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)


def _measured(found: dict[str, Any]) -> list[str]:
    lines = [OF_COSTS]
    for name, part in found.items():
        machine = part["machine"]
        changed = " with changes" if part["dirty"] else ""
        lines.append(
            f"- {name}: commit {part['commit'][:10]}{changed}, {machine['cpu']}, {machine['cores']} cores, "
            f"{part['seconds']} s, {part['processor_seconds']} processor s"
        )
    return lines
