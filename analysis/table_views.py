"""Heads seen from the side, compared over people. `python -m analysis.table_views` after `experiments.views`.

Writes analysis/data/measured/views.{md,csv,tex}, or to --out.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from statistics import fmean

import pandas as pd

from analysis import script
from analysis.load import RUN
from analysis.over_people import NAN, Numbers, Row, Runs, Ways, runs_of, value
from experiments.views import BACKBONES, GRID, PEOPLE
from tfg.record.tabular import Table
from tfg.record.views import PITCHES, VIEWS, YAWS, View

SHOWN = {  # source, metric -> title, digits
    (RUN, "psnr_face"): ("PSNR face dB", 2),
    ("turned", "psnr_face"): ("PSNR face, picture turned", 2),
    (RUN, "psnr_mouth"): ("PSNR mouth dB", 2),
    ("mute", "psnr_mouth"): ("PSNR mouth, mute", 2),
    (RUN, "ssim_face"): ("SSIM face", 3),
    (RUN, "lpips_face"): ("LPIPS face", 3),
    ("turned", "lpips_face"): ("LPIPS face, picture turned", 3),
    (RUN, "depth_error"): ("Depth error", 3),
    (RUN, "identity"): ("Identity", 3),
    ("turned", "identity"): ("Identity, picture turned", 3),
    (RUN, "mouth_correlation"): ("Mouth r", 2),
    ("mute", "mouth_correlation"): ("Mouth r, mute", 2),
}
COLUMNS = tuple(value(source, metric, *shown) for (source, metric), shown in SHOWN.items())
COMPARED = Ways(people=tuple(f"s{number}" for number in PEOPLE), ways=BACKBONES, columns=COLUMNS)


def main(arguments: list[str]) -> int:
    """0, or 1 with one line where the results do not make a table."""
    return script.main(__doc__, arguments, lambda asked: table(asked.load(GRID)))


def table(frame: pd.DataFrame) -> Table:
    """At each yaw, then each pitch, backbones' means over people and differences from the first; then each person at each yaw."""
    runs = runs_of(frame)
    rings = {f"{yaw} degrees": [view for view in VIEWS if abs(view.yaw) == yaw] for yaw in YAWS}
    rows = [row for ring, views in rings.items() for row in _labelled(COMPARED.over_people(_ring(runs, views)), ring)]
    for pitch in PITCHES:
        of_pitch = _ring(runs, [view for view in VIEWS if view.pitch == pitch])
        rows += _labelled(COMPARED.over_people(of_pitch), f"pitch {pitch}, all yaws")
    rows += [row for ring, views in rings.items() for row in _labelled(COMPARED.of_each(_ring(runs, views)), ring)]
    return COMPARED.table(
        frame,
        rows,
        name="views",
        caption="Heads of five seconds seen from the side, against true pictures from there",
        way="Backbone",
        conditions="128 px, synthetic people that no prior has, lip motion with the universal prior, true cameras in training and "
        "test; held-out speech with the head at one pose, lights fixed to the world, the head alone, open eyes left out of PSNR, SSIM "
        "and LPIPS.",
        notes=(
            "A yaw's row is the mean over both signs and pitches -20, 0, 20; a number that one of these views lacks is a dash.",
            "Picture turned: the training frame of nearest sound and pose, moved there by an affine map. Mute: the head, no speech.",
        ),
    )


def _ring(runs: Runs, views: list[View]) -> Runs:
    """The mean over some views of every number that has them, under the number's own name."""
    return {key: _mean(numbers, views) for key, numbers in runs.items()}


def _mean(numbers: Numbers, views: list[View]) -> Numbers:
    """Nothing of a run that is not there."""
    return {
        (source, metric): fmean(numbers.get((source, f"{metric}_{view.name}"), NAN) for view in views)
        for source, metric in SHOWN
        if numbers
    }


def _labelled(rows: list[Row], ring: str) -> list[Row]:
    return [replace(row, person=f"{ring}: {row.person}") for row in rows]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
