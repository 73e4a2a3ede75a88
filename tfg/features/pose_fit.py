"""Bundle adjustment of a face: one focal length, one rigid shape and a pose per frame from 2D landmarks, in numpy.

Levenberg-Marquardt on the robust reprojection error; the per-frame poses are eliminated (Schur complement), so a step
solves one system of 3 * points + 1 unknowns whatever the number of frames. Everything is float64 here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is observed and what is believed beforehand."""

    points: Array  # (n, k, 2) pixels relative to the principal point
    weights: Array  # (k,) of the points, in [0, 1]; (n, k) where they differ between frames, 0: not seen
    noise: float | Array  # pixels, expected error of a point; or of each (k,) or (n, k)
    huber: float  # in units of `noise`: larger residuals count linearly
    generic: Array  # (k, 3) prior shape, head units
    shape_sigma: float  # head units, how far a person's points lie from the generic ones
    focal: float  # pixels, prior
    focal_sigma: float  # of log focal


@dataclass(frozen=True, kw_only=True)
class Solution:
    rotation: Array  # (n, 3, 3)
    translation: Array  # (n, 3)
    shape: Array  # (k, 3)
    log_focal: float


def solve(problem: Problem, start: Solution | None = None, max_steps: int = 40, tolerance: float = 1e-6) -> Solution:
    """The solution of least robust cost; None starts from a scaled orthographic view of the generic shape."""
    current = start or _orthographic_start(problem)
    cost = _cost(problem, current)
    damping = 1e-3
    for _ in range(max_steps):
        candidate = _step(problem, current, damping)
        candidate_cost = _cost(problem, candidate)
        if candidate_cost < cost:
            improvement = (cost - candidate_cost) / cost
            current, cost, damping = candidate, candidate_cost, max(damping / 5, 1e-9)
            if improvement < tolerance:
                break
        else:
            damping *= 10
            if damping > 1e8:
                break
    return current


def residual_scale(problem: Problem, at: Solution) -> float:
    """How large residuals really are, in units of `noise`: robustly, as the sigma of one coordinate; at least 0.1."""
    residual, _ = _residual(problem, at)
    return max(0.1, 1.4826 * float(np.median(np.abs(residual))) / float(np.mean(problem.noise)))


def project(rotation: Array, translation: Array, shape: Array, focal: float) -> Array:
    """(n, k, 2) pixels relative to the principal point."""
    camera = shape @ rotation.transpose(0, 2, 1) + translation[:, None]
    return focal * camera[..., :2] / camera[..., 2:]


def locate_points(problem: Problem, solution: Solution, steps: int = 5) -> Array:
    """Each point's rigid position given the poses, robustly and with the shape prior: (k, 3). Points may be any set."""
    shape = problem.generic.copy()
    focal = float(np.exp(solution.log_focal))
    prior = problem.shape_sigma**-2
    for _ in range(steps):
        moved = replace(solution, shape=shape)
        residual, robust = _residual(problem, moved)
        jacobian = _camera_jacobian(solution.rotation, solution.translation, shape, focal) @ solution.rotation[:, None]
        normal = np.einsum("nkia,nkib,nk->kab", jacobian, jacobian, robust) + prior * np.eye(3)
        slope = np.einsum("nkia,nki,nk->ka", jacobian, residual, robust) + prior * (problem.generic - shape)
        shape = shape + np.linalg.solve(normal, slope[..., None])[..., 0]
    return shape


