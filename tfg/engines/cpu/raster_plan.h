/* Which Gaussian touches which pixels: depth order, packed records, and for every 16 x 16 tile its list, front to back. */
#ifndef TFG_RASTER_PLAN_H
#define TFG_RASTER_PLAN_H

#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "raster_lanes.h"

#define TILE 16
#define BLOCK_ACROSS 4 /* a block is one vector: 4 x 4 pixels with 16 lanes, 4 x 2 with 8 */
#define BLOCK_DOWN (WIDTH / BLOCK_ACROSS)
#define BLOCKS_ACROSS (TILE / BLOCK_ACROSS)
#define BLOCKS (TILE * TILE / WIDTH)
#define GEOMETRY 6 /* floats of a record before its features: mean x y, root xx xy yy, log2 opacity */
#define ALPHA_MIN (1.0f / 255.0f)
#define LOG2_ALPHA_MIN (-7.99435344f)
#define MAX_CHUNKS 64

typedef struct {
    int64_t visible, entries; /* Gaussians in the picture; (tile, Gaussian) pairs */
    int width, height, across, down;
    int channels, features; /* features = colours, depth and perhaps a normal */
    int64_t stride, gradient_stride; /* floats a record; floats a pair's gradient: whole vectors of 16 */
    uint32_t longest; /* of the tile lists */
    uint32_t *index; /* (visible) rank -> Gaussian */
    float *records; /* (visible, stride) */
    uint32_t *first; /* (visible + 1) pairs of a rank, Gaussian after Gaussian */
    uint32_t *place; /* (entries) Gaussian after Gaussian -> tile after tile */
    uint32_t *start; /* (tiles + 1) */
    uint32_t *rank, *blocks; /* (entries) tile after tile: the Gaussian; one bit for each block it touches */
    uint32_t *used; /* (tiles) pairs until all pixels were opaque */
} plan;

typedef struct {
    uint32_t tile, blocks;
} candidate;

/* Block corners relative to the tile's first pixel centre. */
typedef struct {
    lanes x[BLOCKS / WIDTH], y[BLOCKS / WIDTH];
} corners;

static void *allocate(size_t bytes)
{
    return aligned_alloc(64, (bytes + 127) / 64 * 64);
}

void tfg_raster_free(plan *p)
{
    if (!p) return;
    free(p->index), free(p->records), free(p->first), free(p->place);
    free(p->start), free(p->rank), free(p->blocks), free(p->used);
    free(p);
}

static corners block_corners(void)
{
    float x[BLOCKS], y[BLOCKS];
    corners c;
    for (int b = 0; b < BLOCKS; b++) {
        x[b] = (float)(b % BLOCKS_ACROSS * BLOCK_ACROSS);
        y[b] = (float)(b / BLOCKS_ACROSS * BLOCK_DOWN);
    }
    memcpy(c.x, x, sizeof x);
    memcpy(c.y, y, sizeof y);
    return c;
}

/* Tile range [x0, x1) x [y0, y1) of the box in which alpha reaches ALPHA_MIN. */
typedef struct {
    int x0, x1, y0, y1;
} range;

static range tile_range(const plan *p, const float *g)
{
    float reach = sqrtf(fmaxf(g[5] - LOG2_ALPHA_MIN, 0.0f)) * 1.0001f + 1e-4f;
    float half_y = reach / g[4], half_x = half_y * sqrtf(g[3] * g[3] + g[4] * g[4]) / g[2];
    float x0 = (g[0] - half_x) / TILE, x1 = (g[0] + half_x) / TILE, y0 = (g[1] - half_y) / TILE, y1 = (g[1] + half_y) / TILE;
    range r;
    r.x0 = (int)fmaxf(x0, 0.0f), r.x1 = (int)fminf(fmaxf(x1 + 1.0f, 0.0f), (float)p->across);
    r.y0 = (int)fmaxf(y0, 0.0f), r.y1 = (int)fminf(fmaxf(y1 + 1.0f, 0.0f), (float)p->down);
    if (r.x1 < r.x0) r.x1 = r.x0;
    if (r.y1 < r.y0) r.y1 = r.y0;
    return r;
}

