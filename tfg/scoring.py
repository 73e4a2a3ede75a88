"""A run's numbers: the rendering, the two baselines, the truth itself and the shuffled-audio control, by one evaluator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfg import data, identity
from tfg.metrics import baselines
from tfg.metrics.base import MetricValue
from tfg.metrics.evaluate import Evaluator
from tfg.types import Bytes, Floats, Portrait

SHUFFLED = "control: held-out frames rendered with their audio windows in random order"


@dataclass(frozen=True, kw_only=True)
class Scores:
    metrics: dict[str, MetricValue]
    baselines: dict[str, dict[str, MetricValue]]
    truth: dict[str, MetricValue]


def score(
    evaluator: Evaluator,
    rendered: Bytes,
    shuffled: Bytes | None,
    train: Portrait,
    test: Portrait,
    mean: Floats,
    std: Floats,
) -> Scores:
    """Everything that is scored of one run. `shuffled` None: the control was not rendered."""
    train_windows, test_windows = (data.audio_windows(p.audio, mean, std) for p in (train, test))
    metrics = evaluator.score(rendered)
    if shuffled is not None:
        control = evaluator.lip_motion(shuffled, f"{len(test.frames)} held-out frames; {SHUFFLED}")
        metrics["mouth_correlation_shuffled"] = control["mouth_correlation"]
    return Scores(
        metrics=metrics,
        baselines={
            "static": evaluator.score(baselines.static(train, len(test.frames))),
            "nearest": evaluator.score(baselines.nearest(train, test, train_windows, test_windows)),
        },
        truth=evaluator.score(test.images),
    )


def shuffle(windows: Floats, *names: object) -> Floats:
    """Whole audio windows (n, 8, channels) in an order that depends on the names alone."""
    rng = np.random.default_rng(identity.seed_for("shuffle", *names))
    return windows[rng.permutation(len(windows))]


def as_json(values: dict[str, MetricValue]) -> dict[str, dict[str, object]]:
    """For result.json: every value with its reason and definition."""
    return {
        name: {"value": v.value, "unavailable": v.unavailable, "definition": v.definition, "per_frame": v.per_frame}
        for name, v in values.items()
    }
