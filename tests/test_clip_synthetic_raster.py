"""Facts of the embedded clip's z-buffer, by hand, in numpy and in C; and that these two never differ by a bit."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from tfg import compiler
from tfg.clip.synthetic import kernel
from tfg.clip.synthetic.expression import coefficients
from tfg.clip.synthetic.kernel import NUMPY, Kernel
from tfg.clip.synthetic.mesh import make_person_mesh
from tfg.clip.synthetic.motion import make_head_motion, rotations, translations
from tfg.clip.synthetic.person import make_person
from tfg.clip.synthetic.raster import Hits, grid_normals, grid_triangles
from tfg.clip.synthetic.render import REST_TRANSLATION, FrameRenderer
from tfg.clip.synthetic.speech import MOUTH_PARAMETERS

RNG = np.random.default_rng(0)
SQUARE = np.array([[1, 1], [3, 1], [3, 3], [1, 3]], np.float32)  # covers the samples (1, 1), (2, 1), (1, 2), (2, 2)
TWO = np.array([[0, 1, 2], [0, 2, 3]])


@pytest.fixture(params=["numpy", "c"])
def loops(request: pytest.FixtureRequest) -> Kernel:
    return NUMPY if request.param == "numpy" else in_c()


def in_c() -> Kernel:
    try:
        return kernel.compiled()
    except compiler.CompilerMissing as error:
        pytest.skip(str(error))


def rasterise(loops: Kernel, points: np.ndarray, depth: np.ndarray, triangles: np.ndarray, width: int) -> Hits:
    """Of points (vertices, 2) and triangles (t, 3)."""
    return loops.rasterise(points.T, depth, triangles.T, width)


def same(first: object, second: object) -> None:
    """Every array of two records, bit for bit."""
    for part in fields(first):  # type: ignore[arg-type]
        one, other = getattr(first, part.name), getattr(second, part.name)
        if one is None and other is None:  # surfaces that were not asked for
            continue
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes()), part.name


def test_a_square_of_two_triangles_covers_each_of_its_samples_once(loops: Kernel) -> None:
    hits = rasterise(loops, SQUARE, np.ones(4, np.float32), TWO, 5)
    assert sorted(hits.sample) == [6, 7, 11, 12]
    np.testing.assert_allclose(hits.weight.sum(axis=0), 1, rtol=1e-6)


def test_the_nearer_triangle_wins_whatever_the_order(loops: Kernel) -> None:
    points = np.concatenate([SQUARE, SQUARE])
    depth = np.repeat(np.array([2.0, 1.0], np.float32), 4)
    for triangles in (np.concatenate([TWO, TWO + 4]), np.concatenate([TWO + 4, TWO])):
        hits = rasterise(loops, points, depth, triangles, 5)
        assert (triangles[hits.triangle] >= 4).all()


def test_triangles_that_face_away_or_lie_outside_are_not_drawn(loops: Kernel) -> None:
    assert len(rasterise(loops, SQUARE, np.ones(4, np.float32), TWO[:, ::-1], 5).sample) == 0
    assert len(rasterise(loops, SQUARE + 10, np.ones(4, np.float32), TWO, 5).sample) == 0


def test_weights_are_right_in_perspective(loops: Kernel) -> None:
    # A floor from depth 1 at the left to depth 3 at the right: half way in the picture is a quarter of the way along.
    points = np.array([[0, 0], [4, 0], [4, 1], [0, 1]], np.float32)
    depth = np.array([1, 3, 3, 1], np.float32)
    hits = rasterise(loops, points, depth, TWO, 4)
    along = (np.array([0.0, 1, 1, 0])[TWO[hits.triangle].T] * hits.weight).sum(axis=0)
    picture = (hits.sample % 4 + 0.5) / 4
    np.testing.assert_allclose(along, picture / 3 / ((1 - picture) + picture / 3), rtol=1e-5)


def test_grid_normals_point_to_the_viewer_for_a_wall_and_triangles_are_clockwise(loops: Kernel) -> None:
    x, y = np.meshgrid(np.arange(3.0), np.arange(3.0))
    wall = np.stack([x, y, np.full_like(x, 5.0)]).astype(np.float32)
    np.testing.assert_allclose(grid_normals(wall).T, np.broadcast_to([0, 0, -1], (3, 3, 3)), atol=1e-6)
    assert len(rasterise(loops, wall.reshape(3, -1)[:2].T, np.ones(9, np.float32), grid_triangles(3, 3), 2).sample) == 4


def test_of_triangles_equally_near_the_last_one_counts(loops: Kernel) -> None:
    hits = rasterise(loops, SQUARE, np.ones(4, np.float32), np.concatenate([TWO, TWO, TWO[::-1]]), 5)
    assert (hits.triangle >= 4).all()


def test_between_corners_and_between_texels(loops: Kernel) -> None:
    values = np.array([[0, 8, 16], [1, 1, 1]], np.float32)
    weight = np.array([[0.5, 0], [0.25, 0], [0.25, 1]])
    corners, triangle = np.array([[0], [1], [2]]), np.array([0, 0])
    assert loops.interpolate(values, corners, triangle, weight).tolist() == [[6, 16], [1, 1]]
    ramp = np.repeat(np.arange(12, dtype=np.float32).reshape(3, 4, 1), 5, axis=2)
    place = np.array([[0, 1, 0.5, -3], [0, 0, 0.5, 9]], np.float32)
    np.testing.assert_allclose(loops.look_up(ramp, place), [[0, 3, 5.5, 8]] * 5, atol=0.01)
    quarter = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]], np.float32)
    assert loops.turn(np.array([[1], [2], [3]], np.float32), quarter).ravel().tolist() == [-2, 1, 3]


def test_c_and_numpy_agree_to_the_last_bit_on_any_triangles() -> None:
    for width, spread in ((7, 3), (64, 10), (33, 200)):
        points = (RNG.random((300, 2)) * width + RNG.normal(size=(300, 2)) * spread).astype(np.float32)
        points[:40] = np.rint(points[:40] * 2) / 2  # edges and corners that go through the middles of samples
        depth = RNG.choice(np.array([1, 1.5, 2], np.float32), 300)
        triangles = RNG.integers(0, 300, (900, 3))
        hits = rasterise(NUMPY, points, depth, triangles, width)
        same(hits, rasterise(in_c(), points, depth, triangles, width))
        texture, values = RNG.random((9, 9, 5)).astype(np.float32), RNG.normal(size=(6, 300)).astype(np.float32)
        given = values, triangles.T, hits.triangle, hits.weight
        np.testing.assert_array_equal(NUMPY.interpolate(*given), in_c().interpolate(*given))
        np.testing.assert_array_equal(NUMPY.turn(values[:3], values[3:, :3]), in_c().turn(values[:3], values[3:, :3]))
        place = RNG.uniform(-0.2, 1.2, (2, 500)).astype(np.float32)
        np.testing.assert_array_equal(NUMPY.look_up(texture, place), in_c().look_up(texture, place))


@pytest.mark.parametrize("identity", [0, 1, 2])
def test_c_and_numpy_draw_the_same_picture(identity: int) -> None:
    motion = make_head_motion(identity, 50, None)
    mouth = RNG.random((50, len(MOUTH_PARAMETERS))).astype(np.float32)
    rotation = rotations(motion.pose)
    translation = translations(motion.pose, rotation, np.array(REST_TRANSLATION))
    weights = coefficients(mouth, motion.upper)
    size = 64  # pixels
    mesh = make_person_mesh(make_person(identity), size)
    first, second = FrameRenderer(mesh, size, NUMPY), FrameRenderer(mesh, size, in_c())
    for i in range(0, 50, 17):
        moment = weights[i], rotation[i], translation[i], motion.gaze[i], float(mouth[i, -1])
        same(first.draw(*moment), second.draw(*moment))


def test_without_a_compiler_numpy_draws_and_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> str:
        raise compiler.CompilerMissing("no C compiler here")

    monkeypatch.setattr(compiler, "compiler", missing)
    kernel.fastest.cache_clear()
    try:
        assert kernel.fastest() is kernel.fastest() is NUMPY
    finally:
        kernel.fastest.cache_clear()
    assert capsys.readouterr().err == (
        "tfg: no C compiler here; the embedded clip is drawn in numpy, which takes longer\n"
    )