def locate_poses(problem: Problem, solution: Solution, steps: int = 10, tolerance: float = 1e-6) -> Solution:
    """The solution with each frame's robust pose given shape and focal length.

    It ends after `steps`, or when no pose moves by more than `tolerance` (radians, head units). A point of a frame costs nothing
    where its weight is 0.
    """
    focal, shape = float(np.exp(solution.log_focal)), solution.shape
    problem, seen = _packed(problem, shape)
    solution = replace(solution, shape=seen)
    for _ in range(steps):
        residual, robust = _residual(problem, solution)
        by_pose = _pose_jacobian(solution, focal)
        weighted = by_pose * robust[..., None, None]
        normal = np.einsum("nkia,nkib->nab", weighted, by_pose) * (1 + 1e-6 * np.eye(6))
        pose = np.linalg.solve(normal, np.einsum("nkia,nki->na", weighted, residual)[..., None])[..., 0]
        turned = Rotation.from_rotvec(pose[:, :3]).as_matrix() @ solution.rotation
        solution = replace(solution, rotation=turned, translation=solution.translation + pose[:, 3:])
        if np.abs(pose).max() < tolerance:
            break
    return replace(solution, shape=shape)


def _packed(problem: Problem, shape: Array) -> tuple[Problem, Array]:
    """Only what each frame sees, m points at most: the problem in (n, m, ...), and the shape (n, m, 3) of its points."""
    if problem.weights.ndim == 1:
        return problem, shape
    unseen = problem.weights == 0
    order = np.argsort(unseen, axis=1, kind="stable")[:, : int((~unseen).sum(axis=1).max())]
    packed = replace(
        problem,
        points=np.take_along_axis(problem.points, order[..., None], axis=1),
        weights=np.take_along_axis(problem.weights, order, axis=1),
        noise=np.broadcast_to(problem.noise, len(shape))[order],
    )
    return packed, shape[order]


def _orthographic_start(problem: Problem) -> Solution:
    weights = problem.weights / problem.weights.sum()
    shape_mean = weights @ problem.generic
    shape = problem.generic - shape_mean
    means = np.einsum("k,nki->ni", weights, problem.points)
    points = problem.points - means[:, None]
    normal = np.einsum("ka,kb,k->ab", shape, shape, weights)
    affine = np.einsum("nki,ka,k->nia", points, shape, weights) @ np.linalg.inv(normal)  # (n, 2, 3)
    left, stretch, right = np.linalg.svd(affine, full_matrices=False)
    rows = left @ right
    rotation = np.concatenate([rows, np.cross(rows[:, 0], rows[:, 1])[:, None]], axis=1)
    depth = problem.focal / stretch.mean(axis=1)
    center = np.concatenate([means / problem.focal, np.ones((len(means), 1))], axis=1) * depth[:, None]
    return Solution(
        rotation=rotation,
        translation=center - rotation @ shape_mean,
        shape=problem.generic.copy(),
        log_focal=float(np.log(problem.focal)),
    )


def _residual(problem: Problem, at: Solution) -> tuple[Array, Array]:
    """Observed minus projected (n, k, 2) in pixels, and the robust weight of each point (n, k) in 1 / pixel^2."""
    residual = problem.points - project(at.rotation, at.translation, at.shape, float(np.exp(at.log_focal)))
    length = np.linalg.norm(residual, axis=-1) / problem.noise
    robust = np.minimum(1.0, problem.huber / np.maximum(length, 1e-12))
    return residual, robust * problem.weights / problem.noise**2


def _cost(problem: Problem, at: Solution) -> float:
    residual = problem.points - project(at.rotation, at.translation, at.shape, float(np.exp(at.log_focal)))
    length = np.linalg.norm(residual, axis=-1) / problem.noise
    huber = np.where(length < problem.huber, length**2, problem.huber * (2 * length - problem.huber))
    prior = ((at.shape - problem.generic) ** 2).sum() / problem.shape_sigma**2
    prior += (at.log_focal - np.log(problem.focal)) ** 2 / problem.focal_sigma**2
    return float((huber * problem.weights).sum() + prior)


def _camera_jacobian(rotation: Array, translation: Array, shape: Array, focal: float) -> Array:
    """d pixel / d camera-space point: (n, k, 2, 3)."""
    x, y, z = np.moveaxis(shape @ rotation.transpose(0, 2, 1) + translation[:, None], -1, 0)
    zero = np.zeros_like(z)
    rows = [np.stack([1 / z, zero, -x / z**2], axis=-1), np.stack([zero, 1 / z, -y / z**2], axis=-1)]
    return focal * np.stack(rows, axis=-2)


