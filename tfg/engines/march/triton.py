"""Triton kernels of ray marching and compositing; imported late, as Triton is there only beside CUDA torch.

A program takes a block of rays, one lane a ray. Rounding follows the twin: launch `march` with enable_fp_fusion=False.
"""

import triton
import triton.language as tl


@triton.jit
def _spread(x):
    """The bits of x < 1024, three apart."""
    x = (x | x << 16) & 0x030000FF
    x = (x | x << 8) & 0x0300F00F
    x = (x | x << 4) & 0x030C30C3
    return (x | x << 2) & 0x09249249


@triton.jit
def _cross(origin, direction, low, high, enter, leave):
    """Narrows [enter, leave] to where one coordinate lies in [low, high]."""
    tiny = tl.where(direction < 0, -1e-12, 1e-12)
    inverse = tl.div_rn(tl.full(direction.shape, 1.0, tl.float32), tl.where(tl.abs(direction) < 1e-12, tiny, direction))
    first = (low - origin) * inverse
    last = (high - origin) * inverse
    return tl.maximum(enter, tl.minimum(first, last)), tl.minimum(leave, tl.maximum(first, last))


@triton.jit
def _cell(origin, direction, t, bound, to_cell, RESOLUTION: tl.constexpr):
    cell = (origin + t * direction + bound) * to_cell
    return _spread(tl.minimum(tl.maximum(cell, 0.0), RESOLUTION - 1.0).to(tl.int32))


