/* Ray marching and compositing, forward and backward (the definition: tfg/engines/march_torch.py).
 *
 * Marching evaluates 16 lattice points of a ray at once and keeps the occupied ones; it rounds exactly as the twin
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

#define INLINE static inline __attribute__((always_inline))
#define LANES 16
#define RAYS 64 /* a task of the compositing loops */

typedef struct {
    int64_t resolution, max_samples;
    float bound, to_cell; /* to_cell = resolution / (2 bound) */
    float box[6];
    float near, growth, shortest, longest;
    int32_t constant; /* 1: t[k] = t[0] + k * longest */
} March;

typedef float Floats __attribute__((vector_size(LANES * 4)));
typedef int32_t Ints __attribute__((vector_size(LANES * 4)));

INLINE Ints spread(Ints x) { /* the bits of x < 1024, three apart */
    x = (x | x << 16) & 0x030000FF;
    x = (x | x << 8) & 0x0300F00F;
    x = (x | x << 4) & 0x030C30C3;
    return (x | x << 2) & 0x09249249;
}

INLINE uint32_t squeeze(uint32_t x) { /* the inverse of spread */
    x &= 0x09249249u;
    x = (x | x >> 2) & 0x030C30C3u;
    x = (x | x >> 4) & 0x0300F00Fu;
    x = (x | x >> 8) & 0x030000FFu;
    return (x | x >> 16) & 0x3FFu;
}

INLINE float step_at(const March *march, float t) {
    return fminf(fmaxf(march->growth * t, march->shortest), march->longest);
}

/* A box around all occupied cells, one cell wider; 0 if there are none. 64 bits are a block of 4 x 4 x 4 cells. */
static int occupied_box(const March *march, const uint64_t *occupied, float box[6]) {
    const uint32_t blocks = (uint32_t)(march->resolution * march->resolution * march->resolution / 64);
    uint32_t low[3] = {1024, 1024, 1024}, high[3] = {0, 0, 0};
    int any = 0;
    for (uint32_t block = 0; block < blocks; block++) {
        if (!occupied[block]) continue;
        any = 1;
        for (int axis = 0; axis < 3; axis++) {
            const uint32_t cell = squeeze(block >> axis);
            low[axis] = cell < low[axis] ? cell : low[axis];
            high[axis] = cell > high[axis] ? cell : high[axis];
        }
    }
    for (int axis = 0; axis < 3; axis++) { /* cells at the border of the grid also stand for what lies beyond it */
        const float first = (float)low[axis] * 4 - 1, last = (float)high[axis] * 4 + 5;
        box[axis] = first < 0 ? -INFINITY : first / march->to_cell - march->bound;
        box[axis + 3] = last > (float)march->resolution ? INFINITY : last / march->to_cell - march->bound;
    }
    return any;
}

INLINE void cross(const float *box, const float *origin, const float *inverse, float *enter, float *leave) {
    for (int axis = 0; axis < 3; axis++) {
        const float first = (box[axis] - origin[axis]) * inverse[axis];
        const float last = (box[axis + 3] - origin[axis]) * inverse[axis];
        *enter = fmaxf(*enter, fminf(first, last));
        *leave = fminf(*leave, fmaxf(first, last));
    }
}

