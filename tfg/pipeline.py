"""The whole flow on one page: clip -> selection -> portraits -> training -> rendering -> metrics -> result.json.

The only file that knows the order of the rooms, and the only one that calls hydra.utils.instantiate.
"""

from __future__ import annotations

import errno
import functools
import sys
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from tfg import assets, data, rendering, training
from tfg.backbones.base import Backbone
from tfg.clip.read import open_video, read_clip
from tfg.clip.sound import read_audio
from tfg.clip.synthetic.generate import SyntheticClip, make_synthetic
from tfg.features.base import AudioExtractor, FaceExtractor, MaskExtractor
from tfg.features.clip_features import ClipFeatures
from tfg.features.face.crop import read_crop
from tfg.features.portrait import face_reader, frame_face, observe
from tfg.record import files, identity, results, tracking
from tfg.record.stages import Stages
from tfg.scoring import controls, suite
from tfg.scoring import run as scoring
from tfg.scoring.setting import Switches
from tfg.selectors.base import Candidates, Selection, Selector
from tfg.selectors.candidates import candidates_for, frames_of
from tfg.selectors.report import selection_json, selection_plot
from tfg.selectors.voicing import voiced_frames
from tfg.types import FPS, SAMPLES_PER_FRAME, Clip, InputError, Portrait

