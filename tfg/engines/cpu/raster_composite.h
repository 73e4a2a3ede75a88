/* Front-to-back compositing of tiles, one vector of pixels (a block) at a time: twin.py's `composite`. */
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
        __builtin_prefetch(p->records + gaussian[e + AHEAD < count ? e + AHEAD : e] * stride);
        if (stride == 16) memcpy(to, g, 64);
        else memcpy(to, g, (size_t)stride * 4);
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
#elif defined(__AVX2__) && defined(__BMI2__)
    const __m256i bit = _mm256_set1_epi32((int)(1u << b));
    for (; e + 8 <= count; e += 8) {
        const __m256i has = _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(blocks + e)), bit);
        const uint32_t m = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(has, bit)));
        const uint64_t bytes = _pdep_u64(m, 0x0101010101010101) * 255, order = _pext_u64(0x0706050403020100, bytes);
        const __m256i at = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)order)); /* the lanes found, moved to the front */
        _mm256_storeu_si256((__m256i *)(list + found), _mm256_add_epi32(_mm256_set1_epi32((int)e), at));
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

/* Pictures (height, width, .), or gradients on them. */
typedef struct {
    float *color, *alpha, *depth, *normal; /* normal may be NULL; as gradients every one may */
} pictures;

INLINE int64_t forward_dispatch(const float *records, int64_t stride, const uint32_t *list, int64_t count, lanes x, lanes y, lanes T,
                                int features, lanes *sums, lanes *left)
{
    switch (features) {
    case 4: return forward_block(records, 16, list, count, x, y, T, 4, sums, left);
    case 7: return forward_block(records, 16, list, count, x, y, T, 7, sums, left);
    default: return forward_block(records, stride, list, count, x, y, T, features, sums, left);
    }
}

static void write_block(const plan *p, const int64_t *at, lanes in, const lanes *sums, lanes left, const float *background, int flat,
                        const pictures *out)
{
    const int channels = p->channels;
    for (int l = 0; l < WIDTH; l++) {
        if (in[l] == 0) continue;
        const int64_t i = at[l];
        const float *sum = (const float *)sums + l;
        out->alpha[i] = 1.0f - left[l];
        for (int c = 0; c < channels; c++)
            out->color[i * channels + c] = sum[c * WIDTH] + (background ? left[l] * background[(flat ? 0 : i * channels) + c] : 0.0f);
        out->depth[i] = sum[channels * WIDTH];
        if (out->normal)
            for (int c = 0; c < 3; c++) out->normal[3 * i + c] = sum[(channels + 1 + c) * WIDTH];
    }
}

static int composite(const plan *p, const float *background, int flat, const pictures *out)
{
    const int tiles = p->across * p->down;
    int failed = 0;
    grid g;
    fill_grid(&g);
#pragma omp parallel reduction(| : failed)
    {
        float *local = allocate((size_t)(p->longest * p->stride) * 4);
        uint32_t *list = allocate((size_t)p->longest * 4 + 64);
        lanes *sums = allocate((size_t)p->features * sizeof *sums);
        failed = !local || !list || !sums;
#pragma omp for schedule(dynamic, 1)
        for (int tile = 0; tile < tiles; tile++) {
            if (failed) continue;
            const int64_t count = p->start[tile + 1] - p->start[tile];
            int64_t used = 0;
            tile_records(p, tile, count, local);
            for (int b = 0; b < BLOCKS; b++) {
                int64_t at[WIDTH];
                const lanes in = block_pixels(p, tile, b, at);
                lanes left;
                const int64_t found = block_list(p->blocks + p->start[tile], count, b, list);
                const int64_t last = forward_dispatch(local, p->stride, list, found, g.x[b], g.y[b], in, p->features, sums, &left);
                used = last > used ? last : used;
                write_block(p, at, in, sums, left, background, flat, out);
            }
            p->used[tile] = (uint32_t)used;
        }
        release(local), release(list), release(sums);
    }
    return failed;
}

/* Composites n projected Gaussians; returns what the backward pass needs (tfg_raster_free), or NULL without memory. */
plan *tfg_raster_composite(int width, int height, int64_t n, int channels, int with_normals, const ellipses *given,
                           const float *background, int flat, const pictures *out)
{
    plan *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->width = width, p->height = height;
    p->across = (width + TILE - 1) / TILE, p->down = (height + TILE - 1) / TILE;
    p->channels = channels, p->features = channels + (with_normals ? 4 : 1);
    p->stride = (GEOMETRY + p->features + 15) / 16 * 16;
    p->gradient_stride = (6 + p->features + 15) / 16 * 16;
    if (!pack(p, n, given) && !sort(p, n, given->depths, given->radii) && !bin(p) && !composite(p, background, flat, out)) return p;
    tfg_raster_free(p);
    return NULL;
}

#endif
