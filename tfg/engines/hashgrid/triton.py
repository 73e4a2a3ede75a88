"""Triton kernels of grid encoding; imported late, for Triton is there only beside CUDA torch (or for its interpreter).

A program takes a block of points and one plane through all levels. Positions are in double, as in the C path.
"""

import triton
import triton.language as tl


@triton.jit
def _corner(
    cell0,
    cell1,
    cell2,
    levels,
    level,
    corner: tl.constexpr,
    DIM: tl.constexpr,
):
    """(block) table rows of one corner; `levels` is (levels, 6) int64: first, mask, hashed, strides."""
    first = tl.load(levels + level * 6)
    mask = tl.load(levels + level * 6 + 1)
    hashed = tl.load(levels + level * 6 + 2)
    x = cell0 + (corner & 1)
    y = cell1 + (corner >> 1 & 1)
    spatial = x ^ ((y * 2654435761) & 0xFFFFFFFF)
    dense = x * tl.load(levels + level * 6 + 3) + y * tl.load(levels + level * 6 + 4)
    if DIM == 3:
        z = cell2 + (corner >> 2 & 1)
        spatial = spatial ^ ((z * 805459861) & 0xFFFFFFFF)
        dense += z * tl.load(levels + level * 6 + 5)
    return first + (tl.where(hashed != 0, spatial, dense) & mask)


@triton.jit
def _unit(points, point, axis, alive, bound, WIDTH: tl.constexpr):
    """Coordinate in [0, 1] (double) and whether it lies inside."""
    x = tl.load(points + point * WIDTH + axis, mask=alive, other=0.0)
    inside = tl.abs(x) <= bound.to(tl.float32)
    unit = (x.to(tl.float64) + bound) * (0.5 / bound)
    return tl.where(inside, unit, 0.0), inside


@triton.jit
def _cells(unit, scale):
    position = unit * scale + 0.5
    cell = position.to(tl.int64)
    return cell, (position - cell.to(tl.float64)).to(tl.float32)


@triton.jit
def forward(
    points,
    tables,
    out,
    levels,
    scales,
    axes,
    bounds,
    count,
    rows,
    LEVELS: tl.constexpr,
    CHANNELS: tl.constexpr,
    DIM: tl.constexpr,
    WIDTH: tl.constexpr,
    PLANES: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """out (count, PLANES * LEVELS * CHANNELS)."""
    point = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    plane = tl.program_id(1)
    alive = point < count
    bound = tl.load(bounds)
    unit0, inside = _unit(points, point, tl.load(axes + plane * DIM), alive, bound, WIDTH)
    unit1, inside1 = _unit(points, point, tl.load(axes + plane * DIM + 1), alive, bound, WIDTH)
    inside = inside & inside1
    unit2 = unit0
    if DIM == 3:
        unit2, inside2 = _unit(points, point, tl.load(axes + plane * DIM + 2), alive, bound, WIDTH)
        inside = inside & inside2
    unit0, unit1, unit2 = tl.where(inside, unit0, 0.0), tl.where(inside, unit1, 0.0), tl.where(inside, unit2, 0.0)
    table = tables + plane * rows * CHANNELS
    for level in range(LEVELS):
        scale = tl.load(scales + level)
        cell0, f0 = _cells(unit0, scale)
        cell1, f1 = _cells(unit1, scale)
        cell2, f2 = _cells(unit2, scale)
        to = out + point * (PLANES * LEVELS * CHANNELS) + (plane * LEVELS + level) * CHANNELS
        for channel in tl.static_range(CHANNELS):
            total = tl.zeros((BLOCK,), tl.float32)
            for corner in tl.static_range(1 << DIM):
                row = _corner(cell0, cell1, cell2, levels, level, corner, DIM)
                weight = (f0 if corner & 1 else 1 - f0) * (f1 if corner >> 1 & 1 else 1 - f1)
                if DIM == 3:
                    weight *= f2 if corner >> 2 & 1 else 1 - f2
                total += weight * tl.load(table + row * CHANNELS + channel, mask=alive & inside, other=0.0)
            tl.store(to + channel, total, mask=alive)


@triton.jit
def backward(
    points,
    tables,
    grad,
    grad_tables,
    grad_planes,
    levels,
    scales,
    axes,
    bounds,
    count,
    rows,
    LEVELS: tl.constexpr,
    CHANNELS: tl.constexpr,
    DIM: tl.constexpr,
    WIDTH: tl.constexpr,
    PLANES: tl.constexpr,
    TO_TABLES: tl.constexpr,
    TO_POINTS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Adds to grad_tables (PLANES, rows, CHANNELS) by atomics; writes grad_planes (PLANES, count, DIM)."""
    point = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    plane = tl.program_id(1)
    alive = point < count
    bound = tl.load(bounds)
    unit0, inside = _unit(points, point, tl.load(axes + plane * DIM), alive, bound, WIDTH)
    unit1, inside1 = _unit(points, point, tl.load(axes + plane * DIM + 1), alive, bound, WIDTH)
    inside = inside & inside1
    unit2 = unit0
    if DIM == 3:
        unit2, inside2 = _unit(points, point, tl.load(axes + plane * DIM + 2), alive, bound, WIDTH)
        inside = inside & inside2
    unit0, unit1, unit2 = tl.where(inside, unit0, 0.0), tl.where(inside, unit1, 0.0), tl.where(inside, unit2, 0.0)
    slope0 = tl.zeros((BLOCK,), tl.float32)
    slope1 = tl.zeros((BLOCK,), tl.float32)
    slope2 = tl.zeros((BLOCK,), tl.float32)
    for level in range(LEVELS):
        scale = tl.load(scales + level)
        cell0, f0 = _cells(unit0, scale)
        cell1, f1 = _cells(unit1, scale)
        cell2, f2 = _cells(unit2, scale)
        factor = (scale / (2 * bound)).to(tl.float32)
        upstream = grad + point * (PLANES * LEVELS * CHANNELS) + (plane * LEVELS + level) * CHANNELS
        for corner in tl.static_range(1 << DIM):
            row = plane * rows + _corner(cell0, cell1, cell2, levels, level, corner, DIM)
            w0 = f0 if corner & 1 else 1 - f0
            w1 = f1 if corner >> 1 & 1 else 1 - f1
            w2 = tl.full((BLOCK,), 1.0, tl.float32)
            if DIM == 3:
                w2 = f2 if corner >> 2 & 1 else 1 - f2
            dot = tl.zeros((BLOCK,), tl.float32)
            for channel in tl.static_range(CHANNELS):
                above = tl.load(upstream + channel, mask=alive & inside, other=0.0)
                if TO_TABLES:
                    tl.atomic_add(
                        grad_tables + row * CHANNELS + channel, above * w0 * w1 * w2, mask=alive & inside, sem="relaxed"
                    )
                if TO_POINTS:
                    dot += above * tl.load(tables + row * CHANNELS + channel, mask=alive & inside, other=0.0)
            if TO_POINTS:
                slope0 += (factor if corner & 1 else -factor) * w1 * w2 * dot
                slope1 += (factor if corner >> 1 & 1 else -factor) * w0 * w2 * dot
                if DIM == 3:
                    slope2 += (factor if corner >> 2 & 1 else -factor) * w0 * w1 * dot
    if TO_POINTS:
        to = grad_planes + (plane * count + point) * DIM
        tl.store(to, slope0, mask=alive)
        tl.store(to + 1, slope1, mask=alive)
        if DIM == 3:
            tl.store(to + 2, slope2, mask=alive)
