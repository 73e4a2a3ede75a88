"""A head in its own folder: trained, rendered and scored once, by one process at a time, however many runs lead to it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from tfg import overrides, parts
from tfg.record import claims, identity, provenance, results
from tfg.record.files import is_sealed
from tfg.record.pieces import pieces_of
from tfg.record.results import HEADS, DamagedRecord, HeadRecord, ScoresRecord
from tfg.scoring.setting import NO_VIEWS, VIEWS_VERSION, Switches, setting
from tfg.seen import Acquaintance
from tfg.targets import refuse_foreign
from tfg.threads import count_of
from tfg.torso.settings import file_name as torso_file
from tfg.torso.settings import settings_of as torso_settings
from tfg.types import FPS, Clip, InputError, Piece, Segment

LATER = {"synctalk": {"precision": "float32"}}  # keys of a backbone that name no head, which heads of before them lack
CONFIGURED = (  # of a run's configuration
    "clip",
    "audio",
    "conditioning",
    "prior",
    "face",
    "masks",
    "backbone",
    "trainer",
    "split",
    "seed",
)
SEALED = ("last.ckpt", "portrait.npz", "rendered.mp4", "truth.mp4", "side_by_side.mp4")  # files of a finished head


@dataclass(frozen=True, kw_only=True)
class Head:
    """Which head: its configuration, its clip and its segment; where it is."""

    folder: Path  # results/heads/<name>
    config: DictConfig  # those of CONFIGURED
    clip: Clip
    segment: Segment

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def seeded_by(self) -> tuple[str, str, int]:
        """What every seed of a head depends on beside its purpose: backbone, clip, seed."""
        return self.config.backbone.name, self.clip.identity, self.config.seed

    @property
    def threads(self) -> int | None:
        """Of its training and its renderings; None: all cores."""
        return count_of(self.config.trainer.threads, self.config.clip.size)

    @property
    def is_finished(self) -> bool:
        """Trained and rendered, with a readable record and whole files; what is damaged is named on stderr."""
        if not _readable(HeadRecord.read, self.folder / "head.json", self.folder):
            return False
        damaged = [name for name in SEALED if not is_sealed(self.folder / name)]
        for name in damaged:
            print(f"tfg: {self.folder / name} is missing or damaged (its checksum differs); made anew", file=sys.stderr)
        return not damaged

    @contextmanager
    def held(self) -> Iterator[None]:
        """One process works on a head; others wait here until it is done, and then find it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        claim = claims.Claim(self.folder / claims.NAME)
        try:
            claim.take()
        except claims.Taken as taken:
            print(f"tfg: {self.name} is being made by {taken.by}; waiting for it", file=sys.stderr)
            claim.wait()
        try:
            for left in self.folder.glob("*.part*"):  # of a process that was killed while it wrote
                left.unlink(missing_ok=True)
            yield
        finally:
            claim.release()

    def describe(
        self,
        made_for: str,
        stages: dict[str, dict[str, Any]],
        files: dict[str, str],
        clip: Clip,
        seen: Acquaintance | None,
    ) -> HeadRecord:
        """Its record. `made_for`: the run that it was trained for. `clip` is cut to the face. `seen`: None without a prior."""
        commit, dirty = provenance.commit()
        return HeadRecord(
            head_id=self.name,
            made_for=made_for,
            config=parts.plain(self.config),
            clip={
                "name": clip.name,
                "identity": clip.identity,
                "digest": clip.digest,
                "crop": asdict(clip.crop),
                "size": clip.size,
                "seen_by_prior": None if seen is None else asdict(seen),
            },
            segment=_described(self.segment),
            stages=stages,
            files=files,
            commit=commit,
            dirty=dirty,
            machine=provenance.machine(),
        )


def of_run(config: DictConfig, clip: Clip, segment: Segment) -> Head:
    """The head that a run's configuration leads to when it has chosen a segment."""
    plain = parts.plain(config)
    # What was taken, however it was found.
    plain["clip"] |= {"sound_offset": clip.sound_offset, "size": clip.size}
    folder = parts.known_folder(Path(config.results) / HEADS, parts.head_name(overrides.literal(plain), clip, segment))
    own = overrides.literal({key: plain[key] for key in CONFIGURED})
    return Head(folder=folder, config=own, clip=clip, segment=segment)


def opened(folder: Path) -> Head:
    """The head of a folder of results/heads; InputError where it is none, or where its video or its weights have changed."""
    config, record = read(folder)
    clip = parts.open_clip(config)
    if clip.identity != record.clip["identity"]:
        raise InputError(f"{clip.path}: is not the video that {folder.name} was trained on; its bytes have changed")
    return Head(folder=folder, config=config, clip=clip, segment=_segment(record))


