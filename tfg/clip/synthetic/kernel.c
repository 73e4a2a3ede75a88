/* Loops over the samples of one picture of the embedded clip; what they mean, and the same in numpy, stands in raster.py.
   Every operation has the order and the precision it has there, so that not one bit differs: no fused multiply-adds, no -ffast-math. */
#include <float.h>
#include <stdint.h>

#define CHANNELS 5 /* of a texture of paint.py */

#if FLT_EVAL_METHOD != 0
#error "this processor keeps more digits between two operations than numpy does"
#endif

/* First and last sample whose middle lies between three corners along one axis, inside the picture. */
static void span(float a, float b, float c, float width, int32_t *first, int32_t *last) {
    float low = a < b ? a : b, high = a > b ? a : b;
    low = low < c ? low : c, high = high > c ? high : c;
    low = low < 0 ? 0 : low > width ? width : low;
    high = high < 0 ? 0 : high > width ? width : high;
    low -= 0.5f, high -= 0.5f;
    *first = (int32_t)low, *last = (int32_t)high; /* towards 0; up and down by hand, since ceilf and floorf are calls */
    *first += low > (float)*first, *last -= high < (float)*last;
}

/* The number m of covered samples; the first m of `sample` and `triangle`, and of each third of `weight`, are filled.
   All four buffers have width * width entries (weight three times as many); corners is (3, triangles). */
int64_t tfg_rasterise(const float *x, const float *y, const float *depth, const int64_t *corners, int64_t triangles, int64_t width,
                      double *nearness, int64_t *sample, int64_t *triangle, double *weight) {
    const int64_t samples = width * width;
    for (int64_t s = 0; s < samples; s++) triangle[s] = -1;
    for (int64_t t = 0; t < triangles; t++) {
        const int64_t i = corners[t], j = corners[triangles + t], k = corners[2 * triangles + t];
        const float area = (x[j] - x[i]) * (y[k] - y[i]) - (x[k] - x[i]) * (y[j] - y[i]);
        if (!(area > 1e-9f)) continue;
        int32_t left, right, top, bottom;
        span(x[i], x[j], x[k], (float)width, &left, &right);
        span(y[i], y[j], y[k], (float)width, &top, &bottom);
        const double scale = 1 / area;
        for (int32_t row = top; row <= bottom; row++) {
            const double middle_y = row + 0.5, yi = y[i] - middle_y, yj = y[j] - middle_y, yk = y[k] - middle_y;
            for (int32_t column = left; column <= right; column++) {
                const double middle_x = column + 0.5, xi = x[i] - middle_x, xj = x[j] - middle_x, xk = x[k] - middle_x;
                const double first = xj * yk - xk * yj, second = xk * yi - xi * yk, third = xi * yj - xj * yi;
                if (!(first >= 0 && second >= 0 && third >= 0)) continue;
                const double a = first * scale / depth[i], b = second * scale / depth[j], c = third * scale / depth[k];
                const double near = a + b + c;
                const int64_t s = row * width + column;
                if (triangle[s] >= 0 && near < nearness[s]) continue;
                nearness[s] = near, triangle[s] = t;
                weight[s] = a, weight[samples + s] = b, weight[2 * samples + s] = c;
            }
        }
    }
    int64_t m = 0;
    for (int64_t s = 0; s < samples; s++) {
        if (triangle[s] < 0) continue;
        const double far = 1 / nearness[s];
        sample[m] = s, triangle[m] = triangle[s];
        for (int64_t corner = 0; corner < 3; corner++) weight[corner * samples + m] = weight[corner * samples + s] * far;
        m++;
    }
    return m;
}

/* found (rows, m) of values (rows, vertices) between the corners (3, triangles) of triangle (m), by weight (3, m). */
void tfg_interpolate(const float *values, int64_t rows, int64_t vertices, const int64_t *corners, int64_t triangles,
                     const int64_t *triangle, const double *weight, int64_t m, float *found) {
    for (int64_t s = 0; s < m; s++) {
        const int64_t t = triangle[s], i = corners[t], j = corners[triangles + t], k = corners[2 * triangles + t];
        const double a = weight[s], b = weight[m + s], c = weight[2 * m + s];
        for (int64_t row = 0; row < rows; row++) {
            const float *value = values + row * vertices;
            found[row * m + s] = (float)(a * value[i] + b * value[j] + c * value[k]);
        }
    }
}

/* found (3, n) = points (3, n) turned: row vectors times matrix (3, 3). */
void tfg_turn(const float *restrict points, const float *matrix, int64_t n, float *restrict found) {
    for (int64_t k = 0; k < 3; k++) {
        const float first = matrix[k], second = matrix[3 + k], third = matrix[6 + k];
        for (int64_t s = 0; s < n; s++)
            found[k * n + s] = points[s] * first + points[n + s] * second + points[2 * n + s] * third;
    }
}

/* found (CHANNELS, m) of texture (height, width, CHANNELS), bilinear at place (2, m). */
void tfg_look_up(const float *restrict texture, int64_t height, int64_t width, const float *restrict place, int64_t m,
                 float *restrict found) {
    const int64_t channels = CHANNELS;
    const float wide = (float)(width - 1.001), high = (float)(height - 1.001);
    for (int64_t s = 0; s < m; s++) {
        const float across = place[s], along = place[m + s];
        const float x = (across < 0 ? 0 : across > 1 ? 1 : across) * wide, y = (along < 0 ? 0 : along > 1 ? 1 : along) * high;
        const int64_t left = (int64_t)x, top = (int64_t)y;
        const float right = x - (float)left, down = y - (float)top;
        const float *a = texture + (top * width + left) * channels, *c = a + width * channels;
        for (int64_t k = 0; k < channels; k++) {
            const float above = a[k] + right * (a[channels + k] - a[k]);
            const float below = c[k] + right * (c[channels + k] - c[k]);
            found[k * m + s] = above + down * (below - above);
        }
    }
}
