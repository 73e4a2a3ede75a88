"""What is to be evaluated: paths and switches, checked before any metric is built. Nothing here imports torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tfg.scoring.setting import Switches
from tfg.types import InputError

HELD_OUT = "--held-out"  # the option of `tfg evaluate` for Request.held_out
VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m4v")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One evaluation to make; paths as the user gave them."""

    prediction: Path
    switches: Switches
    truth: Path | None = None
    audio: Path | None = None  # the sound the prediction was made for; default: its own
    reference: Path | None = None  # the video the method was trained on, which fits the listener
    held_out: str = (
        ""  # of the reference, the end that the method was not trained on, as split.held_out; needed with one
    )
    au_prediction: Path | None = None  # OpenFace CSV
    au_truth: Path | None = None
    name: str | None = None  # of the method
    resize: bool = False


def requests(wanted: Request) -> list[Request]:
    """One request a video: `prediction` may be a folder, then `truth` (if given) is one too, with files of the same names."""
    if (wanted.au_prediction is None) != (wanted.au_truth is None):
        raise InputError("--au-pred and --au-truth: give both OpenFace tables, or neither")
    if not wanted.prediction.is_dir():
        if wanted.truth is not None and wanted.truth.is_dir():
            raise InputError(
                f"--truth {wanted.truth}: is a folder; give a video, or folders for both --pred and --truth"
            )
        return [wanted]
    if wanted.audio or wanted.au_prediction or wanted.au_truth:
        raise InputError("--audio, --au-pred and --au-truth go with one video; --pred is a folder")
    made = _videos(wanted.prediction, "--pred")
    if wanted.truth is None:
        return [replace(wanted, prediction=path) for path in made.values()]
    if not wanted.truth.is_dir():
        raise InputError(f"--truth {wanted.truth}: is no folder, but --pred is; give two folders or two files")
    true = _videos(wanted.truth, "--truth")
    for here, there, option in ((made, true, "--truth"), (true, made, "--pred")):
        if lacking := sorted(set(here) - set(there)):
            folder = wanted.truth if option == "--truth" else wanted.prediction
            names = ", ".join(lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
            raise InputError(f"{option} {folder}: has no video named {names}; both folders must hold the same names")
    return [replace(wanted, prediction=path, truth=true[name]) for name, path in made.items()]


def _videos(folder: Path, option: str) -> dict[str, Path]:
    """Stem -> file."""
    found: dict[str, Path] = {}
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in VIDEOS and path.is_file()):
        if path.stem in found:
            raise InputError(f"{option} {folder}: {found[path.stem].name} and {path.name} have the same name; keep one")
        found[path.stem] = path
    if not found:
        raise InputError(f"{option} {folder}: holds no video ({', '.join(VIDEOS)})")
    return found
