"""A run's numbers: the rendering, the two baselines, the truth itself and the shuffled-audio control, by one evaluator."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tfg import data
from tfg.features.base import FaceReader
from tfg.metrics import baselines
from tfg.metrics.base import Metric, MetricValue, Pictures
from tfg.metrics.image import ImageQuality
from tfg.metrics.lpips import PerceptualDistance
from tfg.record import identity
from tfg.scoring.evaluate import Held, Subject, read_faces, score
from tfg.types import Bytes, FaceTrack, Floats, Portrait

SHUFFLED = "control: held-out frames rendered with their audio windows in random order"
CONTROLS = ("mouth_correlation", "sync_c_listener")


@dataclass(frozen=True, kw_only=True)
class Scores:
    metrics: dict[str, MetricValue]
    baselines: dict[str, dict[str, MetricValue]]
    truth: dict[str, MetricValue]


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Scores anything that was made for the held-out part of one clip."""

    test: Portrait
    audio: Floats  # (n * 640,) the held-out sound
    reader: FaceReader
    metrics: tuple[Metric, ...]
    true: FaceTrack  # what the reader sees in the truth: predictions are compared with this, so that its errors cancel

    def score(
        self, images: Bytes, names: tuple[str, ...] | None = None, note: str = "in memory"
    ) -> dict[str, MetricValue]:
        """(n, size, size, 3) uint8 -> name -> value; of these names only, if given."""
        test = self.test
        made = self.true if images is test.images else read_faces(self.reader, Held(images=images), test.landmarks)
        return self._score(Held(images=images), Held(images=test.images), made, self._metrics(names), note)

    def decoded(self, prediction: Pictures, truth: Pictures) -> dict[str, MetricValue]:
        """The image metrics once more, on both videos as files give them back: psnr_decoded, ..."""
        pictures = tuple(metric for metric in self.metrics if isinstance(metric, ImageQuality | PerceptualDistance))
        # Their boxes come from the truth; no face is read.
        values = self._score(prediction, truth, self.true, pictures, "both written as H.264 and decoded again")
        return {f"{name}_decoded": value for name, value in values.items()}

    def _metrics(self, names: tuple[str, ...] | None) -> tuple[Metric, ...]:
        return tuple(metric for metric in self.metrics if names is None or set(names) & set(metric.names))

    def _score(
        self, prediction: Pictures, truth: Pictures, made: FaceTrack, metrics: tuple[Metric, ...], note: str
    ) -> dict[str, MetricValue]:
        count, height, width = truth.shape
        subject = Subject(
            prediction=prediction,
            truth=truth,
            made=made,
            true=self.true,
            audio=self.audio,
            guide=self.test.landmarks,
            where=f"{count} held-out frames of {width}x{height} at 25 fps with true torso and background, {note}",
        )
        return score(subject, metrics, self.reader.definition)


def judge(test: Portrait, audio: Floats, reader: FaceReader, metrics: tuple[Metric, ...]) -> Judge:
    """Reads the truth's faces once for all that will be scored."""
    true = read_faces(reader, Held(images=test.images), test.landmarks)
    return Judge(test=test, audio=audio, reader=reader, metrics=metrics, true=true)


def score_run(
    judged: Judge,
    rendered: Bytes,
    shuffled: Bytes | None,
    decoded: tuple[Pictures, Pictures],
    train: Portrait,
    mean: Floats,
    std: Floats,
) -> Scores:
    """Everything that is scored of one run. `shuffled` None: the control was not rendered."""
    test = judged.test
    train_windows, test_windows = (data.audio_windows(p.audio, mean, std) for p in (train, test))
    metrics = judged.score(rendered)
    metrics |= judged.decoded(*decoded)
    if shuffled is not None:
        control = judged.score(shuffled, CONTROLS, SHUFFLED)
        metrics |= {f"{name}_shuffled": control[name] for name in CONTROLS}
    return Scores(
        metrics=metrics,
        baselines={
            "static": judged.score(baselines.static(train, len(test.frames))),
            "nearest": judged.score(baselines.nearest(train, test, train_windows, test_windows)),
        },
        truth=judged.score(test.images),
    )


def shuffle(windows: Floats, *names: object) -> Floats:
    """Whole audio windows (n, 8, channels) in an order that depends on the names alone."""
    rng = np.random.default_rng(identity.seed_for("shuffle", *names))
    return windows[rng.permutation(len(windows))]


def as_json(values: dict[str, MetricValue]) -> dict[str, dict[str, object]]:
    """For result.json: every value with its reason and definition; infinity as "inf", which JSON has no number for."""

    def plain(value: float | None) -> float | str | None:
        return "inf" if value is not None and math.isinf(value) else value

    return {
        name: {
            "value": plain(v.value),
            "unavailable": v.unavailable,
            "definition": v.definition,
            "per_frame": None if v.per_frame is None else [plain(frame) for frame in v.per_frame],
        }
        for name, v in values.items()
    }
