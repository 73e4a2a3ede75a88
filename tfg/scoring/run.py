"""The scores of one run: its rendering, the controls and the truth itself, all by the same code."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from tfg import data
from tfg.features.base import FaceReader
from tfg.metrics.base import Metric, MetricValue, Pictures
from tfg.metrics.image import ImageQuality
from tfg.metrics.lpips import PerceptualDistance
from tfg.scoring import controls
from tfg.scoring.score import Held, Subject, read_faces, score
from tfg.types import Bytes, FaceTrack, Floats, Portrait


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
    true: FaceTrack  # the reader's of the truth: predictions are compared with this, so that its errors cancel

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
        return controls.derived(
            self._score(prediction, truth, self.true, pictures, controls.DERIVED["decoded"]), "decoded"
        )

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
        scored = judged.score(shuffled, controls.SCORED_SHUFFLED, controls.DERIVED["shuffled"])
        metrics |= controls.derived({name: scored[name] for name in controls.SCORED_SHUFFLED}, "shuffled")
    return Scores(
        metrics=metrics,
        baselines={
            "static": judged.score(controls.static(train, len(test.frames))),
            "nearest": judged.score(controls.nearest(train, test, train_windows, test_windows)),
        },
        truth=judged.score(test.images),
    )


def as_json(values: dict[str, MetricValue]) -> dict[str, dict[str, object]]:
    """For records: every value with its reason, definition and facts; infinity as "inf", which JSON has no number for."""

    def plain(value: float | None) -> float | str | None:
        return "inf" if value is not None and math.isinf(value) else value

    return {
        name: {
            "value": plain(v.value),
            "unavailable": v.unavailable,
            "definition": v.definition,
            "per_frame": None if v.per_frame is None else [plain(frame) for frame in v.per_frame],
            **asdict(v.facts),
        }
        for name, v in values.items()
    }
