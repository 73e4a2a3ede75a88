/* Gaussian rasteriser of the cpu engine: projection, binning, compositing and their gradients; the maths is in gaussian/twin.py.
   Bits depend neither on the number of threads nor on their timing: tiles are independent, sums run in a fixed order. */
#include "raster_composite.h"
#include "raster_plan.h"
#include "raster_project.h"

/* Pictures and the gradients on them: (height, width, .) */
typedef struct {
    float *color, *alpha, *depth, *normal; /* normal may be NULL; as gradients every one may */
} pictures;

int tfg_raster_finite(const float *values, int64_t count)
{
    int bad = 0;
#pragma omp parallel for schedule(static) reduction(| : bad) if (count > 100000)
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, 4);
        bad |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return !bad;
}

INLINE int64_t forward_dispatch(const float *records, int64_t stride, const uint32_t *list, int64_t count, lanes x, lanes y, lanes T,
                                int features, lanes *sums, lanes *covered)
{
    lanes s[7];
    int64_t used;
    switch (features) {
    case 4: used = forward_block(records, stride, list, count, x, y, T, 4, s, covered); break;
    case 7: used = forward_block(records, stride, list, count, x, y, T, 7, s, covered); break;
    default: return forward_block(records, stride, list, count, x, y, T, features, sums, covered);
    }
    memcpy(sums, s, (size_t)features * sizeof *s);
    return used;
}

static void write_block(const plan *p, int tile, int b, const lanes *sums, lanes covered, const float *background, int flat,
                        const pictures *out)
{
    const int channels = p->channels;
    const int x0 = tile % p->across * TILE + b % BLOCKS_ACROSS * BLOCK_ACROSS, y0 = tile / p->across * TILE + b / BLOCKS_ACROSS * BLOCK_DOWN;
    for (int l = 0; l < WIDTH; l++) {
        const int x = x0 + l % BLOCK_ACROSS, y = y0 + l / BLOCK_ACROSS;
        if (x >= p->width || y >= p->height) continue;
        const int64_t at = (int64_t)y * p->width + x;
        const float *sum = (const float *)sums + l;
        const float left = 1.0f - covered[l];
        out->alpha[at] = covered[l];
        for (int c = 0; c < channels; c++)
            out->color[at * channels + c] = sum[c * WIDTH] + (background ? left * background[(flat ? 0 : at * channels) + c] : 0.0f);
        out->depth[at] = sum[channels * WIDTH];
        if (out->normal)
            for (int c = 0; c < 3; c++) out->normal[3 * at + c] = sum[(channels + 1 + c) * WIDTH];
    }
}

/* Composites n projected Gaussians; returns what the backward pass needs (tfg_raster_free), or NULL without memory. */
plan *tfg_raster_composite(int width, int height, int64_t n, int channels, const float *means, const float *roots,
                           const float *strengths, const float *depths, const float *normals, const float *colors,
                           const int32_t *radii, const float *background, int flat, const pictures *out)
{
    plan *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->width = width, p->height = height;
    p->across = (width + TILE - 1) / TILE, p->down = (height + TILE - 1) / TILE;
    p->channels = channels, p->features = channels + 1 + (normals ? 3 : 0);
    p->stride = (GEOMETRY + p->features + 15) / 16 * 16;
    p->gradient_stride = (6 + p->features + 15) / 16 * 16;
    int failed = pack(p, n, means, roots, strengths, depths, radii, colors, normals) || bin(p);
    if (failed) {
        tfg_raster_free(p);
        return NULL;
    }
    const int tiles = p->across * p->down;
    grid at;
    fill_grid(&at);
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
                lanes covered;
                int64_t found = block_list(p->blocks + p->start[tile], count, b, list);
                int64_t last = forward_dispatch(local, p->stride, list, found, at.x[b], at.y[b], inside(p, tile, b), p->features, sums, &covered);
                used = last > used ? last : used;
                write_block(p, tile, b, sums, covered, background, flat, out);
            }
            p->used[tile] = (uint32_t)used;
        }
        free(local), free(list), free(sums);
    }
    if (failed) {
        tfg_raster_free(p);
        return NULL;
    }
    return p;
}

