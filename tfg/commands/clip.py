"""`tfg clip`: an embedded clip and its sidecar as files of their own, and their checksums."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from tfg import overrides, picture_size
from tfg.clip.synthetic.generate import write_synthetic
from tfg.clip.synthetic.specification import SyntheticClip
from tfg.record.files import checksum
from tfg.types import InputError


def run(options: argparse.Namespace) -> None:
    """Writes `<output>.mp4` and its `.npz`; prints one line of sha256 and path for each, as the `sha256sum` command does."""
    path = Path(options.output)
    sidecar = path.with_suffix(".npz")
    if path.suffix != ".mp4" or not path.parent.is_dir():
        raise InputError(f"--output {path}: must be a .mp4 in a folder that exists")
    for file in (path, sidecar):
        if file.is_dir() or (file.exists() and not options.force):
            raise InputError(
                f"--output {path}: {file} is there already; give another name, or --force to replace a file"
            )
    write_synthetic(_specification(options), path)
    for file in (path, sidecar):
        print(f"{checksum(file)}  {file}")


def _specification(options: argparse.Namespace) -> SyntheticClip:
    """Of the options, and of conf/ where they are silent."""
    config = overrides.composed(["clip=embedded", "trainer=cpu"])
    clip = config.clip
    settings = {**clip.synthetic, "size": picture_size.of(config)}
    given = {key: value for key in settings if (value := getattr(options, key)) is not None}
    try:
        return SyntheticClip(**{**settings, **given})
    except InputError as error:  # which names config keys
        option = re.sub(r"^clip\.(?:synthetic\.)?(\w+)", lambda key: f"--{key[1].replace('_', '-')}", str(error))
        raise InputError(option.replace("give null or", "give")) from None
