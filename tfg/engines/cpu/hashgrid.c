/* Grid encoding, forward and backward (the definition: tfg/engines/hashgrid/twin.py).
 *
 * Points are taken in blocks: rows and weights of all corners of a level are computed in vector loops, then the entries
 * are gathered or scattered one point at a time. A level's gradient is summed by one task in point order, so it has the
 * same bits for any number of threads. */
#include <omp.h>
#include <stdint.h>
#include <string.h>

#include "grid_place.h"
#include "pages.h"

typedef struct { /* of one block, one level */
    uint32_t row[8][BLOCK];
    float weight[8][BLOCK];
    float fraction[3][BLOCK];
} Corners;

INLINE void fill(const Level *level, const Place *place, int count, int dim, Corners *corners) {
    const uint32_t prime[3] = {1u, 2654435761u, 805459861u};
    uint32_t cell[3][BLOCK];
    const double scale = level->scale;
    for (int axis = 0; axis < dim; axis++)
        for (int i = 0; i < count; i++) {
            const double position = place->unit[axis][i] * scale + 0.5;
            const int32_t whole = (int32_t)position;
            cell[axis][i] = (uint32_t)whole;
            corners->fraction[axis][i] = (float)(position - whole);
        }
    const uint32_t first = level->first, mask = level->mask;
    for (int k = 0; k < 1 << dim; k++) {
        uint32_t *row = corners->row[k];
        const uint32_t up0 = k & 1, up1 = k >> 1 & 1, up2 = k >> 2 & 1;
        if (level->hashed) {
            for (int i = 0; i < count; i++) {
                uint32_t index = (cell[0][i] + up0) ^ (cell[1][i] + up1) * prime[1];
                if (dim == 3) index ^= (cell[2][i] + up2) * prime[2];
                row[i] = first + (index & mask);
            }
        } else {
            const uint32_t *stride = level->stride;
            for (int i = 0; i < count; i++) {
                uint32_t index = (cell[0][i] + up0) * stride[0] + (cell[1][i] + up1) * stride[1];
                if (dim == 3) index += (cell[2][i] + up2) * stride[2];
                row[i] = first + (index & mask);
            }
        }
        for (int i = 0; i < count; i++) {
            const float fx = corners->fraction[0][i], fy = corners->fraction[1][i];
            float weight = (up0 ? fx : 1 - fx) * (up1 ? fy : 1 - fy) * place->inside[i];
            if (dim == 3) weight *= up2 ? corners->fraction[2][i] : 1 - corners->fraction[2][i];
            corners->weight[k][i] = weight;
        }
    }
}

static __attribute__((noinline)) void fill2(const Level *level, const Place *place, int count, Corners *corners) {
    fill(level, place, count, 2, corners);
}

static __attribute__((noinline)) void fill3(const Level *level, const Place *place, int count, Corners *corners) {
    fill(level, place, count, 3, corners);
}

static void corners_of(const Grid *grid, int level, const Place *place, int count, Corners *corners) {
    (grid->dim == 2 ? fill2 : fill3)(grid->level + level, place, count, corners);
}

typedef float Pair __attribute__((vector_size(8), aligned(4)));

INLINE void gather(const float *restrict table, const Corners *corners, int count, float *restrict out, int64_t stride,
                   int dim, int channels) {
    for (int i = 0; i < count; i++) {
        float *restrict to = out + i * stride;
        if (channels == 2) {
            Pair sum = {0, 0};
            for (int k = 0; k < 1 << dim; k++)
                sum += *(const Pair *)(table + (size_t)corners->row[k][i] * 2) * corners->weight[k][i];
            *(Pair *)to = sum;
        } else {
            for (int c = 0; c < channels; c++) {
                float sum = 0;
                for (int k = 0; k < 1 << dim; k++)
                    sum += table[(size_t)corners->row[k][i] * channels + c] * corners->weight[k][i];
                to[c] = sum;
            }
        }
    }
}

INLINE void scatter(float *restrict table, const Corners *corners, int count, const float *restrict grad,
                    int64_t stride, int dim, int channels) {
    for (int i = 0; i < count; i++) {
        const float *restrict from = grad + i * stride;
        if (channels == 2) {
            const Pair g = *(const Pair *)from;
            for (int k = 0; k < 1 << dim; k++)
                *(Pair *)(table + (size_t)corners->row[k][i] * 2) += g * corners->weight[k][i];
        } else {
            for (int k = 0; k < 1 << dim; k++)
                for (int c = 0; c < channels; c++)
                    table[(size_t)corners->row[k][i] * channels + c] += from[c] * corners->weight[k][i];
        }
    }
}

/* dot[k][i]: entry of corner k times the gradient of point i. */
INLINE void project(const float *restrict table, const Corners *corners, int count, const float *restrict grad,
                    int64_t stride, float dot[8][BLOCK], int dim, int channels) {
    for (int i = 0; i < count; i++) {
        const float *restrict from = grad + i * stride;
        for (int k = 0; k < 1 << dim; k++) {
            const float *restrict entry = table + (size_t)corners->row[k][i] * channels;
            float total = 0;
            for (int c = 0; c < channels; c++) total += entry[c] * from[c];
            dot[k][i] = total;
        }
    }
}

/* Adds the slope of one level along each axis: differences of `dot` between opposite corners, interpolated. */
INLINE void slope(const Corners *corners, int count, float factor, float dot[8][BLOCK], float sum[3][BLOCK], int dim) {
    for (int axis = 0; axis < dim; axis++)
        for (int k = 0; k < 1 << dim; k++) {
            if (k >> axis & 1) continue;
            const int pair = k | 1 << axis, one = axis == 0 ? 1 : 0, two = 3 - axis - one;
            const int up1 = k >> one & 1, up2 = k >> two & 1;
            for (int i = 0; i < count; i++) {
                const float f1 = corners->fraction[one][i];
                float weight = factor * (up1 ? f1 : 1 - f1);
                if (dim == 3) weight *= up2 ? corners->fraction[two][i] : 1 - corners->fraction[two][i];
                sum[axis][i] += weight * (dot[pair][i] - dot[k][i]);
            }
        }
}

