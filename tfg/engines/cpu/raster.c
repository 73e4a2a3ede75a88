/* Gaussian rasteriser of the cpu engine: projection, binning, compositing and their gradients; the maths is in gaussian/twin.py.
   Bits depend neither on the number of threads nor on their timing: tiles are independent, sums run in a fixed order. */
#include "raster_composite.h"
#include "raster_harmonics.h"

/* Pictures (height, width, .), or gradients on them. */
typedef struct {
    float *color, *alpha, *depth, *normal; /* normal may be NULL; as gradients every one may */
} pictures;

/* 1 if no value is NaN or infinite. */
int tfg_raster_finite(const float *values, int64_t count)
{
    uint32_t most = 0;
#pragma omp parallel for schedule(static) reduction(max : most) if (count > 100000)
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, 4);
        bits &= 0x7fffffffu;
        most = bits > most ? bits : most;
    }
    return most < 0x7f800000u;
}

/* Moves `count` pointers of 4-byte values by `rows` rows of their widths. */
static void advance(void **pointers, const int64_t *widths, int count, int64_t rows)
{
    for (int k = 0; k < count; k++)
        if (pointers[k]) pointers[k] = (char *)pointers[k] + 4 * widths[k] * rows;
}

typedef struct {
    projected p;
    projected_back back;
} rows;

#define POINTERS ((int)(sizeof(rows) / sizeof(void *)))
_Static_assert(sizeof(rows) == 23 * sizeof(void *), "rows is a plain list of pointers");

static void run_group(const camera *cam, const rows *r, int backward)
{
    if (backward) {
        project_group_back(cam, &r->p, &r->back);
        if (r->back.v_rgb) color_group_back(cam, &r->p, &r->back);
    } else {
        project_group(cam, &r->p);
        if (r->p.rgb) color_group(cam, &r->p);
    }
}

/* Runs all groups of WIDTH rows. The last group may overlap the one before, and fewer rows than WIDTH run in a padded copy:
   every group writes its rows from the inputs alone, so twice is as good as once. 0, or 1 without memory. */
static int run_rows(const camera *cam, int64_t n, const rows *all, int backward)
{
    const int64_t c = (int64_t)cam->coefficients * 3;
    const int64_t widths[POINTERS] = {3, 4, 3, 1, c, 2, 3, 1, 1, 3, 3, 1, 2, 3, 1, 1, 3, 3, 3, 4, 3, 1, c};
    void *base[POINTERS];
    memcpy(base, all, sizeof base);
    if (n == 0) return 0;
    if (n < WIDTH) {
        void *pad[POINTERS] = {0};
        int failed = 0;
        for (int k = 0; k < POINTERS; k++) {
            if (!base[k]) continue;
            pad[k] = allocate((size_t)(4 * widths[k] * WIDTH));
            if (!pad[k]) failed = 1;
            else memset(pad[k], 0, (size_t)(4 * widths[k] * WIDTH)), memcpy(pad[k], base[k], (size_t)(4 * widths[k] * n));
        }
        rows group;
        memcpy(&group, pad, sizeof group);
        if (!failed) run_group(cam, &group, backward);
        for (int k = backward ? 18 : 5; k < (backward ? POINTERS : 12) && !failed; k++)
            if (base[k]) memcpy(base[k], pad[k], (size_t)(4 * widths[k] * n));
        for (int k = 0; k < POINTERS; k++) release(pad[k]);
        return failed;
    }
#pragma omp parallel for schedule(static)
    for (int64_t g = 0; g < n / WIDTH; g++) {
        void *moved[POINTERS];
        rows group;
        memcpy(moved, base, sizeof moved);
        advance(moved, widths, POINTERS, g * WIDTH);
        memcpy(&group, moved, sizeof group);
        run_group(cam, &group, backward);
    }
    if (n % WIDTH) {
        rows group;
        advance(base, widths, POINTERS, n - WIDTH);
        memcpy(&group, base, sizeof group);
        run_group(cam, &group, backward);
    }
    return 0;
}

int tfg_raster_project(const camera *cam, int64_t n, const projected *p)
{
    rows all = {.p = *p};
    return run_rows(cam, n, &all, 0);
}

