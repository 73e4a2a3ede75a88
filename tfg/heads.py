"""A head in its own folder: trained, rendered and scored once, by one process at a time, however many runs lead to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout
from omegaconf import DictConfig, OmegaConf

from tfg import overrides, parts
from tfg.record import identity, results
from tfg.record.files import write_text
from tfg.record.results import HEADS, DamagedRecord, HeadRecord, ScoresRecord
from tfg.scoring.setting import Switches, setting
from tfg.types import FPS, Clip, InputError, Segment

_CONFIGURED = ("clip", "audio", "face", "masks", "backbone", "trainer", "seed")  # of a run's configuration


@dataclass(frozen=True, kw_only=True)
class Head:
    """Which head: its configuration, its clip and its segment; where it is."""

    folder: Path  # results/heads/<name>
    config: DictConfig  # clip, audio, face, masks, backbone, trainer, seed
    clip: Clip
    segment: Segment

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def is_finished(self) -> bool:
        """Trained and rendered, with a readable record; a damaged one is named on stderr."""
        return _readable(HeadRecord.read, self.folder / "head.json", self.folder)

    @contextmanager
    def held(self) -> Iterator[None]:
        """One process works on a head; others wait here until it is done, and then find it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print(f"tfg: {self.name} is being made by another process; waiting for it", file=sys.stderr)
            lock.acquire()
        try:
            for left in self.folder.glob("*.part*"):  # of a process that was killed while it wrote
                left.unlink(missing_ok=True)
            yield
        finally:
            lock.release()

    def describe(self, stages: dict[str, dict[str, Any]], files: dict[str, str], clip: Clip) -> HeadRecord:
        """Its record. `clip` is cut to the face."""
        commit, dirty = results.commit()
        segment = self.segment
        return HeadRecord(
            head_id=self.name,
            config=parts.plain(self.config),
            clip={
                "name": clip.name,
                "identity": clip.identity,
                "digest": clip.digest,
                "crop": asdict(clip.crop),
                "size": clip.size,
            },
            segment={
                "start_frame": segment.start,
                "num_frames": segment.num_frames,
                "start": segment.start / FPS,
                "seconds": segment.num_frames / FPS,
            },
            stages=stages,
            files=files,
            commit=commit,
            dirty=dirty,
            machine=results.machine(),
        )

    def write_config(self) -> None:
        """config.yaml, which `opened` reads: without interpolations, with the segment."""
        segment = {"start_frame": self.segment.start, "num_frames": self.segment.num_frames}
        text = yaml.safe_dump({**parts.plain(self.config), "segment": segment}, sort_keys=False)
        write_text(self.folder / "config.yaml", text)


def of_run(config: DictConfig, clip: Clip, segment: Segment) -> Head:
    """The head that a run's configuration leads to when it has chosen a segment."""
    folder = Path(config.results) / HEADS / parts.head_name(config, clip, segment)
    own = overrides.literal({key: parts.plain(config)[key] for key in _CONFIGURED})
    return Head(folder=folder, config=own, clip=clip, segment=segment)


def opened(folder: Path) -> Head:
    """The head of a folder of results/heads; InputError where it is none, or where its video has changed."""
    record = read_record(folder)
    stored = read_config(folder)
    frames = stored["segment"]
    segment = Segment(start=frames["start_frame"], num_frames=frames["num_frames"])
    config = overrides.literal({key: stored[key] for key in _CONFIGURED})
    clip = parts.open_clip(config)
    if clip.identity != record.clip["identity"]:
        raise InputError(f"{clip.path}: is not the video that {folder.name} was trained on; its bytes have changed")
    return Head(folder=folder, config=config, clip=clip, segment=segment)


def read_record(folder: Path) -> HeadRecord:
    """head.json; InputError where the folder holds none that can be read."""
    if not (folder / "head.json").is_file():
        raise InputError(
            f"{folder}: not a finished head; give a run folder of results/ or a head folder of results/heads/"
        )
    try:
        return HeadRecord.read(folder)
    except DamagedRecord as error:
        raise InputError(str(error)) from error


def read_config(folder: Path) -> dict[str, Any]:
    """config.yaml as plain values; InputError names the file where it is not one of a head."""
    path = folder / "config.yaml"
    try:
        stored = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not readable; run the command that made the head again") from error
    frames = stored.get("segment") if isinstance(stored, dict) else None
    known = isinstance(frames, dict) and all(isinstance(frames.get(key), int) for key in ("start_frame", "num_frames"))
    if not known or any(key not in stored for key in _CONFIGURED):
        raise InputError(f"{path}: is no configuration of a head; run the command that made it again")
    return stored


def folder_of(given: Path) -> Path:
    """The head's folder of a run folder, or of itself."""
    if not (given / "result.json").is_file():
        return given
    try:
        run = results.RunRecord.read(given / "result.json")
    except DamagedRecord as error:
        raise InputError(str(error)) from error
    return given.parent / HEADS / run.head


def scores_name(switches: dict[str, bool]) -> str:
    """File of the scores under these switches and with the weights that are here: other weights are another file."""
    return f"scores-{identity.digest_of(scored_with(switches))}.json"


def scored_with(switches: dict[str, bool]) -> dict[str, Any]:
    """What scores depend on beside their head: the metrics, their weights, and whether the control was rendered."""
    return {**setting(suite_switches(switches)), "shuffled_audio": switches["shuffled_audio"]}


def suite_switches(switches: dict[str, bool]) -> Switches:
    """Of `metrics=` those that choose metrics; the other, `shuffled_audio`, renders a control."""
    return Switches(**{name: value for name, value in switches.items() if name != "shuffled_audio"})


def is_scored(path: Path) -> bool:
    """Whether a scores file is there and readable; a damaged one is named on stderr."""
    return _readable(ScoresRecord.read, path, path)


def is_done(config: DictConfig, folder: Path) -> bool:
    """Whether a run has its head, and that head its scores under this metrics setting; a damaged record is named on stderr."""
    if not (folder / "result.json").exists():
        return False
    try:
        record = results.RunRecord.read(folder / "result.json")
        results.RunResult.read(folder / "result.json")
    except results.DamagedRecord as error:
        print(f"tfg: {error}; made anew", file=sys.stderr)
        return False
    return record.scores == scores_name(OmegaConf.to_container(config.metrics))  # type: ignore[arg-type]


def _readable(read: Any, path: Path, argument: Path) -> bool:
    if not path.exists():
        return False
    try:
        read(argument)
    except DamagedRecord as error:
        print(f"tfg: {error}; made anew", file=sys.stderr)
        return False
    return True