def _pose_jacobian(at: Solution, focal: float) -> Array:
    """d pixel / d pose, (n, k, 2, 6): rotation vector (w x p = -p x w), then translation."""
    outer = _camera_jacobian(at.rotation, at.translation, at.shape, focal)
    turned = at.shape @ at.rotation.transpose(0, 2, 1)  # (n, k, 3)
    return np.concatenate([np.cross(turned[:, :, None], outer), outer], axis=-1)


def _step(problem: Problem, at: Solution, damping: float) -> Solution:
    """One damped Gauss-Newton step in all unknowns."""
    count, focal = len(at.rotation), float(np.exp(at.log_focal))
    num_points = len(at.shape)
    residual, robust = _residual(problem, at)
    by_pose = _pose_jacobian(at, focal)
    outer = by_pose[..., 3:]  # d pixel / d camera-space point
    by_shape = outer @ at.rotation[:, None]  # (n, k, 2, 3)
    # d pixel / d log focal (n, k, 2), the face moving away in proportion: with fixed depths the valley is curved and slow.
    by_focal = project(at.rotation, at.translation, at.shape, focal) + outer[..., 2] * at.translation[:, None, 2:]

    weighted = by_pose * robust[..., None, None]
    pose_normal = np.einsum("nkia,nkib->nab", weighted, by_pose)
    pose_slope = np.einsum("nkia,nki->na", weighted, residual)
    mixed = np.empty((count, 6, 3 * num_points + 1))
    mixed[:, :, :-1] = np.einsum("nkia,nkib->nakb", weighted, by_shape).reshape(count, 6, -1)
    mixed[:, :, -1] = np.einsum("nkia,nki->na", weighted, by_focal)

    shared_normal = np.zeros((3 * num_points + 1, 3 * num_points + 1))
    blocks = np.einsum("nkia,nkib,nk->kab", by_shape, by_shape, robust)
    for point in range(num_points):
        shared_normal[3 * point : 3 * point + 3, 3 * point : 3 * point + 3] = blocks[point]
    cross = np.einsum("nkia,nki,nk->ka", by_shape, by_focal, robust).ravel()
    shared_normal[:-1, -1] = shared_normal[-1, :-1] = cross
    shared_normal[-1, -1] = np.einsum("nki,nki,nk->", by_focal, by_focal, robust)
    shared_slope = np.append(
        np.einsum("nkia,nki,nk->ka", by_shape, residual, robust).ravel(),
        np.einsum("nki,nki,nk->", by_focal, residual, robust),
    )
    prior = np.append(np.full(3 * num_points, problem.shape_sigma**-2), problem.focal_sigma**-2)
    wanted = np.append((problem.generic - at.shape).ravel(), np.log(problem.focal) - at.log_focal)
    shared_slope += prior * wanted
    shared_normal[np.diag_indices_from(shared_normal)] += prior + damping * np.diag(shared_normal)
    pose_normal += damping * pose_normal * np.eye(6)

    solved = np.linalg.solve(pose_normal, np.concatenate([mixed, pose_slope[..., None]], axis=-1))
    flat = mixed.reshape(count * 6, -1)
    reduced = flat.T @ solved.reshape(count * 6, -1)
    shared = np.linalg.solve(shared_normal - reduced[:, :-1], shared_slope - reduced[:, -1])
    pose = solved[..., -1] - solved[..., :-1] @ shared
    log_focal = float(np.clip(at.log_focal + shared[-1], np.log(problem.focal) - 2, np.log(problem.focal) + 2))
    away = at.translation * [1, 1, np.exp(log_focal - at.log_focal)]
    return Solution(
        rotation=Rotation.from_rotvec(pose[:, :3]).as_matrix() @ at.rotation,
        translation=away + pose[:, 3:],
        shape=at.shape + shared[:-1].reshape(-1, 3),
        log_focal=log_focal,
    )