int tfg_raster_project_backward(const camera *cam, int64_t n, const projected *p, const projected_back *back)
{
    rows all = {.p = *p, .back = *back};
    return run_rows(cam, n, &all, 1);
}

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
plan *tfg_raster_composite(int width, int height, int64_t n, int channels, int with_normals, const float *means, const float *roots,
                           const float *strengths, const float *depths, const float *normals, const float *colors,
                           const int32_t *radii, const float *background, int flat, const pictures *out)
{
    plan *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->width = width, p->height = height;
    p->across = (width + TILE - 1) / TILE, p->down = (height + TILE - 1) / TILE;
    p->channels = channels, p->features = channels + (with_normals ? 4 : 1);
    p->stride = (GEOMETRY + p->features + 15) / 16 * 16;
    p->gradient_stride = (6 + p->features + 15) / 16 * 16;
    p->records = allocate((size_t)(n * p->stride) * 4);
    if (p->records) {
#pragma omp parallel for schedule(static)
        for (int64_t i = 0; i < n; i++) {
            float *g = p->records + i * p->stride;
            g[0] = means[2 * i], g[1] = means[2 * i + 1];
            g[2] = roots[3 * i], g[3] = roots[3 * i + 1], g[4] = roots[3 * i + 2];
            g[5] = log2f(strengths[i]);
            for (int c = 0; c < channels; c++) g[GEOMETRY + c] = colors[i * channels + c];
            g[GEOMETRY + channels] = depths[i];
            if (with_normals)
                for (int c = 0; c < 3; c++) g[GEOMETRY + channels + 1 + c] = normals[3 * i + c];
        }
        if (!sort(p, n, depths, radii) && !bin(p) && !composite(p, background, flat, out)) return p;
    }
    tfg_raster_free(p);
    return NULL;
}

/* The state before the first Gaussian: S = sum over outputs of value * gradient, T = 1. `features` first ones have gradients. */
static void backward_begin(const plan *p, int tile, const pictures *out, const pictures *v, int features, backward_state *s, lanes *v_features)
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
INLINE void finish(const plan *p, int64_t i, int features, const float *t, const gradients *to)
{
    const float *g = p->records + i * p->stride;
    const int channels = p->channels;
    to->means[2 * i] = 2 * LN2 * g[2] * t[1];
    to->means[2 * i + 1] = 2 * LN2 * (g[3] * t[1] + g[4] * t[2]);
    to->roots[3 * i] = -2 * LN2 * (t[3] - t[4] * g[3] / g[4]) / g[2];
    to->roots[3 * i + 1] = -2 * LN2 * t[4] / g[4];
    to->roots[3 * i + 2] = -2 * LN2 * t[5] / g[4];
    to->strengths[i] = t[0] * exp2f(-g[5]);
    for (int c = 0; c < channels; c++) to->colors[i * channels + c] = t[6 + c];
    if (to->depths) to->depths[i] = features > channels ? t[6 + channels] : 0;
    if (to->normals)
        for (int c = 0; c < 3; c++) to->normals[3 * i + c] = features > channels + 1 ? t[6 + channels + 1 + c] : 0;
}

/* Adds the pairs of tile-major places [from, to) to every Gaussian's totals, in the order of the tiles. */
static void gather(const plan *p, const float *pairs, uint32_t from, uint32_t to, float *totals)
{
    const int64_t wide = p->gradient_stride;
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < p->visible; r++) {
        float *restrict total = totals + r * wide;
        for (uint32_t k = p->first[r]; k < p->first[r + 1]; k++) {
            const uint32_t at = p->place[k];
            if (at < from || at >= to) continue;
            const float *restrict pair = pairs + (int64_t)(at - from) * wide;
            for (int64_t f = 0; f < wide; f++) total[f] += pair[f];
        }
    }
}

/* `out` as tfg_raster_composite wrote it, `v` its gradients, `to` the result. `budget` = pairs whose gradients are held at a time.
   0, or 1 without memory. */
int tfg_raster_composite_backward(const plan *p, int64_t n, int64_t budget, const pictures *out, const pictures *v, const gradients *to)
{
    const int channels = p->channels, tiles = p->across * p->down;
    const int features = v->normal ? channels + 4 : v->depth ? channels + 1 : channels;
    const int64_t wide = p->gradient_stride;
    int64_t held = p->entries < budget ? p->entries : budget;
    if (held < p->longest) held = p->longest;
    float *pairs = allocate((size_t)(held * wide) * 4), *totals = allocate((size_t)(p->visible * wide) * 4);
    int failed = !pairs || !totals;
    grid g;
    fill_grid(&g);
    if (!failed) memset(totals, 0, (size_t)(p->visible * wide) * 4);
    for (int from = 0, next; from < tiles && !failed; from = next) {
        for (next = from; next < tiles && p->start[next + 1] - p->start[from] <= held; next++) {}
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
                                  pairs + (int64_t)(p->start[tile] - p->start[from]) * wide);
            release(local), release(s), release(v_features), release(sums);
        }
        if (!failed) gather(p, pairs, p->start[from], p->start[next], totals);
    }
    if (!failed) {
        memset(to->means, 0, (size_t)n * 8), memset(to->roots, 0, (size_t)n * 12), memset(to->strengths, 0, (size_t)n * 4);
        memset(to->colors, 0, (size_t)(n * channels) * 4);
        if (to->depths) memset(to->depths, 0, (size_t)n * 4);
        if (to->normals) memset(to->normals, 0, (size_t)n * 12);
#pragma omp parallel for schedule(static)
        for (int64_t r = 0; r < p->visible; r++) finish(p, p->order[r], features, totals + r * wide, to);
    }
    release(pairs), release(totals);
    return failed;
}
