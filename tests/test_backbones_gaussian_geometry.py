"""The geometry prior: a mesh fitted to landmarks, its depth and normals, and what they pull Gaussians to."""

from pathlib import Path

import numpy as np
import pytest
import torch
from portraits import CENTER, RADII, landmarks_in_head, make_scene
from support.face_bundle import MEMBER, SIDE, grid_mesh, write_bundle
from support.parts import part
from torch.utils.data import default_collate

from tfg import assets
from tfg.backbones.frame import Frame, frame_of
from tfg.backbones.gaussian import mesh
from tfg.backbones.gaussian.geometry import (
    GeometryPrior,
    depth_difference,
    depth_normals,
    normal_difference,
    row_normalised,
)
from tfg.data import audio_statistics, audio_windows, batches
from tfg.engines.gaussian import Raster, rasterize
from tfg.features.face.canonical import GENERIC_SHAPE
from tfg.landmarks import MESH_VERTICES, NOSE_TIP
from tfg.types import InputError, Portrait

SIZE, FOCAL = 40, 84.0
PIXELS = np.stack(np.meshgrid(np.arange(SIZE) + 0.5, np.arange(SIZE) + 0.5), axis=-1) - SIZE / 2
RAYS = np.concatenate([PIXELS / FOCAL, np.ones((SIZE, SIZE, 1))], axis=-1)  # camera z of 1


