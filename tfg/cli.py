"""Parses `tfg COMMAND ...` and calls tfg/commands/COMMAND.py. Answers go to stdout, everything else to stderr.

Exit codes: 0, 1 where something failed, 2 for bad input, 130 after Ctrl-C, 141 where the reader of stdout is gone (`| head`).
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import NoReturn

from tfg import __version__
from tfg.record import files
from tfg.types import InputError

SWITCHES = ("fid", "identity", "listener", "lpips", "syncnet")  # of tfg.scoring.setting.Switches, which imports numpy
TABLES = ("runs", "metrics", "candidates", "stages")  # of tfg.report.export, which imports numpy
_IN_CONF = "(default: as in conf/)"
_ATLAS = str(Path(__file__).resolve().parent.parent / "analysis" / "data" / "measured" / "atlas.csv")


def run(arguments: list[str]) -> int:
    """Parse and do; the command's exit code, or 2 after one line that says what was wrong with the input."""
    try:
        if arguments[:1] == ["run"]:  # its options are Hydra's
            return int(importlib.import_module("tfg.commands.run").start(arguments[1:]))
        options = _parser().parse_args(arguments)
        return importlib.import_module(f"tfg.commands.{options.command}").run(options) or 0
    except InputError as error:
        print(f"tfg: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in (*files.NO_ROOM, *files.NO_RIGHT):
            raise
        place = f"{error.filename}: " if error.filename else ""
        print(
            f"tfg: {place}{os.strerror(error.errno)}; {files.remedy(error)} or choose another folder", file=sys.stderr
        )
        return 2


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"tfg: {message}; `{self.prog} --help` shows how\n")


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="tfg", description="How much video does a talking head need, and which seconds?")
    parser.add_argument("--version", action="version", version=f"tfg {__version__}")
    names = (
        "select | sync | inspect | run | status | render | verify | live | evaluate | compare | report | export | bench | "
        "clip | wandb | assets | doctor"
    )
    commands = parser.add_subparsers(required=True, dest="command", metavar=names)

    command = commands.add_parser("select", help="which seconds of a video to train on, and why")
    command.add_argument("clip", nargs="?", help="a video with sound; without it the embedded clip")
    command.add_argument("--seconds", type=float, help=f"length of the segment {_IN_CONF}")
    command.add_argument("--method", help=f"a file name of conf/selector {_IN_CONF}")
    command.add_argument("--seed", type=int, help=f"of selectors that draw {_IN_CONF}")
    command.add_argument("--json", action="store_true", help="one JSON object on stdout")
    command.add_argument(
        "--plot", metavar="PNG", help="where to draw the scores (default: <video>-<selector>-<seconds>s-seed<k>.png)"
    )
    command.add_argument(
        "--set", nargs="+", default=[], dest="overrides", metavar="key=value", help="config overrides, as for `tfg run`"
    )

    command = commands.add_parser("sync", help="by how many frames the sound of a video is late or early")
    command.add_argument("clip", nargs="?", help="a video of someone speaking; without it the embedded clip")
    command.add_argument("--seconds", type=float, default=60.0, help="of its beginning that are looked at (default 60)")
    command.add_argument("--json", action="store_true", help="one JSON object on stdout")

    command = commands.add_parser("inspect", help="whether a video or sound file can be used: decodes all of it")
    command.add_argument("file", metavar="FILE", help="a video or a sound file")

    commands.add_parser(
        "run", add_help=False, help="train and score; -m for a sweep, --cfg job for every key (= run.py)"
    )

    command = commands.add_parser("status", help="how far the runs of a results folder are, from any machine")
    command.add_argument(
        "results", nargs="?", default="results", metavar="RESULTS", help="the folder (default results)"
    )
    command.add_argument("--json", action="store_true", help="every run and its state on stdout")

    command = commands.add_parser("render", help="let a trained run speak any sound file, or a text")
    command.add_argument("--run", required=True, metavar="FOLDER", help="a run folder or a head folder of results/")
    speech = command.add_mutually_exclusive_group(required=True)
    speech.add_argument("--audio", metavar="FILE", help="wav, mp3 or any file with sound, also a video")
    speech.add_argument("--say", metavar="TEXT", help="in English, read aloud by espeak-ng")
    command.add_argument("--full", action="store_true", help="in the whole original picture; needs the video")
    command.add_argument(
        "--torso",
        choices=["loop", "field"],
        default="loop",
        help="behind the head: the training part's own pictures (default), or the torso field's for the head's poses",
    )
    command.add_argument(
        "--orbit",
        nargs="+",
        default=[],
        metavar="AXIS=LOW..HIGH",
        help="turn the head to its sides while it speaks, in degrees: yaw=-30..30, pitch=-15..15, or both; one angle is held",
    )
    command.add_argument("-o", "--output", required=True, metavar="MP4")
    command.add_argument(
        "--seed", type=int, default=0, metavar="K", help="of head motion, brows and blinks (default 0)"
    )
    command.add_argument(
        "--no-mark", action="store_true", help="neither the invisible watermark nor the signed C2PA manifest"
    )

    command = commands.add_parser("verify", help="whether a video carries the marks of tfg: exit code 0, or 1 if not")
    command.add_argument("video", metavar="FILE")
    command.add_argument("--json", action="store_true", help="one JSON object on stdout")

    command = commands.add_parser(
        "live", help="a page on this machine in which a trained run answers, or is trained first"
    )
    command.add_argument(
        "given",
        nargs="*",
        metavar="RUN",
        help="a run folder or a head folder of results/; with --train overrides, as for `tfg run`",
    )
    command.add_argument("--train", metavar="VIDEO", help="show how a head of it is trained; then that head answers")
    command.add_argument("--port", type=int, default=8000, help="of 127.0.0.1; 0 for any that is free (default 8000)")
    command.add_argument(
        "--seed", type=int, default=0, metavar="K", help="of head motion, brows and blinks (default 0)"
    )
    command.add_argument(
        "--most-seconds", type=float, default=600.0, metavar="S", help="of a text or a file (default 600)"
    )
    command.add_argument("--most-mb", type=float, default=50.0, metavar="MB", help="of a file (default 50)")

    command = commands.add_parser("evaluate", help="score a video, or a folder of them, of any method")
    judged = command.add_mutually_exclusive_group(required=True)
    judged.add_argument("--pred", metavar="PATH", help="the video that a method made, or a folder of them")
    judged.add_argument(
        "--head", metavar="FOLDER", help="of results/: score a trained head with the weights that are here now"
    )
    command.add_argument("--truth", metavar="PATH", help="the true video, or a folder with files of the same names")
    command.add_argument(
        "--audio", metavar="FILE", help="the sound it was made for (default: its own, else the truth's)"
    )
    command.add_argument(
        "--reference", metavar="PATH", help="what it was trained on: a video or a tfg head; fits the lip-sync listener"
    )
    command.add_argument(
        "--held-out", metavar="AMOUNT", help=f"of that video's end, not trained on: share < 1 or seconds {_IN_CONF}"
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
    command.add_argument(
        "--views",
        nargs="?",
        const="world",
        choices=["world", "camera"],
        help="of a head: also score it from the side, under lights that stay in the world (default) or follow the camera",
    )
    command.add_argument("--jobs", type=int, default=1, metavar="N", help="videos scored at once (default 1)")
    command.add_argument("--json", metavar="FILE", help="write every number with its definition and its frames")
    command.add_argument("--definitions", action="store_true", help="say below the table what each number is")
    command.add_argument(
        "--sheet", metavar="FOLDER", help="write an HTML page with videos, curves and the worst frames"
    )

    command = commands.add_parser("compare", help="how far two runs, or two groups of runs, differ, with intervals")
    command.add_argument(
        "runs", nargs="+", metavar="FOLDER", help="of results/: a run or a head; two, or the first group"
    )
    command.add_argument(
        "--against", nargs="+", metavar="FOLDER", help="the second group; matched by clip, seed, segment"
    )
    command.add_argument("--json", action="store_true", help="metric -> {difference, low, high, probability} on stdout")
    command.add_argument("-o", "--output", metavar="FILE", help="also as .csv, .tex, .md or .parquet")

    command = commands.add_parser(
        "report", help="a results folder as pages: table, comparisons, videos, curves, failures"
    )
    command.add_argument("results", nargs="?", default="results", metavar="RESULTS", help="(default results)")
    command.add_argument(
        "-o", "--output", metavar="FOLDER", help="new, or an earlier report's (default RESULTS/report)"
    )
    command.add_argument("--open", action="store_true", help="show it in the browser")

    command = commands.add_parser(
        "export", help="a table as CSV, LaTeX, Markdown or Parquet; a head as .ply or pictures with alpha"
    )
    command.add_argument(
        "given", metavar="FOLDER", help="for a table a results folder, for a head a run or head folder"
    )
    command.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help=".csv, .tex, .md or .parquet; .ply; or a new folder for pictures",
    )
    command.add_argument("--table", choices=TABLES, default="runs", help="which (default runs)")
    command.add_argument(
        "--frame",
        type=int,
        metavar="K",
        help="of what the head says, from 0: of a .ply (default 0); of pictures only this one",
    )
    speech = command.add_mutually_exclusive_group()
    speech.add_argument("--audio", metavar="FILE", help="what the head says (default: its own training part)")
    speech.add_argument("--say", metavar="TEXT", help="in English, read aloud by espeak-ng")
    command.add_argument(
        "--seed", type=int, default=0, metavar="K", help="of head motion, brows and blinks (default 0)"
    )

    command = commands.add_parser("bench", help="how well a selector, given as a YAML, chooses on an atlas of heads")
    command.add_argument(
        "selectors",
        nargs="+",
        metavar="SELECTOR.yaml",
        help="columns and weights (docs/bench.md has an example), or a rule of tfg by name",
    )
    command.add_argument(
        "--atlas",
        default=_ATLAS,
        metavar="CSV",
        help="of `python -m analysis.atlas` (default: analysis/data/measured/atlas.csv of the checkout)",
    )
    command.add_argument("--backbone", default="instag", help="of the heads (default instag)")
    command.add_argument("--seconds", type=float, default=5.0, help="length of the segments (default 5)")
    command.add_argument("--kind", choices=["all", "real", "synthetic"], default="all", help="of people (default all)")
    command.add_argument("--untuned", action="store_true", help="only people on whom no setting was chosen")
    command.add_argument("--weights", action="store_true", help="print a learned rule's weights as a YAML instead")
    command.add_argument("--json", action="store_true", help="every choice and interval on stdout")

    command = commands.add_parser("clip", help="write a video of the embedded talking head, with its ground truth")
    command.add_argument("--seconds", type=float, help=f"length {_IN_CONF}")
    command.add_argument("--size", type=int, help=f"pixels of the square picture {_IN_CONF}")
    command.add_argument("--speech-seed", type=int, metavar="K", help=f"sentences, voice and pace {_IN_CONF}")
    command.add_argument("--motion-seed", type=int, metavar="K", help=f"head, blinks, gaze {_IN_CONF}")
    command.add_argument("--identity-seed", type=int, metavar="K", help=f"face, hair, clothes {_IN_CONF}")
    command.add_argument("--num-poses", type=int, metavar="N", help=f"distinct head poses {_IN_CONF}")
    command.add_argument("--poses-seconds", type=float, metavar="S", help=f"seconds with these poses {_IN_CONF}")
    command.add_argument("--motion-seconds", type=float, metavar="S", help=f"after which motion repeats {_IN_CONF}")
    command.add_argument("--force", action="store_true", help="replace files that are there")
    command.add_argument("-o", "--output", required=True, metavar="MP4", help="the sidecar gets its name with .npz")

    command = commands.add_parser("wandb", help="mirror a results folder in wandb anew, or read its runs back")
    actions = command.add_subparsers(required=True, dest="action", metavar="sync | pull")
    action = actions.add_parser("sync", help="every finished run of a results folder, of its files alone")
    action.add_argument("results", metavar="FOLDER", help="a results folder")
    action.add_argument("--mode", choices=["auto", "offline", "online"], default="auto", help="as tracker.mode")
    action.add_argument("--artifacts", choices=["none", "head", "all"], default="head", help="as tracker.artifacts")
    action.add_argument("--project", default="tfg", help="of wandb (default tfg)")
    action = actions.add_parser("pull", help="the runs of a project as CSV on stdout")
    action.add_argument("--project", default="tfg", help="of wandb (default tfg)")
    action.add_argument("--entity", help="that the project is of (default: of the login)")
    action.add_argument("--group", help="only the runs of this sweep")
    action.add_argument("--check", metavar="FOLDER", help="compare with this results folder; exit code 1 if not equal")
    action.add_argument("-o", "--output", metavar="CSV")

    commands.add_parser("doctor", help="what this machine can do")

    command = commands.add_parser("assets", help="pretrained files: here, missing, and what they enable")
    command.add_argument("action", nargs="?", choices=["list", "fetch", "add"], default="list")
    command.add_argument("names", nargs="*", help="names to fetch (or values of conf/: mediapipe), or files to add")
    command.add_argument("--optional", action="store_true", help="fetch: what cannot be had is one line and no failure")
    command.add_argument("--verify", action="store_true", help="check the sum of every file that is here")
    command.add_argument("--json", action="store_true", help="the list as JSON on stdout")
    return parser
