"""A small atlas made by hand, whose answers are known: who writes a test says what sync depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from analysis.heads import SYNC
from tfg.atlas.columns import COLUMNS, FEATURE

Sync = Callable[[Mapping[str, float]], float]  # standardised features of a segment -> share of the truth's sync


def atlas(
    *,
    people: int = 6,
    segments: int = 10,
    seeds: int = 2,
    sync: Sync = lambda features: 0.8,
    between: float = 0.2,
    noise: float = 0.01,
    full: float | None = 0.9,
    backbone: str = "instag",
    seed: int = 0,
) -> pd.DataFrame:
    """Heads of 5 s, and of the full reference where `full` is its sync. Features are drawn anew for each person."""
    rng = np.random.default_rng(seed)
    names = [column.name for column in COLUMNS if column.role == FEATURE]
    rows = []
    for person in range(people):
        drawn = {name: rng.normal(size=segments) for name in names}
        drawn = {name: (of - of.mean()) / of.std(ddof=1) for name, of in drawn.items()}
        level = between * rng.normal()
        common = {
            "person": f"p{person}",
            "kind": "synthetic" if person % 3 == 2 else "real",
            "tuned": person % 2 == 0,
            "backbone": backbone,
            "px": 128,
            "audio": "whisper",
            "prior": "universal",
            "commit": "a" * 40,
            "growth": 1.0,
            "audio_seconds": 2.0,
            "faces_seconds": 3.0,
            "features_train_seconds": 5.0,
        }
        for index in range(segments):
            features = {name: float(of[index]) for name, of in drawn.items()}
            stored = {
                name: 10.0 + person + value if name.startswith("audio") else 0.5 + 0.05 * value
                for name, value in features.items()
            }
            for which in range(seeds):
                score = sync(features) + level + noise * rng.normal()
                rows.append(
                    {
                        **common,
                        **stored,
                        "start": 5.0 * index,
                        "seconds": 5.0,
                        "full": False,
                        "seed": which,
                        SYNC: score,
                    }
                    | {
                        "psnr_face": 28 + score,
                        "mouth_correlation": 0.5 + score / 10,
                        "training_seconds": 40.0,
                    }
                )
        if full is not None:
            of_all = {"start": 0.0, "seconds": 60.0, "full": True, "seed": 0, "training_seconds": 600.0}
            rows.append({**common, **of_all, SYNC: full + level, "psnr_face": 28 + full, "mouth_correlation": 0.6})
    columns = [column.name for column in COLUMNS]
    return pd.DataFrame(rows).reindex(columns=columns)
