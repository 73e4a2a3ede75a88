"""How far held-out frames lie from training: angles by hand, covered ranges, and PSNR of near frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import portraits
import pytest
from scipy.spatial.transform import Rotation

from tfg.metrics.base import MetricFacts, MetricValue
from tfg.scoring import pose_gap


def turned(degrees: list[float]):
    scene = portraits.make_scene(num_frames=len(degrees), size=32).portrait
    vectors = np.radians(degrees)[:, None] * np.array([0.0, 1, 0])
    rotation = Rotation.from_rotvec(vectors).as_matrix().astype(np.float32)
    translation = np.tile(np.array([0, 0, 5], np.float32), (len(degrees), 1))
    return replace(scene, cameras=replace(scene.cameras, rotation=rotation, translation=translation))


def test_the_angle_is_to_the_nearest_training_pose():
    np.testing.assert_allclose(pose_gap.angles(turned([0, 10]), turned([0, 4, 9, 25])), [0, 4, 1, 15], atol=0.05)


def test_mean_and_percentile_and_shift():
    train, test = turned([0, 10]), turned([2, 14])
    found = pose_gap.pose_gap(train, test)
    assert found["mean_degrees"] == pytest.approx(3, abs=0.01)
    assert found["p90_degrees"] == pytest.approx(3.8, abs=0.02)
    assert found["mean_shift"] == 0
    moved = replace(
        test, cameras=replace(test.cameras, translation=test.cameras.translation + np.float32([0.3, 0, 0.4]))
    )
    assert pose_gap.pose_gap(train, moved)["p90_shift"] == pytest.approx(0.5, abs=1e-6)
    assert set(found) == set(pose_gap.DEFINITIONS)


@pytest.mark.parametrize(
    ("train", "covered"), [((0, 1), 1.0), ((0, 0.5), 0.5), ((0.25, 0.75), 0.5), ((2, 3), 0.0), ((-5, 5), 1.0)]
)
def test_coverage_is_the_share_of_the_held_out_range(train, covered):
    test = np.linspace(0, 1, 1001)
    assert pose_gap.coverage(np.linspace(*train, 1001), test) == pytest.approx(covered, abs=0.03)


def test_what_does_not_move_has_no_coverage():
    assert pose_gap.coverage(np.arange(5.0), np.ones(5)) is None


def psnr(count: int) -> MetricValue:
    facts = MetricFacts(title="PSNR face", unit="dB", better="up", digits=2)
    frames = tuple(float(frame) for frame in range(count))
    return MetricValue(definition="d", facts=facts, value=(count - 1) / 2, per_frame=frames)


def test_psnr_of_near_frames_leaves_the_others_out():
    degrees = np.where(np.arange(100) < 40, 1.0, 30.0)
    found = pose_gap.near(psnr(100), degrees)
    assert found.value == pytest.approx(19.5)
    assert found.per_frame[39:41] == (39.0, None)
    assert found.facts.title == "PSNR face near"


def test_too_few_near_frames_are_said():
    found = pose_gap.near(psnr(100), np.where(np.arange(100) < 10, 1.0, 30.0))
    assert found.value is None
    assert found.unavailable == "10 of 100 frames lie within 5 degrees of a training pose, 25 are needed"


def test_a_mouth_that_is_rigid_in_the_head_opens_in_the_picture_as_the_head_comes_nearer():
    scene = portraits.make_scene(num_frames=40, size=32).portrait
    still = replace(scene.cameras, rotation=np.tile(np.eye(3, dtype=np.float32), (40, 1, 1)))
    depth = 5 + np.sin(np.arange(40)).astype(np.float32)
    near = replace(still, translation=np.stack([0 * depth, 0 * depth, depth], axis=1))
    shape = scene.face_shape.copy()
    shape[60:68, 1] = np.float32([0, 0, 0, 0, 0.2, 0.2, 0.2, 0])  # inner lips, 0.2 head units open
    placed = near.focal * shape[:, :2] / (shape[:, None, 2] + depth)[..., None].transpose(1, 0, 2)
    rigid = replace(scene, cameras=near, face_shape=shape, landmarks=placed.astype(np.float32))
    found = pose_gap.rigid_mouth(rigid)
    assert found["rigid_mouth_r"] == pytest.approx(1, abs=1e-4)
    assert found["rigid_mouth_amplitude"] == pytest.approx(1, abs=1e-3)
    assert pose_gap.rigid_mouth(replace(rigid, landmarks=np.tile(placed[:1], (40, 1, 1)).astype(np.float32))) == {
        "rigid_mouth_r": None,
        "rigid_mouth_amplitude": None,
    }
