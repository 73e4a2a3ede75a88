"""One evaluation: a prediction against its truth, or alone; its record is a plain JSON object."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tfg import assets, overrides, pipeline
from tfg.clip.read import read_clip
from tfg.features.cache import cached_ranges
from tfg.features.clip_features import TRACK_FIELDS, ClipFeatures
from tfg.features.face.mediapipe import MediaPipeFace
from tfg.metrics.base import Metric, MetricValue, Pictures
from tfg.metrics.openface import ActionUnitError, read_action_units
from tfg.progress import progress
from tfg.record import files, results
from tfg.scoring import run as scoring
from tfg.scoring import suite
from tfg.scoring.evaluate import Subject, joined, read_range, score
from tfg.scoring.videos import Comparison, compare
from tfg.types import FaceTrack, InputError

SCHEMA = 2
THREADS = 2  # of torch in every evaluation, whatever --jobs: the number of threads can change the last digits


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked; paths as the user gave them."""

    prediction: Path
    truth: Path | None = None
    audio: Path | None = None  # the sound the prediction was made for; default: its own
    reference: Path | None = (
        None  # the video the method was trained on: the embedded listener is fitted on its first 10/11
    )
    au_prediction: Path | None = None  # OpenFace CSV
    au_truth: Path | None = None
    name: str | None = None  # of the method
    resize: bool = False
    switches: suite.Switches = field(default_factory=suite.Switches)


def evaluate(request: Request) -> dict[str, Any]:
    """The record of one evaluation; taken from the cache when the same files were scored in the same way before."""
    import torch

    torch.set_num_threads(THREADS)
    shown = compare(request.prediction, request.truth, request.audio, resize=request.resize)
    face, blind = _parts().face, None
    reader = face if isinstance(face, MediaPipeFace) else None
    model = assets.asset("face_landmarker")
    if assets.locate(model) is None:
        reader, blind = None, f"{assets.absence(model)}; {assets.remedy(model)}"
    definition = reader.definition if reader is not None else "no face reader"
    ear, units = _ear(request), _action_units(request)
    metrics = suite.build(request.switches, reader=reader, ear=ear, action_units=units)
    path = assets.cache_root() / "evaluations" / f"{_key(request, shown, metrics, [definition, ear.reason])}.json"
    if path.exists():
        return _named(json.loads(path.read_text()), request)
    made = _faces(reader, shown.prediction, request.prediction, shown.digests[0])
    true = None if shown.truth is None else _faces(reader, shown.truth, request.truth, shown.digests[1])
    subject = Subject(
        prediction=shown.prediction,
        truth=shown.truth,
        where=shown.where,
        made=made,
        true=true,
        audio=shown.audio,
        blind=blind,
    )
    with progress(f"{request.prediction.name}: scores", subject.prediction.shape[0]) as advance:
        values = score(subject, metrics, definition, advance)
    ground_truth = {}
    if subject.truth is not None and true is not None:
        same = replace(subject, prediction=subject.truth, made=true)
        of_truth = replace(units, pred=units.truth)  # the only metric that does not look at the subject
        metrics = tuple(of_truth if metric is units else metric for metric in metrics)
        with progress("its truth: scores", subject.prediction.shape[0]) as advance:
            ground_truth = score(same, metrics, definition, advance)
    record = _record(shown, definition, values, ground_truth)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(path, record)
    return _named(record, request)


def _record(
    shown: Comparison, reader: str, values: dict[str, MetricValue], ground_truth: dict[str, MetricValue]
) -> dict[str, Any]:
    count, height, width = shown.prediction.shape
    # What other tools measure on decoded files: here everything is decoded, so both columns are the same number.
    decoded = {
        f"{name}_decoded": value for name, value in values.items() if name.split("_")[0] in ("psnr", "ssim", "lpips")
    }
    return {
        "schema": SCHEMA,
        "compared": list(shown.notes),
        "num_frames": count,
        "fps": 25,
        "height": height,
        "width": width,
        "digests": list(shown.digests),
        "reader": reader,
        "metrics": scoring.as_json(values | decoded),
        "ground_truth": scoring.as_json(ground_truth),
        "commit": results.commit()[0],
        "machine": results.machine(),
    }


def _named(record: dict[str, Any], request: Request) -> dict[str, Any]:
    """The record with the names the user gave, which the numbers do not depend on."""
    return {
        "name": request.name or request.prediction.stem,
        "pred": str(request.prediction),
        "truth": None if request.truth is None else str(request.truth),
        **record,
    }


def _key(request: Request, shown: Comparison, metrics: tuple[Metric, ...], readers: list[str]) -> str:
    """Of everything the numbers depend on: files, what was done to them, who read them, metrics' weights, and the code."""
    parts = [SCHEMA, shown.digests, shown.notes, asdict(request.switches), results.commit(), readers]
    parts += [getattr(metric, "note", "") for metric in metrics]
    for path in (request.reference, request.au_prediction, request.au_truth):
        parts.append("" if path is None else assets.checksum(path))
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _parts() -> pipeline.Parts:
    """What reads a real video, as conf/ has it."""
    return pipeline.build(overrides.composed(["audio=logmel", "face=mediapipe", "masks=mediapipe"]))


def _faces(reader: MediaPipeFace | None, pictures: Pictures, path: Path | None, digest: str) -> FaceTrack:
    """Faces in the pictures that are scored, cached by file and size; none at all without a reader."""
    if reader is None or path is None:
        return FaceTrack.empty(0, pictures.shape[0])
    key = {
        "file": digest,
        "what": "read",
        "size": pictures.shape[1:],
        "reader": reader.definition,
        "confidence": reader.min_confidence,
    }

    def compute(start: int, stop: int) -> dict[str, Any]:
        track = read_range(reader, pictures, start, stop)
        return {name: getattr(track, name) for name in TRACK_FIELDS}

    count = pictures.shape[0]
    root = assets.cache_root() / "features"
    entries = cached_ranges(key, 0, count, count, compute, root, f"{path.name}: faces")
    return joined([FaceTrack(start=first, **entry.arrays) for first, entry in entries])


def _ear(request: Request) -> suite.Ear:
    """The listener of the reference video."""
    features = None
    if request.reference is not None:
        parts = _parts()
        features = ClipFeatures(
            clip=read_clip(request.reference),
            audio=parts.audio,
            face=parts.face,
            masks=parts.masks,
            root=assets.cache_root() / "features",
        )
    return suite.fit_ear(features, request.switches)


def _action_units(request: Request) -> ActionUnitError:
    if (request.au_prediction is None) != (request.au_truth is None):
        raise InputError("--au-pred and --au-truth: give both OpenFace tables, or neither")
    made, true = (
        None if path is None else read_action_units(path) for path in (request.au_prediction, request.au_truth)
    )
    return ActionUnitError(pred=made, truth=true)
