"""What the data say of each claim: its effect with an interval over people, as experiments/claims.md declares the test.

Every function takes the committed data and the column that sync is judged by, and returns an effect or a hole for each part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis import fits, published
from analysis.claims import Claim
from analysis.heads import MADE_BY, SECONDS, SYNC, TOP, Segments, chosen, comparable, heads, segments
from analysis.sources import Sources
from analysis.verdicts import Effect, Hole, over_people

FEWEST_POSES, MOST_POSES = 5, 50  # of the segments that claim 5 compares
FEWEST_SEGMENTS = 8  # of a person whose segments are fitted
DRAWS = 2000  # of the bootstrap of claim 1
MOTION = {"mc_lips": "mc_lips_0.25_pooled_radial", "mc_camera": "mc_camera_0.25"}
PICTURE = "psnr_face"  # a part of claim 7 that takes no share of anything
ON_ATLAS = ("spread", "diversity", "measures", "motion", "comparable", "random", "parts", "ten_seconds")
Found = list[Effect | Hole]


def evidence(claim: Claim, sources: Sources, sync: str = SYNC, *, everyone: bool = False) -> Found:
    """One entry for each part of the claim.

    By the share of the truth's sync without the people of whom it says nothing (`heads.comparable`), or with `everyone`.
    """
    found = _OF[claim.name](claim, sources, sync)
    if everyone or sync != SYNC or claim.name not in ON_ATLAS:
        return found
    atlas, lost = comparable(sources.atlas)
    fair = _OF[claim.name](claim, replace(sources, atlas=atlas), sync)
    fair = [replace(one, left_out=(*one.left_out, *lost)) if isinstance(one, Effect) else one for one in fair]
    return [whole if whole.part == PICTURE else one for whole, one in zip(found, fair, strict=True)]


def _spread(claim: Claim, sources: Sources, sync: str) -> Found:
    rows, left_out = heads(sources.atlas, "instag")
    rows = rows.dropna(subset=[sync])
    rows = rows[rows.groupby("person")["seed"].transform("nunique") > 1]
    people = {
        str(name): _variation([of[sync].to_numpy(float) for _, of in own.groupby("start")])
        for name, own in rows.groupby("person", sort=False)
    }
    sums = np.stack(list(people.values())) if people else np.zeros((0, 6))
    if not len(sums) or not np.isfinite(value := _beyond_seeds(sums.sum(axis=0))):
        return _holes(claim, "no person has two seeds", MADE_BY)
    rng = np.random.default_rng(0)
    drawn = sums[rng.integers(len(sums), size=(DRAWS, len(sums)))].sum(axis=1)
    tail = (1 - claim.level) / 2
    low, high = np.quantile([_beyond_seeds(of) for of in drawn], [tail, 1 - tail])
    several = len(sums) > 1
    return [
        Effect(
            part=claim.parts[0].name,
            value=value,
            low=float(low) if several else None,
            high=float(high) if several else None,
            people=tuple(people),
            heads=len(rows),
            deviation=float(np.std([_beyond_seeds(of) for of in sums], ddof=1)) if several else None,
            left_out=left_out,
        )
    ]


def spread_beyond_seeds(people: Sequence[Sequence[np.ndarray]]) -> float:
    """Standard deviation among segments without the seeds' part, minus that of the seeds; scores of the seeds by person and segment.

    Both pooled over people. NaN where no segment has two seeds.
    """
    return _beyond_seeds(np.sum([_variation(own) for own in people], axis=0))


def _variation(own: Sequence[np.ndarray]) -> np.ndarray:
    """(6,) of a person, to be added up: squares and degrees of freedom of seeds and of segments; shares of the seeds' variance in
    the segments' means, and their number."""
    means = np.array([of.mean() for of in own])
    seeds = sum(((of - of.mean()) ** 2).sum() for of in own)
    return np.array(
        [
            *(seeds, sum(len(of) - 1 for of in own)),
            *(((means - means.mean()) ** 2).sum(), len(own) - 1),
            *(sum(1 / len(of) for of in own), len(own)),
        ]
    )


