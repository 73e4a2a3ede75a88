"""`python -m analysis.study make RESULTS -o page/`: a page of the runs' held-out videos for blind raters.
`python -m analysis.study read answers/*.csv --key page.key.json`: strengths, ratings and agreement from the files they send back.

The folder page/ goes to the raters, who open index.html in a browser, without a network; page.key.json says which video is whose and
stays here.
"""

from __future__ import annotations

import argparse
import sys

from analysis.study import make, read
from tfg.record.results import DamagedRecord
from tfg.types import InputError


def main(arguments: list[str]) -> int:
    """0, or 2 with one line that names the file or option to mend."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.study", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    make.add_options(commands.add_parser("make", help="a page for raters", description=make.__doc__))
    read.add_options(commands.add_parser("read", help="tables of their answers", description=read.__doc__))
    options = parser.parse_args(arguments)
    try:
        {"make": make.run, "read": read.run}[options.command](options)
    except (InputError, DamagedRecord) as error:
        print(f"study: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
