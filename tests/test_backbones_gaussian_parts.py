"""Facts of the Gaussian head's small parts: activations, clouds, regions, losses, stages, fields."""

import math

import numpy as np
import pytest
import torch
from portraits import CENTER, RADII, make_scene, project
from support.parts import part
from torch.utils.data import default_collate

from tfg.backbones.frame import frame_of, halved, truth_of
from tfg.backbones.gaussian.branch import Branch
from tfg.backbones.gaussian.cloud import head_cloud, mouth_cloud
from tfg.backbones.gaussian.gaussians import Gaussians, inverse_softplus, neighbour_distance
from tfg.backbones.gaussian.losses import patch_distance
from tfg.backbones.gaussian.motion import FaceField, GaussianMotion, mouth_hook
from tfg.backbones.gaussian.regions import box_mask, polygon_mask, vertical_ramp
from tfg.data import audio_statistics, audio_windows, batches
from tfg.types import InputError


def test_filled_gaussians_have_the_sizes_colours_and_opacity_asked_for():
    gaussians = Gaussians(sh_degree=1)
    colors = torch.tensor([[0.1, 0.5, 0.9], [0.0, 1.0, 0.3]])
    gaussians.fill(torch.zeros(2, 3), colors, torch.tensor([0.01, 0.3]), 0.1)
    torch.testing.assert_close(gaussians.sizes, torch.tensor([[0.01] * 3, [0.3] * 3]))
    torch.testing.assert_close(gaussians.alphas, torch.full((2,), 0.1))
    torch.testing.assert_close(gaussians.coefficients(1)[:, 0] * 0.28209479 + 0.5, colors)
    assert gaussians.coefficients(1).shape == (2, 4, 3)


def test_inverse_softplus_is_the_inverse_over_five_decades():
    values = torch.tensor([1e-4, 1e-2, 1.0, 10.0])
    torch.testing.assert_close(torch.nn.functional.softplus(inverse_softplus(values)), values, rtol=1e-3, atol=0)


def test_neighbour_distance_leaves_out_the_point_itself():
    points = torch.tensor([[0.0, 0, 0], [1.0, 0, 0], [0, 2.0, 0], [0, 0, 2.0]])
    torch.testing.assert_close(neighbour_distance(points)[0], torch.tensor(math.sqrt((1 + 4 + 4) / 3)))


def test_the_head_cloud_projects_onto_the_head_and_lies_near_its_surface():
    scene = make_scene(num_frames=4)
    portrait = scene.portrait
    cloud = head_cloud(portrait, 400, torch.Generator().manual_seed(0))
    pixels = project(cloud.points.numpy(), portrait.cameras, 0)
    column, row = np.clip(pixels.astype(int), 0, portrait.cameras.size - 1).T
    assert portrait.head_mask[0][row, column].mean() > 0.95
    radius = np.linalg.norm((cloud.points.numpy() - CENTER) / RADII, axis=1)  # 1 on the true skull
    assert np.median(np.abs(radius - 1)) < 0.15  # an average skull is not this one


def test_the_mouth_cloud_lies_behind_the_lips():
    portrait = make_scene(num_frames=4).portrait
    points = mouth_cloud(portrait, 200, 0.4, torch.Generator().manual_seed(0)).points
    lips = torch.from_numpy(portrait.face_shape[48:68])
    assert (points[:, 2] > lips[:, 2].min()).all()
    assert (points[:, 0] >= lips[:, 0].min()).all()
    assert (points[:, 0] <= lips[:, 0].max()).all()


def test_no_head_pixel_is_one_clear_error():
    portrait = make_scene(num_frames=2).portrait
    portrait.head_mask[:] = False
    with pytest.raises(InputError, match="no head pixel"):
        head_cloud(portrait, 10, torch.Generator())


def test_a_square_polygon_covers_the_pixels_whose_centres_it_holds():
    square = torch.tensor([[1.0, 2.0], [4.0, 2.0], [4.0, 4.0], [1.0, 4.0]])
    expected = torch.zeros(6, 6)
    expected[2:4, 1:4] = 1
    assert torch.equal(polygon_mask(square, 6), expected)
    assert torch.equal(box_mask(square, 6), expected)


def test_a_closed_mouth_covers_no_pixel():
    line = torch.tensor([[1.0, 2.0], [3.0, 2.0], [5.0, 2.0], [3.0, 2.0]])
    assert polygon_mask(line, 8).sum() == 0


def test_the_ramp_runs_from_zero_at_its_start_to_one_at_its_stop():
    points = torch.tensor([[0.0, -1.0, 0.0], [0.0, 0.5, 0.0], [0.0, 2.0, 0.0]])
    values = vertical_ramp(points, torch.tensor(0.0), torch.tensor(1.0))
    torch.testing.assert_close(values[:, 0], torch.tensor([0.0, 0.5, 1.0]))


