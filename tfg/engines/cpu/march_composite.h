/* Compositing along one ray and its gradient. */
#ifndef TFG_MARCH_COMPOSITE_H
#define TFG_MARCH_COMPOSITE_H

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

typedef struct { /* each may be null */
    const float *total, *opacity, *depth, *weights;
    float *sigma, *values;
} Grads;

/* `whole`: constant 1 where total, sigma and values are given. */
INLINE void backward_ray(const Along *along, const Grads *grads, int64_t ray, int64_t channels, int whole) {
    const float *restrict values = along->values, *restrict weights = along->weights, *restrict from = grads->weights;
    const float *restrict grad = whole || grads->total ? grads->total + ray * channels : 0;
    float *restrict to_sigma = grads->sigma, *restrict to_values = grads->values;
    const float flat = grads->opacity ? grads->opacity[ray] : 0, slope = grads->depth ? grads->depth[ray] : 0;
    const int64_t first = along->start[ray], last = first + along->alive[ray];
    float light = 1, behind = 0; /* light past the last sample; weighted gradient of the samples behind this one */
    for (int64_t j = first; j < last; j++) light -= weights[j];
    for (int64_t j = last; j < along->start[ray + 1]; j++) {
        if (whole || to_sigma) to_sigma[j] = 0;
        for (int64_t c = 0; (whole || to_values) && c < channels; c++) to_values[j * channels + c] = 0;
    }
    for (int64_t j = last - 1; j >= first; j--) {
        const float weight = weights[j];
        float pull = flat + slope * along->t[j] + (from ? from[j] : 0);
        for (int64_t c = 0; grad && c < channels; c++) pull += grad[c] * values[j * channels + c];
        if (whole || to_sigma) to_sigma[j] = along->delta[j] * (pull * light - behind);
        for (int64_t c = 0; (whole || to_values) && c < channels; c++)
            to_values[j * channels + c] = grad ? weight * grad[c] : 0;
        behind += weight * pull;
        light += weight;
    }
}

#endif
