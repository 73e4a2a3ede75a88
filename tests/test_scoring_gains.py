"""What speech gains: run minus mute frame by frame, its interval, the share of the truth's sync, and the verdict."""

from __future__ import annotations

import numpy as np
import pytest

from tfg.metrics.base import MetricFacts, MetricValue
from tfg.record.metrics import OFF
from tfg.record.results import Metrics
from tfg.scoring import gains
from tfg.scoring.run import NO_CONTROLS, as_json
from tfg.statistics.bootstrap import NO_INTERVAL

FACTS = {
    "psnr_mouth": MetricFacts(title="PSNR mouth", unit="dB", better="up", digits=2),
    "lmd": MetricFacts(title="LMD", unit="px", better="down", digits=2),
    "mouth_correlation": MetricFacts(title="Mouth r", better="up", digits=3),
    "sync_c_listener": MetricFacts(title="Sync-C own listener", better="up", digits=3),
}
COUNT = 400
NOISE = np.random.default_rng(0).standard_normal((6, COUNT))


def value(name: str, per_frame: np.ndarray, number: float | None = None) -> MetricValue:
    frames = tuple(float(frame) for frame in per_frame)
    return MetricValue(
        definition="d",
        facts=FACTS[name],
        value=float(per_frame.mean()) if number is None else number,
        per_frame=frames,
    )


def scored(psnr: float, lmd: float, r: float, sync: float, seed: int) -> Metrics:
    noise, opening = NOISE[seed], NOISE[5]
    mouth = r * opening + np.sqrt(1 - r**2) * noise
    made = {
        "psnr_mouth": value("psnr_mouth", psnr + noise),
        "lmd": value("lmd", lmd + 0.1 * noise),
        "mouth_correlation": value("mouth_correlation", mouth, float(np.corrcoef(mouth, opening)[0, 1])),
        "sync_c_listener": value("sync_c_listener", sync + 0.05 * noise),
    }
    return as_json(made)


RUN, MUTE, TRUTH = scored(26, 1.0, 0.8, 0.3, 0), scored(24, 1.5, 0.1, 0.1, 1), scored(99, 0.0, 1.0, 0.5, 2)


def test_a_gain_is_the_difference_of_the_scored_numbers_and_lies_in_its_interval():
    found = gains.gains(RUN, MUTE, TRUTH)
    assert tuple(found) == (*gains.DIFFERENCES, gains.SHARE)
    for name in gains.DIFFERENCES:
        gain, pair = found[name], (RUN[name]["value"], MUTE[name]["value"])
        assert gain.value == pytest.approx(pair[0] - pair[1])
        assert gain.low < gain.value < gain.high
        assert gain.is_shown


def test_less_is_better_for_a_distance():
    gain = gains.gains(RUN, MUTE, TRUTH)["lmd"]
    assert gain.value < 0
    assert gain.is_shown
    turned = gains.gains(MUTE, RUN, TRUTH)["lmd"]
    assert turned.is_loss
    assert not turned.is_shown


def test_the_share_lies_between_mute_and_truth():
    share = gains.gains(RUN, MUTE, TRUTH)[gains.SHARE]
    scores = [part["sync_c_listener"]["value"] for part in (RUN, MUTE, TRUTH)]
    assert share.value == pytest.approx((scores[0] - scores[1]) / (scores[2] - scores[1]))
    assert 0.3 < share.low < share.value < share.high < 0.7


def test_no_share_where_the_listener_does_not_tell_the_truth_from_the_mute_head():
    share = gains.gains(RUN, MUTE, scored(99, 0.0, 1.0, 0.1, 2))[gains.SHARE]
    assert share.value is None
    assert "does not tell the truth from the mute control" in share.unavailable


def test_a_head_that_ignores_its_sound_gains_nothing():
    same = scored(24, 1.5, 0.1, 0.1, 3)
    verdict = gains.verdict(gains.gains(same, MUTE, TRUTH))
    assert verdict.startswith("speech is not shown to help; not shown: PSNR mouth dB ")


def test_the_verdict_names_what_helps_hurts_and_is_not_shown():
    mixed = RUN | {
        "lmd": scored(26, 2.0, 0.8, 0.3, 0)["lmd"],
        "sync_c_listener": scored(0, 0, 0, 0.1, 3)["sync_c_listener"],
    }
    verdict = gains.verdict(gains.gains(mixed, MUTE, TRUTH))
    helps, hurts, rest = verdict.split("; ")
    assert helps.startswith("speech helps: PSNR mouth dB +")
    assert "Mouth r +" in helps
    assert hurts.startswith("it hurts: LMD px +")
    assert rest.startswith("not shown: Sync-C own listener ")


