"""`tfg select | render | evaluate | doctor | assets`. Answers go to stdout, everything else to stderr; exit code 2 for bad input."""

from __future__ import annotations

import argparse
import errno
import json
import re
import sys
from pathlib import Path
from typing import NoReturn

from tfg.types import InputError

SWITCHES = ("fid", "identity", "listener", "lpips", "syncnet")  # of tfg.scoring.setting.Switches, which imports numpy


def run(arguments: list[str]) -> int:
    """Parse and do; 0, or 2 after one line that says what was wrong with the input."""
    options = _parser().parse_args(arguments)
    try:
        options.do(options)
    except InputError as error:
        print(f"tfg: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EACCES, errno.EROFS):
            raise
        place = f"{error.filename}: " if error.filename else ""
        print(f"tfg: {place}{error.strerror}; free some space or choose another folder", file=sys.stderr)
        return 2
    return 0


def select(options: argparse.Namespace) -> None:
    """Which seconds to train on, and why."""
    from tfg import overrides, pipeline
    from tfg.commands import sweep

    extra = [f"selector={options.method}", f"seconds={options.seconds}", f"seed={options.seed}", *options.overrides]
    if options.clip:
        extra.insert(0, f"clip.path={quoted(options.clip)}")
    plot = Path(options.plot or f"{Path(options.clip).stem if options.clip else 'embedded'}-{options.method}.png")
    if plot.suffix != ".png" or not plot.parent.is_dir():
        raise InputError(f"--plot {plot}: must be a .png in a folder that exists")
    config = overrides.composed(overrides.complete([*extra, "trainer=cpu", "masks=sidecar"]))
    sweep.check(config)
    selection, chosen = pipeline.select_only(config)
    if options.json:
        print(json.dumps(chosen))
    else:
        from tfg.selectors.report import selection_text

        print(selection_text(chosen))
    if options.plot or not options.json:
        from tfg.selectors.report import selection_plot

        selection_plot(selection, plot)
        print(f"plot: {plot}", file=sys.stderr)


def render(options: argparse.Namespace) -> None:
    """A trained run speaks any sound file."""
    from tfg.commands.render import speak

    path = speak(Path(options.run), Path(options.audio), Path(options.output))
    print(path)


def evaluate(options: argparse.Namespace) -> None:
    """Score a video, or a folder of them, of any method."""
    from tfg.commands import evaluate as command

    command.run(options)


def doctor(options: argparse.Namespace) -> None:
    """What this machine can do."""
    from tfg.commands import doctor as diagnosis

    for line in diagnosis.lines():
        print(line)


def assets(options: argparse.Namespace) -> None:
    """Which pretrained files are here, which are missing, and what they would enable."""
    from tfg import assets as known

    if options.action != "list" and not options.names:
        what = "names as `tfg assets` lists them" if options.action == "fetch" else "files"
        raise InputError(f"assets {options.action}: nothing was named; give {what}")
    if options.action == "fetch":
        for name in options.names:
            print(known.fetch(name))
    elif options.action == "add":
        for name in options.names:
            print(known.add(Path(name)))
    elif options.json:
        print(json.dumps(known.records(verify=options.verify)))
    else:
        for line in known.describe(verify=options.verify):
            print(line)


def quoted(path: str) -> str:
    """A path as Hydra's override grammar wants it: quoted, so that spaces, commas and equals signs stay in it.

    A backslash stands for itself there, unless quotes follow it.
    """
    escaped = re.sub(r"(\\*)('|$)", lambda found: 2 * found[1] + ("\\'" if found[2] else ""), path)
    return f"'{escaped}'"


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"tfg: {message}; `{self.prog} --help` shows how\n")


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="tfg", description="How much video does a talking head need, and which seconds?")
    commands = parser.add_subparsers(required=True, metavar="select | render | evaluate | doctor | assets")

    command = commands.add_parser("select", help="which seconds of a video to train on, and why")
    command.add_argument("clip", nargs="?", help="a video with sound; without it the embedded clip")
    command.add_argument("--seconds", type=float, default=5.0, help="length of the segment (default 5)")
    command.add_argument("--method", default="isexplore", help="a file name of conf/selector (default isexplore)")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--json", action="store_true", help="one JSON object on stdout")
    command.add_argument("--plot", metavar="PNG", help="where to draw the scores (default: <video>-<method>.png)")
    command.add_argument(
        "--set", nargs="+", default=[], dest="overrides", metavar="key=value", help="config overrides, as for run.py"
    )
    command.set_defaults(do=select)

    command = commands.add_parser("render", help="let a trained run speak any sound file")
    command.add_argument("--run", required=True, metavar="FOLDER", help="a run folder below results/")
    command.add_argument("--audio", required=True, metavar="FILE", help="wav, mp3 or any file with sound")
    command.add_argument("-o", "--output", required=True, metavar="MP4")
    command.set_defaults(do=render)

    command = commands.add_parser("evaluate", help="score a video, or a folder of them, of any method")
    command.add_argument(
        "--pred", required=True, metavar="PATH", help="the video that a method made, or a folder of them"
    )
    command.add_argument("--truth", metavar="PATH", help="the true video, or a folder with files of the same names")
    command.add_argument(
        "--audio", metavar="FILE", help="the sound it was made for (default: its own, else the truth's)"
    )
    command.add_argument(
        "--reference", metavar="VIDEO", help="what the method was trained on; fits the lip-sync listener"
    )
    command.add_argument("--name", help="of the method; keeps the scores in --results, for the tables")
    command.add_argument(
        "--results", default="results", metavar="FOLDER", help="where --name keeps them (default results)"
    )
    command.add_argument("--au-pred", metavar="CSV", help="OpenFace action units of the prediction, and ...")
    command.add_argument("--au-truth", metavar="CSV", help="... of the truth: for aue_l and aue_u")
    command.add_argument("--resize", action="store_true", help="scale the prediction to the size of the truth")
    command.add_argument(
        "--without", nargs="+", default=[], metavar="METRIC", choices=SWITCHES, help=f"leave out: {', '.join(SWITCHES)}"
    )
    command.add_argument("--jobs", type=int, default=1, metavar="N", help="videos scored at once (default 1)")
    command.add_argument("--json", metavar="FILE", help="write every number with its definition and its frames")
    command.add_argument("--definitions", action="store_true", help="say below the table what each number is")
    command.add_argument(
        "--sheet", metavar="FOLDER", help="write an HTML page with videos, curves and the worst frames"
    )
    command.set_defaults(do=evaluate)

    command = commands.add_parser("doctor", help="what this machine can do")
    command.set_defaults(do=doctor)

    command = commands.add_parser("assets", help="pretrained files: here, missing, and what they enable")
    command.add_argument("action", nargs="?", choices=["list", "fetch", "add"], default="list")
    command.add_argument("names", nargs="*", help="names to fetch, or files to add")
    command.add_argument("--verify", action="store_true", help="check the sum of every file that is here")
    command.add_argument("--json", action="store_true", help="the list as JSON on stdout")
    command.set_defaults(do=assets)
    return parser