/* The samples of one ray: writes their t, returns their number. */
static int walk(const March *march, const uint32_t *occupied, const float *hull, const float *origin,
                const float *direction, float offset, float *restrict found) {
    const int32_t top = (int32_t)march->resolution - 1;
    const float bound = march->bound, to_cell = march->to_cell;
    float inverse[3], enter = -INFINITY, leave = INFINITY;
    for (int axis = 0; axis < 3; axis++) {
        const float d = direction[axis];
        inverse[axis] = 1 / (fabsf(d) < 1e-12f ? (d < 0 ? -1e-12f : 1e-12f) : d);
    }
    cross(march->box, origin, inverse, &enter, &leave);
    enter = fmaxf(enter, march->near);
    float start = enter + step_at(march, enter) * offset;
    float from = start, until = leave;
    cross(hull, origin, inverse, &from, &until);
    const float step = march->longest;
    int k = 0, count = 0;
    if (!(from <= until + step)) return 0;
    until = fminf(leave, until + step);
    if (march->constant && from > start + 2 * step) k = (int)((from - start) / step) - 1;
    const Floats lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    for (float next = start;; k += LANES) {
        union { Floats all; float one[LANES]; } t;
        union { Ints all; int32_t one[LANES]; } rank;
        if (march->constant) {
            t.all = start + ((float)k + lane) * step;
        } else {
            for (int j = 0; j < LANES; j++) {
                t.one[j] = next;
                next = next + step_at(march, next);
            }
        }
        rank.all = (Ints){0};
        for (int axis = 0; axis < 3; axis++) {
            const Floats position = origin[axis] + t.all * direction[axis];
            Ints cell = __builtin_convertvector((position + bound) * to_cell, Ints);
            cell &= ~(cell < 0);
            cell = (cell & (cell < top)) | (top & ~(cell < top));
            rank.all |= spread(cell) << axis;
        }
        for (int j = 0; j < LANES; j++) {
            if (!(t.one[j] < until)) return count;
            found[count] = t.one[j];
            count += occupied[rank.one[j] >> 5] >> (rank.one[j] & 31) & 1;
            if (count == march->max_samples) return count;
        }
    }
}

