"""`tfg export`: a table of a results folder for papers and data frames, or a head for other programs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tfg.record import tabular
from tfg.record.files import naming, put, replaced, write_text
from tfg.record.results import DamagedRecord
from tfg.record.tabular import Table
from tfg.types import InputError

if TYPE_CHECKING:
    from tfg.speaker import Speaker
    from tfg.types import Floats, Portrait

TEXTS: dict[str, Callable[[Table], str]] = {
    ".csv": tabular.to_csv,
    ".tex": tabular.to_latex,
    ".md": tabular.to_markdown,
}
PARQUET, PLY = ".parquet", ".ply"
CHUNK = 50  # pictures rendered at once


def run(options: argparse.Namespace) -> None:
    """The written file or folder on stdout."""
    given, output = Path(options.given), Path(options.output)
    if not given.is_dir():
        raise InputError(f"{given}: no such folder; give a results folder, a run or a head")
    if not output.absolute().parent.is_dir():
        raise InputError(f"-o {output}: its folder does not exist; make it first")
    if output.suffix in (*TEXTS, PARQUET):
        if options.frame is not None:
            raise InputError(f"--frame {options.frame}: is of a head's .ply or pictures; -o {output} is a table")
        write_table(_table(given, options.table), output)
    elif output.suffix in (PLY, ""):
        _write_head(given, output, options)
    else:
        allowed = ", ".join((*TEXTS, PARQUET, PLY))
        raise InputError(
            f"-o {output}: {output.suffix} is not written; allowed are {allowed}, or a folder for pictures"
        )
    print(output)


def write_table(table: Table, output: Path) -> None:
    """Whole or not at all, in the format of the file's suffix; InputError names a suffix that is none."""
    if output.suffix == PARQUET:
        _write_parquet(table, output)
    elif output.suffix in TEXTS:
        write_text(output, TEXTS[output.suffix](table))
    else:
        raise InputError(f"-o {output}: allowed are {', '.join((*TEXTS, PARQUET))}")


def _table(results: Path, name: str) -> Table:
    """Of the finished runs; damaged ones are named on stderr and left out."""
    from tfg.report.digest import digest
    from tfg.report.export import TABLES
    from tfg.report.found import found

    digests = []
    for folder in found(results).finished:
        try:
            digests.append(digest(folder))
        except DamagedRecord as error:
            print(f"tfg: left out: {error}", file=sys.stderr)
    if not digests and (results / "result.json").exists():
        raise InputError(f"{results}: is one run; give the folder of results that it is in")
    if not digests:
        raise InputError(f"{results}: holds no finished run; a table is of a results folder (results=)")
    return TABLES[name](digests)


def _write_parquet(table: Table, output: Path) -> None:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise InputError(f"-o {output}: Parquet needs pyarrow; pip install -e '.[report]', or write .csv") from error
    columns = zip(*table.records, strict=True) if table.records else [()] * len(table.record_header)
    arrays = [pyarrow.array(column) for column in columns]
    # A column without a value is one of numbers, so that the files of two folders can be joined.
    typed = [array.cast(pyarrow.float64()) if array.type == pyarrow.null() else array for array in arrays]
    made = pyarrow.table(dict(zip(table.record_header, typed, strict=True)))
    unfinished = output.with_name(f".{output.name}.part")
    try:
        with naming(output, unfinished):
            parquet.write_table(made, unfinished)
            put(unfinished, output)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_head(given: Path, output: Path, options: argparse.Namespace) -> None:
    from tfg import heads
    from tfg.place import free

    if options.frame is not None and options.frame < 0:
        raise InputError(f"--frame {options.frame}: must be 0 or above")
    if options.seed < 0:
        raise InputError(f"--seed {options.seed}: must be a whole number, 0 or above")
    if output.suffix != PLY:
        output = free(output, "-o", "new sequence", lambda folder: False)
    folder = heads.folder_of(given)
    config, _ = heads.read(folder)
    from tfg import speaker  # torch, which no mistake waits for

    head = speaker.opened(folder, config)
    rows, windows = _said(head, options)
    count = len(windows)
    if options.frame is not None and options.frame >= count:
        raise InputError(f"--frame {options.frame}: what it says has {count} frames; give 0 to {count - 1}")
    if output.suffix == PLY:
        _write_ply(head, rows, windows, options.frame or 0, output)
        return
    frames = range(count) if options.frame is None else range(options.frame, options.frame + 1)
    _write_pictures(head, rows, windows, frames, output)
    print(f"tfg: {output}: pictures to composite carry neither watermark nor manifest", file=sys.stderr)


def _said(head: Speaker, options: argparse.Namespace) -> tuple[Callable[[int, int], Portrait], Floats]:
    """Rows [start, stop) of what the head does, and the windows that drive it: its training part, or new speech."""
    from tfg import data

    if options.audio is None and options.say is None:
        return head.portrait.rows, data.audio_windows(head.portrait.audio, head.mean, head.std)
    from tfg.commands.render import sound_of
    from tfg.performance.perform import perform

    features = head.driven_by(sound_of(None if options.audio is None else Path(options.audio), options.say))
    return perform(head.portrait, features, options.seed).rows, data.audio_windows(features, head.mean, head.std)


def _write_ply(head: Speaker, rows: Callable[[int, int], Portrait], windows: Floats, frame: int, output: Path) -> None:
    import torch
    from torch.utils.data import default_collate

    from tfg.backbones.gaussian.splats import splats_of, write_ply
    from tfg.data import batches

    one = batches(rows(frame, frame + 1), windows[frame : frame + 1], device=torch.device("cpu"))
    unfinished = output.with_name(f".{output.name}.part")
    try:
        with naming(output, unfinished):
            write_ply(splats_of(head.backbone.cpu().eval(), default_collate([one[0]])), unfinished)
            put(unfinished, output)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_pictures(
    head: Speaker, rows: Callable[[int, int], Portrait], windows: Floats, frames: range, output: Path
) -> None:
    """frame_000000.png and on, RGBA."""
    import cv2

    from tfg.cutout import cut_out
    from tfg.progress import progress
    from tfg.threads import threads

    def chunks() -> Iterator[tuple[int, int]]:
        for start in range(frames.start, frames.stop, CHUNK):
            yield start, min(start + CHUNK, frames.stop)

    with replaced(output) as folder, threads(head.threads), progress("export", len(frames)) as advance:
        for start, stop in chunks():
            pictures = cut_out(partial(head.draw, windows=windows[start:stop]), rows(start, stop))
            for frame, picture in enumerate(pictures, start):
                _, encoded = cv2.imencode(".png", picture[:, :, [2, 1, 0, 3]])
                (folder / f"frame_{frame:06d}.png").write_bytes(encoded.tobytes())
            advance(stop - start)
