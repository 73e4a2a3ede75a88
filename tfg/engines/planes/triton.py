"""Triton kernels of reading a tri-plane; imported late, for Triton is there only beside CUDA torch (or for its interpreter).

A program takes a block of points through the three planes, all channels of a texel at once: texels are (3, size, size, channels).
Positions are in double, as in the C path.
"""

import triton
import triton.language as tl


@triton.jit
def _place(points, point, axis, alive, size):
    """Index of the texel on the lower side, and of both sides the weight and whether it lies in the plane (1 or 0)."""
    x = tl.load(points + point * 3 + axis, mask=alive, other=0.0).to(tl.float64)
    position = (x + 1.0) * (0.5 * size) - 0.5
    near = (position >= -1.0) & (position <= size)
    held = tl.where(near, position, -1.0)
    low = (held + 1.0).to(tl.int64) - 1
    fraction = (held - low.to(tl.float64)).to(tl.float32)
    has_low = (near & (low >= 0) & (low < size)).to(tl.float32)
    has_high = (near & (low + 1 < size)).to(tl.float32)
    return low, (1.0 - fraction) * has_low, fraction * has_high, has_low, has_high


@triton.jit
def forward(
    points,
    texels,
    out,
    axes,
    count,
    size,
    CHANNELS: tl.constexpr,
    PADDED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """out (count, CHANNELS)."""
    point = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    alive = point < count
    channel = tl.arange(0, PADDED)
    total = tl.zeros((BLOCK, PADDED), tl.float32)
    for plane in range(3):
        column, left, right, _, _ = _place(points, point, tl.load(axes + plane * 2), alive, size)
        row, above, below, _, _ = _place(points, point, tl.load(axes + plane * 2 + 1), alive, size)
        for corner in tl.static_range(4):
            weight = (right if corner & 1 else left) * (below if corner >> 1 else above) * (1.0 / 3.0)
            texel = (plane * size + row + (corner >> 1)) * size + column + (corner & 1)
            seen = (alive & (weight != 0.0))[:, None] & (channel < CHANNELS)[None, :]
            values = tl.load(texels + texel[:, None] * CHANNELS + channel[None, :], mask=seen, other=0.0)
            total += weight[:, None] * values
    to = out + point[:, None] * CHANNELS + channel[None, :]
    tl.store(to, total, mask=alive[:, None] & (channel < CHANNELS)[None, :])


@triton.jit
def backward(
    points,
    texels,
    grad,
    grad_texels,
    grad_points,
    axes,
    count,
    size,
    CHANNELS: tl.constexpr,
    PADDED: tl.constexpr,
    TO_PLANES: tl.constexpr,
    TO_POINTS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Adds to grad_texels (3, size, size, CHANNELS) by atomics; writes grad_points (count, 3)."""
    point = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    alive = point < count
    channel = tl.arange(0, PADDED)
    every = alive[:, None] & (channel < CHANNELS)[None, :]
    upstream = tl.load(grad + point[:, None] * CHANNELS + channel[None, :], mask=every, other=0.0)
    coordinate = tl.arange(0, 4)
    slope = tl.zeros((BLOCK, 4), tl.float32)
    texels_each = size / 6.0  # half the size, a third of each plane
    for plane in range(3):
        across = tl.load(axes + plane * 2)
        down = tl.load(axes + plane * 2 + 1)
        column, left, right, has_left, has_right = _place(points, point, across, alive, size)
        row, above, below, has_above, has_below = _place(points, point, down, alive, size)
        for corner in tl.static_range(4):
            sideways = right if corner & 1 else left
            upright = below if corner >> 1 else above
            has_column = has_right if corner & 1 else -has_left
            has_row = has_below if corner >> 1 else -has_above
            texel = (plane * size + row + (corner >> 1)) * size + column + (corner & 1)
            at = texel[:, None] * CHANNELS + channel[None, :]
            seen = ((has_column != 0.0) & (has_row != 0.0))[:, None] & every
            if TO_PLANES:
                weight = sideways * upright * (1.0 / 3.0)
                tl.atomic_add(grad_texels + at, weight[:, None] * upstream, mask=seen, sem="relaxed")
            if TO_POINTS:
                dot = tl.sum(upstream * tl.load(texels + at, mask=seen, other=0.0), axis=1) * texels_each
                slope += tl.where(coordinate == across, 1.0, 0.0)[None, :] * (dot * has_column * upright)[:, None]
                slope += tl.where(coordinate == down, 1.0, 0.0)[None, :] * (dot * has_row * sideways)[:, None]
    if TO_POINTS:
        to = grad_points + point[:, None] * 3 + coordinate[None, :]
        tl.store(to, slope, mask=alive[:, None] & (coordinate < 3)[None, :])
