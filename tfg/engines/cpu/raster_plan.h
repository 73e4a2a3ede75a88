/* Which Gaussian touches which pixels: packed records, depth order, and for every 16 x 16 tile its list, front to back. */
#ifndef TFG_RASTER_PLAN_H
#define TFG_RASTER_PLAN_H

#include <omp.h>

#include "raster_memory.h"
#include "raster_project.h"

#define TILE 16
#define BLOCK_ACROSS 4 /* a block is one vector: 4 x 4 pixels with 16 lanes, 4 x 2 with 8 */
#define BLOCK_DOWN (WIDTH / BLOCK_ACROSS)
#define BLOCKS_ACROSS (TILE / BLOCK_ACROSS)
#define BLOCKS (TILE * TILE / WIDTH)
#define GEOMETRY 6 /* floats of a record before its features: mean x y, root xx xy yy, log2 opacity */
#define MAX_CHUNKS 64
#define CULLED UINT32_MAX
#define AHEAD 16 /* how far ahead of their use scattered rows are fetched */
#define WORTH_THREADS 8192 /* Gaussians from which a cheap loop over them gains more than waking a thread costs */

/* The tiles [x0, x1) x [y0, y1) of the box in which alpha reaches ALPHA_MIN, and how the ellipse leans. */
typedef struct box {
    uint16_t x0, x1, y0, y1;
    float slope_x, slope_y; /* dx / dy and dy / dx where the ellipse is nearest to a line of constant y or x */
    float threshold; /* of |M d|^2, with a margin for rounding */
} box;

typedef struct {
    int64_t visible, entries; /* Gaussians in the picture; (tile, Gaussian) pairs */
    int width, height, across, down;
    int channels, features; /* features = colours, depth and perhaps a normal */
    int64_t stride, gradient_stride; /* floats a record; floats a pair's gradient: both whole vectors of 16 */
    float *records; /* (n, stride) */
    box *boxes; /* (n) */
    uint32_t *order; /* (visible) Gaussians front to back */
    uint32_t *rank; /* (n) place in the order, CULLED where there is none */
    uint32_t *first; /* (visible + 1) pairs of a place in the order */
    uint32_t *place; /* (entries) the same pairs, tile after tile */
    uint32_t *start; /* (tiles + 1) */
    uint32_t *gaussian, *blocks; /* (entries) tile after tile: the Gaussian; one bit for each block it touches */
    uint32_t *used; /* (tiles) pairs until all pixels were opaque */
    uint32_t longest; /* of the tile lists */
} plan;

typedef struct {
    uint32_t tile, blocks;
} candidate;

/* Block corners relative to the tile's first pixel centre. */
typedef struct {
    lanes x[BLOCKS / WIDTH], y[BLOCKS / WIDTH];
} corners;