def read(folder: Path) -> tuple[DictConfig, HeadRecord]:
    """Configuration and record of a finished head; InputError where they are not those that its name stands for.

    The name's hash covers the configuration, the segment, the clip and the weights' checksums: what was edited or replaced since is
    refused, not used, and so is a class that conf/ does not name.
    """
    if not (folder / "head.json").is_file():
        raise InputError(
            f"{folder}: not a finished head; give a run folder of results/ or a head folder of results/heads/"
        )
    try:
        record = HeadRecord.read(folder)
        config = overrides.literal({key: record.config[key] for key in CONFIGURED})
        config.clip.pop("limits", None)  # not what a folder says: those of conf/ here
        for key, value in LATER.get(config.backbone.name, {}).items():
            config.backbone.setdefault(key, value)
        science = identity.head_science(
            parts.plain(config), record.clip["identity"], _numbers(record), parts.weights_checksum
        )
    except DamagedRecord as error:
        raise InputError(str(error)) from error
    except (KeyError, TypeError, AttributeError, OmegaConfBaseException) as error:
        raise InputError(f"{folder / 'head.json'}: is no record of a head ({error!r}); make the head again") from error
    for key in ("audio", "backbone"):
        refuse_foreign(config[key], key)
    if folder.name.rsplit("-", 1)[-1] != identity.digest_of(science):
        raise InputError(
            f"{folder}: its configuration, or a weights file that it names, is not what it was trained with; train it again"
        )
    return config, record


def _described(segment: Segment) -> dict[str, Any]:
    """As head.json has it: a segment in one piece is that piece, else its `pieces` and what they add up to."""
    pieces = [
        {"start_frame": start, "num_frames": count, "start": start / FPS, "seconds": count / FPS}
        for start, count in segment.numbers
    ]
    if len(pieces) == 1:
        return pieces[0]
    return {"pieces": pieces, "num_frames": segment.num_frames, "seconds": segment.num_frames / FPS}


def _numbers(record: HeadRecord) -> list[tuple[int, int]]:
    """First frame and number of frames of each piece, as they are written."""
    return [(piece["start_frame"], piece["num_frames"]) for piece in pieces_of(record.segment)]


def _segment(record: HeadRecord) -> Segment:
    """Of a record that `read` has found to be what its name stands for."""
    return Segment(pieces=tuple(Piece(start=start, num_frames=count) for start, count in _numbers(record)))


def folder_of(given: Path) -> Path:
    """The head's folder of a run folder, or of itself."""
    if not (given / "result.json").is_file():
        return given
    try:
        run = results.RunRecord.read(given / "result.json")
    except DamagedRecord as error:
        raise InputError(str(error)) from error
    return given.parent / HEADS / run.head


def scores_name(switches: Mapping[str, Any], torso: str | None) -> str:
    """File of the scores under these switches and with the weights that are here: other weights are another file.

    `torso`: the file of the head's torso field, None without one.
    """
    return f"scores-{identity.digest_of(scored_with(switches, torso))}.json"


def scored_with(switches: Mapping[str, Any], torso: str | None) -> dict[str, Any]:
    """What scores depend on beside their head: the metrics, their weights, its controls, its views, its torso field."""
    views = switches.get("views", NO_VIEWS)
    beside = {} if views == NO_VIEWS else {"views": {"lights": views, "version": VIEWS_VERSION}}
    return {**setting(suite_switches(switches)), "controls": switches["controls"], "torso": torso, **beside}


def suite_switches(switches: Mapping[str, Any]) -> Switches:
    """Of `metrics=` those that choose metrics; `controls` and `views` render the head again, without its speech and from the side."""
    try:
        return Switches(**{name: value for name, value in switches.items() if name not in ("controls", "views")})
    except TypeError as error:
        raise InputError(f"metrics: {error}; conf/metrics/full.yaml has every switch") from error


def is_scored(path: Path) -> bool:
    """Whether a scores file is there and readable; a damaged one is named on stderr."""
    return _readable(ScoresRecord.read, path, path)


def is_done(config: DictConfig, folder: Path) -> bool:
    """Whether a run has its head, and that head its scores under this metrics setting; a damaged record is named on stderr."""
    if not (folder / "result.json").exists():
        return False
    torso = torso_file(torso_settings(config.torso))
    return result_of(folder, scores_name(parts.plain(config.metrics), torso)) is not None


def result_of(folder: Path, scores: str) -> results.RunResult | None:
    """A run's result with its head and its scores in the file of this name; a damaged record is named on stderr."""
    if not (folder / "result.json").exists():
        return None
    try:
        found = results.RunResult.read(folder / "result.json")
    except results.DamagedRecord as error:
        _say_damaged(str(error))
        return None
    return found if found.scores == scores else None


def _readable(read: Any, path: Path, argument: Path) -> bool:
    if not path.exists():
        return False
    try:
        read(argument)
    except DamagedRecord as error:
        _say_damaged(str(error))
        return False
    return True


@functools.cache
def _say_damaged(line: str) -> None:
    """Once, however often a sweep looks; what the line says to do is done."""
    print(f"tfg: {line.split('; ')[0]}; made anew", file=sys.stderr)
