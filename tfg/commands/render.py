"""`tfg render`: a trained head speaks any sound or text, and moves as in its training part without repeating it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import DictConfig

from tfg import __version__, heads
from tfg.performance.orbit import Orbit
from tfg.record.results import HeadRecord
from tfg.types import SAMPLES_PER_FRAME, Bytes, Clip, Crop, Floats, InputError

CHUNK = 100  # frames rendered at once; pictures of minutes do not fit into memory
CHECKED = 250  # frames of the written video in which the watermark is looked for
LOOP, FIELD = "loop", "field"  # the training part's own pictures along the path, or the torso field's for its poses
TOO_SMALL = (
    "its pictures are too small, or it is too short, to keep the watermark; only its manifest says that it was rendered"
)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be rendered."""

    given: Path  # a run folder or head folder
    output: Path
    sound: Path | None = None  # either this
    text: str | None = None  # or this
    seed: int = 0  # of head motion, brows and blinks
    full: bool = False  # in the whole original picture
    torso: str = LOOP  # what stands behind the head
    orbit: tuple[str, ...] = ()  # how the head turns to its sides meanwhile, as `Orbit.parse` reads it
    mark: bool = True  # by a watermark and a manifest


def run(options: argparse.Namespace) -> None:
    """The video's path on stdout."""
    request = Request(
        given=Path(options.run),
        output=Path(options.output),
        sound=None if options.audio is None else Path(options.audio),
        text=options.say,
        seed=options.seed,
        full=options.full,
        torso=options.torso,
        orbit=tuple(options.orbit),
        mark=not options.no_mark,
    )
    print(speak(request))


def speak(request: Request) -> Path:
    """Writes the mp4 of a head that speaks, with the sound."""
    output = request.output
    if request.seed < 0:
        raise InputError(f"--seed {request.seed}: must be a whole number, 0 or above")
    if output.suffix.lower() != ".mp4" or not output.absolute().parent.is_dir():
        raise InputError(f"--output {output}: must be an .mp4 in a folder that exists")
    if request.full and request.torso == FIELD:
        raise InputError(
            "--torso field: is of the square that a head is trained on; --full shows the whole picture's own torso; give one"
        )
    orbit = Orbit.parse(request.orbit) if request.orbit else None
    audio = sound_of(request.sound, request.text)
    folder = heads.folder_of(request.given)
    config, record = heads.read(folder)
    torso = _torso_of(folder, record) if request.torso == FIELD else None
    clip = replace(heads.opened(folder).clip, crop=Crop(**record.clip["crop"])) if request.full else None
    if request.sound is not None:
        _say_speechless(request.sound, audio)
    if request.mark:
        from tfg.marking import manifest

        manifest.check()
    _write(output, _pictures(folder, config, audio, request.seed, clip, torso, orbit), audio, request.mark)
    if not request.mark:
        print(f"tfg: {output}: --no-mark: it carries neither watermark nor manifest", file=sys.stderr)
    return output


def _torso_of(folder: Path, record: HeadRecord) -> Path:
    """The file of a head's torso field."""
    if (name := record.files.get("torso")) is None:
        raise InputError(
            f"{folder}: has no torso field; repeat the command of its run with torso.field=true, which makes one without training, or "
            f"leave out --torso"
        )
    return folder / name


def _pictures(
    folder: Path,
    config: DictConfig,
    audio: Floats,
    seed: int,
    clip: Clip | None,
    torso: Path | None,
    orbit: Orbit | None,
) -> Iterator[Bytes]:
    """The head's frames for a sound, (size, size, 3), or whole pictures of its clip; made as they are taken.

    `torso`: the file of the field that stands behind the head; None: the training part's own pictures do.
    """
    from tfg import data, speaker  # torch, which no mistake waits for
    from tfg.performance.perform import perform
    from tfg.threads import threads

    print(f"tfg: opening {folder.name}", file=sys.stderr)
    head = speaker.opened(folder, config)
    features = head.driven_by(audio)
    performance = replace(perform(head.portrait, features, seed), orbit=orbit)
    if torso is not None:
        from tfg.torso.field import load

        performance = replace(performance, behind=load(torso))
    head.say_unblinking(performance)
    windows = data.audio_windows(features, head.mean, head.std)
    paste = None
    if clip is not None:
        from tfg.performance.paste import Paste

        paste = Paste(head.portrait, clip)
    with threads(head.threads):
        for start in range(0, len(windows), CHUNK):
            stop = min(start + CHUNK, len(windows))
            rows = performance.rows(start, stop)
            images = head.draw(rows, windows[start:stop])
            if paste is None:
                yield from images
            else:
                yield from paste.whole(images, rows.background, performance.head.rows(start, stop))


def _write(output: Path, pictures: Iterator[Bytes], audio: Floats, mark: bool) -> None:
    """The video under its name only once it is whole, and marked if it is to be."""
    from tfg.clip.read import open_video
    from tfg.clip.write import write_video

    if not mark:
        write_video(output, pictures, audio)
        return
    from tfg.marking import manifest, watermark

    unsigned = output.with_name(f".{output.name}.{os.getpid()}.unsigned.mp4")
    try:
        write_video(unsigned, map(watermark.marked, pictures), audio)
        video = open_video(unsigned)
        looked_at = (video.frames(frame, frame + 1)[0] for frame in range(min(video.shape[0], CHECKED)))
        if not watermark.look(looked_at).is_marked:
            print(f"tfg: {output}: {TOO_SMALL}", file=sys.stderr)
        manifest.sign(unsigned, output, __version__)
    finally:
        unsigned.unlink(missing_ok=True)


def sound_of(path: Path | None, text: str | None) -> Floats:
    """(samples,) mono 16 kHz of a file with at least a frame of sound, or of a text read aloud; InputError where it is neither."""
    if path is None:
        from tfg.clip.spoken import read_aloud

        return read_aloud(text or "")
    if not path.is_file():
        raise InputError(f"{path}: no such file; check --audio")
    from tfg.clip.sound import read_audio

    audio = read_audio(path)
    if len(audio) < SAMPLES_PER_FRAME:
        raise InputError(f"{path}: shorter than one frame (0.04 s); give more speech")
    return audio


def _say_speechless(path: Path, audio: Floats) -> None:
    from tfg.selectors.voicing import voiced_frames

    if not voiced_frames(audio).any():
        print(f"tfg: {path}: no speech in it, only silence or noise; it is rendered all the same", file=sys.stderr)
