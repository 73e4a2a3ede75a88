/* Ray marching and compositing, forward and backward (the definition: tfg/engines/march/twin.py).
 *
 * Marching evaluates 16 lattice points of a ray at once (8 without AVX-512) and keeps the occupied ones; it rounds exactly as the twin
 * does, so both find the same samples. Rays are independent: results have the same bits for any number of threads. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#pragma clang fp reassociate(off)
#else
#pragma GCC optimize("fp-contract=off", "no-associative-math", "no-reciprocal-math")
#endif
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))
#ifdef __AVX512F__
#define LANES 16
#else
#define LANES 8
#endif
#define TOGETHER 256 /* rays of a task of marching */
#define RAYS 64 /* a task of the compositing loops */

typedef float Floats __attribute__((vector_size(LANES * 4)));
typedef int32_t Ints __attribute__((vector_size(LANES * 4)));

#include "march_composite.h"
#include "march_walk.h"

/* Floats of `found`: rays are taken TOGETHER, and the samples of such a block lie one behind the other. */
INLINE int64_t block_size(const March *march) { return TOGETHER * march->max_samples + LANES; }

int64_t tfg_march_room(const March *march, int64_t rays) { return (rays + TOGETHER - 1) / TOGETHER * block_size(march); }

/* found (tfg_march_room,) t of the samples, start (r + 1,) the running number of each ray's. Returns the number of all, or
 * -1, -2, -3 if origins, directions or offset hold NaN. */
int64_t tfg_march(const March *march, const float *origins, const float *directions, const float *offset, int64_t rays,
                  const void *occupied, float *found, int64_t *start) {
    float hull[6];
    int bad = 0;
    for (int64_t i = 0; i < rays * 3; i++) bad |= (origins[i] != origins[i]) | (directions[i] != directions[i]) << 1;
    for (int64_t i = 0; offset && i < rays; i++) bad |= (offset[i] != offset[i]) << 2;
    if (bad) return bad & 1 ? -1 : bad & 2 ? -2 : -3;
    const int any = occupied_box(march, occupied, hull);
    start[0] = 0;
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t block = 0; block < rays; block += TOGETHER) {
        float *to = found + block / TOGETHER * block_size(march);
        for (int64_t i = block; i < smaller(block + TOGETHER, rays); i++) {
            const float *origin = origins + 3 * i, *direction = directions + 3 * i;
            const int count = any ? walk(march, occupied, hull, origin, direction, offset ? offset[i] : 0, to) : 0;
            start[i + 1] = count;
            to += count;
        }
    }
    for (int64_t i = 0; i < rays; i++) start[i + 1] += start[i];
    return start[rays];
}

/* The compacted samples: points (m, 3), along (m, 3), t (m,), delta (m,), ray (m,). */
void tfg_march_fill(const March *march, const float *origins, const float *directions, int64_t rays, const float *found,
                    const int64_t *start, float *points, float *along, float *t, float *delta, int64_t *ray) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < rays; i++) {
        const float *from = found + i / TOGETHER * block_size(march) - start[i / TOGETHER * TOGETHER];
        for (int64_t j = start[i]; j < start[i + 1]; j++) {
            t[j] = from[j];
            ray[j] = i;
            delta[j] = march->constant ? march->longest : step_at(march, from[j]);
            for (int axis = 0; axis < 3; axis++) {
                along[3 * j + axis] = directions[3 * i + axis];
                points[3 * j + axis] = origins[3 * i + axis] + from[j] * directions[3 * i + axis];
            }
        }
    }
}

/* total (r, c), opacity, depth (r,), weights (m,), alive (r,) number of samples in front of the stop.
 * Returns 1 if sigma, 2 if values hold NaN. */
int tfg_composite(const float *sigma, const float *values, int64_t channels, const float *t, const float *delta,
                  const int64_t *start, int64_t rays, double limit, float *total, float *opacity, float *depth,
                  float *weights, int32_t *alive) {
    const Along along = {sigma, values, t, delta, start, weights, alive};
    int bad = 0;
#pragma omp parallel for schedule(dynamic, 4) reduction(| : bad)
    for (int64_t block = 0; block < rays; block += RAYS) {
        const int64_t end = smaller(block + RAYS, rays), from = start[block], until = start[end];
        int nan_values = 0;
        for (int64_t j = from * channels; j < until * channels; j++) nan_values |= values[j] != values[j];
        bad |= opacities(sigma + from, delta + from, until - from, weights + from) | nan_values << 1;
        for (int64_t i = block; i < end; i++) {
            float *sum = total + i * channels;
            if (channels == 3) composite_ray(&along, i, 3, limit, sum, opacity + i, depth + i);
            else composite_ray(&along, i, channels, limit, sum, opacity + i, depth + i);
        }
    }
    return bad & 1 ? 1 : bad ? 2 : 0;
}

/* grad_sigma (m,) and grad_values (m, c) from the gradients of the four results. */
void tfg_composite_backward(const float *values, int64_t channels, const float *t, const float *delta,
                            const int64_t *start, int64_t rays, float *weights, int32_t *alive,
                            const float *grad_total, const float *grad_opacity, const float *grad_depth,
                            const float *grad_weights, float *grad_sigma, float *grad_values) {
    const Along along = {0, values, t, delta, start, weights, alive};
    const Grads grads = {grad_total, grad_opacity, grad_depth, grad_weights, grad_sigma, grad_values};
    const int whole = channels == 3 && grad_total && grad_sigma && grad_values;
#pragma omp parallel for schedule(dynamic, 256)
    for (int64_t i = 0; i < rays; i++) {
        if (whole) backward_ray(&along, &grads, i, 3, 1);
        else backward_ray(&along, &grads, i, channels, 0);
    }
}
