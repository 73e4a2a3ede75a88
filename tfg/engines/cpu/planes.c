/* Reading three dense planes, forward and backward (the definition: tfg/engines/planes/twin.py).
 *
 * The channels of a texel lie together: texels (3, size, size, channels). Points are taken in blocks: texels and weights of
 * all corners in vector loops, then one point at a time with the channels along the vector. A channel of a plane's gradient
 * is summed by one task in the order of the points, so it has the same bits for any number of threads. */
#include <omp.h>
#include <stdint.h>
#include <string.h>

#include "pages.h"

#define INLINE static inline __attribute__((always_inline))
#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
#define BLOCK 128
#define CHUNK 16 /* channels of a task of the planes' gradient: one cache line, a multiple of LANES */
#define NEAR 6   /* points between asking for texels and reading them */
#define AHEAD 48 /* points between asking for a row of the gradient and using it */

typedef float Lanes __attribute__((vector_size(LANES * 4), aligned(4)));

typedef struct {
    int64_t channels, size;
    int32_t axes[6]; /* (3, 2) coordinates of a point that each plane is read at: column, row */
} Planes;

typedef struct { /* of one block, along each axis: the texels on both sides, held within the plane */
    uint32_t low[3][BLOCK], high[3][BLOCK];
    float has_low[3][BLOCK], has_high[3][BLOCK]; /* 0 where that texel lies outside the plane, else 1 */
    float to_low[3][BLOCK], to_high[3][BLOCK];   /* weights: 0 outside */
} Place;

typedef struct { /* of one block, one plane */
    uint32_t texel[4][BLOCK];
    float weight[4][BLOCK];
} Corners;

typedef struct { /* of one block, one plane: derivatives of the weights */
    float column[4][BLOCK], row[4][BLOCK];
} Slopes;

INLINE int smaller(int64_t a, int64_t b) { return (int)(a < b ? a : b); }

/* Positions are in double: a float32 position in a wide plane leaves only 4 digits of the fraction. Returns 1 on NaN. */
static int locate(const Planes *planes, const float *points, int count, Place *place) {
    const double half = 0.5 * (double)planes->size, end = (double)planes->size + 2.0;
    const int32_t last = (int32_t)planes->size - 1;
    int bad = 0;
    for (int axis = 0; axis < 3; axis++) {
        int32_t low[BLOCK];
        float fraction[BLOCK];
        for (int i = 0; i < count; i++) {
            const float x = points[i * 3 + axis];
            const double position = ((double)x + 1.0) * half + 1.5; /* from 2 texels outside, where both sides read zeros */
            const double above = position > 0.0 ? position : 0.0, held = above < end ? above : end;
            const int32_t whole = (int32_t)held;
            bad |= x != x;
            low[i] = whole - 2;
            fraction[i] = (float)(held - whole);
        }
        for (int i = 0; i < count; i++) {
            const int32_t high = low[i] + 1;
            const float has_low = (low[i] >= 0) & (low[i] <= last) ? 1.0f : 0.0f;
            const float has_high = (high >= 0) & (high <= last) ? 1.0f : 0.0f;
            const int32_t low_held = low[i] > 0 ? low[i] : 0, high_held = high > 0 ? high : 0;
            place->low[axis][i] = (uint32_t)(low_held < last ? low_held : last);
            place->high[axis][i] = (uint32_t)(high_held < last ? high_held : last);
            place->has_low[axis][i] = has_low;
            place->has_high[axis][i] = has_high;
            place->to_low[axis][i] = (1 - fraction[i]) * has_low;
            place->to_high[axis][i] = fraction[i] * has_high;
        }
    }
    return bad;
}

static void corners_of(const Planes *planes, int plane, const Place *place, int count, Corners *corners) {
    const int a = planes->axes[2 * plane], b = planes->axes[2 * plane + 1];
    const uint32_t size = (uint32_t)planes->size;
    for (int k = 0; k < 4; k++) {
        const uint32_t *column = k & 1 ? place->high[a] : place->low[a], *row = k & 2 ? place->high[b] : place->low[b];
        const float *across = k & 1 ? place->to_high[a] : place->to_low[a];
        const float *down = k & 2 ? place->to_high[b] : place->to_low[b];
        for (int i = 0; i < count; i++) {
            corners->texel[k][i] = row[i] * size + column[i];
            corners->weight[k][i] = across[i] * down[i] * (1.0f / 3);
        }
    }
}

