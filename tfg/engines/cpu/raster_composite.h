/* Front-to-back compositing of a tile and its gradients, one vector of pixels (a block) at a time: twin.py's `composite`. */
#ifndef TFG_RASTER_COMPOSITE_H
#define TFG_RASTER_COMPOSITE_H

#include "raster_plan.h"

#define ALPHA_MAX 0.999f
#define LOG2_ALPHA_MAX (-1.44341686e-3f)
#define TRANSMITTANCE_MIN 1e-4f
#define LN2 0.69314718056f

/* Pixel centres of every block, relative to the tile's middle. */
typedef struct {
    lanes x[BLOCKS], y[BLOCKS];
} grid;

static void fill_grid(grid *g)
{
    for (int b = 0; b < BLOCKS; b++) {
        float x[WIDTH], y[WIDTH];
        for (int l = 0; l < WIDTH; l++) {
            x[l] = (float)(b % BLOCKS_ACROSS * BLOCK_ACROSS + l % BLOCK_ACROSS) + 0.5f - TILE / 2;
            y[l] = (float)(b / BLOCKS_ACROSS * BLOCK_DOWN + l / BLOCK_ACROSS) + 0.5f - TILE / 2;
        }
        memcpy(g->x + b, x, sizeof x);
        memcpy(g->y + b, y, sizeof y);
    }
}

/* First pixel of a block. */
INLINE int block_x(const plan *p, int tile, int b) { return tile % p->across * TILE + b % BLOCKS_ACROSS * BLOCK_ACROSS; }
INLINE int block_y(const plan *p, int tile, int b) { return tile / p->across * TILE + b / BLOCKS_ACROSS * BLOCK_DOWN; }

/* Index in the picture of a block's pixels (0 where there is none) and 1 where there is one, else 0: the first transmittance. */
INLINE lanes block_pixels(const plan *p, int tile, int b, int64_t *at)
{
    const int x0 = block_x(p, tile, b), y0 = block_y(p, tile, b);
    float in[WIDTH];
    lanes v;
    for (int l = 0; l < WIDTH; l++) {
        const int x = x0 + l % BLOCK_ACROSS, y = y0 + l / BLOCK_ACROSS, here = (x < p->width) & (y < p->height);
        at[l] = here ? (int64_t)y * p->width + x : 0;
        in[l] = (float)here;
    }
    memcpy(&v, in, sizeof v);
    return v;
}

/* Copies the tile's first `count` records, their means replaced by what M (pixel - mean) is at the tile's middle. */
static void tile_records(const plan *p, int tile, int64_t count, float *restrict local)
{
    const float x = (float)(tile % p->across * TILE + TILE / 2), y = (float)(tile / p->across * TILE + TILE / 2);
    const uint32_t *gaussian = p->gaussian + p->start[tile];
    const int64_t stride = p->stride;
    for (int64_t e = 0; e < count; e++) {
        const float *restrict g = p->records + gaussian[e] * stride;
        float *restrict to = local + e * stride;
        for (int64_t f = 0; f < stride; f += 16) memcpy(to + f, g + f, 64);
        const float dx = x - g[0], dy = y - g[1];
        to[0] = g[2] * dx + g[3] * dy;
        to[1] = g[4] * dy;
    }
}

/* Places in the tile list of the Gaussians that touch block b. `list` has room for a vector more than `count`. */
static int64_t block_list(const uint32_t *blocks, int64_t count, int b, uint32_t *list)
{
    int64_t found = 0, e = 0;
#if WIDTH == 16
    const __m512i bit = _mm512_set1_epi32(1 << b);
    for (; e + 16 <= count; e += 16) {
        __mmask16 m = _mm512_test_epi32_mask(_mm512_loadu_si512(blocks + e), bit);
        __m512i at = _mm512_add_epi32(_mm512_set1_epi32((int)e), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
        _mm512_storeu_si512(list + found, _mm512_maskz_compress_epi32(m, at));
        found += __builtin_popcount(m);
    }
#endif
    for (; e < count; e++) {
        list[found] = (uint32_t)e;
        found += blocks[e] >> b & 1;
    }
    return found;
}

/* alpha of a record g at the pixels (x, y), 0 below ALPHA_MIN; its exponent and M d are given out for the backward pass. */
INLINE lanes alpha_at(const float *g, lanes x, lanes y, lanes *u, lanes *v, lanes *exponent)
{
    *u = x * g[2] + (y * g[3] + g[0]);
    *v = y * g[4] + g[1];
    lanes p = g[5] - *u * *u - *v * *v;
    *exponent = p;
    return keep(less(splat(LOG2_ALPHA_MIN), p), smaller(power_of_two(p), splat(ALPHA_MAX)));
}

/* Composites the listed records on one block from transmittance T (0 = not a pixel). Returns how many places of the tile's list
   were looked at; `left` is the transmittance in the end. Within, T of a pixel that has had enough is 0. */
INLINE int64_t forward_block(const float *records, int64_t stride, const uint32_t *list, int64_t count, lanes x, lanes y, lanes T,
                             const int features, lanes *restrict sums, lanes *restrict left)
{
    lanes end = T;
    for (int f = 0; f < features; f++) sums[f] = splat(0.0f);
    int64_t last = 0;
    for (int64_t k = 0; k < count; k++) {
        const float *g = records + list[k] * stride;
        lanes u, v, p;
        lanes alpha = alpha_at(g, x, y, &u, &v, &p);
        lanes after = T - T * alpha;
        mask alive = less(splat(TRANSMITTANCE_MIN), after);
        lanes weight = keep(alive, T * alpha);
        T = keep(alive, after);
        end = choose(alive, after, end);
        for (int f = 0; f < features; f++) sums[f] += weight * g[GEOMETRY + f];
        last = list[k] + 1;
        if (!any(alive)) break;
    }
    *left = end;
    return last;
}

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

#endif