def test_patches_tile_both_pictures_alike_and_distances_are_averaged():
    taken = []

    def distance(made: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
        taken.extend([made, true])
        return (made - true).square().mean(dim=(1, 2, 3))

    rendered, truth = torch.rand(7, 7, 3), torch.rand(7, 7, 3)
    mean = patch_distance(distance, rendered, truth, 3)
    for picture, patches in zip((rendered, truth), taken, strict=True):
        assert patches.shape == (4, 3, 3, 3)
        rows = patches.view(2, 2, 3, 3, 3).permute(0, 3, 1, 4, 2).reshape(6, 6, 3)
        torch.testing.assert_close(rows, picture[:6, :6] * 2 - 1)
    torch.testing.assert_close(mean, 4 * (rendered - truth)[:6, :6].square().mean())  # [-1, 1] is twice as wide


def test_stages_follow_each_other():
    stages = part("backbone/instag", "stages", warm_up=1, face=3, mouth=2, fuse=2)
    assert [stages.locate(step) for step in (0, 2, 3, 5, 6)] == [
        ("face", 0),
        ("face", 2),
        ("mouth", 0),
        ("fuse", 0),
        ("fuse", 1),
    ]
    assert stages.total == 7


def test_pictures_begin_small_and_grow_to_the_heads_size():
    stages = part("backbone/instag", "stages", warm_up=10, face=100, mouth=30, fuse=200, coarse=0.5, coarse_size=128)
    assert [stages.halvings(step, 512) for step in (0, 24, 25, 49, 50, 99)] == [2, 2, 1, 1, 0, 0]
    assert [stages.halvings(step, 512) for step in (100, 129, 130, 179, 180, 229, 230)] == [0, 0, 2, 2, 1, 1, 0]
    assert [stages.halvings(0, size) for size in (128, 200, 255, 256, 257, 1024)] == [0, 0, 0, 1, 0, 3]
    assert part("backbone/instag", "stages", coarse=0.0).halvings(0, 512) == 0
    face, mouth = [("face", 0, 10), ("face", 10, 40), ("face", 50, 50)], ("mouth", 100, 30)
    assert stages.stretches(256, perceptual=False) == [*face, mouth, ("fuse", 130, 100), ("fuse", 230, 100)]
    whole = [("face", 0, 10), ("face", 10, 90), mouth, ("fuse", 130, 100), ("fuse", 230, 100)]
    assert stages.stretches(128, perceptual=True) == whole


def test_a_halved_frame_is_the_same_head_in_half_the_pixels():
    torch.manual_seed(0)
    scene = make_scene(num_frames=2, size=64)
    windows = audio_windows(scene.portrait.audio, *audio_statistics(scene.portrait.audio))
    batch = default_collate([batches(scene.portrait, windows, device=torch.device("cpu"), truth=True)[0]])
    frame, truth = frame_of(batch), truth_of(batch)
    small = truth.halved()
    assert torch.allclose(small.image[3, 5], truth.image[6:8, 10:12].mean(dim=(0, 1)))
    assert torch.allclose(small.head_mask[20, 16], truth.head_mask[40:42, 32:34].mean())
    assert torch.equal(small.landmarks, truth.landmarks / 2)
    branch = Branch(make_field(), part("backbone/instag", "face_density"), 1, 64, scene.portrait.cameras.focal, "torch")
    branch.place(head_cloud(scene.portrait, 200, torch.default_generator), 0.5)
    whole, half = (branch.draw(one, None, one.background, 1).color.detach() for one in (frame, frame.halved()))
    error = (halved(whole) - half).abs().mean()
    assert error < 0.1 * (halved(whole) - frame.halved().background).abs().mean()
    assert error > 0  # the pinhole's other pictures


def test_rates_fall_geometrically_to_their_final_values():
    rates = part("backbone/instag", "rates", means=1e-2, means_final=1e-4, networks=1.0, motion_final=0.25)
    assert rates.of_gaussians(0.5)["means"] == pytest.approx(1e-3)
    assert rates.of_motion(0.5)["networks"] == pytest.approx(0.5)


def test_a_bad_value_names_its_config_key():
    with pytest.raises(InputError, match=r"backbone\.stages\.warm_up"):
        part("backbone/instag", "stages", warm_up=10, face=5)
    with pytest.raises(InputError, match=r"backbone\.motion\.dropout"):
        part("backbone/instag", "motion", dropout=1.0)
    with pytest.raises(InputError, match=r"backbone\.stages\.perceptual_from is 1\.5; it must be in \[0, 1\]"):
        part("backbone/instag", "stages", perceptual_from=1.5)
    for sides in ([30, 42], [42, 32], [32], [32.5, 42]):
        with pytest.raises(
            InputError, match=r"backbone\.weights\.perceptual_patch is .*; it must be two whole numbers"
        ):
            part("backbone/instag", "weights", perceptual_patch=sides)


def make_field() -> FaceField:
    torch.manual_seed(0)
    field = FaceField(part("backbone/instag", "motion"), audio_channels=5, engine="torch")
    field.tables.data.uniform_(-1, 1)
    field.eye_line.fill_(-0.2)
    field.nose_base.fill_(0.2)
    return field.eval()


def test_expression_never_moves_the_mouth_and_speech_never_moves_the_brows():
    field = make_field()
    mouth, brow, nowhere = torch.tensor([[0.1, 0.6, 0.0], [0.1, -0.5, 0.0], [1.6, 1.6, 1.6]])
    points = torch.stack([mouth, brow, nowhere])
    quiet, loud = torch.zeros(1, 8, 5), torch.randn(1, 8, 5)
    calm, raised = torch.zeros(1, 7), torch.ones(1, 7)
    rest = field(points, quiet, calm).means
    by_speech = field(points, loud, calm).means - rest
    frowned = field(points, quiet, raised).means - rest
    assert by_speech[0].abs().max() > 0
    assert frowned[1].abs().max() > 0
    assert by_speech[1].abs().max() == 0
    assert frowned[0].abs().max() == 0
    assert field(points, loud, raised).means[2].abs().max() == 0  # beyond the grid nothing moves


def test_the_hook_reads_the_ranked_vertical_motion_and_stops_the_gradient():
    means = torch.zeros(5, 3, requires_grad=True)
    moved = means + torch.tensor([[9.0, value, 9.0] for value in (0.5, -0.1, 0.3, 0.0, -0.4)])
    hook = mouth_hook(GaussianMotion(moved), rank=2)
    torch.testing.assert_close(hook, torch.tensor([[3.0, -1.0, 4.0]]))
    assert not hook.requires_grad