/* The state before the first Gaussian: S = sum over outputs of value * gradient, T = 1. `features` first ones have gradients. */
static void backward_begin(const plan *p, int tile, const pictures *out, const pictures *v, int features, backward_state *s, lanes *v_features)
{
    const int channels = p->channels;
    for (int b = 0; b < BLOCKS; b++) {
        const int x0 = tile % p->across * TILE + b % BLOCKS_ACROSS * BLOCK_ACROSS, y0 = tile / p->across * TILE + b / BLOCKS_ACROSS * BLOCK_DOWN;
        float *feature = (float *)(v_features + (int64_t)b * features), *T = (float *)(s->T + b), *S = (float *)(s->S + b), *v_alpha = (float *)(s->v_alpha + b);
        for (int l = 0; l < WIDTH; l++) {
            const int x = x0 + l % BLOCK_ACROSS, y = y0 + l / BLOCK_ACROSS;
            const int in = x < p->width && y < p->height;
            const int64_t at = in ? (int64_t)y * p->width + x : 0;
            float total = 0;
            T[l] = (float)in;
            v_alpha[l] = v->alpha ? v->alpha[at] : 0;
            total = out->alpha[at] * v_alpha[l];
            for (int c = 0; c < channels; c++) {
                const float value = v->color ? v->color[at * channels + c] : 0;
                feature[c * WIDTH + l] = value;
                total += out->color[at * channels + c] * value;
            }
            if (features > channels) {
                const float value = v->depth ? v->depth[at] : 0;
                feature[channels * WIDTH + l] = value;
                total += out->depth[at] * value;
            }
            if (features > channels + 1)
                for (int c = 0; c < 3; c++) {
                    const float value = v->normal[3 * at + c];
                    feature[(channels + 1 + c) * WIDTH + l] = value;
                    total += out->normal[3 * at + c] * value;
                }
            S[l] = in ? total : 0;
        }
    }
}

INLINE uint32_t backward_dispatch(const float *g, uint32_t bits, const grid *at, backward_state *s, const lanes *v_features, int features,
                                  lanes *sums)
{
    lanes t[6 + 7];
    uint32_t alive;
    switch (features) {
    case 3: alive = backward_record(g, bits, at, s, v_features, 3, t); break;
    case 4: alive = backward_record(g, bits, at, s, v_features, 4, t); break;
    case 7: alive = backward_record(g, bits, at, s, v_features, 7, t); break;
    default: return backward_record(g, bits, at, s, v_features, features, sums);
    }
    memcpy(sums, t, (size_t)(6 + features) * sizeof *t);
    return alive;
}

/* Gradients of a tile's pairs into `pairs` (from the tile's first pair on, gradient_stride floats each). */
static void backward_tile(const plan *p, int tile, const grid *at, const pictures *out, const pictures *v, int features, float *local,
                          backward_state *s, lanes *v_features, lanes *sums, float *pairs)
{
    const int64_t count = p->start[tile + 1] - p->start[tile], used = p->used[tile], wide = p->gradient_stride;
    uint32_t alive = UINT32_MAX;
    if (count == 0) return;
    backward_begin(p, tile, out, v, features, s, v_features);
    tile_records(p, tile, used, local);
    for (int64_t e = 0; e < used; e++) {
        alive &= backward_dispatch(local + e * p->stride, p->blocks[p->start[tile] + e] & alive, at, s, v_features, features, sums);
        for (int64_t f = 0; f < wide; f += 16) {
            const int64_t left = 6 + features - f;
            if (left > 0) reduce16(sums + f, left < 16 ? (int)left : 16, pairs + e * wide + f);
            else memset(pairs + e * wide + f, 0, 64);
        }
    }
    memset(pairs + used * wide, 0, (size_t)((count - used) * wide) * 4);
}

/* Adds the pairs of tile-major places [from, to) to every Gaussian's sums, in the order of the tiles. */
static void gather(const plan *p, const float *pairs, uint32_t from, uint32_t to, float *totals)
{
    const int64_t wide = p->gradient_stride;
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < p->visible; r++) {
        float *total = totals + r * wide;
        for (uint32_t k = p->first[r]; k < p->first[r + 1]; k++) {
            const uint32_t at = p->place[k];
            if (at < from || at >= to) continue;
            const float *pair = pairs + (int64_t)(at - from) * wide;
            for (int64_t f = 0; f < wide; f++) total[f] += pair[f];
        }
    }
}

