/* Gradients of the compositing: every tile again from front to back, one running scalar a pixel, no atomics. */
#ifndef TFG_RASTER_GRADIENTS_H
#define TFG_RASTER_GRADIENTS_H

#include "raster_composite.h"

/* State of one tile on the way back, block after block. */
typedef struct {
    lanes T[BLOCKS]; /* transmittance before the next Gaussian */
    lanes S[BLOCKS]; /* what the Gaussians from here on and the background still add to sum(v_output * output) */
    lanes v_alpha[BLOCKS];
} backward_state;

/* Gradients of one record on the blocks `bits`, 6 moments and `features` sums; returns the blocks that still see something. */
INLINE uint32_t backward_record(const float *g, uint32_t bits, const grid *at, backward_state *s, const lanes *v_features,
                                const int features, lanes *restrict sums)
{
    uint32_t opaque = 0;
    for (int f = 0; f < 6 + features; f++) sums[f] = splat(0.0f);
    for (; bits; bits &= bits - 1) {
        const int b = __builtin_ctz(bits);
        const lanes *v_feature = v_features + (int64_t)b * features;
        lanes u, v, p, T = s->T[b];
        lanes alpha = alpha_at(g, at->x[b], at->y[b], &u, &v, &p);
        lanes after = T - T * alpha;
        mask alive = less(splat(TRANSMITTANCE_MIN), after);
        lanes weight = keep(alive, T * alpha);
        s->T[b] = keep(alive, after);
        lanes gain = s->v_alpha[b];
        for (int f = 0; f < features; f++) gain += v_feature[f] * g[GEOMETRY + f];
        lanes own = weight * gain, rest = s->S[b] - own;
        s->S[b] = rest;
        /* alpha d loss / d alpha = T alpha gain - alpha S / (1 - alpha) */
        lanes slope = keep(less_where(alive, p, splat(LOG2_ALPHA_MAX)), own - rest * (alpha * reciprocal(1.0f - alpha)));
        lanes slope_u = slope * u, slope_v = slope * v;
        sums[0] += slope, sums[1] += slope_u, sums[2] += slope_v;
        sums[3] += slope_u * u, sums[4] += slope_u * v, sums[5] += slope_v * v;
        for (int f = 0; f < features; f++) sums[6 + f] += weight * v_feature[f];
        if (!any(alive)) opaque |= 1u << b;
    }
    return ~opaque;
}

/* The state before the first Gaussian: S = sum over outputs of value * gradient, T = 1. `features` first ones have gradients. */
static void backward_begin(const plan *p, int tile, const pictures *out, const pictures *v, int features, backward_state *s,
                           lanes *v_features)
{
    const int channels = p->channels;
    for (int b = 0; b < BLOCKS; b++) {
        int64_t at[WIDTH];
        const lanes in = block_pixels(p, tile, b, at), zero = splat(0.0f);
        lanes *feature = v_features + (int64_t)b * features, total = zero;
        float value[WIDTH], slope[WIDTH];
        lanes a, g;
#define TERM(array, slopes, width, c)                                                                             \
    do {                                                                                                          \
        for (int l = 0; l < WIDTH; l++) value[l] = (array)[at[l] * (width) + (c)], slope[l] = (slopes)[at[l] * (width) + (c)]; \
        memcpy(&a, value, sizeof a), memcpy(&g, slope, sizeof g);                                                 \
        total += a * g;                                                                                           \
    } while (0)
        g = zero;
        if (v->alpha) TERM(out->alpha, v->alpha, 1, 0);
        s->v_alpha[b] = g;
        for (int c = 0; c < channels; c++) {
            g = zero;
            if (v->color) TERM(out->color, v->color, channels, c);
            feature[c] = g;
        }
        if (features > channels) {
            g = zero;
            if (v->depth) TERM(out->depth, v->depth, 1, 0);
            feature[channels] = g;
        }
        for (int c = 0; c < features - channels - 1; c++) {
            TERM(out->normal, v->normal, 3, c);
            feature[channels + 1 + c] = g;
        }
#undef TERM
        s->T[b] = in;
        s->S[b] = total * in;
    }
}

