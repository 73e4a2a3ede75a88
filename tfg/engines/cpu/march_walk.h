/* The samples of one ray. LANES lattice points are evaluated at once, rounded exactly as the twin rounds. */
#ifndef TFG_MARCH_WALK_H
#define TFG_MARCH_WALK_H

typedef struct {
    int64_t resolution, max_samples;
    float bound, to_cell; /* to_cell = resolution / (2 bound) */
    float box[6];
    float near, growth, shortest, longest;
    int32_t constant; /* 1: t[k] = t[0] + k * longest */
} March;

INLINE Ints spread(Ints x) { /* the bits of x < 1024, three apart */
    x = (x | x << 16) & 0x030000FF;
    x = (x | x << 8) & 0x0300F00F;
    x = (x | x << 4) & 0x030C30C3;
    return (x | x << 2) & 0x09249249;
}

INLINE uint32_t squeeze(uint32_t x) { /* the inverse of spread */
    x &= 0x09249249u;
    x = (x | x >> 2) & 0x030C30C3u;
    x = (x | x >> 4) & 0x0300F00Fu;
    x = (x | x >> 8) & 0x030000FFu;
    return (x | x >> 16) & 0x3FFu;
}

INLINE uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }
INLINE uint32_t most(uint32_t a, uint32_t b) { return a > b ? a : b; }

INLINE Ints gather(const uint32_t *words, Ints index) {
#ifdef __AVX512F__
    return (Ints)_mm512_i32gather_epi32((__m512i)index, words, 4);
#elif defined(__AVX2__)
    return (Ints)_mm256_i32gather_epi32((const int *)words, (__m256i)index, 4);
#else
    for (int j = 0; j < LANES; j++) index[j] = (int32_t)words[index[j]];
    return index;
#endif
}

/* Writes the values of the lanes in `chosen` (0 or -1) one behind the other, and anything behind them; their number. */
INLINE int compress(Ints chosen, Floats values, float *to) {
#ifdef __AVX512F__
    const __mmask16 mask = _mm512_test_epi32_mask((__m512i)chosen, (__m512i)chosen);
    _mm512_storeu_ps(to, _mm512_maskz_compress_ps(mask, (__m512)values));
    return __builtin_popcount(mask);
#else
    int count = 0;
    for (int j = 0; j < LANES; j++) {
        to[count] = values[j];
        count -= chosen[j];
    }
    return count;
#endif
}

/* Unlike fminf and fmaxf these are one instruction each. */
INLINE float lower(float a, float b) { return a < b ? a : b; }
INLINE float upper(float a, float b) { return a > b ? a : b; }

INLINE float step_at(const March *march, float t) {
    return lower(upper(march->growth * t, march->shortest), march->longest);
}

/* A box around all occupied cells, one cell wider; 0 if there are none. 64 bits are a block of 4 x 4 x 4 cells, and the
 * bits of one axis in a block's number are in order as they are: only the extremes are squeezed. */
static int occupied_box(const March *march, const uint64_t *occupied, float box[6]) {
    const uint32_t blocks = (uint32_t)(march->resolution * march->resolution * march->resolution / 64);
    const uint32_t bits = 0x09249249u;
    uint32_t low0 = ~0u, low1 = ~0u, low2 = ~0u, high0 = 0, high1 = 0, high2 = 0, any = 0;
    for (uint32_t block = 0; block < blocks; block++) {
        const uint32_t full = occupied[block] ? ~0u : 0u;
        const uint32_t x = block & bits, y = block & bits << 1, z = block & bits << 2;
        low0 = least(low0, x | ~full), low1 = least(low1, y | ~full), low2 = least(low2, z | ~full);
        high0 = most(high0, x & full), high1 = most(high1, y & full), high2 = most(high2, z & full);
        any |= full;
    }
    const uint32_t low[3] = {low0, low1 >> 1, low2 >> 2}, high[3] = {high0, high1 >> 1, high2 >> 2};
    for (int axis = 0; axis < 3; axis++) { /* cells at the border of the grid also stand for what lies beyond it */
        const float first = (float)squeeze(low[axis]) * 4 - 1, last = (float)squeeze(high[axis]) * 4 + 5;
        box[axis] = first < 0 ? -INFINITY : first / march->to_cell - march->bound;
        box[axis + 3] = last > (float)march->resolution ? INFINITY : last / march->to_cell - march->bound;
    }
    return any != 0;
}

INLINE void cross(const float *box, const float *origin, const float *inverse, float *enter, float *leave) {
    for (int axis = 0; axis < 3; axis++) {
        const float first = (box[axis] - origin[axis]) * inverse[axis];
        const float last = (box[axis + 3] - origin[axis]) * inverse[axis];
        *enter = upper(*enter, lower(first, last));
        *leave = lower(*leave, upper(first, last));
    }
}

/* The samples of one ray: writes their t (there is room for max_samples + LANES), returns their number. */
static int walk(const March *march, const uint32_t *occupied, const float *hull, const float *origin,
                const float *direction, float offset, float *restrict found) {
    const int32_t top = (int32_t)march->resolution - 1;
    const float bound = march->bound, to_cell = march->to_cell;
    float inverse[3], enter = -INFINITY, leave = INFINITY;
    for (int axis = 0; axis < 3; axis++) {
        const float d = direction[axis];
        inverse[axis] = 1 / (fabsf(d) < 1e-12f ? (d < 0 ? -1e-12f : 1e-12f) : d);
    }
    cross(march->box, origin, inverse, &enter, &leave);
    enter = upper(enter, march->near);
    float start = enter + step_at(march, enter) * offset;
    float from = start, until = leave;
    cross(hull, origin, inverse, &from, &until);
    const float step = march->longest;
    int k = 0, count = 0;
    if (!(from <= until + step)) return 0;
    until = lower(leave, until + step);
    if (march->constant && from > start + 2 * step) k = (int)((from - start) / step) - 1;
    Floats lane;
    for (int j = 0; j < LANES; j++) lane[j] = (float)j;
    for (float next = start;; k += LANES) {
        union { Floats all; float one[LANES]; } t;
        if (march->constant) {
            t.all = start + ((float)k + lane) * step;
        } else {
            for (int j = 0; j < LANES; j++) {
                t.one[j] = next;
                next = next + step_at(march, next);
            }
        }
        Ints rank = {0};
        for (int axis = 0; axis < 3; axis++) {
            const Floats position = origin[axis] + t.all * direction[axis];
            Ints cell = __builtin_convertvector((position + bound) * to_cell, Ints);
            cell &= ~(cell < 0);
            cell = (cell & (cell < top)) | (top & ~(cell < top));
            rank |= spread(cell) << axis;
        }
        const Ints word = gather(occupied, rank >> 5), hit = -(word >> (rank & 31) & 1) & (t.all < until);
        count += compress(hit, t.all, found + count);
        if (count >= march->max_samples) return (int)march->max_samples;
        if (!(t.one[LANES - 1] < until)) return count;
    }
}

#endif
