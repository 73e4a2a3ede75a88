"""What a run will cost here: its own steps, on a few of its own frames, timed for two or three seconds before it begins.

What is learned is thrown away. Frames are read through the cache, from the end of the clip, where a run needs them anyway.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from torch.utils.data import default_collate

from tfg import data, heads, parts, rendering
from tfg.backbones.base import Backbone
from tfg.estimate import Estimate
from tfg.features.base import FaceReader
from tfg.features.cache import CHUNK
from tfg.features.clip_features import ClipFeatures
from tfg.features.cost import FACES, MASKS
from tfg.features.face.crop import read_crop
from tfg.features.face.fitted import FittedLandmarks
from tfg.features.lips.motion import lip_motion
from tfg.features.portrait import READER_FRAMES, frame_face, observe, portrait_alone
from tfg.metrics.listener.fitted import FEWEST_FRAMES, TOTAL_STEPS, FittedListener, NoListener
from tfg.record import meter
from tfg.record.meter import Spent
from tfg.scoring import controls, suite
from tfg.scoring import run as scoring
from tfg.selectors.candidates import frames_of
from tfg.sync import MOST_SECONDS
from tfg.threads import count_of, threads
from tfg.types import FPS, SAMPLES_PER_FRAME, Bytes, Floats, Portrait, Segment

STEPS_SECONDS = 0.15  # for each stretch of a training, beside the first steps of it
READ = 100  # held-out frames whose faces and masks are read, so that opening readers does not count; the run finds them in the cache
SHOWN = 6  # frames that are prepared
SHOWN_TO_FIT = 50  # the same where the reader of the metrics has to be fitted to them
ROWS = 2  # of them that steps are taken on, so that what is held of a frame is held
FEW = 2  # of them that are rendered, beside one to get going
SCORED = 4  # pictures that are scored, and whose faces are read
WRITTEN = 24  # pictures that are written as videos
SOUND_SECONDS = 30.0  # of sound that features are timed on: Whisper's window
LISTENER_SECONDS = 0.15  # for its steps


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """What a run has to do, in frames."""

    segment: int
    held_out: int
    faces: int  # to be read, the others being in the cache
    masks: int


def rehearse(config: DictConfig, built: parts.Parts, features: ClipFeatures) -> Estimate:
    """The time of a run on this clip from nothing but what the cache has; InputError where a face at its end cannot be read."""
    features = frame_face(features, read_crop(config.clip.crop, features.clip))
    timed: dict[str, Spent] = {}
    with threads(count_of(config.trainer.threads, features.clip.size)), torch.random.fork_rng(devices=[]):
        portrait = _read(features, timed)
        portrait = _driven(config, portrait)
        windows = data.audio_windows(portrait.audio, *data.audio_statistics(portrait.audio))
        training, backbone = _train(config, portrait, windows, timed)
        images = _render(config, backbone, portrait.rows(0, 1 + FEW), windows[: 1 + FEW], timed)
    amounts = _amounts(config, features)
    costs = {
        "processing": _processing(built, features, amounts, timed),
        "training": training,
        "rendering": (timed["rendered frame"] + timed["written frame"]).times(amounts.held_out),
        "scoring": _score(config, features, portrait, images, amounts.held_out, timed),
    }
    return Estimate(parts=costs, timed=timed)


def _read(features: ClipFeatures, timed: dict[str, Spent]) -> Portrait:
    """Frames at the end of the clip, their sound left out; what is read goes to the cache by whole chunks."""
    clip = features.clip
    count = min(SHOWN if isinstance(features.face, FaceReader) else SHOWN_TO_FIT, clip.num_frames)
    run = Segment.whole(start=(clip.num_frames - count) // CHUNK * CHUNK, num_frames=count)
    first = min(max(clip.num_reference_frames, clip.num_frames - READ), run.start) // CHUNK * CHUNK
    with features.costing() as faces:
        features.track(first, clip.num_frames)
    with features.costing(after=faces) as masks:
        features.mask(first, clip.num_frames)
    share = 1 / (clip.num_frames - first)
    timed["face read"], timed["mask read"] = faces.cold.times(share), masks.cold.times(share)
    observed, timed["frame prepared"] = _once(lambda: observe(features, run, silent=True), count)
    portrait, timed["pose fitted"] = _once(lambda: portrait_alone(observed, clip.size), count)
    return portrait


def _driven(config: DictConfig, portrait: Portrait) -> Portrait:
    """With lip motion, or with noise in the place of audio features."""
    if config.conditioning == "lips":
        return replace(portrait, audio=lip_motion(portrait.landmarks, portrait.cameras, portrait.face_shape))
    channels = parts.construct(config.audio, "audio").channels
    noise = np.random.default_rng(0).normal(size=(len(portrait.frames), channels))
    return replace(portrait, audio=noise.astype(np.float32))


def _train(config: DictConfig, portrait: Portrait, windows: Floats, timed: dict[str, Spent]) -> tuple[Spent, Backbone]:
    """All steps, and the backbone of the last ones."""
    device = torch.device(config.trainer.device)
    module: Any = parts.make_backbone(config, portrait)
    rows = data.batches(portrait.rows(0, ROWS), windows[:ROWS], device=device, truth=True)
    total = Spent()
    stretches = 0
    for first, count in module.rehearse(portrait):
        if not count:
            continue
        module.to(device).train()
        optimizers = module.configure_optimizers()
        # What Lightning's trainer would supply.
        module.optimizers = lambda use_pl_optimizer=True, optimizers=optimizers: optimizers
        module.manual_backward = lambda loss: loss.backward()

        def step(number: int, first: int = first, count: int = count) -> None:
            # A short stretch is repeated: steps beyond its end are another stage's.
            module.step.fill_(first + number % count)
            module.training_step(default_collate([rows[number % ROWS]]), number)
            if device.type == "cuda":
                torch.cuda.synchronize()

        for number in range(ROWS):
            step(number)
        stretches += 1
        each = _repeated(step, STEPS_SECONDS)
        timed[f"step {stretches}"] = each
        total += each.times(count)
    for name in ("optimizers", "manual_backward", "log"):
        module.__dict__.pop(name, None)
    return total, module


def _render(
    config: DictConfig, backbone: Backbone, portrait: Portrait, windows: Floats, timed: dict[str, Spent]
) -> Bytes:
    device = config.trainer.device
    rendering.render(backbone, portrait.rows(0, 1), windows[:1], device=device)
    made, timed["rendered frame"] = _once(
        lambda: rendering.render(backbone, portrait, windows, device=device).images, 1 + FEW
    )

    def write(count: int) -> None:
        rows = np.arange(count) % len(made)
        sound = np.zeros(count * SAMPLES_PER_FRAME, np.float32)
        with tempfile.TemporaryDirectory() as folder:
            rendering.write_videos(Path(folder), made[rows], portrait.images[rows], sound)

    timed["written frame"] = _one_more(write, 1, WRITTEN)
    return made


def _amounts(config: DictConfig, features: ClipFeatures) -> Amounts:
    """Of the segment, which is not chosen yet, the expected share of what the cache lacks; of a measured sound its first minute."""
    clip = features.clip
    stop, segment = clip.num_reference_frames, min(frames_of(config.seconds), clip.num_reference_frames)
    measured = config.clip.sound_offset == parts.AUTO and clip.sidecar is None
    read = min(stop, round(MOST_SECONDS * FPS)) if measured else 0

    def expected(feature: str, first: int) -> float:
        lacking = features.missing(feature, first, stop) / (stop - first) if first < stop else 0.0
        return segment * lacking * (stop - first) / stop + features.missing(feature, stop, clip.num_frames)

    faces = expected(FACES, read) + (features.missing(FACES, 0, read) if read else 0)
    return Amounts(
        segment=segment,
        held_out=clip.num_frames - stop,
        faces=round(faces),
        masks=round(expected(MASKS, 0)),
    )


def _processing(built: parts.Parts, features: ClipFeatures, amounts: Amounts, timed: dict[str, Spent]) -> Spent:
    clip = features.clip
    read = timed["face read"].times(amounts.faces) + timed["mask read"].times(amounts.masks)
    shown = (timed["frame prepared"] + timed["pose fitted"]).times(amounts.segment + amounts.held_out)
    if features.has_sound():
        return read + shown
    some = clip.audio()[: round(SOUND_SECONDS * FPS) * SAMPLES_PER_FRAME]
    _, timed["sound of a frame"] = _once(lambda: built.audio.extract(some), len(some) // SAMPLES_PER_FRAME)
    return read + shown + timed["sound of a frame"].times(clip.num_frames)


def _score(
    config: DictConfig,
    features: ClipFeatures,
    portrait: Portrait,
    images: Bytes,
    held_out: int,
    timed: dict[str, Spent],
) -> Spent:
    """The rendering scored as a run does; then what a run scores beside it."""
    switches = parts.plain(config)["metrics"]
    reader, fitting = _reader(features, portrait, timed)
    silent = NoListener(reason="timed without one")
    metrics, loading = _once(lambda: suite.build(heads.suite_switches(switches), reader=reader, listener=silent))

    shown = images[np.arange(SCORED) % len(images)]
    shown[:, 0, 0, 0] = np.arange(SCORED)  # the face of equal pictures would be read once

    def judged(count: int) -> scoring.Judge:
        sound = np.zeros(count * SAMPLES_PER_FRAME, np.float32)
        return scoring.judge(portrait.rows(0, count), sound, reader, metrics)

    judges = {count: judged(count) for count in (1, SCORED)}
    judges[1].score(shown[:1])
    read = timed["face read of a rendering"] = _one_more(judged, 1, SCORED)
    timed["scored frame"] = _one_more(lambda count: judges[count].score(shown[:count]), 1, SCORED)
    # Five videos: rendered, decoded, static, nearest and the truth, faces read in the first, the fourth and the last.
    frame = timed["scored frame"].times(5) - read.times(2)
    if switches["controls"]:
        frame += (timed["rendered frame"] + read).times(len(controls.SCORED))
    cost = fitting + loading + frame.times(held_out)
    if not switches["listener"] or suite.knows_listener(features):
        return cost
    return cost + _listener_step(timed).times(TOTAL_STEPS)


def _reader(features: ClipFeatures, portrait: Portrait, timed: dict[str, Spent]) -> tuple[FaceReader, Spent]:
    """What reads faces off renderings, and the cost until a run has it."""
    if isinstance(features.face, FaceReader):
        return features.face, Spent()
    reader, timed["reader fitted to a frame"] = _once(
        lambda: FittedLandmarks.fit(portrait.images, portrait.landmarks), len(portrait.images)
    )
    return reader, timed["reader fitted to a frame"].times(min(features.clip.num_reference_frames, READER_FRAMES))


class _Enough(Exception):
    """Steps have been timed for long enough."""


def _listener_step(timed: dict[str, Spent]) -> Spent:
    """A step of the listener's fit, which costs the same whatever it is fitted to."""
    rng = np.random.default_rng(0)
    sound, points = (rng.normal(size=(4 * FEWEST_FRAMES, *shape)).astype(np.float32) for shape in ((80,), (68, 2)))
    began, steps = meter.now(), 0

    def advance(done: int) -> None:
        nonlocal began, steps
        if not steps:  # the first gets going
            began = meter.now()
        steps += done
        if steps > 1 and (meter.now() - began).seconds > LISTENER_SECONDS:
            raise _Enough

    with suppress(_Enough):
        FittedListener.fit(sound, points, progress=advance)
    timed["listener step"] = (meter.now() - began).times(1 / max(steps - 1, 1))
    return timed["listener step"]


def _once(work: Callable[[], Any], shared_by: int = 1) -> tuple[Any, Spent]:
    """What it makes, and its cost for each of `shared_by`."""
    began = meter.now()
    made = work()
    return made, (meter.now() - began).times(1 / shared_by)


def _one_more(work: Callable[[int], Any], few: int, many: int) -> Spent:
    """The cost of one more, so that what opening a reader or a file costs is not counted with every frame.

    A tenth of one's share of the many at least, which the difference of two short times can fall below by chance.
    """
    _, first = _once(lambda: work(few))
    _, whole = _once(lambda: work(many))
    more, least = (whole - first).times(1 / (many - few)), whole.times(0.1 / many)
    processor = None
    if more.processor_seconds is not None and least.processor_seconds is not None:
        processor = max(more.processor_seconds, least.processor_seconds)
    return Spent(seconds=max(more.seconds, least.seconds), processor_seconds=processor)


def _repeated(step: Callable[[int], None], seconds: float) -> Spent:
    """The cost of one, repeated for so long, twice at least."""
    began, done = meter.now(), 0
    while done < 2 or (meter.now() - began).seconds < seconds:
        step(done)
        done += 1
    return (meter.now() - began).times(1 / done)
