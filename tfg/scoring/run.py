"""The scores of one run: its rendering, the controls and the truth itself, all by the same code."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from tfg.features.base import FaceReader
from tfg.metrics.base import Metric, MetricValue, Pictures
from tfg.metrics.image import ImageQuality
from tfg.metrics.lpips import PerceptualDistance
from tfg.record.metrics import OFF
from tfg.record.results import Metrics
from tfg.scoring import controls, gains, pose_gap
from tfg.scoring.cautions import agreement_of_readings, cautions
from tfg.scoring.gains import Gain
from tfg.scoring.score import Held, Subject, read_faces, score
from tfg.statistics.measures import measure
from tfg.types import Bytes, FaceTrack, Floats, Portrait

IN_MEMORY = "in memory"
TRUE_TORSO, OWN_TORSO = "true torso and background", "the torso field's picture for the frame's pose behind the head"
NO_CONTROLS = f"the mute control is {OFF}controls=false)"
Values = dict[str, MetricValue]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """As records keep them."""

    metrics: Metrics
    controls: dict[str, Metrics]
    truth: Metrics
    gains: dict[str, Gain]
    pose_gap: dict[str, float | None]
    cautions: dict[str, list[str]]  # lip measure -> why it cannot be trusted here


@dataclass(frozen=True, kw_only=True)
class ControlRendering:
    """A control that the head itself rendered, or why it could not."""

    name: str  # mute, rolled, still, shuffled
    images: Bytes | None  # (n, size, size, 3)
    guide: Floats | None  # (n, 68, 2) where its head is
    absent: str = ""  # the reason


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Scores anything that was made for the held-out part of one clip."""

    test: Portrait
    audio: Floats  # (n * 640,) the held-out sound
    reader: FaceReader
    metrics: tuple[Metric, ...]
    true: FaceTrack  # the reader's of the truth: predictions are compared with this, so that its errors cancel

    def score(
        self,
        images: Bytes,
        names: tuple[str, ...] | None = None,
        note: str = IN_MEMORY,
        guide: Floats | None = None,
    ) -> Values:
        """(n, size, size, 3) uint8 -> name -> value; of the metrics with one of these names only, if given.

        `guide` (n, 68, 2): where the head is, if not where the truth has it.
        """
        test = self.test
        place = test.landmarks if guide is None else guide
        made = self.true if images is test.images else read_faces(self.reader, Held(images=images), place)
        return self._score(Held(images=images), Held(images=test.images), made, self._metrics(names), note)

    def decoded(self, prediction: Pictures, truth: Pictures) -> Values:
        """The image metrics once more, on both videos as files give them back: psnr_decoded, ..."""
        pictures = tuple(metric for metric in self.metrics if isinstance(metric, ImageQuality | PerceptualDistance))
        # Their boxes come from the truth; no face is read.
        note = "both written as H.264 and decoded again"
        return controls.decoded(self._score(prediction, truth, self.true, pictures, note))

    def over_own_torso(self, images: Bytes) -> MetricValue:
        """`psnr_torso`: full-frame PSNR of the head over what its torso field has for the poses, (n, size, size, 3)."""
        quality = tuple(metric for metric in self.metrics if isinstance(metric, ImageQuality))
        value = self._score(
            Held(images=images), Held(images=self.test.images), self.true, quality, IN_MEMORY, OWN_TORSO
        )["psnr"]
        return replace(value, facts=replace(value.facts, title=f"{value.facts.title}, head + own torso"))

    def names_of(self, names: tuple[str, ...], values: Values) -> Values:
        """Of the values those of the metrics with one of these names."""
        return {name: values[name] for metric in self._metrics(names) for name in metric.names}

    def _metrics(self, names: tuple[str, ...] | None) -> tuple[Metric, ...]:
        return tuple(metric for metric in self.metrics if names is None or set(names) & set(metric.names))

    def _score(
        self,
        prediction: Pictures,
        truth: Pictures,
        made: FaceTrack,
        metrics: tuple[Metric, ...],
        note: str,
        behind: str = TRUE_TORSO,
    ) -> Values:
        count, height, width = truth.shape
        subject = Subject(
            prediction=prediction,
            truth=truth,
            made=made,
            true=self.true,
            audio=self.audio,
            guide=self.test.landmarks,
            where=f"{count} held-out frames of {width}x{height} at 25 fps with {behind}, {note}",
        )
        return score(subject, metrics, self.reader.definition)


