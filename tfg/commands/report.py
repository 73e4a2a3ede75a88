"""`tfg report`: a results folder as a site of pages that works from disk, without a network."""

from __future__ import annotations

import argparse
import sys
import webbrowser
from pathlib import Path

from tfg.report.site import write_site
from tfg.types import InputError


def run(options: argparse.Namespace) -> None:
    """The index's path on stdout; what could not be read, a line each on stderr."""
    results = Path(options.results)
    if not results.is_dir():
        raise InputError(f"{results}: no such folder; give the one that `tfg run` wrote to (results=)")
    index, there = write_site(results, results / "report" if options.output is None else Path(options.output))
    for line in there.damaged:
        print(f"tfg: {line}", file=sys.stderr)
    print(index)
    if options.open:
        webbrowser.open(index.absolute().as_uri())
