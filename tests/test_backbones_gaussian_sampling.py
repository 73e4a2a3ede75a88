"""Frames by mouth and blink: which rows a step may take, that it depends on the step alone, and that off changes nothing."""

from dataclasses import replace

import numpy as np
import pytest
from portraits import make_scene
from support.parts import part

from tfg.backbones.gaussian.sampling import GuidedFrames
from tfg.data import frame_order
from tfg.landmarks import mouth_opening
from tfg.types import UPPER_FACE, InputError

STEPS = {"warm_up": 30, "face": 100, "mouth": 40, "fuse": 20}
OPENING = np.linspace(0, 1, 21, dtype=np.float32)
BLINK = np.roll(OPENING, 7)


@pytest.fixture
def guided() -> GuidedFrames:
    sampling = part("backbone/instag", "sampling", guided=True, mouth_warm_up=10)
    stages = part("backbone/instag", "stages", **STEPS)
    return GuidedFrames(sampling=sampling, stages=stages, opening=OPENING, blink=BLINK)


def span(values: np.ndarray, rows: np.ndarray | None) -> tuple[float, float]:
    assert rows is not None
    return float(values[rows].min()), float(values[rows].max())


def test_the_face_sees_growing_mouths_in_the_warm_up_then_blinks_that_move_from_open_to_shut(
    guided: GuidedFrames,
) -> None:
    assert span(OPENING, guided(0)) == pytest.approx((0.05, 0.35))
    assert span(OPENING, guided(15)) == pytest.approx((0.2, 0.45))  # 0.32 give or take 0.16
    assert span(BLINK, guided(30)) == pytest.approx((0.15, 0.6))
    assert span(BLINK, guided(90)) == pytest.approx((0.75, 1.0))
    assert [step for step in range(100) if guided(step) is not None] == list(range(0, 100, 15))


def test_the_mouth_sees_the_widest_first_then_from_the_widest_down(guided: GuidedFrames) -> None:
    for step in range(100, 110):
        assert span(OPENING, guided(step)) == pytest.approx((0.75, 1.0))
    assert [step for step in range(110, 140) if guided(step) is not None] == [114, 121, 128, 135]
    assert span(OPENING, guided(114)) == pytest.approx((0.65, 1.0))
    assert span(OPENING, guided(135)) == pytest.approx((0.15, 1.0))
    assert all(guided(step) is None for step in range(140, 160))  # fuse


def test_where_no_frame_is_in_the_window_the_round_goes_on(guided: GuidedFrames) -> None:
    awake = GuidedFrames(sampling=guided.sampling, stages=guided.stages, opening=OPENING, blink=np.zeros_like(BLINK))
    assert awake(30) is None
    assert awake(90) is None


def test_openings_and_blinks_are_those_of_the_portrait_whatever_the_persons_own_range(guided: GuidedFrames) -> None:
    portrait = make_scene(num_frames=12, size=32).portrait
    blink = np.zeros((12, len(UPPER_FACE)), np.float32)
    blink[7, UPPER_FACE.index("eyeBlinkLeft") :] = 0.4  # shut, as the reader has it of this person
    blink[3, UPPER_FACE.index("browInnerUp")] = 1.0
    found = GuidedFrames.of(replace(portrait, upper=blink), guided.sampling, guided.stages)
    opening = mouth_opening(portrait.landmarks, "eyes")
    assert (found.opening.min(), found.opening.max()) == (0, 1)
    np.testing.assert_array_equal(np.argsort(found.opening), np.argsort(opening))
    np.testing.assert_array_equal(found.blink, np.arange(12) == 7)


def test_switched_off_every_step_takes_the_next_of_its_round() -> None:
    portrait = make_scene(num_frames=12, size=32).portrait
    given = {"size": 32, "focal": portrait.cameras.focal, "audio_channels": 4, "lip_driven": False}
    off, on = (part("backbone/instag", **given, sampling={"guided": guided}) for guided in (False, True))
    assert off.wanted(portrait) is None
    assert on.wanted(portrait) is not None


@pytest.mark.parametrize("cut", [1, 15, 100, 113])
def test_a_resumed_order_is_the_order_that_would_have_been(guided: GuidedFrames, cut: int) -> None:
    whole = frame_order(21, 0, 160, 3, guided)
    assert frame_order(21, 0, cut, 3, guided) + frame_order(21, cut, 160 - cut, 3, guided) == whole
    plain = frame_order(21, 0, 160, 3)
    assert [step for step in range(100) if whole[step] != plain[step]] == [
        step for step in range(0, 100, 15) if whole[step] != plain[step]
    ]
    assert all(row in guided(step) for step, row in enumerate(whole) if guided(step) is not None)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("face_every", 0, "it must be 1 or more"),
        ("mouth_warm_up", -1, "it must not be negative"),
        ("mouth_open", 1.0, r"it must be in \[0, 1\)"),
        ("blink_window", 0.0, r"it must be in \(0, 1\]"),
    ],
)
def test_a_wrong_value_is_one_line(key: str, value: float, message: str) -> None:
    with pytest.raises(InputError, match=rf"backbone\.sampling\.{key} is {value}; {message}"):
        part("backbone/instag", "sampling", **{key: value})