def ball(radius: float, distance: float, rings: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and triangles of a sphere on the optical axis."""
    down, around = np.linspace(0, np.pi, rings), np.linspace(0, 2 * np.pi, 2 * rings, endpoint=False)
    d, a = np.meshgrid(down, around, indexing="ij")
    points = radius * np.stack([np.sin(d) * np.cos(a), np.sin(d) * np.sin(a), np.cos(d)], axis=-1).reshape(-1, 3)
    index = np.arange(len(points)).reshape(rings, 2 * rings)
    right = np.roll(index, -1, axis=1)
    quads = [part.ravel() for part in (index[:-1], right[:-1], index[1:], right[1:])]
    triangles = np.concatenate([np.stack([quads[i] for i in order], axis=1) for order in ((0, 1, 2), (1, 3, 2))])
    return (points + np.array([0, 0, distance])).astype(np.float32), triangles


def test_a_tilted_plane_has_its_own_depth_and_normal() -> None:
    """z = 5 + 0.3 x + 0.2 y along the ray (u, v, 1) z."""
    x, y = np.array([-3.0, 3, -3, 3]), np.array([-3.0, -3, 3, 3])
    corners = np.stack([x, y, 5 + 0.3 * x + 0.2 * y], axis=1).astype(np.float32)
    surface = mesh.draw(corners, np.array([[0, 1, 2], [1, 3, 2]]), FOCAL, SIZE)
    np.testing.assert_allclose(surface.depth, 5 / (1 - RAYS @ [0.3, 0.2, 0]), rtol=1e-5)
    normal = np.array([0.3, 0.2, -1]) / np.linalg.norm([0.3, 0.2, -1])
    np.testing.assert_allclose(surface.normal, np.broadcast_to(normal, (SIZE, SIZE, 3)), atol=1e-5)
    found = depth_normals(torch.from_numpy(surface.depth), FOCAL)
    np.testing.assert_allclose(found, np.broadcast_to(normal, (SIZE - 2, SIZE - 2, 3)), atol=1e-3)  # float32 depths


def test_a_sphere_has_its_own_depth_and_normals_and_nothing_beside_it() -> None:
    surface = mesh.draw(*ball(1.0, 6.0), FOCAL, SIZE)
    a, b = (RAYS**2).sum(axis=-1), RAYS @ [0, 0, 6]
    inside = b**2 - a * 35
    depth = np.where(inside > 0, (b - np.sqrt(np.maximum(inside, 0))) / a, 0)
    normal = RAYS * depth[..., None] - [0, 0, 6]
    far_in = inside > 0.5  # a sixtieth of a half turn is 0.05 of a radius: the rim is a polygon's
    np.testing.assert_allclose(surface.depth[far_in], depth[far_in], atol=3e-3)
    assert not surface.depth[inside < -0.5].any()
    assert not surface.normal[inside < -0.5].any()
    np.testing.assert_allclose(surface.normal[far_in], normal[far_in], atol=0.02)
    within = far_in[1:-1, 1:-1]
    found = depth_normals(torch.from_numpy(depth), FOCAL).numpy()
    np.testing.assert_allclose(found[within], normal[1:-1, 1:-1][within], atol=0.05)


def test_the_nearer_of_two_surfaces_is_seen_whatever_their_order() -> None:
    square = np.array([[-3, -3, 0], [3, -3, 0], [-3, 3, 0], [3, 3, 0]], np.float32)
    both = np.concatenate([square + np.float32([0, 0, 5]), square / 4 + np.float32([0, 0, 4])])
    triangles = np.array([[0, 1, 2], [1, 3, 2], [4, 5, 6], [5, 7, 6]])
    depth = mesh.draw(both, triangles, FOCAL, SIZE).depth
    np.testing.assert_array_equal(depth, mesh.draw(both, triangles[::-1], FOCAL, SIZE).depth)
    small = (np.abs(PIXELS) < FOCAL * 0.75 / 4).all(axis=-1)
    np.testing.assert_allclose(depth, np.where(small, 4, 5), rtol=1e-6)
    assert not mesh.draw(-both, triangles, FOCAL, SIZE).depth.any()  # behind the camera


def head_grid() -> np.ndarray:
    """(SIDE * SIDE, 3) on the front of the skull of `portraits`."""
    x, y = np.meshgrid(np.linspace(-0.55, 0.55, SIDE), np.linspace(-0.45, 0.95, SIDE))
    flat = np.stack([x.ravel(), y.ravel()], axis=1)
    unit = (flat - CENTER[:2]) / RADII[:2]
    return np.concatenate([flat, (CENTER[2] - RADII[2] * np.sqrt(1 - (unit**2).sum(axis=1)))[:, None]], axis=1)


@pytest.fixture
def skull(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """A canonical mesh that is the head of `portraits`, larger and elsewhere; its vertices as they should be fitted."""
    vertices, triangles = grid_mesh(landmarks_in_head(0.0), head_grid())
    bundle = write_bundle(tmp_path / "face_landmarker.task", vertices * 9 + [1, -20, 4], triangles)
    monkeypatch.setattr(assets, "located", lambda name: bundle)
    return vertices


def test_the_mesh_goes_through_the_landmarks_of_a_face_and_keeps_its_form_between_them(skull: np.ndarray) -> None:
    vertices, triangles = mesh.face_mesh(landmarks_in_head(0.0))
    np.testing.assert_allclose(vertices, skull, atol=1e-4)  # the bundle is an affine image of it
    assert triangles.max() < len(vertices)
    other = landmarks_in_head(0.0) * np.float32([1.1, 0.9, 1.2])
    other[NOSE_TIP, 2] -= 0.2
    bent, _ = mesh.face_mesh(other)
    np.testing.assert_allclose(bent[list(MESH_VERTICES)], other, atol=1e-4)


@pytest.mark.real
@pytest.mark.usefixtures("real_assets")
def test_mediapipes_own_mesh_is_a_face_without_holes() -> None:
    vertices, triangles = mesh.face_mesh(GENERIC_SHAPE)
    np.testing.assert_allclose(vertices[list(MESH_VERTICES)], GENERIC_SHAPE, atol=1e-4)
    assert len(np.unique(triangles)) == mesh.NUM_VERTICES
    surface = mesh.draw(vertices + np.float32([0, 0, 6]), triangles, FOCAL, SIZE)
    for row in surface.depth > 0:
        columns = np.flatnonzero(row)
        assert len(columns) == 0 or np.ptp(columns) + 1 == len(columns)
    assert abs(np.argmin(np.where(surface.depth > 0, surface.depth, np.inf)) % SIZE + 0.5 - SIZE / 2) < 1  # the nose
    assert (surface.normal[..., 2] <= 0.05).all()


@pytest.mark.parametrize("content", [b"", b"\x0a\x7f\x08", b"\x0a\x02\x08\x00", b"\x0b"])
def test_a_file_without_a_mesh_is_named(content: bytes, tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "face_landmarker.task"
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr(MEMBER, content)
    for damaged in (path, tmp_path / "none.task"):
        with pytest.raises(InputError, match=f"{damaged.name}: holds no canonical face mesh"):
            mesh.canonical_mesh(damaged)


def test_place_and_scale_of_a_depth_do_not_count_and_its_form_does() -> None:
    depth, mask = torch.rand(12, 12) + 5, torch.rand(12, 12) > 0.2
    mask[3] = False
    mask[4] = torch.arange(12) == 5  # one pixel has no form
    assert float(depth_difference(3 * depth + 2, depth, mask)) == pytest.approx(0, abs=1e-4)
    normalised = row_normalised(depth, mask)
    assert normalised[~mask].abs().sum() == 0
    torch.testing.assert_close(normalised.sum(dim=1), torch.zeros(12), atol=1e-4, rtol=0)
    assert float(normalised[0].square().sum() / mask[0].sum()) == pytest.approx(
        1, abs=0.05
    )  # 1 % of the whole's is added
    assert float(depth_difference(-depth, depth, mask)) > 1
    assert float(depth_difference(depth, depth.roll(1), mask & False)) == 0


def test_gradients_are_finite_where_a_row_is_flat() -> None:
    depth = torch.full((8, 8), 5.0, requires_grad=True)
    target = torch.rand(8, 8) + 5
    normals = torch.tensor([0.0, 0, -1]).expand(8, 8, 3)
    mask = torch.ones(8, 8, dtype=torch.bool)
    (depth_difference(depth, target, mask) + normal_difference(depth, normals, mask, 20.0)).backward()
    assert depth.grad is not None
    assert depth.grad.isfinite().all()


def prior_of(portrait: Portrait, **rules: float) -> GeometryPrior:
    given = part("backbone/instag", "geometry", **rules)
    prior = GeometryPrior(given, portrait.cameras.size, portrait.cameras.focal)
    prior.place(portrait.face_shape)
    return prior


def frames_of(portrait: Portrait) -> list[Frame]:
    windows = audio_windows(portrait.audio, *audio_statistics(portrait.audio))
    return [frame_of(default_collate([row])) for row in batches(portrait, windows, device=torch.device("cpu"))]


def test_each_frame_sees_the_mesh_from_its_own_pose(skull: np.ndarray) -> None:
    portrait = make_scene(num_frames=6, size=48).portrait
    prior, frames = prior_of(portrait, depth=1.0), frames_of(portrait)
    for row in (0, 5):
        target = prior._target(frames[row], row)
        camera = skull @ portrait.cameras.rotation[row].T + portrait.cameras.translation[row]
        depth = target.depth[target.depth > 0]
        assert float(depth.min()) == pytest.approx(float(camera[:, 2].min()), abs=0.01)
        assert (portrait.head_mask[row][target.depth.numpy() > 0]).mean() > 0.99
    assert not torch.equal(prior._target(frames[0], 0).depth, prior._target(frames[5], 5).depth)
    assert prior._target(frames[5], 0) is prior._target(frames[0], 0)  # drawn once


@pytest.mark.parametrize(("depth", "normal"), [(1.0, 0.0), (0.0, 1.0)])
def test_it_moves_a_flat_sheet_of_gaussians_into_the_form_of_the_face(
    depth: float, normal: float, skull: np.ndarray
) -> None:
    """Either term alone, without a picture. Rows have a scale of their own to the depth term, so that its form is the less like."""
    portrait = make_scene(num_frames=1, size=48).portrait
    prior, frame = prior_of(portrait, depth=depth, normal=normal), frames_of(portrait)[0]
    side = torch.linspace(-0.6, 0.6, 26)
    y, x = torch.meshgrid(1.2 * side + 0.25, side, indexing="ij")
    means = torch.stack([x.flatten(), y.flatten(), torch.zeros(x.numel())], dim=1).requires_grad_()
    count = len(means)

    def drawn() -> Raster:
        return rasterize(
            means,
            torch.tensor([1.0, 0, 0, 0]).expand(count, 4),
            torch.full((count, 3), 0.04),
            torch.full((count,), 0.9),
            torch.zeros(count, 3),
            rotation=frame.rotation,
            translation=frame.translation,
            focal=portrait.cameras.focal,
            width=48,
            height=48,
        )

    target = prior._target(frame, 0).depth
    shown = (target > 0).float()

    def likeness() -> float:
        with torch.no_grad():
            raster = drawn()
            known = (target > 0) & (raster.alpha > 0.5)
            return float(torch.corrcoef(torch.stack([(raster.depth / raster.alpha)[known], target[known]]))[0, 1])

    optimizer = torch.optim.Adam([means], lr=5e-3)
    before = likeness()
    for _ in range(60):
        optimizer.zero_grad()
        prior.loss(drawn(), frame, 0, shown).backward()
        optimizer.step()
    after = likeness()
    print(before, after)
    assert before < 0.4
    assert after > 0.7


def test_it_counts_from_its_share_of_the_stage_on_and_rests_after_a_reset() -> None:
    rules = part("backbone/instag", "geometry", depth=1e-2, start=0.5, pause=3)
    assert rules.on
    assert not part("backbone/instag", "geometry").on
    assert [step for step in range(20) if rules.due(step, 20, 0)] == list(range(10, 20))
    assert [step for step in range(20) if rules.due(step, 20, 6)] == [10, 11, 15, 16, 17]


@pytest.mark.parametrize(("key", "value"), [("depth", -1.0), ("normal", -0.1), ("pause", -1), ("start", 1.5)])
def test_a_wrong_value_is_one_line(key: str, value: float) -> None:
    with pytest.raises(InputError, match=rf"backbone\.geometry\.{key} is {value}; it must be"):
        part("backbone/instag", "geometry", **{key: value})