LEAST_VOICED = 0.05  # share of a training segment; no 5 s of the GRID clip, pauses included, have less than 0.29


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The exchangeable parts of a run, checked but not loaded."""

    audio: AudioExtractor
    face: FaceExtractor
    masks: MaskExtractor
    selector: Selector


def run(config: DictConfig) -> Path:
    """One run to its result.json or failure.json; nothing is done when the first is there already. Returns the run folder."""
    OmegaConf.resolve(config)
    folder = run_folder(config)
    if (folder / "result.json").exists():
        print(f"tfg: {folder.name} is done already; without its result.json it is scored anew", file=sys.stderr)
        return folder
    stages = Stages()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=0):
            # What a failed run left, and one that was killed while it wrote.
            for left in (folder / "failure.json", *folder.glob("*.part*")):
                left.unlink(missing_ok=True)
            _run(config, folder, stages)
    except Timeout:
        print(f"tfg: {folder.name} is being run by another process; left to it", file=sys.stderr)
    except (SystemExit, KeyboardInterrupt) as stop:  # Lightning turns SIGTERM into a SystemExit without a code
        print(f"tfg: {folder.name} was interrupted; the same command goes on with it", file=sys.stderr)
        raise SystemExit(130 if isinstance(stop, KeyboardInterrupt) else stop.code or 143) from stop
    except Exception as error:  # the border of a run: whatever happened is written whole, and the sweep goes on
        _fail(folder, stages.current, error)
    return folder


def _run(config: DictConfig, folder: Path, stages: Stages) -> None:
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    files.write_text(folder / "config.yaml", OmegaConf.to_yaml(config, resolve=True))
    parts, clip, device = build(config), open_clip(config), config.trainer.device
    names = (config.backbone.name, clip.digest, config.seed)
    with tracking.track(
        config.tracker, folder=folder, run_id=folder.name, group=str(config.group), config=plain
    ) as tracker:
        features = _features(parts, clip)
        with stages("selection") as stage:
            selection, chosen = select(config, parts.selector, features, details=True)
            files.write_json(folder / "selection.json", chosen)
            selection_plot(selection, folder / "selection.png")
            stage.frames = chosen["cost"]["frames"]

        with stages("features") as stage:
            features = frame_face(features, read_crop(config.clip.crop, clip))
            data.check_split(selection.segment, clip)
            train, test, cameras = observe(features, selection.segment, data.held_out(clip))
            mean, std = data.audio_statistics(train.audio)
            rendering.save_portrait(folder / "portrait.npz", train, mean, std)
            stage.frames = len(train.frames) + len(test.frames)
            stage.notes = {"camera_error_px": cameras.error_pixels, "focal_px": cameras.focal}

        with stages("training") as stage:
            torch.manual_seed(identity.seed_for("init", *names))
            backbone = make_backbone(config, train)
            trained = training.fit(
                backbone,
                data.PortraitData(
                    train,
                    data.audio_windows(train.audio, mean, std),
                    chunk=config.trainer.checkpoint_every,
                    num_steps=backbone.num_steps,
                    seed=identity.seed_for("order", *names),
                ),
                folder,
                device=device,
                logger=tracker.logger(),
            )
            stage.frames = len(train.frames)
            stage.notes = {
                "seconds": round(trained.seconds, 3),  # of all parts of an interrupted run
                "steps": trained.steps,
                "resumed_from": trained.resumed_from,
            }

        with stages("rendering") as stage:
            windows = data.audio_windows(test.audio, mean, std)
            rendered = rendering.render(backbone, test, windows, device=device)
            sound = clip.audio()[int(test.frames[0]) * SAMPLES_PER_FRAME :][: len(test.frames) * SAMPLES_PER_FRAME]
            written = rendering.write_videos(folder, rendered.images, test.images, sound)
            stage.frames = len(test.frames)

        with stages("metrics") as stage:
            shuffled = None
            if config.metrics.shuffled_audio:
                shuffled = rendering.render(backbone, test, controls.shuffle(windows, *names), device=device).images
            switches, reader = switches_of(config), face_reader(features)
            metrics = suite.build(switches, reader=reader, listener=suite.fit_listener(features, switches))
            videos = (open_video(folder / written["rendered"]), open_video(folder / written["truth"]))
            judged = scoring.judge(test, sound, reader, metrics)
            scores = scoring.score_run(judged, rendered.images, shuffled, videos, train, mean, std)
            stage.frames = len(test.frames)

        commit, dirty = results.commit()
        record = results.RunResult(
            run_id=folder.name,
            group=str(config.group),
            config=plain,
            selection=chosen,
            stages=stages.records,
            metrics=scoring.as_json(scores.metrics),
            baselines={name: scoring.as_json(values) for name, values in scores.baselines.items()},
            truth=scoring.as_json(scores.truth),
            files={**written, "selection_plot": "selection.png", "selection": "selection.json", "curve": "metrics.csv"},
            commit=commit,
            dirty=dirty,
            machine=results.machine(),
            notes={
                "clip_digest": clip.digest,
                "truth_digest": videos[1].digest,  # `tfg evaluate --truth` of this file joins the tables
                "crop": asdict(features.clip.crop),
                "size": features.clip.size,
            },
        )
        numbers = {name: value.value for name, value in scores.metrics.items() if value.value is not None}
        tracker.record(
            numbers, {name: folder / file for name, file in written.items()}, {"selection": folder / "selection.png"}
        )
    record.write(folder)


def check(config: DictConfig) -> None:
    """Build every part and open the clip, so that a wrong value, video or missing weight stops a sweep before it starts."""
    parts, clip = build(config), open_clip(config)
    for part in (parts.audio, parts.face, parts.masks):
        getattr(part, "path", None)  # the weights of a part that needs some
    tracking.check(config.tracker)
    _backbone(config, size=config.clip.size, focal=float(config.clip.size), audio_channels=parts.audio.channels)
    read_crop(config.clip.crop, clip)
    _starts(config, clip)
    if not _speaks(clip.path, clip.digest):
        raise InputError(
            f"{clip.path}: no speech in its sound, only silence or noise; give a video of someone speaking"
        )


def build(config: DictConfig) -> Parts:
    """Construct the parts; their own checks name the config key."""
    return Parts(**{axis: _construct(config[axis]) for axis in ("audio", "face", "masks", "selector")})


def open_clip(config: DictConfig) -> Clip:
    """The video of `clip.path`, or the embedded clip, made once and cached."""
    if config.clip.path is not None:
        return read_clip(str(config.clip.path), size=config.clip.size, name=config.clip.name)
    spec = SyntheticClip(**config.clip.synthetic, size=config.clip.size)
    path = make_synthetic(spec, assets.cache_root() / "clips")
    return read_clip(path, size=config.clip.size, name=config.clip.name or "embedded")


def switches_of(config: DictConfig) -> Switches:
    """Which metrics `metrics=` asks for."""
    return Switches(**{key: bool(value) for key, value in config.metrics.items() if key != "shuffled_audio"})


def run_folder(config: DictConfig) -> Path:
    """Where a run of this configuration lives, whether or not it has started."""
    clip = open_clip(config)
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    return Path(config.results) / identity.run_id(plain, clip.name, clip.digest)


def select(
    config: DictConfig, selector: Selector, features: ClipFeatures, *, details: bool
) -> tuple[Selection, dict[str, Any]]:
    """The chosen segment, and the same as the JSON object that `tfg select` prints, with `details` also each score's notes."""
    clip = features.clip
    voiced = functools.cache(lambda: voiced_frames(clip.audio()[: clip.num_reference_frames * SAMPLES_PER_FRAME]))
    candidates = Candidates(
        starts=_starts(config, clip),
        num_frames=frames_of(config.seconds),
        num_reference_frames=clip.num_reference_frames,
        audio=lambda: features.sound()[: clip.num_reference_frames],
        face=features.track,
        voiced=voiced,
        where=str(clip.path),
    )
    rng = np.random.default_rng(identity.seed_for("selection", clip.digest, config.seed))
    with features.costing() as cost:
        selection = selector.select(candidates, rng)
    segment = selection.segment
    if voiced()[segment.start : segment.stop].mean() < LEAST_VOICED:
        raise InputError(
            f"{clip.path}: no speech from {segment.start / FPS:.1f} to {segment.stop / FPS:.1f} s, the segment that "
            f"{selection.method} chose; cut the silence out, or use another selector or seed"
        )
    return selection, selection_json(selection, round(cost.seconds, 3), cost.frames, details=details)