static void slopes_of(const Planes *planes, int plane, const Place *place, int count, Slopes *slopes) {
    const int a = planes->axes[2 * plane], b = planes->axes[2 * plane + 1];
    const float texels = (float)planes->size / 6; /* half the size, a third of each plane */
    for (int k = 0; k < 4; k++) {
        const float *has_column = k & 1 ? place->has_high[a] : place->has_low[a];
        const float *has_row = k & 2 ? place->has_high[b] : place->has_low[b];
        const float *across = k & 1 ? place->to_high[a] : place->to_low[a];
        const float *down = k & 2 ? place->to_high[b] : place->to_low[b];
        const float right = k & 1 ? texels : -texels, below = k & 2 ? texels : -texels;
        for (int i = 0; i < count; i++) {
            slopes->column[k][i] = right * has_column[i] * down[i];
            slopes->row[k][i] = below * has_row[i] * across[i];
        }
    }
}

/* Asks for the texels of one point in one plane. */
INLINE void ask_for(const float *plane, const Corners *corners, int i, int64_t channels) {
    for (int k = 0; k < 4; k++)
        for (int64_t c = 0; c < channels; c += CHUNK)
            __builtin_prefetch(plane + corners->texel[k][i] * (size_t)channels + c);
}

/* Channels [first, first + groups * LANES) of one point; groups: 1 or 2. */
INLINE void read_lanes(const Planes *planes, const float *restrict texels, const Corners *corners, int i,
                       int64_t channels, int64_t first, int groups, float *restrict to) {
    const size_t plane_size = (size_t)(planes->size * planes->size * channels);
    Lanes sum[2] = {0};
    for (int plane = 0; plane < 3; plane++)
        for (int k = 0; k < 4; k++) {
            const float *from = texels + plane * plane_size + corners[plane].texel[k][i] * (size_t)channels + first;
            const float weight = corners[plane].weight[k][i];
            for (int group = 0; group < groups; group++) sum[group] += weight * *(const Lanes *)(from + group * LANES);
        }
    for (int group = 0; group < groups; group++) *(Lanes *)(to + first + group * LANES) = sum[group];
}

INLINE void read_block(const Planes *planes, const float *restrict texels, const Corners *corners, int count,
                       float *restrict out, int64_t channels) {
    const size_t plane_size = (size_t)(planes->size * planes->size * channels);
    for (int i = 0; i < count; i++) {
        float *restrict to = out + i * channels;
        int64_t c = 0;
        for (; c + 2 * LANES <= channels; c += 2 * LANES) read_lanes(planes, texels, corners, i, channels, c, 2, to);
        for (; c + LANES <= channels; c += LANES) read_lanes(planes, texels, corners, i, channels, c, 1, to);
        for (; c < channels; c++) {
            float sum = 0;
            for (int plane = 0; plane < 3; plane++)
                for (int k = 0; k < 4; k++)
                    sum += corners[plane].weight[k][i] *
                           texels[plane * plane_size + corners[plane].texel[k][i] * (size_t)channels + c];
            to[c] = sum;
        }
    }
}

/* out (n, channels) of points (n, 3); returns 1 if a coordinate is NaN. */
int tfg_planes_forward(const Planes *planes, const float *points, int64_t n, const float *texels, float *out) {
    const int64_t channels = planes->channels;
    int bad = 0;
    prefer_large_pages(out, sizeof(float) * (size_t)(n * channels));
#pragma omp parallel for schedule(dynamic, 1) reduction(| : bad)
    for (int64_t i = 0; i < n; i += BLOCK) {
        const int count = smaller(n - i, BLOCK);
        Place place;
        Corners corners[3];
        bad |= locate(planes, points + i * 3, count, &place);
        for (int plane = 0; plane < 3; plane++) corners_of(planes, plane, &place, count, corners + plane);
        if (channels == 32) read_block(planes, texels, corners, count, out + i * channels, 32);
        else read_block(planes, texels, corners, count, out + i * channels, channels);
    }
    return bad;
}

/* Adds the gradients of `wide` channels of a block's points to sums (size * size, CHUNK). */
INLINE void add_block(const Corners *corners, int count, const float *restrict grad, int64_t channels, int wide,
                      float *restrict sums) {
    for (int i = 0; i < count; i++) {
        const float *restrict from = grad + i * channels;
        
        __builtin_prefetch(from + AHEAD * channels, 0);
        for (int k = 0; k < 4; k++) {
            float *restrict to = sums + corners->texel[k][i] * (size_t)CHUNK;
            const float weight = corners->weight[k][i];
            int c = 0;
            for (; c + LANES <= wide; c += LANES) *(Lanes *)(to + c) += weight * *(const Lanes *)(from + c);
            for (; c < wide; c++) to[c] += weight * from[c];
        }
    }
}

/* Writes grad_planes, (3, channels, size, size) or, if `channels_last`, (3, size, size, channels), given grad (n, channels).
 * sums: (threads, size * size, CHUNK) to work in. */
