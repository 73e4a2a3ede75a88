"""Verdicts: three outcomes on made data for each rule, and a hole where there is nothing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from atlas_rows import atlas

from analysis.claims import read_claims
from analysis.evidence import evidence, spread_beyond_seeds
from analysis.heads import SYNC, chosen, only, read, segments
from analysis.sources import read_sources
from analysis.verdicts import FAILS, HOLDS, UNDERPOWERED, UNMEASURED, Effect, Hole, judge, outcome_of, over_people

CLAIMS = {claim.name: claim for claim in read_claims()}


def sources(tmp_path, made=None, **other):
    empty = read_sources(tmp_path)
    return replace(empty, atlas=empty.atlas if made is None else made, **other)


def verdict(name, found):
    claim = CLAIMS[name]
    return judge(claim, evidence(claim, found))


def effect(value, low, high, people=5, part="gain_sync_share"):
    return Effect(part=part, value=value, low=low, high=high, people=tuple(map(str, range(people))), heads=10)


@pytest.mark.parametrize(
    ("rule", "found", "outcome"),
    [
        ("more", effect(0.2, 0.05, 0.35), HOLDS),
        ("more", effect(0.05, 0.01, 0.09), FAILS),  # there, but too small to matter
        ("more", effect(-0.2, -0.3, -0.1), FAILS),
        ("more", effect(0.08, 0.01, 0.15), UNDERPOWERED),
        ("more", effect(0.2, -0.05, 0.45), UNDERPOWERED),
        ("more", effect(0.2, 0.05, 0.35, people=2), UNDERPOWERED),
        ("not_less", effect(-0.05, -0.09, 0.0), HOLDS),
        ("not_less", effect(-0.3, -0.4, -0.2), FAILS),
        ("not_less", effect(-0.05, -0.2, 0.1), UNDERPOWERED),
        ("at_least", effect(0.3, 0.2, 0.4), HOLDS),
        ("at_least", effect(0.05, 0.02, 0.08), FAILS),
        ("at_least", effect(0.1, 0.05, 0.15), UNDERPOWERED),
    ],
)
def test_each_rule_has_three_outcomes(rule, found, outcome):
    assert outcome_of(rule, 0.1, found) == outcome


def test_one_failing_part_fails_the_claim_and_one_weak_part_weakens_it():
    claim = CLAIMS["comparable"]
    good, bad, weak = (
        effect(0.0, -0.05, 0.05),
        effect(-2.0, -3.0, -1.0, part="psnr_face"),
        effect(-0.4, -2, 1, part="psnr_face"),
    )
    assert judge(claim, [good, bad]).outcome == FAILS
    assert judge(claim, [good, weak]).outcome == UNDERPOWERED
    assert judge(claim, [good, replace(weak, low=-0.4)]).outcome == HOLDS
    hole = Hole(part="psnr_face", reason="no reference", command="x")
    assert judge(claim, [good, hole]).outcome == UNMEASURED
    assert judge(claim, [replace(good, high=-0.2, low=-0.3), hole]).outcome == FAILS


def test_without_an_atlas_every_claim_but_the_arithmetic_is_a_hole_with_its_command(tmp_path):
    found = sources(tmp_path)
    outcomes = {name: verdict(name, found) for name in CLAIMS}
    assert {name for name, made in outcomes.items() if made.outcome != UNMEASURED} == {"ranking"}
    assert outcomes["ranking"].outcome == FAILS
    assert all(made.decisive.command.startswith("python -m") for name, made in outcomes.items() if name != "ranking")


def test_what_sync_depends_on_is_found(tmp_path):
    found = sources(tmp_path, atlas(sync=lambda of: 0.8 + 0.1 * of["audio_pairs"]))
    assert verdict("diversity", found).outcome == HOLDS
    assert verdict("diversity", found).decisive.value == pytest.approx(0.2, abs=0.02)
    assert verdict("measures", found).outcome == HOLDS
    assert verdict("spread", found).outcome == HOLDS
    assert verdict("motion", found).outcome == FAILS


def test_what_sync_does_not_depend_on_is_found_too(tmp_path):
    found = sources(tmp_path, atlas(sync=lambda of: 0.8))
    outcomes = {name: verdict(name, found).outcome for name in ("spread", "diversity", "motion", "random", "parts")}
    assert set(outcomes.values()) == {FAILS}


def test_few_noisy_people_are_not_enough(tmp_path):
    made = atlas(people=4, noise=0.4)
    found = verdict("diversity", sources(tmp_path, made))
    assert found.outcome == UNDERPOWERED
    assert found.people_needed() > 4


def test_lip_and_camera_motion_must_both_hurt(tmp_path):
    lips, camera = "mc_lips_0.25_pooled_radial", "mc_camera_0.25"
    both = atlas(sync=lambda of: 0.8 - 0.1 * of[lips] - 0.1 * of[camera])
    assert verdict("motion", sources(tmp_path, both)).outcome == HOLDS
    found = verdict("motion", sources(tmp_path, atlas(sync=lambda of: 0.8 - 0.1 * of[lips])))
    assert found.outcome == FAILS
    assert found.decisive.part == "mc_camera"


def test_the_spread_leaves_the_seeds_out():
    rng = np.random.default_rng(0)
    made = [[0.2 * rng.normal() + 0.1 * rng.normal(size=2) for _ in range(40)] for _ in range(20)]
    assert spread_beyond_seeds(made) == pytest.approx(0.2 - 0.1, abs=0.02)


def test_isexplore_takes_the_simplest_motion_of_the_five_most_varied():
    found = segments(atlas())
    for person, choice in chosen(found, "isexplore").items():
        own = found.rows[found.rows["person"] == person]
        top = own.nlargest(5, "audio_pairs")
        score = top["audio_pairs"] / top["mc_both_0.25_pooled_radial"]
        assert choice["start"] == own.loc[score.idxmax(), "start"]
        assert chosen(found, "audio")[person]["audio_pairs"] == own["audio_pairs"].max()


def test_isexplore_beats_random_where_its_segment_is_the_best(tmp_path):
    made = atlas(sync=lambda of: 0.8 + 0.2 * of["audio_pairs"] - 0.2 * of["mc_both_0.25_pooled_radial"])
    assert verdict("random", sources(tmp_path, made)).outcome == HOLDS


def test_five_seconds_against_the_full_reference(tmp_path):
    assert verdict("comparable", sources(tmp_path, atlas(sync=lambda of: 0.9))).outcome == HOLDS
    worse = verdict("comparable", sources(tmp_path, atlas(sync=lambda of: 0.5)))
    assert worse.outcome == FAILS
    assert verdict("comparable", sources(tmp_path, atlas(full=None))).outcome == UNMEASURED


def test_the_cost_of_both_ways_is_counted_whole(tmp_path):
    found = evidence(CLAIMS["five_times"], sources(tmp_path, atlas()))
    synctalk, instag = found
    assert isinstance(synctalk, Hole)
    assert instag.value == pytest.approx((5 + 600) / (2 + 5 * 3 + 5 + 40))


def test_a_number_that_one_seed_lacks_is_no_mean_of_the_other(tmp_path):
    made = atlas(people=3, segments=9)
    made.loc[0, SYNC] = float("nan")
    rows = segments(made).rows
    assert np.isnan(rows.loc[0, SYNC])
    assert "1 segments without gain_sync_share" in segments(made).of(SYNC).left_out


def test_people_without_the_number_are_named(tmp_path):
    made = atlas(people=4)
    made.loc[made["person"] == "p1", SYNC] = float("nan")
    found = verdict("diversity", sources(tmp_path, made)).decisive
    assert found.people == ("p0", "p2", "p3")
    assert any(line.startswith("p1: 0% of the heads have a share") for line in found.left_out)


def test_whose_truth_is_out_of_time_is_left_out_of_the_share_alone(tmp_path):
    offset = "sync_offset_listener_truth"
    made = atlas(people=4).assign(**{offset: 1.0})
    made.loc[made["person"] == "p1", offset] = -2.0
    data = sources(tmp_path, made)
    for name in ("spread", "diversity", "measures", "motion", "random", "parts"):
        found = evidence(CLAIMS[name], data)[0]
        assert "p1" not in found.people, name
        assert "p1: the held-out truth is -2 frames out of time" in found.left_out
    assert "p1" in evidence(CLAIMS["random"], data, everyone=True)[0].people
    assert "p1" in evidence(CLAIMS["random"], data, "mouth_correlation")[0].people
    share, picture = evidence(CLAIMS["comparable"], data)
    assert ("p1" in share.people, "p1" in picture.people) == (False, True)


def test_half_of_a_persons_heads_must_have_a_share(tmp_path):
    made = atlas(people=4, segments=20)
    own = made.index[(made["person"] == "p2") & (made["seconds"] == 5)]
    made.loc[own[: len(own) // 2 - 2], SYNC] = float("nan")
    assert "p2" in verdict("diversity", sources(tmp_path, made)).decisive.people
    made.loc[own[: len(own) // 2 + 2], SYNC] = float("nan")
    assert "p2" not in verdict("diversity", sources(tmp_path, made)).decisive.people


def test_another_size_of_pictures_is_not_mixed_in():
    made = atlas(people=3)
    other = made[made["person"] == "p0"].assign(px=512)
    found = segments(pd.concat([made, other], ignore_index=True))
    assert found.heads == 60
    assert any("512" in line for line in found.left_out)


def test_the_groups_that_are_shown_beside(tmp_path):
    made = atlas()
    assert set(only(made, kind="real")["person"]) == {"p0", "p1", "p3", "p4"}
    assert set(only(made, untuned=True)["person"]) == {"p1", "p3", "p5"}


def test_an_atlas_is_read_as_it_was_written(tmp_path):
    made = atlas(people=3, full=None)
    made.to_csv(tmp_path / "atlas.csv", index=False)
    back = read(tmp_path / "atlas.csv")
    assert list(back["tuned"]) == list(made["tuned"])
    assert segments(back).rows[SYNC].tolist() == pytest.approx(segments(made).rows[SYNC].tolist())


def test_an_interval_over_people_by_hand():
    found = over_people("x", {"a": 1.0, "b": 2.0, "c": 3.0}, 9)
    assert (found.value, found.low, found.heads) == (2.0, pytest.approx(2 - 4.302653 / 3**0.5, rel=1e-6), 9)


def test_the_people_that_are_needed_by_hand():
    claim = CLAIMS["random"]  # smallest effect 0.1
    found = replace(effect(0.04, -0.04, 0.12, people=10), deviation=0.1)
    made = judge(claim, [found])
    assert made.outcome == UNDERPOWERED
    assert made.people_needed() == 10  # a t test at d = 1 has a power of 0.80 with 10 pairs
    assert made.people_to_decide() == 14  # t(0.975, 13) * 0.1 / sqrt(14) = 0.058 < 0.1 - 0.04
