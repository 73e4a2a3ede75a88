"""The C rasteriser (`engines/cpu/raster*`) as two autograd functions: Gaussians -> ellipses -> picture. float32 only."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tfg.engines.cpu import build
from tfg.engines.gaussian.base import Raster, Splats

PAIRS_HELD = 1 << 21  # (tile, Gaussian) pairs whose gradients are held at a time: 128 MB for RGB
_LONG, _INT, _POINTER = ctypes.c_int64, ctypes.c_int, ctypes.c_void_p


class _CCamera(ctypes.Structure):
    """`camera` of raster_project.h."""

    _fields_ = (
        ("rotation", ctypes.c_double * 9),
        ("translation", ctypes.c_double * 3),
        ("focal", ctypes.c_double),
        ("near_z", ctypes.c_double),
        ("far_z", ctypes.c_double),
        ("width", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("antialias", ctypes.c_int32),
        ("coefficients", ctypes.c_int32),
        ("used", ctypes.c_int32),
    )


def _pointers(name: str, fields: str) -> type[ctypes.Structure]:
    """A C structure of nothing but pointers."""
    return type(name, (ctypes.Structure,), {"_fields_": [(field, ctypes.c_void_p) for field in fields.split()]})


_INPUTS = "means quats scales opacities coefficients"
_ELLIPSES = "means2d roots strengths depths normals rgb"
_CProjected = _pointers("projected", f"{_INPUTS} {_ELLIPSES} radii")
_CProjectedBack = _pointers("projected_back", f"{_ELLIPSES} {_INPUTS}")
_CEllipses = _pointers("ellipses", "means roots strengths depths normals colors radii")
_CPictures = _pointers("pictures", "color alpha depth normal")
_CGradients = _pointers("gradients", "means roots strengths depths normals colors")


class _Plan:
    """Owns the C plan of one picture: lives as long as a backward pass may need it."""

    def __init__(self, library: ctypes.CDLL, handle: int) -> None:
        self._library = library
        self.handle = handle

    def __del__(self) -> None:
        self._library.tfg_raster_free(_POINTER(self.handle))


@functools.cache
def _library() -> ctypes.CDLL:
    library = build.load("raster")
    library.tfg_raster_composite.restype = ctypes.c_void_p
    return library


def not_finite(tensors: Sequence[Tensor]) -> int | None:
    """Index of the first tensor that holds NaN or infinity."""
    flat = [tensor.detach().contiguous() for tensor in tensors]
    values = (ctypes.c_void_p * len(flat))(*map(build.pointer, flat))
    counts = (_LONG * len(flat))(*[tensor.numel() for tensor in flat])
    first = _library().tfg_raster_not_finite(_INT(len(flat)), values, counts)
    return None if first < 0 else first


def draw(splats: Splats) -> Raster:
    """The whole rasteriser."""
    camera = splats.camera
    coefficients = None if splats.sh_degree is None else splats.colors
    settings = _CCamera(
        (ctypes.c_double * 9)(*camera.rotation.flatten().tolist()),
        (ctypes.c_double * 3)(*camera.translation.tolist()),
        camera.focal,
        camera.near,
        camera.far,
        camera.width,
        camera.height,
        splats.antialias,
        0 if coefficients is None else coefficients.shape[1],
        0 if splats.sh_degree is None else (splats.sh_degree + 1) ** 2,
    )
    geometry = (splats.means, splats.quats, splats.scales, splats.opacities)
    ellipses = Project.apply(settings, splats.with_normals, *geometry, coefficients)
    means2d, roots, strengths, depths, normals, rgb, radii = ellipses
    drawn = (means2d, roots, strengths, depths, normals, splats.colors if rgb is None else rgb)
    color, alpha, depth, normal = Composite.apply(camera.width, camera.height, radii, splats.background, *drawn)
    return Raster(color=color, alpha=alpha, depth=depth, normal=normal, means2d=means2d, radii=radii)


class Project(torch.autograd.Function):
    """-> means2d (n, 2), roots (n, 3), strengths (n,), depths (n,), normals (n, 3) or None, rgb (n, 3) or None, radii (n,).

    The root M, upper triangular (xx, xy, yy), is that of the conic: alpha = strength * 2^-|M (pixel - mean)|^2.
    """

    @staticmethod
    def forward(ctx: Any, settings: _CCamera, with_normals: bool, *inputs: Tensor | None) -> tuple[Tensor | None, ...]:
        means, quats, scales, opacities, coefficients = [x if x is None else x.contiguous() for x in inputs]
        assert means is not None
        n = len(means)
        means2d, roots = means.new_empty(n, 2), means.new_empty(n, 3)
        strengths, depths = means.new_empty(n), means.new_empty(n)
        normals = means.new_empty(n, 3) if with_normals else None
        rgb = None if coefficients is None else means.new_empty(n, 3)
        radii = torch.empty(n, dtype=torch.int32)
        given = (means, quats, scales, opacities, coefficients)
        made = (means2d, roots, strengths, depths, normals, rgb, radii)
        rows = _CProjected(*map(build.pointer, given + made))
        if _library().tfg_raster_project(ctypes.byref(settings), _LONG(n), ctypes.byref(rows)):
            raise MemoryError(f"no memory to project {n} Gaussians")
        ctx.settings = settings
        ctx.save_for_backward(*given, roots, rgb, radii)
        ctx.mark_non_differentiable(radii)
        ctx.set_materialize_grads(False)
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        *given, roots, rgb, radii = ctx.saved_tensors
        means, coefficients = given[0], given[4]
        incoming = [g if g is None else g.contiguous() for g in gradients[:6]]
        if all(g is None for g in incoming):
            return (None,) * 7
        n = len(means)
        shapes = ((n, 2), (n, 3), (n,))
        incoming[:3] = [means.new_zeros(s) if g is None else g for g, s in zip(incoming[:3], shapes, strict=True)]
        v_coefficients = None
        if coefficients is not None:
            v_coefficients = torch.zeros_like(coefficients) if incoming[5] is None else torch.empty_like(coefficients)
        made = [torch.empty_like(x) for x in given[:4]] + [v_coefficients]
        rows = _CProjected(*map(build.pointer, (*given, None, roots, None, None, None, rgb, radii)))
        back = _CProjectedBack(*map(build.pointer, (*incoming, *made)))
        settings = ctypes.byref(ctx.settings)
        if _library().tfg_raster_project_backward(settings, _LONG(n), ctypes.byref(rows), ctypes.byref(back)):
            raise MemoryError(f"no memory for the gradients of {n} Gaussians")
        return None, None, *made


class Composite(torch.autograd.Function):
    """(means2d, roots, strengths, depths, normals or None, colors, background or None) -> color, alpha, depth, normal."""

    @staticmethod
    def forward(
        ctx: Any, width: int, height: int, radii: Tensor, background: Tensor | None, *inputs: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        means, roots, strengths, depths, normals, colors = [x if x is None else x.contiguous() for x in inputs]
        assert means is not None
        assert colors is not None
        n, channels = colors.shape
        behind = None if background is None else background.contiguous()
        color = means.new_empty(height, width, channels)
        alpha, depth = means.new_empty(height, width), means.new_empty(height, width)
        normal = None if normals is None else means.new_empty(height, width, 3)
        pictures = _CPictures(*map(build.pointer, (color, alpha, depth, normal)))
        library = _library()
        given = _CEllipses(*map(build.pointer, (means, roots, strengths, depths, normals, colors, radii)))
        flat = behind is not None and behind.ndim == 1
        sizes = (_INT(width), _INT(height), _LONG(n), _INT(channels), _INT(normals is not None))
        over = (build.pointer(behind), _INT(flat))
        handle = library.tfg_raster_composite(*sizes, ctypes.byref(given), *over, ctypes.byref(pictures))
        if not handle:
            raise MemoryError(f"no memory to draw {n} Gaussians at {width} x {height}")
        ctx.plan = _Plan(library, handle)
        ctx.save_for_backward(color, alpha, depth, normal, strengths)
        ctx.set_materialize_grads(False)
        ctx.count, ctx.with_background, ctx.flat = n, behind is not None, flat
        return color, alpha, depth, normal

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        *outputs, strengths = ctx.saved_tensors
        color, alpha = outputs[:2]
        incoming = [g if g is None else g.contiguous() for g in gradients]
        if all(g is None for g in incoming):
            return (None,) * 10
        n, channels = ctx.count, color.shape[2]
        v_means, v_roots, v_strengths = color.new_empty(n, 2), color.new_empty(n, 3), color.new_empty(n)
        v_depths = None if incoming[2] is None else color.new_empty(n)
        v_normals = None if incoming[3] is None else color.new_empty(n, 3)
        v_colors = color.new_empty(n, channels)
        made = (v_means, v_roots, v_strengths, v_depths, v_normals, v_colors)
        failed = _library().tfg_raster_composite_backward(
            _POINTER(ctx.plan.handle),
            _LONG(n),
            _LONG(PAIRS_HELD),
            build.pointer(strengths),
            ctypes.byref(_CPictures(*map(build.pointer, outputs))),
            ctypes.byref(_CPictures(*map(build.pointer, incoming))),
            ctypes.byref(_CGradients(*map(build.pointer, made))),
        )
        if failed:
            raise MemoryError(f"no memory for the gradients of {n} Gaussians")
        v_background = None
        if ctx.with_background and ctx.needs_input_grad[3] and incoming[0] is not None:
            v_background = torch.empty_like(incoming[0])
            arrays = map(build.pointer, (alpha, incoming[0], v_background))
            _library().tfg_raster_behind(_LONG(alpha.numel()), _INT(channels), *arrays)
            v_background = v_background.sum((0, 1)) if ctx.flat else v_background
        return None, None, None, v_background, *made
