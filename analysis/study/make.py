"""A folder that is opened in a browser without a network: index.html and neutral videos; beside it the key of who is who.

Each rater (number 1 to --raters) is shown pairs of methods on the same held-out speech, then every video alone, in an order of their
own: pairs come equally often and as often left as right over raters, ratings follow a Williams square. Among the pairs are attention
checks: the true video beside the same one standing still.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import json
import random
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from analysis.study.plan import Design, Trial, trials
from analysis.study.stimuli import Source, sources
from analysis.study.video import alike, excerpt
from tfg.record.files import write_json
from tfg.types import FPS, InputError

TEMPLATE = Path(__file__).with_name("page.html")
TRUTH = "truth"  # the true video as a method
PREFERENCE = "Which of the two looks more like a real recording of a person who says these words?"
QUESTIONS = {"lips": "How well do the lips fit the speech?", "real": "How real does the video look?"}
SCALE = (1, 10)
CONSENT = """You will see short videos of talking heads. Most of them were made by a computer. We ask which of two looks more real, and
how good single ones are. It takes about {minutes} minutes and needs sound.

Taking part is voluntary: close the page whenever you like. Nothing is sent anywhere. Your answers stay in this browser until you save
them as a file at the end, and only you can send it. The file holds the rater number you were given, your answers, how long each took
and how often each video was played: no name, no address, nothing of your machine."""
_BESIDE = 6.0  # seconds of a trial besides playing its videos once, for the minutes that the page names


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", nargs="+", type=Path, help="results folders, or folders of single runs")
    parser.add_argument("-o", "--out", required=True, type=Path, help="folder of the page, which must not exist")
    parser.add_argument("--by", help="keys by which methods differ, such as selector,seed (default: those that do)")
    parser.add_argument("--raters", type=int, default=12, help="how many orders (default %(default)s)")
    parser.add_argument("--pairs", type=int, help="pairs a rater (default: every pair of methods on every clip)")
    parser.add_argument("--no-ratings", action="store_true", help="pairs only")
    parser.add_argument("--truth", action="store_true", help="the true video is one of the methods")
    parser.add_argument("--checks", type=int, default=4, help="attention checks a rater (default %(default)s)")
    parser.add_argument(
        "--first", type=float, default=0.0, help="where excerpts begin in the held-out part, s (default 0)"
    )
    parser.add_argument("--seconds", type=float, default=8.0, help="length of excerpts (default %(default)s)")
    parser.add_argument(
        "--consent", type=Path, help="text file in place of the page's own text; {minutes} is filled in"
    )
    parser.add_argument("--seed", type=int, default=0, help="of orders and names (default 0)")


def run(options: argparse.Namespace) -> None:
    """Writes the page and its key; says where, and how long a rater takes."""
    _check(options)
    listed = sources(options.results, options.by.split(",") if options.by else None, least=1 if options.truth else 2)
    consent = _consent(options.consent)
    partial = options.out.with_name(f".{options.out.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        videos, lengths = _videos(listed, options, partial / "videos")
        shown = {(entry["clip"], entry["method"]): name for name, entry in videos.items() if entry["role"] == "run"}
        checks = [_check_pair(videos, clip) for clip in _check_clips(videos, options.checks)]
        design = Design(raters=options.raters, pairs=options.pairs, ratings=not options.no_ratings, seed=options.seed)
        plans = trials(design, dict(sorted(shown.items())), checks)
        study = _identity(plans, videos, partial / "videos")
        minutes = _minutes(plans[0], lengths)
        _write_page(partial / "index.html", study, plans, consent.replace("{minutes}", str(minutes)))
        partial.rename(options.out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    key = key_path(options.out)
    write_json(
        key,
        {
            "study": study,
            "methods": sorted({entry["method"] for entry in videos.values() if entry["role"] == "run"}),
            "questions": QUESTIONS,
            "scale": list(SCALE),
            "videos": videos,
            "plans": [[asdict(trial) for trial in plan] for plan in plans],
            "seed": options.seed,
        },
    )
    print(f"{options.out / 'index.html'}: {len(plans)} orders of {len(plans[0])} trials, about {minutes} minutes each")
    print(f"{key}: which video is whose; keep it from the raters")


def key_path(page: Path) -> Path:
    """Beside the page, not in it."""
    return page.parent / f"{page.name}.key.json"


def _check(options: argparse.Namespace) -> None:
    for name, least in (("raters", 1), ("pairs", 0), ("checks", 0), ("seconds", 1 / FPS), ("first", 0)):
        value = getattr(options, name)
        if value is not None and not least <= value < float("inf"):
            raise InputError(f"--{name} {value:g}: must be at least {least:g}")
    for path in (options.out, key_path(options.out)):
        if path.exists():
            raise InputError(f"--out {options.out}: {path} is there already; give the name of a new folder")
    if not options.out.resolve().parent.is_dir():
        raise InputError(f"--out {options.out}: its parent folder is not there; make it first")
    if options.pairs == 0 and options.no_ratings:
        raise InputError("--pairs 0 --no-ratings: leaves nothing to judge; drop one of them")


def _consent(path: Path | None) -> str:
    if path is None:
        return CONSENT
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--consent {path}: cannot be read as text ({type(error).__name__})") from error


def _videos(listed: list[Source], options: argparse.Namespace, folder: Path) -> tuple[dict[str, Any], dict[str, float]]:
    """Excerpts under drawn names: name -> {role, clip, method, run}; name -> seconds."""
    wanted: list[tuple[dict[str, str | None], Path]] = [
        ({"role": "run", "clip": one.clip, "method": one.method, "run": one.run}, one.rendered) for one in listed
    ]
    truths = {one.clip: one.truth for one in listed}
    for clip, truth in truths.items():
        if options.truth:
            wanted.append(({"role": "run", "clip": clip, "method": TRUTH, "run": None}, truth))
    for clip in sorted(truths)[: options.checks]:
        for role in ("check", "frozen"):
            wanted.append(({"role": role, "clip": clip, "method": None, "run": None}, truths[clip]))
    names = [f"v{number:03d}.mp4" for number in range(1, len(wanted) + 1)]
    random.Random(f"names {options.seed}").shuffle(names)
    folder.mkdir(parents=True)
    first, count = round(options.first * FPS), round(options.seconds * FPS)
    frames = {
        name: excerpt(path, folder / name, first, count, frozen=entry["role"] == "frozen")
        for name, (entry, path) in zip(names, wanted, strict=True)
    }
    by_clip: dict[str | None, set[int]] = {}
    for name, (entry, _) in zip(names, wanted, strict=True):
        by_clip.setdefault(entry["clip"], set()).add(frames[name])
    for cut, lengths in by_clip.items():
        if len(lengths) > 1:
            raise InputError(
                f"{cut}: its videos are {sorted(lengths)} frames long; make their runs again with one split"
            )
    alike([folder / name for name in names])
    return (
        dict(sorted(zip(names, (entry for entry, _ in wanted), strict=True))),
        {name: count / FPS for name, count in frames.items()},
    )


def _check_clips(videos: dict[str, Any], count: int) -> list[str]:
    """The clip of each check: in turn those that have one."""
    clips = sorted({entry["clip"] for entry in videos.values() if entry["role"] == "check"})
    return [clips[number % len(clips)] for number in range(count)]


def _check_pair(videos: dict[str, Any], clip: str) -> tuple[str, str]:
    """(true, frozen) of a clip."""
    names = {entry["role"]: name for name, entry in videos.items() if entry["clip"] == clip and entry["role"] != "run"}
    return names["check"], names["frozen"]


def _identity(plans: list[list[Trial]], videos: dict[str, Any], folder: Path) -> str:
    """Of this very page: answers to another are refused."""
    digest = hashlib.sha256(json.dumps([[asdict(trial) for trial in plan] for plan in plans]).encode())
    for name in videos:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:12]


def _minutes(plan: list[Trial], lengths: dict[str, float]) -> int:
    seconds = sum(lengths[trial.left] + (lengths[trial.right] if trial.right else 0) + _BESIDE for trial in plan)
    return max(1, round(seconds / 60))


def _write_page(path: Path, study: str, plans: list[list[Trial]], consent: str) -> None:
    data = {
        "study": study,
        "preference": PREFERENCE,
        "questions": QUESTIONS,
        "scale": SCALE,
        "plans": [[asdict(trial) for trial in plan] for plan in plans],
    }
    paragraphs = "".join(f"<p>{html.escape(part.strip())}</p>" for part in consent.split("\n\n"))
    page = TEMPLATE.read_text().replace("<!-- consent -->", paragraphs)
    path.write_text(page.replace("/* study */ null", json.dumps(data).replace("<", "\\u003c")))
