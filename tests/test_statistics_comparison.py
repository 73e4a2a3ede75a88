"""Two groups of runs: who stands beside whom, what the interval is over, and where there is none."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from result_records import result
from scipy import stats

from tfg.statistics.comparison import compare
from tfg.statistics.measures import measure
from tfg.statistics.pairing import NoPair, Scored, matched

FACTS = {"title": "T", "unit": "", "better": "up", "digits": 2, "curve": "", "definition": "", "unavailable": None}
FRAMES = np.random.default_rng(0).standard_normal(200)


def entry(value=None, per_frame=None, **facts):
    value = float(np.mean(per_frame)) if value is None and per_frame is not None else value
    return FACTS | {"value": value, "per_frame": per_frame and list(per_frame)} | facts


def scored(value, *, clip="c", seed=0, segment=0.0, held_out="h", noise=0, **metrics):
    """A run whose metric `m` is `value` on average, with frames like every other run's of the clip and a little noise."""
    own = 0.1 * np.random.default_rng(noise).standard_normal(200)
    frames = FRAMES - FRAMES.mean() + own - own.mean() + value
    name = f"{clip}-{segment:g}-{seed}-{value:g}"
    return Scored(
        name=name,
        head=name,
        clip=clip,
        held_out=held_out,
        segment=(segment,),
        seed=seed,
        metrics={"m": entry(per_frame=tuple(frames)), **metrics},
        truth={},
        settings={},
    )


def compared(first, second, name="m"):
    return compare(matched(first, second)[0])[name]


def test_one_pair_has_the_interval_of_its_frames():
    made = compared([scored(1.05, noise=1)], [scored(1.0, noise=2)])
    assert made.difference == pytest.approx(0.05)
    assert 0 < made.low < 0.05 < made.high  # paired: the frames' own spread of 1 has gone
    assert made.over.startswith("the frames of one pair")
    assert made.probability > 0.975
    worse = compared(
        [scored(1.05, noise=1, d=entry(2.0, better="down"))], [scored(1.0, d=entry(1.0, better="down"))], "d"
    )
    assert (worse.low, worse.difference) == (None, 1.0)
    assert "no numbers per frame" in worse.reason


def test_the_probability_is_of_the_better_direction():
    up, down, none = (
        compared([scored(1.05, noise=1, x=value)], [scored(1.0, noise=2, x=other)], "x")
        for value, other in (
            [
                entry(
                    per_frame=tuple(FRAMES + shift + 0.1 * np.random.default_rng(n).standard_normal(200)), better=better
                )
                for n, shift in ((1, 0.03), (2, 0))
            ]
            for better in ("up", "down", "none")
        )
    )
    assert up.probability + down.probability == pytest.approx(1)
    assert up.probability > 0.5
    assert none.probability is None
    assert none.low is not None


def test_seeds_stand_beside_seeds_and_the_interval_is_over_them():
    first = [scored(2.0 + add, seed=seed, noise=seed) for seed, add in enumerate((0.0, 1.0, 2.0))]
    second = [scored(1.0 + add, seed=seed, segment=5.0, noise=9 + seed) for seed, add in enumerate((0.1, 1.0, 1.9))]
    cells, left_out = matched(first, second[::-1])
    assert left_out == []
    assert [(a.seed, b.seed) for a, b in zip(cells[0].first, cells[0].second, strict=True)] == [(0, 0), (1, 1), (2, 2)]
    made = compare(cells)["m"]
    units = [0.9, 1.0, 1.1]
    low, _ = stats.t.interval(0.95, 2, np.mean(units), stats.sem(units))
    assert made.difference == pytest.approx(1.0)
    assert made.low == pytest.approx(low, abs=0.03)  # the frames they share add a little, and freedom with it
    assert made.over == "3 seeds and the frames they share"


def test_segments_are_the_unit_where_pairs_agree_in_them():
    first = [scored(2.0 + s + 0.1 * k, seed=k, segment=float(s)) for s in (0, 1, 2) for k in (0, 1)]
    second = [scored(1.0 + 0.5 * s, seed=k, segment=float(s)) for s in (0, 1, 2) for k in (0, 1)]
    made = compared(first, second)
    assert made.over.startswith("3 segments")
    assert made.difference == pytest.approx(1.55)