/* Gradients (n, .) of what tfg_raster_composite was given; v_depths and v_normals may be NULL. `out` as it wrote it, `v` its
   gradients. `budget` = pairs whose gradients are held at a time. 0, or 1 without memory. */
int tfg_raster_composite_backward(const plan *p, int64_t n, int64_t budget, const pictures *out, const pictures *v, float *v_means,
                                  float *v_roots, float *v_strengths, float *v_depths, float *v_normals, float *v_colors)
{
    const int channels = p->channels, tiles = p->across * p->down;
    const int features = v->normal ? channels + 4 : v->depth ? channels + 1 : channels;
    const int64_t wide = p->gradient_stride;
    int64_t held = p->entries < budget ? p->entries : budget;
    if (held < p->longest) held = p->longest;
    float *pairs = allocate((size_t)(held * wide) * 4), *totals = allocate((size_t)(p->visible * wide) * 4);
    int failed = !pairs || !totals;
    grid at;
    fill_grid(&at);
    if (!failed) memset(totals, 0, (size_t)(p->visible * wide) * 4);
    for (int from = 0, to; from < tiles && !failed; from = to) {
        for (to = from; to < tiles && p->start[to + 1] - p->start[from] <= held; to++) {}
#pragma omp parallel reduction(| : failed)
        {
            float *local = allocate((size_t)(p->longest * p->stride) * 4);
            backward_state *s = allocate(sizeof *s);
            lanes *v_features = allocate((size_t)BLOCKS * (size_t)features * sizeof *v_features);
            lanes *sums = allocate((size_t)(6 + features + 16) * sizeof *sums);
            failed = !local || !s || !v_features || !sums;
#pragma omp for schedule(dynamic, 1)
            for (int tile = from; tile < to; tile++)
                if (!failed)
                    backward_tile(p, tile, &at, out, v, features, local, s, v_features, sums,
                                  pairs + (int64_t)(p->start[tile] - p->start[from]) * wide);
            free(local), free(s), free(v_features), free(sums);
        }
        if (!failed) gather(p, pairs, p->start[from], p->start[to], totals);
    }
    if (!failed) {
        memset(v_means, 0, (size_t)n * 8), memset(v_roots, 0, (size_t)n * 12), memset(v_strengths, 0, (size_t)n * 4);
        memset(v_colors, 0, (size_t)(n * channels) * 4);
        if (v_depths) memset(v_depths, 0, (size_t)n * 4);
        if (v_normals) memset(v_normals, 0, (size_t)n * 12);
#pragma omp parallel for schedule(static)
        for (int64_t r = 0; r < p->visible; r++) {
            const float *g = p->records + r * p->stride, *t = totals + r * wide;
            const int64_t i = p->index[r];
            /* t: sums of slope * (1, u, v, uu, uv, vv), (u, v) = M (pixel - mean); slope = alpha d loss / d alpha */
            v_means[2 * i] = 2 * LN2 * g[2] * t[1];
            v_means[2 * i + 1] = 2 * LN2 * (g[3] * t[1] + g[4] * t[2]);
            v_roots[3 * i] = -2 * LN2 * (t[3] - t[4] * g[3] / g[4]) / g[2];
            v_roots[3 * i + 1] = -2 * LN2 * t[4] / g[4];
            v_roots[3 * i + 2] = -2 * LN2 * t[5] / g[4];
            v_strengths[i] = t[0] * exp2f(-g[5]);
            for (int c = 0; c < channels; c++) v_colors[i * channels + c] = t[6 + c];
            if (v_depths) v_depths[i] = features > channels ? t[6 + channels] : 0;
            if (v_normals)
                for (int c = 0; c < 3; c++) v_normals[3 * i + c] = features > channels + 1 ? t[6 + channels + 1 + c] : 0;
        }
    }
    free(pairs), free(totals);
    return failed;
}