def test_without_the_control_there_is_a_reason_and_speech_is_not_judged():
    found = gains.gains(RUN, NO_CONTROLS, TRUTH)
    assert {gain.unavailable for gain in found.values()} == {NO_CONTROLS}
    why = "the mute control is switched off (metrics.controls=false)"
    assert gains.verdict(found) == f"speech is not judged: {why}"
    assert gains.verdict({}).startswith("speech is not judged: ")


def test_a_metric_that_the_control_lacks_is_a_reason_and_not_judged():
    mute = {name: entry for name, entry in MUTE.items() if name != gains.LISTENER}
    found = gains.gains(RUN, mute, TRUTH)
    for name in (gains.LISTENER, gains.SHARE):
        assert found[name].unavailable == "sync_c_listener is not among the scores of the mute control"
    assert gains.verdict(found).endswith("; not judged: Sync-C own listener")


def test_a_metric_that_was_switched_off_is_not_named_as_not_judged():
    off = RUN | {gains.LISTENER: RUN[gains.LISTENER] | {"value": None, "unavailable": f"{OFF}listener=false)"}}
    found = gains.gains(off, MUTE, TRUTH)
    assert found[gains.LISTENER].unavailable == "switched off (metrics.listener=false)"
    assert "listener" not in gains.verdict(found)


def without(part: Metrics, name: str, frames: slice) -> Metrics:
    """Frames without a number, and the mean of the others as the recorded one."""
    per_frame: list[float | None] = list(part[name]["per_frame"])
    per_frame[frames] = [None] * len(per_frame[frames])
    known = [frame for frame in per_frame if frame is not None]
    return part | {name: part[name] | {"per_frame": per_frame, "value": float(np.mean(known))}}


@pytest.mark.parametrize("frames", [COUNT, 90], ids=["with an interval", "without"])
def test_a_gain_and_its_interval_are_of_the_frames_that_both_have(frames: int):
    """The run lacks its worst frames, which the control has: they are of neither number."""
    late = {name: entry | {"per_frame": entry["per_frame"][:frames]} for name, entry in MUTE.items()}
    falling = np.linspace(30, 20, frames)
    run = as_json({"psnr_mouth": value("psnr_mouth", falling + 1 + 0.1 * NOISE[3][:frames])})
    mute = late | as_json({"psnr_mouth": value("psnr_mouth", falling)})
    gain = gains.gains(without(run, "psnr_mouth", slice(frames // 2, None)), mute, TRUTH)["psnr_mouth"]
    assert gain.value == pytest.approx(1, abs=0.1)
    assert (gain.low is None) == (frames < 200)
    assert "have a number in each" in gain.definition


def test_the_share_is_of_the_frames_that_all_have():
    run, mute, truth = (
        {
            gains.LISTENER: as_json({gains.LISTENER: value(gains.LISTENER, sync * np.linspace(1, 3, COUNT) + noise)})[
                gains.LISTENER
            ]
        }
        for sync, noise in ((0.3, 0.01 * NOISE[0]), (0.1, 0.01 * NOISE[1]), (0.5, 0.01 * NOISE[2]))
    )
    share = gains.gains(without(run, gains.LISTENER, slice(200, None)), mute, truth)[gains.SHARE]
    assert share.low < share.value < share.high
    assert share.value == pytest.approx(0.5, abs=0.02)


def test_numbers_that_do_not_differ_have_no_interval_and_the_reason_says_so():
    gain = gains.gains(RUN, RUN, TRUTH)["psnr_mouth"]
    assert (gain.value, gain.low) == (0, None)
    assert gain.definition.endswith(NO_INTERVAL)
    assert "or no frame differs" in NO_INTERVAL


def test_too_few_frames_give_a_number_without_an_interval():
    short = [
        {
            name: entry | {"per_frame": entry["per_frame"][:40], "value": float(np.mean(entry["per_frame"][:40]))}
            for name, entry in part.items()
        }
        for part in (RUN, MUTE, TRUTH)
    ]
    gain = gains.gains(*short)["psnr_mouth"]
    assert gain.value is not None
    assert (gain.low, gain.high) == (None, None)
    assert "no interval" in gain.definition
    assert not gain.is_shown
