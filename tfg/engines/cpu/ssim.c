/* Mean structural similarity of two pictures and its gradient (the definition: `twin` of tfg/engines/ssim.py).
 *
 * A row of pixels is one long vector: the 11-tap blur runs down the columns, then along the row with a stride of the
 * channels, a vector of values at a time. Rows are independent and their sums are added in order: same bits for any number of
 * threads. */
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#ifdef __AVX512F__
#define LANES 16
#define LANE {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
#else /* wider vectors than the machine has are compiled lane by lane: 4.4 times slower with AVX2 */
#define LANES 8
#define LANE {0, 1, 2, 3, 4, 5, 6, 7}
#endif
#define HALF 5 /* taps on each side of the middle */

typedef float Floats __attribute__((vector_size(LANES * 4)));
typedef float Loose __attribute__((vector_size(LANES * 4), aligned(4)));
typedef int32_t Ints __attribute__((vector_size(LANES * 4)));
typedef double Doubles __attribute__((vector_size(LANES * 8)));

typedef struct {
    int64_t height, row, channels; /* row: values of one, width * channels */
    float taps[HALF + 1];          /* from the middle outwards */
    float luminance, structure;    /* the two constants of SSIM */
} Ssim;

INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* Values of a blurred row and the zeros around it, in whole vectors. */
INLINE int64_t width_of(const Ssim *ssim) {
    return (ssim->row + LANES - 1) / LANES * LANES + 2 * HALF * ssim->channels + LANES;
}

/* Values i .. i + LANES of a row, zero beyond its end. */
INLINE Floats load(const float *row, int64_t i, int64_t end) {
    Floats values = {0};
    if (end - i >= LANES) return *(const Loose *)(row + i);
    memcpy(&values, row + i, sizeof(float) * (size_t)(end - i));
    return values;
}

INLINE void store(float *row, int64_t i, int64_t end, Floats values) {
    if (end - i >= LANES) *(Loose *)(row + i) = values;
    else memcpy(row + i, &values, sizeof(float) * (size_t)(end - i));
}

/* The blur along the row at value i; `row` begins with HALF pixels of zeros. */
INLINE Floats along(const Ssim *ssim, const float *row, int64_t i) {
    const float *middle = row + HALF * ssim->channels + i;
    Floats sum = ssim->taps[0] * *(const Loose *)middle;
    for (int64_t k = 1; k <= HALF; k++)
        sum += ssim->taps[k] * (*(const Loose *)(middle - k * ssim->channels) + *(const Loose *)(middle + k * ssim->channels));
    return sum;
}

/* The sum of SSIM over row `r` of x and y; its derivatives by the blurred x, x^2 and x y into `slopes` (3 pictures) or null. */
static double compare_row(const Ssim *ssim, int64_t r, const float *x, const float *y, float *lines, float *slopes) {
    const int64_t row = ssim->row, width = width_of(ssim), first = HALF * ssim->channels, all = ssim->height * row;
    const int64_t top = larger(r - HALF, 0), bottom = smaller(r + HALF, ssim->height - 1);
    for (int64_t i = 0; i < row; i += LANES) {
        Floats sum[5] = {{0}};
        for (int64_t s = top; s <= bottom; s++) {
            const float tap = ssim->taps[s < r ? r - s : s - r];
            const Floats a = load(x + s * row, i, row), b = load(y + s * row, i, row);
            const Floats scaled_a = tap * a, scaled_b = tap * b;
            sum[0] += scaled_a;
            sum[1] += scaled_b;
            sum[2] += scaled_a * a;
            sum[3] += scaled_b * b;
            sum[4] += scaled_a * b;
        }
        for (int m = 0; m < 5; m++) *(Loose *)(lines + m * width + first + i) = sum[m];
    }
    const Ints lane = LANE;
    Doubles total = {0};
    for (int64_t i = 0; i < row; i += LANES) {
        Floats mean[5];
        for (int m = 0; m < 5; m++) mean[m] = along(ssim, lines + m * width, i);
        const Floats mx = mean[0], my = mean[1], product = mx * my, squares = mx * mx + my * my;
        const Floats light = 2 * product + ssim->luminance, shape = 2 * (mean[4] - product) + ssim->structure;
        const Floats lights = squares + ssim->luminance, shapes = mean[2] + mean[3] - squares + ssim->structure;
        const Floats inverse = 1 / (lights * shapes), value = light * shape * inverse;
        const Ints within = lane < (int32_t)smaller(row - i, LANES);
        total += __builtin_convertvector((Floats)((Ints)value & within), Doubles);
        if (slopes) {
            const Floats rest = value * inverse; /* value / (lights shapes) */
            float *to = slopes + r * row;
            store(to, i, row, 2 * (my * (shape - light) * inverse + mx * rest * (lights - shapes)));
            store(to + all, i, row, -rest * lights);
            store(to + 2 * all, i, row, 2 * light * inverse);
        }
    }
    double sum = 0;
    for (int j = 0; j < LANES; j++) sum += total[j];
    return sum;
}

/* Row `r` of the gradient: blurred slopes by the mean, + 2 x those by x^2, + y those by x y; all times `share`. */
static void slope_row(const Ssim *ssim, int64_t r, const float *x, const float *y, float *lines, const float *slopes,
                      float share, float *grad) {
    const int64_t row = ssim->row, width = width_of(ssim), first = HALF * ssim->channels, all = ssim->height * row;
    const int64_t top = larger(r - HALF, 0), bottom = smaller(r + HALF, ssim->height - 1);
    for (int64_t i = 0; i < row; i += LANES) {
        Floats sum[3] = {{0}};
        for (int64_t s = top; s <= bottom; s++) {
            const float tap = ssim->taps[s < r ? r - s : s - r];
            for (int m = 0; m < 3; m++) sum[m] += tap * load(slopes + m * all + s * row, i, row);
        }
        for (int m = 0; m < 3; m++) *(Loose *)(lines + m * width + first + i) = sum[m];
    }
    for (int64_t i = 0; i < row; i += LANES) {
        Floats mean[3];
        for (int m = 0; m < 3; m++) mean[m] = along(ssim, lines + m * width, i);
        const Floats a = load(x + r * row, i, row), b = load(y + r * row, i, row);
        store(grad + r * row, i, row, share * (mean[0] + 2 * a * mean[1] + b * mean[2]));
    }
}

/* Mean SSIM of x and y (height, row); grad (height, row) its gradient to x, or null. `slopes` (3, height, row) is scratch
 * for the gradient, `sums` (height,) for the rows' sums. NaN without memory. */
double tfg_ssim(const Ssim *ssim, const float *x, const float *y, float *slopes, double *sums, float *grad) {
    const int64_t line = 5 * width_of(ssim);
    const int threads = omp_get_max_threads();
    const float share = 1 / ((float)ssim->height * (float)ssim->row);
    float *all_lines = calloc((size_t)(threads * line), sizeof(float));
    if (!all_lines) return __builtin_nan("");
#pragma omp parallel num_threads(threads)
    {
        float *lines = all_lines + omp_get_thread_num() * line;
#pragma omp for schedule(static)
        for (int64_t r = 0; r < ssim->height; r++) sums[r] = compare_row(ssim, r, x, y, lines, grad ? slopes : 0);
        if (grad) {
#pragma omp for schedule(static)
            for (int64_t r = 0; r < ssim->height; r++) slope_row(ssim, r, x, y, lines, slopes, share, grad);
        }
    }
    free(all_lines);
    double total = 0;
    for (int64_t r = 0; r < ssim->height; r++) total += sums[r];
    return total / ((double)ssim->height * (double)ssim->row);
}