def test_clips_are_the_unit_where_there_are_several():
    first = [scored(2.0 + c, clip=str(c), held_out=str(c), seed=k) for c in range(4) for k in (0, 1)]
    second = [scored(1.0 + 0.9 * c, clip=str(c), held_out=str(c), seed=k) for c in range(4) for k in (0, 1)]
    made = compared(first, second)
    assert made.over == "4 clips"
    expected = stats.t.interval(0.95, 3, 1.15, stats.sem([1.0, 1.1, 1.2, 1.3]))
    assert (made.low, made.high) == pytest.approx(expected)


def test_runs_that_agree_in_nothing_are_compared_as_two_lists():
    first = [scored(value, seed=seed, segment=1.0 * seed) for seed, value in ((0, 2.0), (1, 2.2))]
    second = [scored(value, seed=seed, segment=1.0 * seed) for seed, value in ((5, 1.0), (6, 1.4), (7, 1.2))]
    made = compared(first, second)
    assert "2 and 3 unmatched runs" in made.over
    assert made.low < made.difference < made.high
    assert made.difference == pytest.approx(0.9)
    alone = compared(first[:1], second)
    assert alone.low is None
    assert "one draw has no spread" in alone.reason


def test_a_run_without_partner_is_named_and_one_head_counts_once():
    first = [scored(1.0, seed=0), scored(1.1, seed=1), scored(1.2, seed=2)]
    second = [scored(2.0, seed=0), scored(2.0, seed=1)]
    cells, left_out = matched(first, second)
    assert left_out == [first[2].name]
    assert len(matched([first[0], first[0]], [second[0]])[0][0].first) == 1
    assert len(cells[0].first) == 2


def test_two_runs_of_one_head_are_one_measurement():
    made = compared([scored(1.0)], [scored(1.0)])
    assert (made.difference, made.low) == (0.0, None)
    assert "one head" in made.reason


def test_other_frames_and_other_clips_are_refused():
    with pytest.raises(NoPair, match="other held-out frames"):
        matched([scored(1.0)], [scored(1.0, held_out="x")])
    with pytest.raises(NoPair, match="other clips"):
        matched([scored(1.0)], [scored(1.0, clip="d")])


def test_a_metric_that_one_side_lacks_is_a_hole_with_its_reason():
    made = compared([scored(1.0, x=entry(3.0))], [scored(1.1)], "x")
    assert (made.difference, made.low) == (None, None)
    assert made.reason == "c-0-0-1.1: not among the scores"
    hidden = FACTS | {"value": None, "unavailable": "no weights", "per_frame": None}
    assert compared([scored(1.0, x=entry(3.0))], [scored(1.1, x=hidden)], "x").reason.endswith("no weights")


def test_infinite_psnr_counts_100_db():
    made = compared([scored(1.0, x=entry(math.inf))], [scored(1.1, x=entry(90.0))], "x")
    assert made.difference == 10.0


def openings():
    rng = np.random.default_rng(3)
    true = np.abs(np.convolve(rng.standard_normal(204), np.ones(5), "valid"))
    made = [None, *(0.7 * true + np.abs(rng.standard_normal(200)))[1:]]
    return made, true.tolist()


def test_what_is_made_of_mouth_openings_is_found_and_drawn():
    made, true = openings()
    truth = {"mouth_correlation": entry(1.0, true, curve="Mouth opening, px")}
    pair = np.array([made[1:], true[1:]], np.float64)
    closed = pair < 0.25 * np.percentile(pair[1], 90)
    values = {
        "mouth_correlation": np.corrcoef(pair)[0, 1],
        "mouth_amplitude": pair[0].std() / pair[1].std(),
        "closure_recall": (closed[0] & closed[1]).sum() / closed[1].sum(),
        "closure_precision": (closed[0] & closed[1]).sum() / closed[0].sum(),
    }
    metrics = {name: entry(float(value), None) for name, value in values.items()}
    metrics["mouth_correlation"] |= {"per_frame": made, "curve": "Mouth opening, px"}
    for name, value in values.items():
        found = measure(name, metrics, truth)
        assert float(found.statistic(found.series[:, 1:])) == pytest.approx(value)
        interval = found.interval()
        assert interval.low < value < interval.high
    assert measure("mouth_amplitude", metrics | {"mouth_amplitude": entry(3.0)}, truth) is None  # another statistic
    assert measure("mouth_correlation", metrics, {}) is None