def _beyond_seeds(sums: np.ndarray) -> float:
    seeds, seed_degrees, among, degrees, shares, count = sums
    if not seed_degrees or not degrees:
        return float("nan")
    seed = seeds / seed_degrees
    return float(np.sqrt(max(among / degrees - seed * shares / count, 0.0)) - np.sqrt(seed))


def _rise(
    claim: Claim, found: Segments, columns: Mapping[str, str], sync: str, command: str, sign: float = 1.0
) -> Found:
    """The rise of each person's quadratic on each measure."""
    effects: Found = []
    for part, column in columns.items():
        usable = found.of(column, sync, at_least=FEWEST_SEGMENTS)
        rises = fits.rises(list(usable.rows["person"]), usable.rows[column], usable.rows[sync])
        if not rises:
            effects.append(Hole(part=part, reason=f"no person has {FEWEST_SEGMENTS} segments", command=command))
            continue
        signed = {person: sign * rise for person, rise in rises.items()}
        effects.append(over_people(part, signed, usable.heads, level=claim.level, left_out=usable.left_out))
    return effects


def _diversity(claim: Claim, sources: Sources, sync: str) -> Found:
    return _rise(claim, segments(sources.atlas), {"audio_pairs": "audio_pairs"}, sync, MADE_BY)


def _motion(claim: Claim, sources: Sources, sync: str) -> Found:
    return _rise(claim, segments(sources.atlas), MOTION, sync, MADE_BY, sign=-1.0)


def _same_motion(claim: Claim, sources: Sources, sync: str) -> Found:
    found = segments(sources.same_motion)
    return _rise(claim, found, {"audio_pairs": "audio_pairs"}, sync, "python -m experiments.same_motion")


def _measures(claim: Claim, sources: Sources, sync: str) -> Found:
    names = ("audio_pairs", *(part.name for part in claim.parts))
    usable = segments(sources.atlas).of(*names, sync, at_least=FEWEST_SEGMENTS)
    if len(usable.people) < 2:
        return _holes(claim, f"fewer than two people have {FEWEST_SEGMENTS} segments", MADE_BY)
    people, score = list(usable.rows["person"]), usable.rows[sync]
    r2 = {name: fits.left_out_r2(people, usable.rows[name], score) for name in names}
    own = r2["audio_pairs"]
    return [
        over_people(
            part.name,
            {person: own[person] - other for person, other in r2[part.name].items() if person in own},
            usable.heads,
            level=claim.level,
            left_out=usable.left_out,
        )
        for part in claim.parts
    ]


def _poses(claim: Claim, sources: Sources, sync: str) -> Found:
    rows = sources.poses.dropna(subset=[sync])
    means = rows.groupby(["person", "poses"])[sync].mean().unstack()
    if not {FEWEST_POSES, MOST_POSES} <= set(means.columns):
        return _holes(claim, "no heads with 5 and with 50 poses", "python -m experiments.poses")
    differences = (means[FEWEST_POSES] - means[MOST_POSES]).dropna()
    return _over(claim, {str(person): float(value) for person, value in differences.items()}, len(rows))


def _comparable(claim: Claim, sources: Sources, sync: str) -> Found:
    effects: Found = []
    full, few = segments(sources.atlas, seconds=None, full=True), segments(sources.atlas)
    picked = chosen(few, "isexplore")
    for part in claim.parts:
        column = sync if part.name == SYNC else part.name
        reference = full.rows.set_index("person")[column] if len(full.rows) else pd.Series(dtype=float)
        values = {
            person: float(row[column] - reference[person]) for person, row in picked.items() if person in reference
        }
        known = {person: value for person, value in values.items() if np.isfinite(value)}
        effects += _over(replace(claim, parts=(part,)), known, 2 * len(known), _lost(picked, known, "full reference"))
    return effects


def _random(claim: Claim, sources: Sources, sync: str) -> Found:
    found = segments(sources.atlas).of(sync)
    means = found.rows.groupby("person")[sync].mean() if len(found.rows) else {}
    picked = chosen(found, "isexplore")
    values = {person: float(row[sync] - means[person]) for person, row in picked.items()}
    return _over(claim, values, found.heads, found.left_out)


