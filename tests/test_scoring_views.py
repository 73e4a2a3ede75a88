"""What counts of a head seen from the side, and what does not; controls, names, ranges of distance, intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from portraits import make_scene, project

from tfg.clip.synthetic.retake import Retake
from tfg.features.face.fitted import FittedLandmarks
from tfg.landmarks import BROWS, EYES, NOSE, NOSE_TIP, indices
from tfg.metrics.base import MetricFacts, MetricValue
from tfg.metrics.depth import DepthError
from tfg.metrics.image import ImageQuality
from tfg.metrics.landmark import MouthCorrelation
from tfg.record.views import View
from tfg.scoring import pose_gap
from tfg.scoring.run import as_json, judge, score_run
from tfg.scoring.score import Held
from tfg.scoring.views import GREY, Side, at, over_grey, turned_pictures, with_anchors

SIZE, FRAMES = 64, 110
UPPER = indices(BROWS, NOSE, EYES)


@pytest.fixture(scope="module")
def portrait():
    return make_scene(num_frames=FRAMES, size=SIZE, seed=5).portrait


@pytest.fixture(scope="module")
def side(portrait):
    """The scene itself as what was drawn: eyes are two boxes, the torso is the lowest rows."""
    eyes, torso = np.zeros_like(portrait.head_mask), np.zeros_like(portrait.head_mask)
    low, high = portrait.landmarks[:, EYES].min(axis=1), portrait.landmarks[:, EYES].max(axis=1)
    for row, (left, top), (right, bottom) in zip(eyes, low.astype(int), high.astype(int), strict=True):
        row[top:bottom, left:right] = True
    torso[:, 58:] = True
    retake = Retake(
        images=portrait.images,
        head=portrait.head_mask & ~torso,
        torso=torso & ~portrait.head_mask,
        eyes=eyes & portrait.head_mask,
        depth=np.where(portrait.head_mask, np.float32(6), np.float32(np.nan)),
        landmarks=portrait.landmarks,
    )
    resting = retake.landmarks.mean(axis=0)
    reader = FittedLandmarks.fit(over_grey(retake.images, retake.head), with_anchors(retake.landmarks, resting))
    metrics = (ImageQuality(), MouthCorrelation())
    return Side(
        view=View(yaw=30, pitch=0), where="110 frames", retake=retake, resting=resting, reader=reader, metrics=metrics
    )


def seen(side):
    """The truth as a head would be rendered that is the truth."""
    return over_grey(side.retake.images, side.retake.head)


def test_a_head_that_is_the_truth_has_the_truths_numbers(side):
    depth = DepthError(made=side.retake.depth, true=side.retake.depth, shown=np.ones(FRAMES, bool))
    values = side.score(seen(side), depth)
    assert list(values) == ["psnr_face", "psnr_mouth", "ssim_face", "mouth_correlation", "depth_error"]
    assert (values["psnr_face"].value, values["ssim_face"].value) == (np.inf, 1)
    assert values["mouth_correlation"].value == 1
    assert values["depth_error"].value == 0
    truth = side.truth(replace(depth, made=depth.made + 1))
    assert {name: value.value for name, value in truth.items()} == {name: v.value for name, v in values.items()}


def test_torso_and_gaze_do_not_count_and_what_spills_over_the_wall_does(side):
    other = seen(side).copy()
    other[side.retake.torso.all(axis=0) | side.retake.eyes] = (255, 0, 0)
    assert side.score(other)["psnr_face"].value == np.inf
    wall = ~side.retake.head & ~side.retake.torso
    other[wall] = (255, 0, 0)
    assert side.score(other)["psnr_face"].value < 30


def test_nothing_of_the_true_jaw_shows_in_a_prediction_that_keeps_still(side):
    """What the true torso leaves free follows the jaw: r of a mute head was 0.98 while that was cut out of its pictures."""
    torso = np.zeros_like(side.retake.torso)
    torso[:, 60:] = True
    torso[::2, 50:] = True
    moving = replace(side, retake=replace(side.retake, torso=torso))
    still = moving.alone(np.repeat(seen(side)[:1], FRAMES, axis=0))
    assert (still == still[0]).all()
    assert (still[:, 60:] == GREY).all()
    assert (still[0, 50:60] != GREY).any()


def test_what_is_read_off_faces_sees_the_eyes_and_pictures_say_that_they_do_not(side):
    values = side.score(seen(side))
    assert "no head is given the gaze" in values["psnr_face"].definition
    assert "no head is given the gaze" not in values["mouth_correlation"].definition
    for value in values.values():
        assert "110 frames; the head alone over plain grey" in value.definition
    assert "control: mute" in side.noted("mute").score(seen(side), names=("psnr_mouth",))["psnr_mouth"].definition


def test_a_reader_that_fails_on_the_truth_gives_no_number(side):
    deaf = replace(side, reader=replace(side.reader, opening_correlation=0.5))
    value = deaf.score(seen(side))["mouth_correlation"]
    assert value.value is None
    assert value.unavailable.endswith("finds openings with r = 0.50 on its true frames, 0.8 is needed")


def test_a_view_names_numbers_titles_and_intervals(side):
    blurred = seen(side).copy()
    blurred[:, ::2] = blurred[:, 1::2]
    made, truth = at(side.view, side.score(blurred)), at(side.view, side.truth(None))
    assert made["psnr_face_right30"].facts.title == "PSNR face, 30 right"
    entries = as_json(made, as_json(truth))
    for name in ("psnr_face_right30", "mouth_correlation_right30"):
        low, high = entries[name]["interval"]
        assert low < entries[name]["value"] < high


def test_a_picture_turned_flat_lies_where_the_face_is(portrait):
    rows, wanted = np.array([3, 3, 10, 5]), np.array([3, 20, 40, 100])
    cameras = portrait.cameras.take(wanted)
    made = turned_pictures(portrait, rows, cameras)
    np.testing.assert_allclose(made[0], over_grey(portrait.images, portrait.head_mask)[3], atol=1)
    for picture, own, row in zip(made[1:], rows[1:], wanted[1:], strict=True):
        left, top = portrait.landmarks[row, list(UPPER)].min(axis=0).astype(int)
        right, bottom = portrait.landmarks[row, list(UPPER)].max(axis=0).astype(int)
        box = slice(top, bottom), slice(left, right)
        true = portrait.images[row][box].astype(int)
        assert np.abs(picture[box] - true).mean() < 0.8 * np.abs(portrait.images[own][box] - true).mean()
    tip = project(portrait.face_shape[[NOSE_TIP]], portrait.cameras, 20)[0].astype(int)
    assert (made[1][tip[1], tip[0]] != GREY).any()


def test_ranges_of_distance_hold_the_frames_that_lie_there():
    turned = np.concatenate([np.full(30, 1.0), np.full(30, 5.0), np.full(10, 10.0)])
    facts = MetricFacts(title="PSNR face", unit="dB", better="up", digits=2)
    value = MetricValue(definition="box", facts=facts, value=1.0, per_frame=tuple(turned))
    found = pose_gap.by_distance({"psnr_face": value, "flicker": value}, turned)
    assert list(found) == ["psnr_face_pose0to2", "psnr_face_pose4to6", "psnr_face_pose8to12"]
    assert found["psnr_face_pose4to6"].value == 5
    assert found["psnr_face_pose4to6"].definition == "of the frames 4 to 6 degrees from the nearest training pose; box"
    assert found["psnr_face_pose4to6"].facts.title == "PSNR face, 4 to 6 degrees away"
    assert found["psnr_face_pose8to12"].unavailable == (
        "10 of 70 frames lie 8 to 12 degrees from the nearest training pose, 25 are needed"
    )


def test_the_controls_of_a_run_are_sorted_by_distance_as_the_run_is(portrait):
    train, test = portrait.rows(0, 40), portrait.rows(40, FRAMES)
    reader = FittedLandmarks.fit(portrait.images, portrait.landmarks)
    judged = judge(test, np.zeros(len(test.frames) * 640, np.float32), reader, (ImageQuality(),))
    pictures, windows = Held(images=test.images), np.zeros((FRAMES, 8, 3), np.float32)

    def scored(*, by_distance):
        decoded = (pictures, pictures)
        given = (train, windows[:40], windows[40:])
        return score_run(judged, test.images[::-1], None, (), decoded, *given, by_distance=by_distance)

    plain, sorted_ = scored(by_distance=False), scored(by_distance=True)
    ranges = {name for name in sorted_.metrics if "_pose" in name}
    assert {name.split("_pose")[0] for name in ranges} == {"psnr_face", "psnr_mouth", "ssim_face"}
    assert set(sorted_.metrics) == set(plain.metrics) | ranges
    for metrics in (*sorted_.controls.values(), sorted_.truth):
        assert {name for name in metrics if "_pose" in name} == ranges
    frames = [sum(row is not None for row in sorted_.metrics[name]["per_frame"] or ()) for name in sorted(ranges)]
    assert max(frames) >= 25