/* The blocks of a tile in which some point may reach ALPHA_MIN: the ellipse's quadratic is minimised over each block exactly. */
INLINE uint32_t touched_blocks(const corners *c, const float *g, float tile_x, float tile_y)
{
    const float threshold = (g[5] - LOG2_ALPHA_MIN) * 1.0001f + 1e-4f;
    const float slope_x = -g[3] / g[2], slope_y = -g[2] * g[3] / (g[3] * g[3] + g[4] * g[4]);
    const lanes zero = splat(0.0f);
    uint32_t bits = 0;
    for (int i = 0; i < BLOCKS / WIDTH; i++) {
        lanes low_x = c->x[i] + (tile_x + 0.5f - g[0]), high_x = low_x + (float)(BLOCK_ACROSS - 1);
        lanes low_y = c->y[i] + (tile_y + 0.5f - g[1]), high_y = low_y + (float)(BLOCK_DOWN - 1);
        lanes near_x = smaller(larger(zero, low_x), high_x), near_y = smaller(larger(zero, low_y), high_y);
        lanes along_y = smaller(larger(near_x * slope_y, low_y), high_y);
        lanes along_x = smaller(larger(near_y * slope_x, low_x), high_x);
        lanes u = near_x * g[2] + along_y * g[3], v = along_y * g[4];
        lanes s = along_x * g[2] + near_y * g[3], t = near_y * g[4];
        bits |= mask_bits(less(smaller(u * u + v * v, s * s + t * t), splat(threshold))) << (i * WIDTH);
    }
    return bits;
}

/* Stable radix sort by depth (positive floats sort like integers); ties stay in order of index. Returns the sorted half. */
static uint64_t *sort_by_depth(uint64_t *a, uint64_t *b, int64_t n)
{
    uint32_t low = UINT32_MAX, high = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t key = (uint32_t)(a[i] >> 32);
        low = key < low ? key : low;
        high = key > high ? key : high;
    }
    int bits = 0;
    while (n && bits < 32 && (high - low) >> bits) bits++;
    int passes = (bits + 10) / 11, digit = passes ? (bits + passes - 1) / passes : 0;
    for (int pass = 0; pass < passes; pass++) {
        uint32_t count[2049] = {0}, cover = (1u << digit) - 1;
        for (int64_t i = 0; i < n; i++) count[((((uint32_t)(a[i] >> 32) - low) >> (pass * digit)) & cover) + 1]++;
        for (uint32_t d = 0; d < cover; d++) count[d + 1] += count[d];
        for (int64_t i = 0; i < n; i++) b[count[(((uint32_t)(a[i] >> 32) - low) >> (pass * digit)) & cover]++] = a[i];
        uint64_t *t = a;
        a = b, b = t;
    }
    return a;
}

/* Ranks the visible Gaussians (radius > 0) front to back and packs their records in that order. 0, or 1 without memory. */
static int pack(plan *p, int64_t n, const float *means, const float *roots, const float *opacities, const float *depths,
                const int32_t *radii, const float *colors, const float *normals)
{
    int64_t visible = 0;
    uint64_t *keys = allocate((size_t)n * 16);
    if (!keys) return 1;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, depths + i, 4);
        keys[visible] = (uint64_t)bits << 32 | (uint64_t)i;
        visible += radii[i] > 0;
    }
    uint64_t *sorted = sort_by_depth(keys, keys + n, visible);
    p->visible = visible;
    p->index = allocate((size_t)visible * 4);
    p->records = allocate((size_t)(visible * p->stride) * 4);
    if (!p->index || !p->records) {
        free(keys);
        return 1;
    }
    const int channels = p->channels;
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < visible; r++) {
        int64_t i = (int64_t)(uint32_t)sorted[r];
        float *g = p->records + r * p->stride;
        p->index[r] = (uint32_t)i;
        g[0] = means[2 * i], g[1] = means[2 * i + 1];
        g[2] = roots[3 * i], g[3] = roots[3 * i + 1], g[4] = roots[3 * i + 2];
        g[5] = log2f(opacities[i]);
        for (int c = 0; c < channels; c++) g[GEOMETRY + c] = colors[i * channels + c];
        g[GEOMETRY + channels] = depths[i];
        if (normals)
            for (int c = 0; c < 3; c++) g[GEOMETRY + channels + 1 + c] = normals[3 * i + c];
    }
    free(keys);
    return 0;
}