def select_only(config: DictConfig) -> tuple[Selection, dict[str, Any]]:
    """`tfg select`: the selection of one configuration without a run, as object and as JSON."""
    parts = build(config)
    return select(config, parts.selector, _features(parts, open_clip(config)), details=False)


def make_backbone(config: DictConfig, portrait: Portrait) -> Backbone:
    """An untrained backbone for pictures of this portrait's size, focal length and audio feature."""
    cameras = portrait.cameras
    return _backbone(config, size=cameras.size, focal=cameras.focal, audio_channels=portrait.audio.shape[1])


def _backbone(config: DictConfig, *, size: int, focal: float, audio_channels: int) -> Backbone:
    settings = {key: value for key, value in config.backbone.items() if key != "name"}
    return _construct(settings, size=size, focal=focal, audio_channels=audio_channels)


def _construct(settings: Any, **values: Any) -> Any:
    """hydra's instantiate, with the InputError of a part's own check instead of hydra's wrapping of it."""
    try:
        return instantiate(settings, **values)
    except InstantiationException as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, InputError):
            cause = cause.__cause__
        raise cause or error from error


def _features(parts: Parts, clip: Clip) -> ClipFeatures:
    root = assets.cache_root() / "features"
    return ClipFeatures(clip=clip, audio=parts.audio, face=parts.face, masks=parts.masks, root=root)


def _starts(config: DictConfig, clip: Clip) -> tuple[int, ...]:
    return candidates_for(clip.num_reference_frames, config.seconds, config.stride_seconds, where=str(clip.path))


@functools.cache
def _speaks(path: Path, digest: str) -> bool:
    """Whether a file holds any voiced sound; asked once for all cells of a sweep."""
    return bool(voiced_frames(read_audio(path)).any())


def _fail(folder: Path, stage: str, error: Exception) -> None:
    """failure.json with the whole trace, and one line on stderr."""
    user = isinstance(error, InputError)
    message = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        user, message = (
            True,
            f"no space left on the disk of {error.filename or folder}; free some and run the same command again",
        )
    print(f"tfg: {folder.name}: {message}", file=sys.stderr)
    try:
        trace = "".join(traceback.format_exception(error))
        results.write_failure(folder, stage=stage, message=message, trace=trace, user=user)
    except OSError as second:
        if second.errno != errno.ENOSPC:
            print(f"tfg: {folder.name}: failure.json could not be written either ({second})", file=sys.stderr)