/* Gradients of a tile's pairs into `pairs` (from the tile's first pair on, gradient_stride floats each). */
INLINE void backward_pairs(const plan *p, int tile, const grid *g, int64_t stride, int64_t wide, const int features, const float *local,
                           backward_state *s, const lanes *v_features, lanes *restrict sums, float *restrict pairs)
{
    const int64_t used = p->used[tile];
    const uint32_t *blocks = p->blocks + p->start[tile];
    uint32_t alive = UINT32_MAX;
    for (int64_t e = 0; e < used; e++) {
        alive &= backward_record(local + e * stride, blocks[e] & alive, g, s, v_features, features, sums);
        for (int64_t f = 0; f < wide; f += 16) {
            const int64_t left = 6 + features - f;
            if (left > 0) reduce16(sums + f, left < 16 ? (int)left : 16, pairs + e * wide + f);
        }
    }
}

static void backward_tile(const plan *p, int tile, const grid *g, const pictures *out, const pictures *v, int features, float *local,
                          backward_state *s, lanes *v_features, lanes *sums, float *pairs)
{
    const int64_t count = p->start[tile + 1] - p->start[tile], used = p->used[tile], wide = p->gradient_stride;
    lanes few[16];
    if (count == 0) return;
    backward_begin(p, tile, out, v, features, s, v_features);
    tile_records(p, tile, used, local);
    switch (wide == 16 && p->stride == 16 ? features : 0) {
    case 3: backward_pairs(p, tile, g, 16, 16, 3, local, s, v_features, few, pairs); break;
    case 4: backward_pairs(p, tile, g, 16, 16, 4, local, s, v_features, few, pairs); break;
    case 7: backward_pairs(p, tile, g, 16, 16, 7, local, s, v_features, few, pairs); break;
    default: backward_pairs(p, tile, g, p->stride, wide, features, local, s, v_features, sums, pairs);
    }
    memset(pairs + used * wide, 0, (size_t)((count - used) * wide) * 4);
}

/* Gradients (n, .) of what tfg_raster_composite was given; v_depths and v_normals may be NULL. */
typedef struct {
    float *means, *roots, *strengths, *depths, *normals, *colors;
} gradients;

/* Sums t of slope * (1, u, v, uu, uv, vv) and of the features' gradients to the gradients of Gaussian i; (u, v) = M (pixel - mean),
   slope = alpha d loss / d alpha. */
INLINE void finish(const plan *p, int64_t i, int features, float strength, const float *t, const gradients *to)
{
    const float *g = p->records + i * p->stride;
    const int channels = p->channels;
    to->means[2 * i] = 2 * LN2 * g[2] * t[1];
    to->means[2 * i + 1] = 2 * LN2 * (g[3] * t[1] + g[4] * t[2]);
    to->roots[3 * i] = -2 * LN2 * (t[3] - t[4] * g[3] / g[4]) / g[2];
    to->roots[3 * i + 1] = -2 * LN2 * t[4] / g[4];
    to->roots[3 * i + 2] = -2 * LN2 * t[5] / g[4];
    to->strengths[i] = t[0] / strength;
    for (int c = 0; c < channels; c++) to->colors[i * channels + c] = t[6 + c];
    if (to->depths) to->depths[i] = features > channels ? t[6 + channels] : 0;
    if (to->normals)
        for (int c = 0; c < 3; c++) to->normals[3 * i + c] = features > channels + 1 ? t[6 + channels + 1 + c] : 0;
}

INLINE void clear(const plan *p, int64_t i, const gradients *to)
{
    to->means[2 * i] = to->means[2 * i + 1] = to->strengths[i] = 0;
    for (int c = 0; c < 3; c++) to->roots[3 * i + c] = 0;
    for (int c = 0; c < p->channels; c++) to->colors[i * p->channels + c] = 0;
    if (to->depths) to->depths[i] = 0;
    for (int c = 0; c < 3 && to->normals; c++) to->normals[3 * i + c] = 0;
}

