"""Facts of the embedded clip's z-buffer, by hand."""

import numpy as np

from tfg.clip.synthetic.raster import grid_normals, grid_triangles, rasterise

SQUARE = np.array([[1, 1], [3, 1], [3, 3], [1, 3]], np.float32)  # covers the samples (1, 1), (2, 1), (1, 2), (2, 2)
TWO = np.array([[0, 1, 2], [0, 2, 3]])


def test_a_square_of_two_triangles_covers_each_of_its_samples_once() -> None:
    hits = rasterise(SQUARE, np.ones(4, np.float32), TWO, 5)
    assert sorted(hits.sample) == [6, 7, 11, 12]
    np.testing.assert_allclose(hits.weight.sum(axis=1), 1, rtol=1e-6)


def test_the_nearer_triangle_wins_whatever_the_order() -> None:
    points = np.concatenate([SQUARE, SQUARE])
    depth = np.repeat(np.array([2.0, 1.0], np.float32), 4)
    for triangles in (np.concatenate([TWO, TWO + 4]), np.concatenate([TWO + 4, TWO])):
        hits = rasterise(points, depth, triangles, 5)
        assert (triangles[hits.triangle] >= 4).all()


def test_triangles_that_face_away_or_lie_outside_are_not_drawn() -> None:
    assert len(rasterise(SQUARE, np.ones(4, np.float32), TWO[:, ::-1].copy(), 5).sample) == 0
    assert len(rasterise(SQUARE + 10, np.ones(4, np.float32), TWO, 5).sample) == 0


def test_weights_are_right_in_perspective() -> None:
    # A floor from depth 1 at the left to depth 3 at the right: half way in the picture is a quarter of the way along.
    points = np.array([[0, 0], [4, 0], [4, 1], [0, 1]], np.float32)
    depth = np.array([1, 3, 3, 1], np.float32)
    hits = rasterise(points, depth, TWO, 4)
    along = (np.array([0.0, 1, 1, 0])[TWO[hits.triangle]] * hits.weight).sum(axis=1)
    picture = (hits.sample % 4 + 0.5) / 4
    np.testing.assert_allclose(along, picture / 3 / ((1 - picture) + picture / 3), rtol=1e-5)


def test_grid_normals_point_to_the_viewer_for_a_wall_and_triangles_are_clockwise() -> None:
    x, y = np.meshgrid(np.arange(3.0), np.arange(3.0))
    wall = np.stack([x, y, np.full_like(x, 5.0)], -1).astype(np.float32)
    np.testing.assert_allclose(grid_normals(wall), np.broadcast_to([0, 0, -1], (3, 3, 3)), atol=1e-6)
    assert len(rasterise(wall.reshape(-1, 3)[:, :2], np.ones(9, np.float32), grid_triangles(3, 3), 2).sample) == 4