void tfg_raster_free(plan *p)
{
    if (!p) return;
    release(p->records), release(p->boxes), release(p->order), release(p->rank), release(p->first), release(p->place);
    release(p->start), release(p->gaussian), release(p->blocks), release(p->used);
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

/* n projected Gaussians as tfg_raster_composite is given them. */
typedef struct {
    const float *means, *roots, *strengths, *depths, *normals, *colors; /* 2 3 1 1 ?3 channels */
    const int32_t *radii;
} ellipses;

/* Packs the record of Gaussian i. */
INLINE void fill_record(const plan *p, const ellipses *e, int64_t i, float log2_strength)
{
    const int channels = p->channels;
    float *g = p->records + i * p->stride;
    g[0] = e->means[2 * i], g[1] = e->means[2 * i + 1];
    g[2] = e->roots[3 * i], g[3] = e->roots[3 * i + 1], g[4] = e->roots[3 * i + 2];
    g[5] = log2_strength;
    for (int c = 0; c < channels; c++) g[GEOMETRY + c] = e->colors[i * channels + c];
    g[GEOMETRY + channels] = e->depths[i];
    for (int c = 0; c < p->features - channels - 1; c++) g[GEOMETRY + channels + 1 + c] = e->normals[3 * i + c];
}

/* Packs the records of Gaussians [i, i + count), count <= WIDTH, and finds their boxes. */
INLINE void fill_group(const plan *p, const ellipses *e, int64_t i, int count)
{
    float raw[6][WIDTH];
    for (int l = 0; l < WIDTH; l++) {
        const int64_t k = i + (l < count ? l : 0);
        raw[0][l] = e->means[2 * k], raw[1][l] = e->means[2 * k + 1];
        raw[2][l] = e->roots[3 * k], raw[3][l] = e->roots[3 * k + 1], raw[4][l] = e->roots[3 * k + 2];
        raw[5][l] = e->strengths[k];
    }
    lanes g[6];
    memcpy(g, raw, sizeof g);
    const lanes zero = splat(0.0f), one = splat(1.0f), square = g[3] * g[3] + g[4] * g[4];
    const lanes log2_strength = log2_of(larger(g[5], splat(1e-30f)));
    const lanes threshold = larger(log2_strength - LOG2_ALPHA_MIN, zero) * 1.0001f + 1e-4f;
    const lanes half_y = square_root(threshold) / g[4], half_x = half_y * square_root(square) / g[2];
    const lanes last_x = splat((float)p->across), last_y = splat((float)p->down), per = splat(1.0f / TILE);
    const lanes x0 = smaller(larger((g[0] - half_x) * per, zero), last_x), x1 = smaller(larger((g[0] + half_x) * per + one, zero), last_x);
    const lanes y0 = smaller(larger((g[1] - half_y) * per, zero), last_y), y1 = smaller(larger((g[1] + half_y) * per + one, zero), last_y);
    const lanes slope_x = -g[3] / g[2], slope_y = -g[2] * g[3] / square;
#define AT(v) (((const float *)&(v))[l])
    for (int l = 0; l < count; l++) {
        p->boxes[i + l] = (box){(uint16_t)AT(x0), (uint16_t)AT(x1), (uint16_t)AT(y0), (uint16_t)AT(y1),
                                AT(slope_x), AT(slope_y), AT(threshold)};
        fill_record(p, e, i + l, AT(log2_strength));
    }
#undef AT
}

/* Packs the records of all. 0, or 1 without memory. */
static int pack(plan *p, int64_t n, const ellipses *e)
{
    p->records = allocate((size_t)(n * p->stride) * 4);
    p->boxes = allocate((size_t)n * sizeof *p->boxes);
    if (!p->records || !p->boxes) return 1;
#pragma omp parallel for schedule(static) if (n > WORTH_THREADS)
    for (int64_t g = 0; g < (n + WIDTH - 1) / WIDTH; g++)
        fill_group(p, e, g * WIDTH, n - g * WIDTH < WIDTH ? (int)(n - g * WIDTH) : WIDTH);
    return 0;
}

/* The blocks of a tile in which some point may reach ALPHA_MIN: the ellipse's quadratic is minimised over each block exactly. */
INLINE uint32_t touched_blocks(const corners *c, const float *g, const box *reach, float tile_x, float tile_y)
{
    const lanes zero = splat(0.0f);
    uint32_t bits = 0;
    for (int i = 0; i < BLOCKS / WIDTH; i++) {
        lanes low_x = c->x[i] + (tile_x + 0.5f - g[0]), high_x = low_x + (float)(BLOCK_ACROSS - 1);
        lanes low_y = c->y[i] + (tile_y + 0.5f - g[1]), high_y = low_y + (float)(BLOCK_DOWN - 1);
        lanes near_x = smaller(larger(zero, low_x), high_x), near_y = smaller(larger(zero, low_y), high_y);
        lanes along_y = smaller(larger(near_x * reach->slope_y, low_y), high_y);
        lanes along_x = smaller(larger(near_y * reach->slope_x, low_x), high_x);
        lanes u = near_x * g[2] + along_y * g[3], v = along_y * g[4];
        lanes s = along_x * g[2] + near_y * g[3], t = near_y * g[4];
        bits |= mask_bits(less(smaller(u * u + v * v, s * s + t * t), splat(reach->threshold))) << (i * WIDTH);
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

/* Orders the visible Gaussians (radius > 0) front to back. 0, or 1 without memory. */
static int sort(plan *p, int64_t n, const float *depths, const int32_t *radii)
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
    const uint64_t *sorted = sort_by_depth(keys, keys + n, visible);
    p->visible = visible;
    p->order = allocate((size_t)visible * 4);
    p->rank = allocate((size_t)n * 4);
    if (p->order && p->rank) {
        memset(p->rank, 0xff, (size_t)n * 4);
        for (int64_t r = 0; r < visible; r++) {
            p->order[r] = (uint32_t)sorted[r];
            p->rank[(uint32_t)sorted[r]] = (uint32_t)r;
        }
    }
    release(keys);
    return !p->order || !p->rank;
}

/* The pairs of ranks [from, to) into a new array `found`; counts them by tile. Returns how many, or -1 without memory. */
static int64_t find_pairs(const plan *p, const corners *blocks, int64_t from, int64_t to, uint32_t *count, candidate **found)
{
    const int tiles = p->across * p->down;
    int64_t most = 0;
    for (int64_t r = from; r < to; r++) {
        const box *reach = p->boxes + p->order[r];
        most += (reach->x1 - reach->x0) * (reach->y1 - reach->y0);
    }
    candidate *next = *found = allocate((size_t)(most + 1) * sizeof **found);
    if (!next) return -1;
    memset(count, 0, (size_t)tiles * 4);
    for (int64_t r = from; r < to; r++) {
        const float *g = p->records + p->order[r] * p->stride;
        const box *reach = p->boxes + p->order[r];
        __builtin_prefetch(p->records + p->order[r + AHEAD < to ? r + AHEAD : r] * p->stride);
        p->first[r] = (uint32_t)(next - *found);
        for (int y = reach->y0; y < reach->y1; y++)
            for (int x = reach->x0; x < reach->x1; x++) {
                const uint32_t bits = touched_blocks(blocks, g, reach, (float)(x * TILE), (float)(y * TILE));
                *next = (candidate){(uint32_t)(y * p->across + x), bits};
                count[next->tile] += bits != 0;
                next += bits != 0;
            }
    }
    return next - *found;
}

/* Lists the pairs tile after tile. The lists do not depend on how the Gaussians are cut into chunks. 0, or 1 without memory. */
static int bin(plan *p)
{
    const int tiles = p->across * p->down;
    const int64_t visible = p->visible;
    int chunks = 2 * omp_get_max_threads();
    chunks = chunks > MAX_CHUNKS ? MAX_CHUNKS : chunks;
    const corners blocks = block_corners();
    int64_t sums[MAX_CHUNKS + 1] = {0};
    uint32_t *counts = allocate((size_t)chunks * (size_t)tiles * 4);
    candidate *found[MAX_CHUNKS] = {NULL};
    int failed = 1;
    p->first = allocate((size_t)(visible + 1) * 4);
    p->start = allocate((size_t)(tiles + 1) * 4);
    p->used = allocate((size_t)tiles * 4);
    if (!counts || !p->first || !p->start || !p->used) goto done;

#pragma omp parallel for schedule(static)
    for (int k = 0; k < chunks; k++)
        sums[k + 1] = find_pairs(p, &blocks, visible * k / chunks, visible * (k + 1) / chunks, counts + (size_t)k * (size_t)tiles,
                                 found + k);
    for (int k = 0; k < chunks; k++)
        if (sums[k + 1] < 0) goto done;
    for (int k = 0; k < chunks; k++) sums[k + 1] += sums[k];
    p->entries = sums[chunks];
    p->place = allocate((size_t)(p->entries + 1) * 4); /* one more, for fetching ahead */
    p->gaussian = allocate((size_t)p->entries * 4);
    p->blocks = allocate((size_t)p->entries * 4);
    if (!p->place || !p->gaussian || !p->blocks) goto done;
    uint32_t total = 0;
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
        const candidate *next = found[k];
        const int64_t last = visible * (k + 1) / chunks;
        int64_t pair = sums[k];
        for (int64_t r = visible * k / chunks; r < last; r++) {
            const uint32_t stop = (r + 1 < last) ? p->first[r + 1] : (uint32_t)(sums[k + 1] - sums[k]);
            for (uint32_t e = p->first[r]; e < stop; e++, next++, pair++) {
                const uint32_t at = cursor[next->tile]++;
                p->gaussian[at] = p->order[r];
                p->blocks[at] = next->blocks;
                p->place[pair] = at;
            }
            p->first[r] += (uint32_t)sums[k];
        }
    }
    failed = 0;
done:
    for (int k = 0; k < chunks; k++) release(found[k]);
    release(counts);
    return failed;
}

#endif