void tfg_planes_backward_planes(const Planes *planes, const float *points, int64_t n, const float *grad,
                                float *grad_planes, int32_t channels_last, float *sums, int64_t threads) {
    const int64_t channels = planes->channels, area = planes->size * planes->size;
    const int64_t chunks = (channels + CHUNK - 1) / CHUNK;
    prefer_large_pages(grad_planes, sizeof(float) * (size_t)(3 * channels * area));
    prefer_large_pages(sums, sizeof(float) * (size_t)(threads * area * CHUNK));
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)threads)
    for (int64_t task = 0; task < 3 * chunks; task++) {
        const int plane = (int)(task % 3);
        const int64_t first = task / 3 * CHUNK;
        const int wide = smaller(channels - first, CHUNK);
        float *restrict own = sums + omp_get_thread_num() * area * CHUNK;
        memset(own, 0, sizeof(float) * (size_t)(area * CHUNK));
        for (int64_t i = 0; i < n; i += BLOCK) {
            const int count = smaller(n - i, BLOCK);
            Place place;
            Corners corners;
            locate(planes, points + i * 3, count, &place);
            corners_of(planes, plane, &place, count, &corners);
            if (wide == CHUNK) add_block(&corners, count, grad + i * channels + first, channels, CHUNK, own);
            else add_block(&corners, count, grad + i * channels + first, channels, wide, own);
        }
        if (channels_last) {
            float *restrict to = grad_planes + plane * area * channels + first;
            for (int64_t t = 0; t < area; t++) memcpy(to + t * channels, own + t * CHUNK, sizeof(float) * (size_t)wide);
        } else {
            float *restrict to = grad_planes + (plane * channels + first) * area;
            for (int64_t t = 0; t < area; t += CHUNK) {
                const int count = smaller(area - t, CHUNK);
                for (int c = 0; c < wide; c++)
                    for (int j = 0; j < count; j++) to[c * area + t + j] = own[(t + j) * CHUNK + c];
            }
        }
    }
}

INLINE float total(Lanes values) {
    float sum[LANES];
    *(Lanes *)sum = values;
#pragma GCC unroll 4
    for (int half = LANES / 2; half; half /= 2)
        for (int j = 0; j < half; j++) sum[j] += sum[j + half];
    return sum[0];
}

INLINE void slope_block(const Planes *planes, const float *restrict texels, const Corners *corners, const Slopes *slopes,
                        int count, const float *restrict grad, float *restrict to, int64_t channels) {
    const size_t plane_size = (size_t)(planes->size * planes->size * channels);
    for (int i = 0; i < count; i++) {
        const float *restrict from = grad + i * channels;
        Lanes along[3] = {0};
        __builtin_prefetch(from + AHEAD * channels, 0);
        float rest[3] = {0};
        for (int plane = 0; plane < 3; plane++) {
            const int a = planes->axes[2 * plane], b = planes->axes[2 * plane + 1];
            const float *texel[4];
            for (int k = 0; k < 4; k++)
                texel[k] = texels + plane * plane_size + corners[plane].texel[k][i] * (size_t)channels;
            ask_for(texels + plane * plane_size, corners + plane, i + NEAR < count ? i + NEAR : i, channels);
            Lanes dot[4] = {0}, across = {0}, down = {0};
            int64_t c = 0;
            for (; c + LANES <= channels; c += LANES)
                for (int k = 0; k < 4; k++) dot[k] += *(const Lanes *)(from + c) * *(const Lanes *)(texel[k] + c);
            for (int k = 0; k < 4; k++) {
                float tail = 0;
                for (int64_t left = c; left < channels; left++) tail += from[left] * texel[k][left];
                across += slopes[plane].column[k][i] * dot[k];
                down += slopes[plane].row[k][i] * dot[k];
                rest[a] += slopes[plane].column[k][i] * tail;
                rest[b] += slopes[plane].row[k][i] * tail;
            }
            along[a] += across;
            along[b] += down;
        }
        for (int axis = 0; axis < 3; axis++) to[i * 3 + axis] = total(along[axis]) + rest[axis];
    }
}

/* grad_points (n, 3), given grad (n, channels). */
void tfg_planes_backward_points(const Planes *planes, const float *points, int64_t n, const float *texels,
                                const float *grad, float *grad_points) {
    const int64_t channels = planes->channels;
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t i = 0; i < n; i += BLOCK) {
        const int count = smaller(n - i, BLOCK);
        Place place;
        Corners corners[3];
        Slopes slopes[3];
        locate(planes, points + i * 3, count, &place);
        for (int plane = 0; plane < 3; plane++) {
            corners_of(planes, plane, &place, count, corners + plane);
            slopes_of(planes, plane, &place, count, slopes + plane);
        }
        const float *from = grad + i * channels;
        if (channels == 32) slope_block(planes, texels, corners, slopes, count, from, grad_points + i * 3, 32);
        else slope_block(planes, texels, corners, slopes, count, from, grad_points + i * 3, channels);
    }
}
