"""The table of seeds: standard deviations of each segment, then their mean."""

import pandas as pd

from analysis import table_seeds
from experiments.seeds import SEEDS, SEGMENTS


def frame_of(spread: dict[str, float], missing: tuple[str, int] | None = None) -> pd.DataFrame:
    """Mouth r of 0.5 and, of the last two seeds, `spread` above and below."""
    rows = []
    for segment in SEGMENTS:
        for seed in SEEDS:
            labels = {"segment": segment, "seed": seed, "source": "run"}
            if (segment, seed) == missing:
                rows.append(labels | {"run_id": None, "commit": None, "metric": None, "value": float("nan")})
                continue
            r = 0.5 + {SEEDS[-1]: 1, SEEDS[-2]: -1}.get(seed, 0) * spread[segment]
            made = {"run_id": f"{segment}{seed}", "commit": "c" * 40, "metric": "mouth_correlation", "value": r}
            rows.append(labels | made)
    return pd.DataFrame(rows)


def test_the_deviation_is_of_each_segment_and_its_mean_over_segments() -> None:
    """Of 0, 0, 0, d, -d with n - 1 = 4 the deviation is d / sqrt(2)."""
    segments = list(SEGMENTS)
    spread = dict(zip(segments, (0.02, 0.04, 0.06, 0.08), strict=True))
    made = table_seeds.table(frame_of({name: d * 2**0.5 for name, d in spread.items()}))
    assert made.rows[0][:4] == (segments[0], "5", "0.500, sd 0.020", "-")
    assert made.rows[-1][:3] == ("mean of sd", "", "sd 0.050")


def test_a_missing_seed_is_counted() -> None:
    segments = list(SEGMENTS)
    made = table_seeds.table(frame_of(dict.fromkeys(segments, 0.0), missing=(segments[1], 2)))
    assert made.rows[1][:3] == (segments[1], "4 of 5", "0.500, sd 0.000")