/* Lists the pairs tile after tile. The lists do not depend on how the Gaussians are cut into chunks. */
static int bin(plan *p)
{
    const int tiles = p->across * p->down;
    const int64_t visible = p->visible;
    int chunks = 4 * omp_get_max_threads();
    chunks = chunks > MAX_CHUNKS ? MAX_CHUNKS : chunks;
    const corners blocks = block_corners();
    int64_t offset[MAX_CHUNKS + 1] = {0};
    uint32_t *counts = allocate((size_t)chunks * (size_t)tiles * 4);
    p->first = allocate((size_t)(visible + 1) * 4);
    p->start = allocate((size_t)(tiles + 1) * 4);
    p->used = allocate((size_t)tiles * 4);
    candidate *found = NULL;
    if (!counts || !p->first || !p->start || !p->used) goto fail;

#pragma omp parallel for schedule(static)
    for (int k = 0; k < chunks; k++) {
        int64_t sum = 0;
        for (int64_t r = visible * k / chunks; r < visible * (k + 1) / chunks; r++) {
            range box = tile_range(p, p->records + r * p->stride);
            sum += (int64_t)(box.x1 - box.x0) * (box.y1 - box.y0);
        }
        offset[k + 1] = sum;
    }
    for (int k = 0; k < chunks; k++) offset[k + 1] += offset[k];
    found = allocate((size_t)offset[chunks] * sizeof *found);
    if (!found) goto fail;

    int64_t sums[MAX_CHUNKS + 1] = {0};
#pragma omp parallel for schedule(static)
    for (int k = 0; k < chunks; k++) {
        uint32_t *count = counts + (size_t)k * (size_t)tiles;
        candidate *next = found + offset[k];
        memset(count, 0, (size_t)tiles * 4);
        for (int64_t r = visible * k / chunks; r < visible * (k + 1) / chunks; r++) {
            const float *g = p->records + r * p->stride;
            range box = tile_range(p, g);
            p->first[r] = (uint32_t)(next - (found + offset[k]));
            for (int y = box.y0; y < box.y1; y++)
                for (int x = box.x0; x < box.x1; x++) {
                    uint32_t bits = touched_blocks(&blocks, g, (float)(x * TILE), (float)(y * TILE));
                    *next = (candidate){(uint32_t)(y * p->across + x), bits};
                    count[next->tile] += bits != 0;
                    next += bits != 0;
                }
        }
        sums[k + 1] = next - (found + offset[k]);
    }
    for (int k = 0; k < chunks; k++) sums[k + 1] += sums[k];
    p->entries = sums[chunks];
    p->place = allocate((size_t)p->entries * 4);
    p->rank = allocate((size_t)p->entries * 4);
    p->blocks = allocate((size_t)p->entries * 4);
    if (!p->place || !p->rank || !p->blocks) goto fail;
    uint32_t total = 0;
    p->longest = 0;
    for (int t = 0; t < tiles; t++) {
        p->start[t] = total;
        for (int k = 0; k < chunks; k++) {
            uint32_t *count = counts + (size_t)k * (size_t)tiles + t, here = *count;
            *count = total;
            total += here;
        }
        if (total - p->start[t] > p->longest) p->longest = total - p->start[t];
    }
    p->start[tiles] = total;
    p->first[visible] = total;

#pragma omp parallel for schedule(static)
    for (int k = 0; k < chunks; k++) {
        uint32_t *cursor = counts + (size_t)k * (size_t)tiles;
        const candidate *next = found + offset[k];
        int64_t last = visible * (k + 1) / chunks, pair = sums[k];
        for (int64_t r = visible * k / chunks; r < last; r++) {
            uint32_t stop = (r + 1 < last) ? p->first[r + 1] : (uint32_t)(sums[k + 1] - sums[k]);
            for (uint32_t e = p->first[r]; e < stop; e++, next++, pair++) {
                uint32_t at = cursor[next->tile]++;
                p->rank[at] = (uint32_t)r;
                p->blocks[at] = next->blocks;
                p->place[pair] = at;
            }
            p->first[r] += (uint32_t)sums[k];
        }
    }
    free(found), free(counts);
    return 0;
fail:
    free(found), free(counts);
    return 1;
}

#endif
