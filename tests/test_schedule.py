"""Steps follow the length of the segment."""

import pytest

from tfg import overrides, schedule


@pytest.mark.parametrize(
    ("seconds", "power", "expected"),
    [(5, 1, 1), (10, 1, 2), (10, 0, 1), (20, 0.5, 2), (2, 1, 1), ("x", 1, 1), (10, -1, 1)],
)
def test_growth_by_hand(seconds, power, expected):
    assert schedule.growth(seconds, power) == expected


def test_a_longer_segment_trains_longer_in_both_backbones_and_not_with_growth_0():
    def steps(*given):
        instag = overrides.composed(["backbone=instag", "trainer=cpu", *given]).backbone
        synctalk = overrides.composed(["backbone=synctalk", "trainer=cpu", *given]).backbone
        return instag.stages.face, instag.stages.fuse, instag.face_density.stop, synctalk.schedule.steps

    short = steps()
    assert steps("seconds=10") == tuple(2 * count for count in short)
    assert steps("seconds=10", "trainer.growth=0") == steps("seconds=2") == short


def test_a_step_count_given_by_hand_is_taken_as_it_is():
    config = overrides.composed(["trainer=cpu", "seconds=10", "backbone.stages.face=700"])
    assert config.backbone.stages.face == 700
