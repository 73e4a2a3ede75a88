"""One evaluation: a prediction against its truth, or alone; its record is a plain JSON object."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tfg import assets, overrides, parts
from tfg.clip.read import read_clip
from tfg.features.cache import cached_ranges
from tfg.features.clip_features import TRACK_FIELDS, ClipFeatures
from tfg.features.face.mediapipe import MediaPipeFace
from tfg.metrics.base import Metric, MetricValue, Pictures
from tfg.metrics.listener.fitted import FittedListener, NoListener
from tfg.metrics.openface import ActionUnitError, read_action_units
from tfg.progress import progress
from tfg.record import files, provenance
from tfg.record.evaluations import SCHEMA
from tfg.record.ownership import private
from tfg.scoring import controls, suite
from tfg.scoring import run as scoring
from tfg.scoring.intervals import intervals
from tfg.scoring.request import HELD_OUT, Request
from tfg.scoring.score import Subject, joined, read_range, score
from tfg.scoring.videos import Comparison, compare
from tfg.split import split
from tfg.types import FaceTrack

THREADS = 2  # of torch in every evaluation, whatever --jobs: the number of threads can change the last digits


def evaluate(request: Request) -> dict[str, Any]:
    """The record of one evaluation; taken from the cache when the same files were scored in the same way before."""
    import torch

    torch.set_num_threads(THREADS)
    shown = compare(request.prediction, request.truth, request.audio, resize=request.resize)
    face, blind = _parts().face, None
    reader = face if isinstance(face, MediaPipeFace) else None
    model = assets.asset("face_landmarker")
    if assets.usable(model) is None:
        reader, blind = None, f"{assets.absence(model)}; {assets.remedy(model)}"
    definition = reader.definition if reader is not None else "no face reader"
    units, listener = _action_units(request), _listener(request, shown.prediction.shape[0])
    metrics = suite.build(request.switches, reader=reader, listener=listener, action_units=units)
    reason = listener.reason if isinstance(listener, NoListener) else ""
    folder = private(assets.cache_root() / "evaluations", "whose numbers would be shown")
    path = folder / f"{_key(request, shown, metrics, [definition, reason])}.json"
    if path.exists():
        if files.is_sealed(path):
            return _named(json.loads(path.read_text()), request)
        print(f"tfg: {path}: an evaluation whose checksum is missing or does not fit; scored anew", file=sys.stderr)
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
    _write(path, record)
    return _named(record, request)


def _record(
    shown: Comparison, reader: str, values: dict[str, MetricValue], ground_truth: dict[str, MetricValue]
) -> dict[str, Any]:
    count, height, width = shown.prediction.shape
    # What other tools measure on decoded files: here everything is decoded, so both columns are the same number.
    pictures = {name: value for name, value in values.items() if name.split("_")[0] in ("psnr", "ssim", "lpips")}
    metrics = scoring.as_json(values | controls.decoded(pictures))
    truth = scoring.as_json(ground_truth)
    return {
        "schema": SCHEMA,
        "compared": list(shown.notes),
        "num_frames": count,
        "fps": 25,
        "height": height,
        "width": width,
        "digests": list(shown.digests),
        "reader": reader,
        "metrics": metrics,
        "intervals": intervals(metrics, truth),
        "ground_truth": truth,
        "commit": provenance.commit()[0],
        "machine": provenance.machine(),
    }


def _write(path: Path, record: dict[str, Any]) -> None:
    """With its checksum beside it."""
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text(json.dumps(record, indent=1, allow_nan=False))
        files.seal(partial, path)
    finally:
        partial.unlink(missing_ok=True)


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
    values = [SCHEMA, shown.digests, shown.notes, asdict(request.switches), provenance.commit(), readers]
    values += [request.held_out, *(getattr(metric, "note", "") for metric in metrics)]
    for path in (request.reference, request.au_prediction, request.au_truth):
        values.append("" if path is None else assets.checksum(path))
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:32]


def _parts() -> parts.Parts:
    """What reads a real video, as conf/ has it."""
    return parts.build(overrides.composed(["audio=logmel", "face=mediapipe", "masks=mediapipe"]))


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


def _listener(request: Request, num_frames: int) -> FittedListener | NoListener:
    """Of the reference video."""
    features = None
    if request.reference is not None:
        parts = _parts()
        features = ClipFeatures(
            clip=split(read_clip(request.reference), request.held_out, HELD_OUT),
            audio=parts.audio,
            face=parts.face,
            masks=parts.masks,
            root=assets.cache_root() / "features",
        )
    return suite.fit_listener(features, request.switches, num_frames)


def _action_units(request: Request) -> ActionUnitError:
    made, true = (
        None if path is None else read_action_units(path) for path in (request.au_prediction, request.au_truth)
    )
    return ActionUnitError(pred=made, truth=true)