def _parts(claim: Claim, sources: Sources, sync: str) -> Found:
    found = segments(sources.atlas).of(sync)
    whole = chosen(found, "isexplore")
    effects: Found = []
    for part in claim.parts:
        other = chosen(found, part.name)
        values = {person: float(whole[person][sync] - row[sync]) for person, row in other.items() if person in whole}
        effects += _over(replace(claim, parts=(part,)), values, found.heads, found.left_out)
    return effects


def _ten_seconds(claim: Claim, sources: Sources, sync: str) -> Found:
    five = segments(sources.atlas).of(sync)
    ten = segments(sources.atlas, seconds=2 * SECONDS, growth=0).of(sync)
    if five.rows.empty or ten.rows.empty:
        return _holes(claim, "no heads of ten seconds at the steps of five", MADE_BY)
    longer, shorter = (found.rows.groupby("person")[sync].mean() for found in (ten, five))
    values = {str(person): float(value) for person, value in (longer - shorter).dropna().items()}
    return _over(claim, values, ten.heads + five.heads, ten.left_out)


def costs(row: pd.Series, *, selection: bool) -> float:
    """Seconds of a head by the clock: features of what it was shown, training, and with `selection` what ISExplore looked at.

    That is the sound of the whole clip and the faces of five candidates. NaN where a sidecar gave the faces.
    """
    own = float(row["features_train_seconds"]) + float(row["training_seconds"])
    looked = float(row["audio_seconds"]) + TOP * float(row["faces_seconds"])
    return own + (looked if selection else 0.0)


def _five_times(claim: Claim, sources: Sources, sync: str) -> Found:
    effects: Found = []
    for part in claim.parts:
        full = segments(sources.atlas, part.name, seconds=None, full=True)
        picked = chosen(segments(sources.atlas, part.name), "isexplore")
        whole = {str(row["person"]): costs(row, selection=False) for _, row in full.rows.iterrows()}
        logs = {
            person: float(np.log(whole[person] / costs(row, selection=True)))
            for person, row in picked.items()
            if person in whole
        }
        logs = {person: value for person, value in logs.items() if np.isfinite(value)}
        lost = _lost(picked, logs, "full reference with the cost of its faces")
        found = _over(replace(claim, parts=(part,)), logs, 2 * len(logs), lost)
        effects += [effect if isinstance(effect, Hole) else _exponential(effect) for effect in found]
    return effects


def _exponential(found: Effect) -> Effect:
    low, high = (None if end is None else float(np.exp(end)) for end in (found.low, found.high))
    return replace(found, value=float(np.exp(found.value)), low=low, high=high, deviation=None)


def _ranking(claim: Claim, sources: Sources, sync: str) -> Found:
    checked = published.ratios()
    wrong = sum(not ratio.follows for ratio in checked)
    return [Effect(part=claim.parts[0].name, value=float(wrong), low=None, high=None, people=(), heads=0)]


def _over(claim: Claim, values: Mapping[str, float], count: int, left_out: tuple[str, ...] = ()) -> Found:
    """Of a claim with one part."""
    if not values:
        return _holes(claim, "no person has what the test compares", claim_command(claim))
    return [over_people(claim.parts[0].name, values, count, level=claim.level, left_out=left_out)]


def _holes(claim: Claim, reason: str, command: str) -> Found:
    return [Hole(part=part.name, reason=reason, command=command) for part in claim.parts]


def claim_command(claim: Claim) -> str:
    return {"poses": "python -m experiments.poses", "same_motion": "python -m experiments.same_motion"}.get(
        claim.name, MADE_BY
    )


def _lost(picked: Mapping[str, object], known: Mapping[str, float], what: str) -> tuple[str, ...]:
    return tuple(f"{person}: no {what}" for person in picked if person not in known)


_OF: dict[str, Callable[[Claim, Sources, str], Found]] = {
    "spread": _spread,
    "diversity": _diversity,
    "measures": _measures,
    "motion": _motion,
    "poses": _poses,
    "same_motion": _same_motion,
    "comparable": _comparable,
    "random": _random,
    "parts": _parts,
    "ten_seconds": _ten_seconds,
    "five_times": _five_times,
    "ranking": _ranking,
}