@triton.jit
def march(
    origins,
    directions,
    offset,
    occupied,
    floats,  # box (6,), near, growth, shortest, longest, bound, resolution / (2 bound)
    start,  # (rays + 1,) or (rays,): read with WRITE, else the counts are written
    points,
    along,
    found_t,
    found_delta,
    found_ray,
    rays,
    max_samples,
    RESOLUTION: tl.constexpr,
    OFFSET: tl.constexpr,
    CONSTANT: tl.constexpr,
    WRITE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    ray = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    alive = ray < rays
    ox = tl.load(origins + ray * 3, mask=alive, other=0.0)
    oy = tl.load(origins + ray * 3 + 1, mask=alive, other=0.0)
    oz = tl.load(origins + ray * 3 + 2, mask=alive, other=0.0)
    dx = tl.load(directions + ray * 3, mask=alive, other=1.0)
    dy = tl.load(directions + ray * 3 + 1, mask=alive, other=1.0)
    dz = tl.load(directions + ray * 3 + 2, mask=alive, other=1.0)
    enter = tl.full((BLOCK,), float("-inf"), tl.float32)
    leave = tl.full((BLOCK,), float("inf"), tl.float32)
    enter, leave = _cross(ox, dx, tl.load(floats), tl.load(floats + 3), enter, leave)
    enter, leave = _cross(oy, dy, tl.load(floats + 1), tl.load(floats + 4), enter, leave)
    enter, leave = _cross(oz, dz, tl.load(floats + 2), tl.load(floats + 5), enter, leave)
    growth, shortest, longest = tl.load(floats + 7), tl.load(floats + 8), tl.load(floats + 9)
    bound, to_cell = tl.load(floats + 10), tl.load(floats + 11)
    first = tl.maximum(enter, tl.load(floats + 6))
    if OFFSET:
        shift = tl.load(offset + ray, mask=alive, other=0.0)
        first = first + tl.minimum(tl.maximum(growth * first, shortest), longest) * shift
    leave = tl.where(alive, leave, float("-inf"))
    place = tl.zeros((BLOCK,), tl.int64)
    if WRITE:
        place = tl.load(start + ray, mask=alive, other=0)
    count = tl.zeros((BLOCK,), tl.int64)
    t = first
    step_number = tl.zeros((BLOCK,), tl.float32)
    while tl.max(((t < leave) & (count < max_samples)).to(tl.int32), axis=0) > 0:
        delta = tl.minimum(tl.maximum(growth * t, shortest), longest)
        if CONSTANT:
            delta = tl.zeros((BLOCK,), tl.float32) + longest
        rank = _cell(ox, dx, t, bound, to_cell, RESOLUTION)
        rank |= _cell(oy, dy, t, bound, to_cell, RESOLUTION) << 1
        rank |= _cell(oz, dz, t, bound, to_cell, RESOLUTION) << 2
        word = tl.load(occupied + (rank >> 3), mask=alive, other=0).to(tl.int32)
        hit = ((word >> (rank & 7)) & 1 != 0) & (t < leave) & (count < max_samples)
        if WRITE:
            to = place + count
            tl.store(found_t + to, t, mask=hit)
            tl.store(found_delta + to, delta, mask=hit)
            tl.store(found_ray + to, ray.to(tl.int64), mask=hit)
            tl.store(points + to * 3, ox + t * dx, mask=hit)
            tl.store(points + to * 3 + 1, oy + t * dy, mask=hit)
            tl.store(points + to * 3 + 2, oz + t * dz, mask=hit)
            tl.store(along + to * 3, dx, mask=hit)
            tl.store(along + to * 3 + 1, dy, mask=hit)
            tl.store(along + to * 3 + 2, dz, mask=hit)
        count += hit.to(tl.int64)
        step_number += 1
        t = t + delta
        if CONSTANT:
            t = first + step_number * longest
    if not WRITE:
        tl.store(start + ray, count, mask=alive)


@triton.jit
def composite(
    sigma,
    values,
    along_t,
    deltas,
    start,
    total,
    opacity,
    depth,
    weights,
    rays,
    limit,
    CHANNELS: tl.constexpr,
    PADDED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """total (rays, CHANNELS), opacity, depth (rays,), weights (m,)."""
    ray = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    alive = ray < rays
    channel = tl.arange(0, PADDED)[None, :]
    sample = tl.load(start + ray, mask=alive, other=0)
    last = tl.load(start + ray + 1, mask=alive, other=0)
    before = tl.zeros((BLOCK,), tl.float32)
    covered = tl.zeros((BLOCK,), tl.float32)
    far = tl.zeros((BLOCK,), tl.float32)
    sums = tl.zeros((BLOCK, PADDED), tl.float32)
    while tl.max((sample < last).to(tl.int32), axis=0) > 0:
        here = sample < last
        optical = tl.load(sigma + sample, mask=here, other=0.0) * tl.load(deltas + sample, mask=here, other=0.0)
        weight = tl.where(before <= limit, tl.exp(-before) * (1 - tl.exp(-optical)), 0.0)
        # 1 - exp(-x) loses digits for small x: its series to the fourth order is exact below 0.02
        small = optical * (1 - optical * (0.5 - optical * (1.0 / 6 - optical * (1.0 / 24))))
        weight = tl.where((optical < 0.02) & (before <= limit), tl.exp(-before) * small, weight)
        tl.store(weights + sample, weight, mask=here)
        covered += weight
        far += weight * tl.load(along_t + sample, mask=here, other=0.0)
        at = values + sample[:, None] * CHANNELS + channel
        sums += weight[:, None] * tl.load(at, mask=here[:, None] & (channel < CHANNELS), other=0.0)
        before += optical
        sample += 1
    tl.store(opacity + ray, covered, mask=alive)
    tl.store(depth + ray, far, mask=alive)
    tl.store(total + ray[:, None] * CHANNELS + channel, sums, mask=alive[:, None] & (channel < CHANNELS))


@triton.jit
def composite_backward(
    sigma,
    values,
    along_t,
    deltas,
    start,
    weights,
    grad_total,
    grad_opacity,
    grad_depth,
    grad_weights,
    grad_sigma,
    grad_values,
    rays,
    limit,
    CHANNELS: tl.constexpr,
    PADDED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """grad_sigma (m,) and grad_values (m, CHANNELS), in two walks along the ray: the first sums what lies behind."""
    ray = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    alive = ray < rays
    channel = tl.arange(0, PADDED)[None, :]
    first = tl.load(start + ray, mask=alive, other=0)
    last = tl.load(start + ray + 1, mask=alive, other=0)
    flat = tl.load(grad_opacity + ray, mask=alive, other=0.0)
    slope = tl.load(grad_depth + ray, mask=alive, other=0.0)
    own = tl.load(grad_total + ray[:, None] * CHANNELS + channel, mask=alive[:, None] & (channel < CHANNELS), other=0.0)
    behind = tl.zeros((BLOCK,), tl.float32)
    for walk in tl.static_range(2):
        sample = first
        before = tl.zeros((BLOCK,), tl.float32)
        while tl.max((sample < last).to(tl.int32), axis=0) > 0:
            here = sample < last
            weight = tl.load(weights + sample, mask=here, other=0.0)
            at = sample[:, None] * CHANNELS + channel
            inside = here[:, None] & (channel < CHANNELS)
            pull = flat + slope * tl.load(along_t + sample, mask=here, other=0.0)
            pull += tl.load(grad_weights + sample, mask=here, other=0.0)
            pull += tl.sum(own * tl.load(values + at, mask=inside, other=0.0), axis=1)
            if walk == 0:
                behind += weight * pull
            else:
                behind -= weight * pull
                delta = tl.load(deltas + sample, mask=here, other=0.0)
                optical = tl.load(sigma + sample, mask=here, other=0.0) * delta
                slope_here = delta * (pull * tl.exp(-(before + optical)) - behind)
                tl.store(grad_sigma + sample, tl.where(before <= limit, slope_here, 0.0), mask=here)
                tl.store(grad_values + at, weight[:, None] * own, mask=inside)
                before += optical
            sample += 1