/* found (r, max_samples) t of each ray's samples, start (r + 1,) their running number. Returns the number of all, or
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
#pragma omp parallel for schedule(dynamic, 256)
    for (int64_t i = 0; i < rays; i++)
        start[i + 1] = any ? walk(march, occupied, hull, origins + 3 * i, directions + 3 * i, offset ? offset[i] : 0,
                                  found + i * march->max_samples)
                           : 0;
    for (int64_t i = 0; i < rays; i++) start[i + 1] += start[i];
    return start[rays];
}

/* The compacted samples: points (m, 3), along (m, 3), t (m,), delta (m,), ray (m,). */
void tfg_march_fill(const March *march, const float *origins, const float *directions, int64_t rays, const float *found,
                    const int64_t *start, float *points, float *along, float *t, float *delta, int64_t *ray) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < rays; i++) {
        const float *from = found + i * march->max_samples - start[i];
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

/* out = 1 - exp(-sigma delta) to 2e-7 of its value: -sigma delta = n ln 2 + r, exp(r) - 1 by its series.
 * Returns 1 if sigma holds NaN. */
static int opacities(const float *sigma, const float *delta, int64_t count, float *out) {
    Ints bad = {0};
    for (int64_t j = 0; j < count; j += LANES) {
        const size_t bytes = sizeof(float) * (size_t)(count - j < LANES ? count - j : LANES);
        Floats density = {0}, step = {0};
        if (bytes == sizeof(Floats)) { /* of a known size: one load each */
            memcpy(&density, sigma + j, sizeof(Floats));
            memcpy(&step, delta + j, sizeof(Floats));
        } else {
            memcpy(&density, sigma + j, bytes);
            memcpy(&step, delta + j, bytes);
        }
        bad |= density != density;
        Floats x = -density * step;
        const Ints deep = x < -87.0f;
        x = (Floats)(((Ints)x & ~deep) | ((Ints)((Floats){0} - 87.0f) & deep));
        const Ints n = __builtin_convertvector(x * 1.44269504088896341f - 0.5f, Ints); /* x <= 0: rounds to nearest */
        const Floats whole = __builtin_convertvector(n, Floats);
        const Floats r = (x - whole * 0.693145751953125f) - whole * 1.42860682030941723e-6f;
        Floats q = r * (1.0f / 5040) + 1.0f / 720;
        q = q * r + 1.0f / 120;
        q = q * r + 1.0f / 24;
        q = q * r + 1.0f / 6;
        q = q * r + 0.5f;
        q = (q * r + 1) * r;
        const Floats power = (Floats)((n + 127) << 23);
        const Floats alpha = (1 - power) - power * q;
        if (bytes == sizeof(Floats)) memcpy(out + j, &alpha, sizeof(Floats));
        else memcpy(out + j, &alpha, bytes);
    }
    for (int j = 0; j < LANES; j++)
        if (bad[j]) return 1;
    return 0;
}

INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

typedef struct {
    const float *sigma, *values, *t, *delta;
    const int64_t *start;
    float *weights; /* forward: opacities going in */
    int32_t *alive;
} Along;

INLINE void composite_ray(const Along *along, int64_t ray, int64_t channels, double limit, float *restrict sum,
                          float *opacity, float *depth) {
    const int64_t first = along->start[ray], last = along->start[ray + 1];
    double before = 0; /* optical depth */
    float light = 1, covered = 0, far = 0;
    int64_t j = first;
    for (int64_t c = 0; c < channels; c++) sum[c] = 0;
    for (; j < last && before <= limit; j++) {
        const float weight = light * along->weights[j];
        before += (double)(along->sigma[j] * along->delta[j]);
        light -= weight;
        along->weights[j] = weight;
        covered += weight;
        far += weight * along->t[j];
        for (int64_t c = 0; c < channels; c++) sum[c] += weight * along->values[j * channels + c];
    }
    along->alive[ray] = (int32_t)(j - first);
    for (; j < last; j++) along->weights[j] = 0;
    *opacity = covered;
    *depth = far;
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

typedef struct { /* each may be null */
    const float *total, *opacity, *depth, *weights;
    float *sigma, *values;
} Grads;

INLINE void backward_ray(const Along *along, const Grads *grads, int64_t ray, int64_t channels) {
    const float *grad = grads->total ? grads->total + ray * channels : 0;
    const float flat = grads->opacity ? grads->opacity[ray] : 0, slope = grads->depth ? grads->depth[ray] : 0;
    const int64_t first = along->start[ray], last = first + along->alive[ray];
    float light = 1, behind = 0; /* light past the last sample; weighted gradient of the samples behind this one */
    for (int64_t j = first; j < last; j++) light -= along->weights[j];
    for (int64_t j = last; j < along->start[ray + 1]; j++) {
        if (grads->sigma) grads->sigma[j] = 0;
        for (int64_t c = 0; grads->values && c < channels; c++) grads->values[j * channels + c] = 0;
    }
    for (int64_t j = last - 1; j >= first; j--) {
        const float weight = along->weights[j];
        float pull = flat + slope * along->t[j] + (grads->weights ? grads->weights[j] : 0);
        if (grad)
            for (int64_t c = 0; c < channels; c++) pull += grad[c] * along->values[j * channels + c];
        if (grads->sigma) grads->sigma[j] = along->delta[j] * (pull * light - behind);
        if (grads->values)
            for (int64_t c = 0; c < channels; c++) grads->values[j * channels + c] = grad ? weight * grad[c] : 0;
        behind += weight * pull;
        light += weight;
    }
}

/* grad_sigma (m,) and grad_values (m, c) from the gradients of the four results. */
void tfg_composite_backward(const float *values, int64_t channels, const float *t, const float *delta,
                            const int64_t *start, int64_t rays, float *weights, int32_t *alive,
                            const float *grad_total, const float *grad_opacity, const float *grad_depth,
                            const float *grad_weights, float *grad_sigma, float *grad_values) {
    const Along along = {0, values, t, delta, start, weights, alive};
    const Grads grads = {grad_total, grad_opacity, grad_depth, grad_weights, grad_sigma, grad_values};
#pragma omp parallel for schedule(dynamic, 256)
    for (int64_t i = 0; i < rays; i++) {
        if (channels == 3) backward_ray(&along, &grads, i, 3);
        else backward_ray(&along, &grads, i, channels);
    }
}
