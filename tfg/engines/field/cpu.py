"""The C path of looking at a head field: `engines/cpu/field.c`; float32 on the CPU, its products also in bfloat16."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable

import torch
from torch import Tensor

from tfg.engines.cpu import build
from tfg.engines.field.base import FieldNets, WarpTable
from tfg.engines.hashgrid.base import PLANES
from tfg.engines.hashgrid.cpu import grid_of
from tfg.engines.march.base import Samples
from tfg.types import InputError

LAYERS, MOST_LATTICES = 9, 192  # as in field.c
VIEW = 6  # the layer that the view goes through
WIDEST, MOST_VIEW = 64, 32  # units of a layer and of either code, features; values that the view adds
FINEST = 1024  # cells along an axis: unfolded levels take 8 bytes a corner


class _Warp(ctypes.Structure):
    _fields_ = (
        ("back", ctypes.c_void_p),
        ("forth", ctypes.c_void_p),
        ("cells", ctypes.c_int64),
        ("low", ctypes.c_float * 2),
        ("inverse", ctypes.c_float * 2),
        *((name, ctypes.c_float) for name in ("scale", "depth", "edge", "damping")),
    )


class _Lattice(ctypes.Structure):
    _fields_ = (("scale", ctypes.c_double), ("side", ctypes.c_int64), ("entries", ctypes.c_void_p))


class _Field(ctypes.Structure):
    _fields_ = (
        ("grid", ctypes.c_void_p),
        ("entries", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("features", "hidden", "view")),
        ("weight", ctypes.c_void_p * LAYERS),
        ("inputs", ctypes.c_int64 * LAYERS),
        ("outputs", ctypes.c_int64 * LAYERS),
        ("gate", ctypes.c_float * 2),
        ("gate_width", ctypes.c_float),
        ("limit", ctypes.c_double),
        ("faint", ctypes.c_float),
        ("brief", ctypes.c_int32),
        ("warp", _Warp),
        ("lattice", _Lattice * MOST_LATTICES),
    )


class _Rays(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_void_p) for name in ("points", "delta", "start", "view", "color", "opacity"))


def fits(nets: FieldNets) -> bool:
    """Whether the C path takes nets of this shape."""
    layers = (nets.audio_attention, nets.upper_attention, nets.density, nets.color)
    if tuple(len(net) for net in layers) != (2, 2, 3, 2):
        return False
    hidden = {weight.shape[0] for net in layers for weight in net[:-1]}
    wide = max(*hidden, 3 * nets.grid.output, len(nets.audio), len(nets.upper))
    view = nets.color[0].shape[1] - (len(nets.density[2]) - 1)
    small = nets.grid.channels == 1 and max(nets.grid.resolutions) <= FINEST and nets.grid.levels * 3 <= MOST_LATTICES
    return small and len(hidden) == 1 and min(hidden) % 16 == 0 and wide <= WIDEST and view <= MOST_VIEW


def prepare(
    nets: FieldNets, *, hidden: float, faint: float, brief: bool
) -> Callable[[Samples, Tensor], tuple[Tensor, Tensor]]:
    """Of samples of r rays and what each ray's view adds, (r, harmonics + code width): their colour (r, 3) and opacity (r,)."""
    library, grid, weights = build.load("field"), grid_of(nets.grid, PLANES, 3), _layers(nets)
    tables, warp = nets.tables.contiguous(), nets.warp
    library.tfg_field_room.restype = ctypes.c_int64
    entries = torch.empty(library.tfg_field_room(ctypes.byref(grid), int(brief)), dtype=torch.uint8)
    library.tfg_field_unfold(ctypes.byref(grid), build.pointer(tables), int(brief), build.pointer(entries))
    displacements = () if warp is None else (warp.back.contiguous(), warp.forth.contiguous())
    field = _Field(
        ctypes.addressof(grid),
        entries.data_ptr(),
        3 * nets.grid.output,
        nets.density[0].shape[0],
        weights[VIEW].shape[1],
        (ctypes.c_void_p * LAYERS)(*(weight.data_ptr() for weight in weights)),
        (ctypes.c_int64 * LAYERS)(*(weight.shape[1] for weight in weights)),
        (ctypes.c_int64 * LAYERS)(*(weight.shape[0] for weight in weights)),
        (ctypes.c_float * 2)(*nets.gates.tolist()),
        nets.gate_width,
        -math.log(hidden),
        faint,
        int(brief),
        _Warp() if warp is None else _warp(warp, *displacements),
    )
    field.kept = (grid, entries, weights, displacements)  # it has their addresses

    def look(samples: Samples, view: Tensor) -> tuple[Tensor, Tensor]:
        points, delta, start = (values.contiguous() for values in (samples.points, samples.delta, samples.start))
        rays, view = len(start) - 1, view.contiguous()
        color, opacity = torch.empty(rays, 3), torch.empty(rays)
        line = _Rays(*(values.data_ptr() for values in (points, delta, start, view, color, opacity)))
        bad = library.tfg_field_look(ctypes.byref(field), ctypes.byref(line), ctypes.c_int64(rays))
        if bad & 2:
            raise MemoryError("engine=cpu: no memory for looking at a field")
        if bad:
            raise InputError("points contain NaN" if bad & 1 else "densities or colours of the field contain NaN")
        return color, opacity

    return look


def _warp(warp: WarpTable, back: Tensor, forth: Tensor) -> _Warp:
    cells = len(back)
    inverse = (ctypes.c_float * 2)(*((cells - 1) / (warp.high - warp.low)).tolist())
    low = (ctypes.c_float * 2)(*warp.low.tolist())
    return _Warp(
        back.data_ptr(), forth.data_ptr(), cells, low, inverse, warp.scale, warp.depth, warp.edge, warp.damping
    )


def _layers(nets: FieldNets) -> list[Tensor]:
    """The nets as nine matrices (out, in): two that read the same are one, codes are multiplied in, and the density net's last layer,
    after which no ReLU is, is one with the colour net's first."""
    last, first, harmonics = nets.density[2], nets.color[0], nets.harmonics
    geometry = len(last) - 1
    of_geometry = first[:, harmonics : harmonics + geometry]
    of_view = torch.cat([first[:, :harmonics], first[:, harmonics + geometry :]], dim=1)
    found = [
        torch.cat([nets.audio_attention[0], nets.upper_attention[0]]),
        nets.audio_attention[1] * nets.audio[:, None],
        nets.upper_attention[1] * nets.upper[:, None],
        *nets.density[:2],
        last[:1],
        of_view,
        of_geometry @ last[1:],
        nets.color[1],
    ]
    return [matrix.detach().contiguous() for matrix in found]