def judge(test: Portrait, audio: Floats, reader: FaceReader, metrics: tuple[Metric, ...]) -> Judge:
    """Reads the truth's faces once for all that will be scored."""
    true = read_faces(reader, Held(images=test.images), test.landmarks)
    return Judge(test=test, audio=audio, reader=reader, metrics=metrics, true=true)


def score_run(
    judged: Judge,
    rendered: Bytes,
    over_own_torso: Bytes | None,
    renderings: Iterable[ControlRendering],
    decoded: tuple[Pictures, Pictures],
    train: Portrait,
    train_windows: Floats,
    test_windows: Floats,
    *,
    by_distance: bool = False,
) -> Scores:
    """Everything that is scored of one run; `by_distance`: also by how far its poses lie from the training's.

    `over_own_torso`: as `rendered`, over the torso field's pictures. `renderings`: the controls that the head itself renders, one at a
    time. Windows (n, 8, channels) are normalised.
    """
    test = judged.test
    metrics = judged.score(rendered)
    metrics["psnr_face_near"] = pose_gap.near(metrics["psnr_face"], pose_gap.angles(train, test))
    if over_own_torso is not None:
        metrics["psnr_torso"] = judged.over_own_torso(over_own_torso)
    metrics |= judged.decoded(*decoded)
    beside = {
        "static": judged.score(controls.static(train, len(test.frames))),
        "nearest": judged.score(controls.nearest(train, test, train_windows, test_windows)),
    }
    for one in renderings:
        wanted = controls.SCORED[one.name]
        if one.images is None:
            beside[one.name] = controls.absent(judged.names_of(wanted, metrics), one.absent)
        else:
            note = f"{IN_MEMORY}; control: {controls.NOTES[one.name]}"
            beside[one.name] = judged.score(one.images, wanted, note, one.guide)
    of_truth = judged.score(test.images)
    if by_distance:
        away = pose_gap.angles(train, test)
        for values in (metrics, of_truth, *beside.values()):
            values |= pose_gap.by_distance(values, away)
    truth = as_json(of_truth)
    made = as_json(metrics, truth)
    controlled = {name: as_json(values) for name, values in beside.items()}
    read = None if judged.reader.is_guided else agreement_of_readings(judged.true.landmarks, test.landmarks)
    gap = pose_gap.pose_gap(train, test)
    return Scores(
        metrics=made,
        controls=controlled,
        truth=truth,
        gains=gains.gains(made, controlled.get("mute", NO_CONTROLS), truth),
        pose_gap=gap,
        cautions=cautions(made, controlled.get("mute"), truth, read, gap["rigid_mouth_r"]),
    )


def as_json(values: Values, truth: Metrics | None = None) -> Metrics:
    """For records: every value with its reason, definition and facts; infinity as "inf", which JSON has no number for.

    `truth`, scored against itself: then every number has its 95 % `interval` over the frames, [low, high], or null where it has none.
    """

    def plain(value: float | None) -> float | str | None:
        return "inf" if value is not None and math.isinf(value) else value

    entries: Metrics = {
        name: {
            "value": plain(v.value),
            "unavailable": v.unavailable,
            "definition": v.definition,
            "per_frame": None if v.per_frame is None else [plain(frame) for frame in v.per_frame],
            **asdict(v.facts),
        }
        for name, v in values.items()
    }
    if truth is None:
        return entries
    return {name: {**entry, "interval": _interval(name, entries, truth)} for name, entry in entries.items()}


def _interval(name: str, entries: Metrics, truth: Metrics) -> list[float] | None:
    found = measure(name, entries, truth)
    between = None if found is None else found.interval()
    return None if between is None else [between.low, between.high]