def test_a_views_numbers_are_the_same_statistics_of_its_own_series():
    made, true = openings()
    shown = {"curve": "Mouth opening, px"}
    pair = np.array([made[1:], true[1:]], np.float64)
    metrics = {
        "mouth_correlation": entry(1.0, true, **shown),
        "mouth_correlation_right30": entry(float(np.corrcoef(pair)[0, 1]), made, **shown),
        "sync_c_listener_right30": entry(float(np.mean(true)), true, curve="Distance"),
        "sync_offset_listener_right30": entry(float(np.mean(true)), true, curve="Distance"),
    }
    truth = {"mouth_correlation_right30": entry(1.0, true, **shown)}
    low_high = measure("mouth_correlation_right30", metrics, truth).interval()
    assert low_high.low < metrics["mouth_correlation_right30"]["value"] < low_high.high
    assert measure("sync_c_listener_right30", metrics, truth) is not None
    assert measure("sync_offset_listener_right30", metrics, truth) is None  # no mean of what is drawn
    assert measure("mouth_correlation", metrics, truth) is None  # whose truth is not there


def test_over_people_the_interval_covers_as_it_says():
    """Clips differ, seeds differ within them: of 400 made studies of 5 clips and 2 seeds, 95 % +- 2 cover the true difference."""
    rng, hits = np.random.default_rng(4), 0
    facts = FACTS | {"per_frame": None}

    def run(clip, seed, value):
        name = f"{clip}-{seed}-{value}"
        metrics = {"m": facts | {"value": value}}
        return Scored(
            name=name,
            head=name,
            clip=clip,
            held_out=clip,
            segment=(0.0,),
            seed=seed,
            metrics=metrics,
            truth={},
            settings={},
        )

    for _ in range(400):
        sides = [[], []]
        for clip in "abcde":
            apart = rng.normal(1.0, 0.5)
            for seed in (0, 1):
                sides[0].append(run(clip, seed, apart + rng.normal(0, 0.5)))
                sides[1].append(run(clip, seed, rng.normal(0, 0.5)))
        made = compared(*sides)
        hits += made.low <= 1.0 <= made.high
    assert 0.93 <= hits / 400 <= 0.97


def test_runs_of_other_pieces_that_begin_alike_are_other_segments():
    parts = ("trained_with", "segment", "setting")
    read_from = {"clip": {"identity": "c"}, "truth_digest": "h", **{part: {} for part in parts}}

    def of_run(pieces: list[float]) -> tuple[float, ...]:
        made = result("a", config={}, psnr=20.0)
        selection = made.selection | {"start": pieces[0], "pieces": [{"start": at, "seconds": 1.0} for at in pieces]}
        made = replace(made, selection=selection, notes=read_from)
        return Scored.of("a", made).segment

    assert of_run([1.0, 5.0]) == (1.0, 5.0)
    assert of_run([1.0, 5.0]) != of_run([1.0, 6.0])


def test_a_metric_that_is_switched_off_on_both_sides_is_no_hole():
    off = FACTS | {"value": None, "unavailable": "switched off (metrics.lpips=false)", "per_frame": None}
    lacking = FACTS | {"value": None, "unavailable": "no weights", "per_frame": None}
    found = compare(matched([scored(1.0, a=off, b=off, c=off)], [scored(2.0, a=off, b=lacking)])[0])
    assert set(found) == {"m", "b"}
    assert "switched off" in found["b"].reason
