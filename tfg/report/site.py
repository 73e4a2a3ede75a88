"""The site: a folder of pages, data and scripts that link to the videos where they lie. It appears whole or not at all."""

from __future__ import annotations

import functools
import json
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2

from tfg import __version__
from tfg.place import free, is_written_by
from tfg.progress import progress
from tfg.record import evaluations, tabular
from tfg.record.files import replaced
from tfg.record.metrics import is_off, titled
from tfg.record.results import DamagedRecord
from tfg.report import sweep
from tfg.report.digest import Digest, digest
from tfg.report.export import runs_table
from tfg.report.found import Found, found
from tfg.types import InputError

HERE = Path(__file__).parent
GENERATOR = "<meta name=generator content='tfg report'>"
POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file: 'unsafe-inline'; "
    "img-src 'self' file: data: blob:; media-src 'self' file:; base-uri 'none'; form-action 'none'"
)
TOGETHER = 32  # runs from which on several processes read them
_OURS = {"index.html", "compare.html", "metrics.html", "assets", "data", "runs", "tables"}


def checked(folder: Path) -> Path:
    """The real folder, if a report may be written there."""
    return free(folder, "-o", "report", _is_report)


def _is_report(folder: Path) -> bool:
    return {path.name for path in folder.iterdir()} <= _OURS and is_written_by(folder / "index.html", GENERATOR)


def write_site(results: Path, folder: Path) -> tuple[Path, Found]:
    """The index's path and what was found. InputError where nothing of a run is there, or where plotly is not installed."""
    folder, results = checked(folder), results.resolve()
    there = found(results)
    if not (there.finished or there.failures or there.unfinished or there.damaged):
        raise InputError(f"{results}: holds no run; give the folder that `tfg run` wrote to (results=)")
    script = _plotly()
    with replaced(folder) as site:
        for name in ("assets", "data/runs", "runs", "tables"):
            (site / name).mkdir(parents=True)
        (site / "assets" / "plotly.min.js").write_text(script)
        for path in sorted((HERE / "static").iterdir()):
            (site / "assets" / path.name).write_bytes(path.read_bytes())
        digests, damaged = _runs(there.finished, site, os.path.relpath(results, folder / "runs"))
        there = replace(there, damaged=sorted([*there.damaged, *damaged]))
        _pages(site, results, there, digests)
    return folder / "index.html", there


def _runs(folders: Sequence[Path], site: Path, to_results: str) -> tuple[list[Digest], list[str]]:
    """Pages and data of the runs, written as they are read; digests without them, and a line for each damaged run."""
    one = partial(_run, site=site, to_results=to_results)
    digests: list[Digest] = []
    damaged: list[str] = []
    with progress("report", len(folders), unit="runs") as advance:
        for made in _mapped(one, folders):
            advance(1)
            if isinstance(made, str):
                damaged.append(made)
            else:
                digests.append(made)
    return digests, damaged


def _mapped(one: Any, folders: Sequence[Path]) -> Iterator[Digest | str]:
    workers = min(os.cpu_count() or 1, 8)
    if len(folders) < TOGETHER or workers == 1:
        yield from map(one, folders)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(one, folders, chunksize=8)


def _run(folder: Path, site: Path, to_results: str) -> Digest | str:
    """Writes a run's page and data; its digest without them, or the line that says what is damaged."""
    try:
        made = digest(folder)
    except DamagedRecord as error:
        return str(error)
    for file in (*made.page["videos"].values(), made.page["plot"]):
        file["url"] = None if file["path"] is None else quote(f"{to_results}/{file['path']}")
    _script(site / "data" / "runs" / f"{folder.name}.js", "run", made.data)
    text = _environment().get_template("run.html").render(run=made.page, root="../", title=made.label)
    (site / "runs" / f"{folder.name}.html").write_text(text)
    return replace(made, page={}, data={}, extras=[])


def _pages(site: Path, results: Path, there: Found, digests: Sequence[Digest]) -> None:
    kept, problems = evaluations.read_all(results)
    shown = sweep.as_json(digests, kept)
    _script(site / "data" / "index.js", "index", shown)
    if digests:
        tabular.write(runs_table(digests), site / "tables")
    environment = _environment()
    values = {
        "index.html": {
            "root": "",
            "title": results.name,
            "results": str(results),
            "found": there,
            "problems": problems,
            "count": len(digests),
            "others": [other | {"cells": _of_metrics(other["cells"].split("\t"), shown)} for other in shown["others"]],
            "columns": shown["columns"],
        },
        "compare.html": {"root": "", "title": "Two runs", "count": len(digests)},
        "metrics.html": {"root": "", "title": "Metrics", "metrics": _definitions(digests)},
    }
    for name, given in values.items():
        (site / name).write_text(environment.get_template(name).render(**given))


def _of_metrics(cells: Sequence[str], shown: dict[str, Any]) -> list[str]:
    columns = shown["columns"][shown["axes"] :]
    return [cell for cell, column in zip(cells, columns, strict=True) if column["kind"] == "metric"]


def _definitions(digests: Sequence[Digest]) -> dict[str, dict[str, Any]]:
    """Metric -> its title and every definition that a run's record gives of it, with the number of runs."""
    metrics: dict[str, dict[str, Any]] = {}
    for one in digests:
        for name, entry in one.result.metrics.items():
            if is_off(entry):
                continue
            shown = metrics.setdefault(name, {"title": titled(entry), "better": entry["better"], "definitions": {}})
            shown["definitions"][entry["definition"]] = shown["definitions"].get(entry["definition"], 0) + 1
    return metrics


@functools.cache
def _environment() -> jinja2.Environment:
    """Every value of a record is escaped: names, texts, traces."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"generator": jinja2.utils.markupsafe.Markup(GENERATOR), "policy": POLICY, "version": __version__}
    return made


def _script(path: Path, function: str, value: Any) -> None:
    """Data as a script, since a page on disk may load nothing else; ASCII, so that it is the same in every encoding."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    path.write_text(f"tfg.{function}({text});\n")


def _plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise InputError("report: needs plotly for its charts; pip install -e '.[report]'") from error
    return str(get_plotlyjs())