static __attribute__((noinline)) void slope2(const Corners *corners, int count, float factor, float dot[8][BLOCK],
                                             float sum[3][BLOCK]) {
    slope(corners, count, factor, dot, sum, 2);
}

static __attribute__((noinline)) void slope3(const Corners *corners, int count, float factor, float dot[8][BLOCK],
                                             float sum[3][BLOCK]) {
    slope(corners, count, factor, dot, sum, 3);
}

/* Calls `function(..., dim, channels)` with both constant where they are common, so that its loops unroll. */
#define SPECIALISE(function, ...)                                    \
    do {                                                             \
        const int C = (int)grid->channels;                           \
        if (grid->dim == 2) {                                        \
            if (C == 1) function(__VA_ARGS__, 2, 1);                 \
            else if (C == 2) function(__VA_ARGS__, 2, 2);            \
            else function(__VA_ARGS__, 2, C);                        \
        } else {                                                     \
            if (C == 1) function(__VA_ARGS__, 3, 1);                 \
            else if (C == 2) function(__VA_ARGS__, 3, 2);            \
            else function(__VA_ARGS__, 3, C);                        \
        }                                                            \
    } while (0)

INLINE int smaller(int64_t a, int64_t b) { return (int)(a < b ? a : b); }

/* out (n, planes * levels * channels); returns 1 if a coordinate is NaN. */
int tfg_hash_forward(const Grid *grid, const float *points, int64_t n, const float *tables, float *out) {
    const int64_t stride = grid->planes * grid->levels * grid->channels;
    int bad = 0;
    prefer_large_pages(out, sizeof(float) * (size_t)(n * stride));
#pragma omp parallel for schedule(dynamic, 1) reduction(| : bad)
    for (int64_t i = 0; i < n; i += BLOCK) {
        const int count = smaller(n - i, BLOCK);
        for (int plane = 0; plane < grid->planes; plane++) {
            const float *table = tables + plane * grid->rows * grid->channels;
            Place place;
            bad |= locate(grid, plane, points + i * grid->width, count, &place);
            for (int level = 0; level < grid->levels; level++) {
                float *to = out + i * stride + (plane * grid->levels + level) * grid->channels;
                Corners corners;
                corners_of(grid, level, &place, count, &corners);
                SPECIALISE(gather, table, &corners, count, to, stride);
            }
        }
    }
    return bad;
}

/* Writes grad_tables (planes, rows, channels), given grad (n, planes * levels * channels). */
void tfg_hash_backward_tables(const Grid *grid, const float *points, int64_t n, const float *grad, float *grad_tables,
                              int64_t group) {
    const int64_t stride = grid->planes * grid->levels * grid->channels;
    const int64_t groups = (grid->levels + group - 1) / group;
    prefer_large_pages(grad_tables, sizeof(float) * (size_t)(grid->planes * grid->rows * grid->channels));
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t task = grid->planes * groups - 1; task >= 0; task--) {
        const int plane = (int)(task / groups);
        const int first = (int)(task % groups * group), last = smaller(first + group, grid->levels);
        float *table = grad_tables + plane * grid->rows * grid->channels;
        const int64_t begin = grid->level[first].first, end = last < grid->levels ? grid->level[last].first : grid->rows;
        memset(table + begin * grid->channels, 0, sizeof(float) * (size_t)((end - begin) * grid->channels));
        for (int64_t i = 0; i < n; i += BLOCK) {
            const int count = smaller(n - i, BLOCK);
            Place place;
            locate(grid, plane, points + i * grid->width, count, &place);
            for (int level = first; level < last; level++) {
                const float *from = grad + i * stride + (plane * grid->levels + level) * grid->channels;
                Corners corners;
                corners_of(grid, level, &place, count, &corners);
                SPECIALISE(scatter, table, &corners, count, from, stride);
            }
        }
    }
}

/* grad_points (n, width), given grad (n, planes * levels * channels). */
void tfg_hash_backward_points(const Grid *grid, const float *points, int64_t n, const float *tables, const float *grad,
                              float *grad_points) {
    const int64_t stride = grid->planes * grid->levels * grid->channels;
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t i = 0; i < n; i += BLOCK) {
        const int count = smaller(n - i, BLOCK);
        float *to = grad_points + i * grid->width;
        memset(to, 0, sizeof(float) * (size_t)(count * grid->width));
        for (int plane = 0; plane < grid->planes; plane++) {
            const float *table = tables + plane * grid->rows * grid->channels;
            float sum[3][BLOCK], dot[8][BLOCK];
            Place place;
            memset(sum, 0, sizeof sum);
            locate(grid, plane, points + i * grid->width, count, &place);
            for (int level = 0; level < grid->levels; level++) {
                const float *from = grad + i * stride + (plane * grid->levels + level) * grid->channels;
                const float factor = (float)(grid->level[level].scale / (2 * grid->bound));
                Corners corners;
                corners_of(grid, level, &place, count, &corners);
                SPECIALISE(project, table, &corners, count, from, stride, dot);
                (grid->dim == 2 ? slope2 : slope3)(&corners, count, factor, dot, sum);
            }
            for (int axis = 0; axis < grid->dim; axis++) {
                const int column = grid->axes[plane * grid->dim + axis];
                for (int j = 0; j < count; j++) to[j * grid->width + column] += sum[axis][j] * place.inside[j];
            }
        }
    }
}