/* Adds the pairs of tile-major places [from, to) that belong to rank r to `total`, in the order of the tiles. */
INLINE void add_pairs(const plan *p, const float *pairs, uint32_t from, uint32_t to, int64_t r, const int64_t wide, float *restrict total)
{
    for (uint32_t k = p->first[r]; k < p->first[r + 1]; k++) {
        const uint32_t at = p->place[k];
        if (at < from || at >= to) continue;
        const float *restrict pair = pairs + (int64_t)(at - from) * wide;
        for (int64_t f = 0; f < wide; f++) total[f] += pair[f];
    }
}

/* Gradients of the tiles [from, next) into `pairs`. 0, or 1 without memory. */
static int backward_tiles(const plan *p, int from, int next, const pictures *out, const pictures *v, int features, float *pairs)
{
    int failed = 0;
    grid g;
    fill_grid(&g);
#pragma omp parallel reduction(| : failed)
    {
        float *local = allocate((size_t)(p->longest * p->stride) * 4);
        backward_state *s = allocate(sizeof *s);
        lanes *v_features = allocate((size_t)BLOCKS * (size_t)features * sizeof *v_features);
        lanes *sums = allocate((size_t)(6 + features + 16) * sizeof *sums);
        failed = !local || !s || !v_features || !sums;
#pragma omp for schedule(dynamic, 1)
        for (int tile = from; tile < next; tile++)
            if (!failed)
                backward_tile(p, tile, &g, out, v, features, local, s, v_features, sums,
                              pairs + (int64_t)(p->start[tile] - p->start[from]) * p->gradient_stride);
        release(local), release(s), release(v_features), release(sums);
    }
    return failed;
}

/* `out` as tfg_raster_composite wrote it, `v` its gradients, `to` the result; strengths as then. `budget` = pairs whose gradients are
   held at a time: the tiles are worked on in as many portions as that takes. 0, or 1 without memory. */
int tfg_raster_composite_backward(const plan *p, int64_t n, int64_t budget, const float *strengths, const pictures *out,
                                  const pictures *v, const gradients *to)
{
    const int channels = p->channels, tiles = p->across * p->down;
    const int features = v->normal ? channels + 4 : v->depth ? channels + 1 : channels;
    const int64_t wide = p->gradient_stride, all = p->visible * wide;
    int64_t held = p->entries < budget ? p->entries : budget;
    if (held < p->longest) held = p->longest;
    const int whole = held == p->entries && wide == 16; /* the usual case: summed on the fly */
    float *pairs = allocate((size_t)(held * wide) * 4), *totals = allocate(whole ? 0 : (size_t)all * 4);
    int failed = !pairs || !totals;
    if (!failed && !whole) memset(totals, 0, (size_t)all * 4);
    for (int from = 0, next; from < tiles && !failed; from = next) {
        for (next = from; next < tiles && p->start[next + 1] - p->start[from] <= held; next++) {}
        failed = backward_tiles(p, from, next, out, v, features, pairs);
        if (failed || whole) continue;
#pragma omp parallel for schedule(static)
        for (int64_t r = 0; r < p->visible; r++) add_pairs(p, pairs, p->start[from], p->start[next], r, wide, totals + r * wide);
    }
    if (!failed) {
#pragma omp parallel for schedule(static) if (n > WORTH_THREADS)
        for (int64_t i = 0; i < n; i++) {
            const uint32_t r = p->rank[i], later = p->rank[i + AHEAD < n ? i + AHEAD : i];
            float sum[16] = {0};
            if (whole && later != CULLED) __builtin_prefetch(pairs + (int64_t)p->place[p->first[later]] * 16);
            if (r == CULLED) {
                clear(p, i, to);
                continue;
            }
            if (whole) add_pairs(p, pairs, 0, UINT32_MAX, r, 16, sum);
            finish(p, i, features, strengths[i], whole ? sum : totals + r * wide, to);
        }
    }
    release(pairs), release(totals);
    return failed;
}

#endif
