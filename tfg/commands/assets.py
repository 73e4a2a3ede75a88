"""`tfg assets`: which pretrained files are here, which are missing and what they would enable; fetches and adopts them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tfg import assets
from tfg.types import InputError


def run(options: argparse.Namespace) -> int:
    """Exit code 0, or that of `fetch_all`. InputError, before anything is done, where a name is wrong."""
    if options.action != "list" and not options.names:
        what = "names as `tfg assets` lists them" if options.action == "fetch" else "files"
        raise InputError(f"assets {options.action}: nothing was named; give {what}")
    if options.action == "fetch":
        return fetch_all(options.names, optional=options.optional)
    if options.action == "add":
        for name in options.names:
            print(assets.add(Path(name)))
    elif options.json:
        print(json.dumps(assets.records(verify=options.verify)))
    else:
        for line in assets.describe(verify=options.verify):
            print(line)
    damaged = [known for known in assets.ASSETS if assets.locate(known) and not assets.usable(known)]
    return 1 if options.verify and damaged else 0


def fetch_all(names: Sequence[str], *, optional: bool) -> int:
    """Fetch one file after the other, whatever becomes of the others; paths on stdout, what went wrong and the sum on stderr.

    0 where all are here, 1 where a source failed, 2 where only the user can help. With `optional`, for `make setup`,
    nothing is a failure: one line says what is missing, and the first attempt without a connection is the last.
    """
    wanted = list(dict.fromkeys(known for name in names for known in assets.named(name)))
    failures: dict[str, InputError] = {}
    for known in wanted:
        if optional and any(_offline(error) for error in failures.values()) and assets.locate(known) is None:
            failures[known.name] = next(iter(failures.values()))
            continue
        try:
            path = assets.fetch(known.name)
        except InputError as error:
            failures[known.name] = error
            if not optional:
                print(f"tfg: {error}", file=sys.stderr)
        else:
            if not optional:
                print(path)
    if not failures:
        return 0
    if optional:
        reason = "; ".join(
            "no connection" if _offline(error) else str(error) for error in dict.fromkeys(failures.values())
        )
        again = f"`tfg assets fetch {' '.join(failures)}`"
        print(f"tfg: {reason}: the embedded clip runs; real videos first need {again}", file=sys.stderr)
        return 0
    if len(wanted) > 1:
        here = f"{len(wanted) - len(failures)} of {len(wanted)} files are here"
        print(f"tfg: assets: {here}; not fetched: {', '.join(failures)}", file=sys.stderr)
    return 1 if any(isinstance(error, assets.NotFetchedError) for error in failures.values()) else 2


def _offline(error: InputError) -> bool:
    return isinstance(error, assets.NotFetchedError) and error.offline
