"""The cells of a sweep on Ray, for who has a Ray cluster already.

    python -m experiments.on_ray [--address auto] selector=first,audio seed=0,1

Overrides are those of `tfg run -m`. Without `--address` Ray is started on this machine and stopped afterwards. Workers need the same
tfg, and see this folder under the same path; a worker that is killed is tried again and goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from tfg import cells
from tfg.commands import sweep
from tfg.threads import cores
from tfg.types import InputError

ROOT = Path(__file__).resolve().parent.parent
TRIES = 5  # beside the first, of a cell whose worker was killed


def main(arguments: list[str]) -> int:
    """0 when every cell has a result, 1 when a run failed, 2 for a mistake on the command line."""
    parser = argparse.ArgumentParser(prog="python -m experiments.on_ray", description="Run a sweep's cells on Ray.")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="as for `tfg run -m`")
    parser.add_argument("--address", help="of a Ray cluster, or auto (default: a Ray of its own on this machine)")
    parser.add_argument("--jobs", type=int, help="cells at once of an own Ray (default: a core each)")
    options = parser.parse_args(arguments)
    try:
        if importlib.util.find_spec("ray") is None:
            raise InputError("ray is not installed here; pip install -e '.[ray]'")
        planned = cells.planned(options.overrides)
    except InputError as error:
        print(f"tfg: {error}", file=sys.stderr)
        return 2
    run(planned, address=options.address, jobs=options.jobs)
    return sweep.report(planned.cells)


def run(planned: cells.Planned, *, address: str | None = None, jobs: int | None = None) -> None:
    """Every unfinished cell as a Ray task with one core, and a card where it trains on one; returns when all have ended."""
    import ray

    path = dict.fromkeys([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {name: os.environ[name] for name in ("TFG_CACHE", "TFG_ASSETS") if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(path)
    own: dict[str, Any] = {"num_cpus": jobs or cores(), "include_dashboard": False} if address is None else {}
    ray.init(address=address or "local", runtime_env={"env_vars": environment}, log_to_driver=True, **own)
    try:
        tasks = {}
        for cell in planned.missing:
            card = 1 if cell.plain["trainer"]["device"] == "cuda" else 0
            task = ray.remote(_run).options(num_cpus=1, num_gpus=card, max_retries=TRIES, name=cell.folder.name)
            tasks[task.remote(os.getcwd(), list(cell.overrides))] = cell
        waiting = list(tasks)
        while waiting:
            ended, waiting = ray.wait(waiting)
            for task in ended:
                try:
                    ray.get(task)
                except ray.exceptions.RayError as error:
                    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
                    print(
                        f"tfg: {tasks[task].folder.name}: its worker ended without a result ({line})", file=sys.stderr
                    )
    finally:
        ray.shutdown()


def _run(folder: str, overrides: list[str]) -> None:
    """In a worker."""
    from tfg import pipeline, progress

    os.chdir(folder)
    progress.lines_only()
    (cell,) = cells.resolved([overrides])
    pipeline.run(cell.config)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
