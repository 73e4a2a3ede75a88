/* How far a rendered picture is from the true one, and the gradient of that (the definition: tfg/engines/photometric/twin.py).
 *
 * A row of pixels is one long vector: the 11-tap blur of SSIM (Wang et al. 2004) runs down the columns, then along the row with a
 * stride of the channels, a vector of values at a time. A thread goes down its band of rows strip by strip, and keeps of a strip
 * what the blurs of the next rows read, in rings that stay in its cache. Where the pictures are the same around a pixel its SSIM is 1
 * and its gradient 0: of a row only the values from the first to the last that can be anything else are looked at. A row's sums are
 * added strip by strip, and rows in their order: same bits for any number of threads. */
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
#define WIDE 2    /* vectors at a time down the columns */
#define HALF 5    /* taps on each side of the middle */
#define RING 12   /* rows kept: at least 2 HALF + 1 */
#define STRIP 512 /* values of a row at a time */
#define MAPS 4    /* blurred: x, y, x^2 + y^2, x y */
#define SLOPES 3  /* derivatives of SSIM by the blurred x, x^2 and x y */
enum { SSIM, ABSOLUTE, BOXED, ALPHA, SUMS };

typedef float Floats __attribute__((vector_size(LANES * 4)));
typedef float Loose __attribute__((vector_size(LANES * 4), aligned(4)));
typedef int32_t Ints __attribute__((vector_size(LANES * 4)));

typedef struct {
    int64_t height, width, channels;
    int64_t top, bottom, left, right; /* of the box, in pixels; empty where there is none */
    int64_t veiled;                   /* the rendered picture too is seen only where `shown` says */
    float taps[HALF + 1];             /* from the middle outwards */
    float luminance, structure;       /* the two constants of SSIM */
    float weights[SUMS];
} Loss;

typedef struct { /* (height, width, channels), backdrop (channels,), the others (height, width); null where not given */
    const float *rendered, *truth, *shown, *backdrop, *alpha, *silhouette;
} Given;

typedef struct { /* columns of values */
    int64_t start, stop;
} Span;

typedef struct { /* of one thread and strip; a row's pointer is to the first value that it has */
    Span own, compared, read;          /* of the gradient; of SSIM, which its blur reads; of the pictures, which SSIM's blur reads */
    const float *x[RING], *y[RING];    /* rows of both pictures as they are compared, of `read` */
    float *mixed[RING][2], *seen[RING]; /* where they are mixed with the backdrop, and how much of each value is seen, of `read` */
    float *slopes[RING][SLOPES];       /* of `compared` */
    Span differing[RING], uneven[RING]; /* of a row, in its own counting: values of `read` that differ, slopes that are not 0 */
    float *lines[MAPS + SLOPES];       /* blurred down the columns, with HALF pixels of zeros where the picture ends */
    float *backdrop;                   /* of `read` */
} Strip;

typedef struct { /* the rows around one that are within the picture */
    int64_t count, places[2 * HALF + 1];
    float taps[2 * HALF + 1];
} Window;

INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* Values i .. i + LANES of a row, zero beyond its end; `whole`: there is no end among them. */
INLINE Floats take(const float *row, int64_t i, int64_t end, int whole) {
    if (whole) return *(const Loose *)(row + i);
    Floats values = {0};
    memcpy(&values, row + i, sizeof(float) * (size_t)smaller(end - i, LANES));
    return values;
}

INLINE void put(float *row, int64_t i, int64_t end, Floats values, int whole) {
    if (whole) *(Loose *)(row + i) = values;
    else memcpy(row + i, &values, sizeof(float) * (size_t)smaller(end - i, LANES));
}

INLINE double added(Floats values) {
    double sum = 0;
    for (int j = 0; j < LANES; j++) sum += values[j];
    return sum;
}

INLINE Ints within(int64_t i, int64_t start, int64_t stop) {
    const Ints place = (Ints)LANE + (int32_t)i;
    return (place >= (int32_t)start) & (place < (int32_t)stop);
}

INLINE Floats where(Ints mask, Floats values) { return (Floats)((Ints)values & mask); }
INLINE Floats size_of(Floats difference) { return (Floats)((Ints)difference & 0x7fffffff); }

/* `size` with the sign of the difference, 0 where there is none. */
INLINE Floats signed_by(Floats difference, Floats size) {
    return where(difference != 0, (Floats)((Ints)size | ((Ints)difference & (int32_t)0x80000000)));
}

INLINE Window window_of(const Loss *loss, int64_t r) {
    Window window = {0};
    for (int64_t s = larger(r - HALF, 0); s <= smaller(r + HALF, loss->height - 1); s++, window.count++) {
        window.places[window.count] = s % RING;
        window.taps[window.count] = loss->taps[s < r ? r - s : s - r];
    }
    return window;
}

/* From the first to the last value that some row of the window has in its span, and `border` values around, of [0, end). */
INLINE Span spread(const Span *spans, const Window *window, int64_t moved, int64_t border, int64_t end) {
    Span all = {INT64_MAX, INT64_MIN};
    for (int64_t s = 0; s < window->count; s++) {
        const Span one = spans[window->places[s]];
        if (one.start < one.stop) all = (Span){smaller(all.start, one.start), larger(all.stop, one.stop)};
    }
    if (all.start > all.stop) return (Span){0, 0};
    return (Span){larger(all.start - moved - border, 0), smaller(all.stop - moved + border, end)};
}

/* The span up to a whole number of vectors, which may pass `end` by less than one. */
INLINE Span in_vectors(Span span) {
    return (Span){span.start, span.start + (larger(span.stop - span.start, 0) + LANES - 1) / LANES * LANES};
}

/* From the first to the last of `count` values that differ, to within a vector. */
INLINE Span difference_of(const float *x, const float *y, int64_t count) {
    const Ints none = {0};
    int64_t start = 0, stop = (count + LANES - 1) / LANES * LANES;
    for (; start < stop; start += LANES) {
        const Ints differ = take(x, start, count, start + LANES <= count) != take(y, start, count, start + LANES <= count);
        if (memcmp(&differ, &none, sizeof none)) break;
    }
    for (; start < stop; stop -= LANES) {
        const int64_t i = stop - LANES;
        const Ints differ = take(x, i, count, stop <= count) != take(y, i, count, stop <= count);
        if (memcmp(&differ, &none, sizeof none)) break;
    }
    return (Span){start, smaller(stop, count)};
}

/* The blur along a line at value i. */
INLINE Floats along(const Loss *loss, const float *line, int64_t i) {
    const float *middle = line + HALF * loss->channels + i;
    Floats sum = loss->taps[0] * *(const Loose *)middle;
    for (int64_t k = 1; k <= HALF; k++)
        sum += loss->taps[k] * (*(const Loose *)(middle - k * loss->channels) + *(const Loose *)(middle + k * loss->channels));
    return sum;
}

/* Both pictures' row r, `count` values of it, as they are seen over the backdrop. */
static void mix_row(const Loss *loss, const Given *given, Strip *strip, int64_t r, int64_t count) {
    const int64_t place = r % RING, channels = loss->channels;
    const float *x = strip->x[place], *y = strip->y[place], *backdrop = strip->backdrop;
    const float *shown = given->shown + r * loss->width + strip->read.start / channels;
    float *seen = strip->seen[place], *own_x = strip->mixed[place][0], *own_y = strip->mixed[place][1];
    for (int64_t p = 0; p < count / channels; p++)
        for (int64_t c = 0; c < channels; c++) seen[p * channels + c] = shown[p];
    for (int64_t i = 0; i < count; i++) own_y[i] = backdrop[i] + seen[i] * (y[i] - backdrop[i]);
    strip->y[place] = own_y;
    if (!loss->veiled) return;
    for (int64_t i = 0; i < count; i++) own_x[i] = backdrop[i] + seen[i] * (x[i] - backdrop[i]);
    strip->x[place] = own_x;
}

/* Both pictures' row r as it is compared, into the rings. */
static void take_row(const Loss *loss, const Given *given, Strip *strip, int64_t r) {
    const int64_t place = r % RING, first = r * loss->width * loss->channels + strip->read.start;
    const int64_t count = strip->read.stop - strip->read.start;
    strip->x[place] = given->rendered + first;
    strip->y[place] = given->truth + first;
    if (given->shown) mix_row(loss, given, strip, r, count);
    strip->differing[place] = difference_of(strip->x[place], strip->y[place], count);
}

/* `count` vectors at value i of x, y, x^2 + y^2 and x y, blurred down the columns, into their lines. */
INLINE void down_pictures(const Strip *strip, const Window *window, int64_t i, int count, int64_t end, int64_t to) {
    Floats sum[MAPS][WIDE] = {{{0}}};
    for (int64_t s = 0; s < window->count; s++) {
        const float tap = window->taps[s], *x = strip->x[window->places[s]], *y = strip->y[window->places[s]];
        for (int v = 0; v < count; v++) {
            const Floats a = take(x, i + v * LANES, end, count == WIDE), b = take(y, i + v * LANES, end, count == WIDE);
            const Floats scaled_a = tap * a, scaled_b = tap * b;
            sum[0][v] += scaled_a;
            sum[1][v] += scaled_b;
            sum[2][v] += scaled_a * a;
            sum[2][v] += scaled_b * b;
            sum[3][v] += scaled_a * b;
        }
    }
    for (int m = 0; m < MAPS; m++)
        for (int v = 0; v < count; v++) *(Loose *)(strip->lines[m] + to + i + v * LANES) = sum[m][v];
}

/* The same of the derivatives. */
INLINE void down_slopes(const Strip *strip, const Window *window, int64_t i, int count, int64_t end, int64_t to) {
    Floats sum[SLOPES][WIDE] = {{{0}}};
    for (int64_t s = 0; s < window->count; s++)
        for (int m = 0; m < SLOPES; m++)
            for (int v = 0; v < count; v++) {
                const float *slopes = strip->slopes[window->places[s]][m];
                sum[m][v] += window->taps[s] * take(slopes, i + v * LANES, end, count == WIDE);
            }
    for (int m = 0; m < SLOPES; m++)
        for (int v = 0; v < count; v++) *(Loose *)(strip->lines[MAPS + m] + to + i + v * LANES) = sum[m][v];
}

/* The sum of SSIM over the strip's row r, and its derivatives into the ring of slopes. */
static double compare_row(const Loss *loss, Strip *strip, int64_t r) {
    const Span compared = strip->compared, own = {strip->own.start - compared.start, strip->own.stop - compared.start};
    const int64_t count = strip->read.stop - strip->read.start, end = compared.stop - compared.start, place = r % RING;
    const int64_t border = HALF * loss->channels, moved = compared.start - strip->read.start, to = border - moved;
    const Window window = window_of(loss, r);
    const Span span = in_vectors(spread(strip->differing, &window, moved, border, end));
    float **slopes = strip->slopes[place];
    strip->uneven[place] = (Span){span.start, smaller(span.stop, end)};
    for (int m = 0; m < SLOPES; m++) {
        memset(slopes[m], 0, sizeof(float) * (size_t)span.start);
        if (span.stop < end) memset(slopes[m] + span.stop, 0, sizeof(float) * (size_t)(end - span.stop));
    }
    if (span.start < span.stop) {
        const Span blurred = {larger(span.start + moved - border, 0), smaller(span.stop + moved + border, count)};
        int64_t i = blurred.start;
        for (; i + WIDE * LANES <= blurred.stop; i += WIDE * LANES) down_pictures(strip, &window, i, WIDE, count, to);
        for (; i < blurred.stop; i += LANES) down_pictures(strip, &window, i, 1, count, to);
    }
    Floats total = {0};
    for (int64_t i = span.start; i < span.stop; i += LANES) {
        Floats mean[MAPS];
        for (int m = 0; m < MAPS; m++) mean[m] = along(loss, strip->lines[m], i);
        const Floats mx = mean[0], my = mean[1], product = mx * my, squares = mx * mx + my * my;
        const Floats light = 2 * product + loss->luminance, shape = 2 * (mean[3] - product) + loss->structure;
        const Floats lights = squares + loss->luminance, shapes = mean[2] - squares + loss->structure;
        const Floats inverse = 1 / (lights * shapes), value = light * shape * inverse, rest = value * inverse;
        total += where(within(i, own.start, own.stop), value);
        put(slopes[0], i, end, 2 * (my * (shape - light) * inverse + mx * rest * (lights - shapes)), 1);
        put(slopes[1], i, end, -rest * lights, 1);
        put(slopes[2], i, end, 2 * light * inverse, 1); /* what lies beyond the end is never read */
    }
    const int64_t looked_at = larger(smaller(span.stop, own.stop) - larger(span.start, own.start), 0);
    return added(total) + (double)(own.stop - own.start - looked_at);
}

typedef struct { /* what a row of the gradient is made of; from the strip's first own value on */
    const float *x, *y, *seen;
    float *made; /* null where no gradient is wanted */
    int64_t end, left, right;
    float dissimilarity, absolute, boxed; /* weights of a value */
} Closing;

/* A vector of that row, at value i: of SSIM blurred slopes by the mean, + 2 x those by x^2, + y those by x y; of absolute differences
 * their signs. */
INLINE void close_at(const Loss *loss, Strip *strip, const Closing *row, int64_t i, int whole, Floats *absolute, Floats *boxed) {
    const Floats a = take(row->x, i, row->end, whole), b = take(row->y, i, row->end, whole), difference = a - b, size = size_of(difference);
    const Ints in_box = within(i, row->left, row->right);
    *absolute += size;
    *boxed += where(in_box, size);
    if (!row->made) return;
    Floats mean[SLOPES];
    for (int m = 0; m < SLOPES; m++) mean[m] = along(loss, strip->lines[MAPS + m], i);
    const Floats weight = row->absolute + where(in_box, (Floats){0} + row->boxed);
    Floats slope = row->dissimilarity * (mean[0] + 2 * a * mean[1] + b * mean[2]) + signed_by(difference, weight);
    if (row->seen) slope *= *(const Loose *)(row->seen + i);
    put(row->made, i, row->end, slope, whole);
}

/* Absolute differences of the strip's row r, and its part of the gradient. */
static void close_row(const Loss *loss, Strip *strip, int64_t r, double *sums, float *grad) {
    const Span own = strip->own, compared = strip->compared;
    const int64_t values = loss->width * loss->channels, skipped = own.start - strip->read.start, place = r % RING;
    const int crossed = loss->top <= r && r < loss->bottom;
    const float share = 1 / ((float)loss->height * (float)values);
    const Closing row = {
        .x = strip->x[place] + skipped,
        .y = strip->y[place] + skipped,
        .seen = loss->veiled ? strip->seen[place] + skipped : 0,
        .made = grad ? grad + r * values + own.start : 0,
        .end = own.stop - own.start,
        .left = (crossed ? loss->left * loss->channels : values) - own.start,
        .right = (crossed ? loss->right * loss->channels : values) - own.start,
        .dissimilarity = -loss->weights[SSIM] * share,
        .absolute = loss->weights[ABSOLUTE] * share,
        .boxed = loss->weights[BOXED] * share,
    };
    Span span = {strip->differing[place].start - skipped, strip->differing[place].stop - skipped};
    if (grad) {
        const int64_t count = compared.stop - compared.start, border = HALF * loss->channels, moved = own.start - compared.start;
        const Window window = window_of(loss, r);
        span = spread(strip->uneven, &window, moved, border, row.end);
        memset(row.made, 0, sizeof(float) * (size_t)span.start);
        memset(row.made + span.stop, 0, sizeof(float) * (size_t)(row.end - span.stop));
        if (span.start < span.stop) {
            const Span blurred = {larger(span.start + moved - border, 0), smaller(span.stop + moved + border + LANES, count)};
            int64_t i = blurred.start;
            for (; i + WIDE * LANES <= blurred.stop; i += WIDE * LANES) down_slopes(strip, &window, i, WIDE, count, border - moved);
            for (; i < blurred.stop; i += LANES) down_slopes(strip, &window, i, 1, count, border - moved);
        }
    }
    Floats absolute = {0}, boxed = {0};
    for (int64_t i = larger(span.start, 0); i < smaller(span.stop, row.end); i += LANES)
        close_at(loss, strip, &row, i, i + LANES <= row.end, &absolute, &boxed);
    sums[ABSOLUTE] += added(absolute);
    sums[BOXED] += added(boxed);
}

/* Absolute differences of the row r of alpha from its silhouette, and their gradient. */
static double cover_row(const Loss *loss, const Given *given, int64_t r, float *grad) {
    const int64_t width = loss->width, start = r * width;
    const float share = loss->weights[ALPHA] / ((float)loss->height * (float)width);
    Floats sum = {0};
    for (int64_t i = 0; i < width; i += LANES) {
        const Floats difference = take(given->alpha + start, i, width, 0) - take(given->silhouette + start, i, width, 0);
        sum += size_of(difference);
        if (grad) put(grad + start, i, width, signed_by(difference, (Floats){0} + share), 0);
    }
    return added(sum);
}

/* Rows [first, last) of a strip. */
static void do_strip(const Loss *loss, const Given *given, Strip *strip, int64_t first, int64_t last, double *sums, float *grad) {
    const int64_t height = loss->height, begin = grad ? larger(first - HALF, 0) : first;
    const int64_t end = grad ? smaller(last + HALF, height) : last;
    int64_t taken = larger(begin - HALF, 0), closed = first;
    for (int64_t r = begin; r < end; r++) {
        for (; taken < smaller(r + HALF + 1, height); taken++) take_row(loss, given, strip, taken);
        const double similarity = compare_row(loss, strip, r);
        if (first <= r && r < last) sums[r * SUMS + SSIM] += similarity;
        for (; closed < last && (!grad ? closed <= r : closed + HALF <= r || r == height - 1); closed++)
            close_row(loss, strip, closed, sums + closed * SUMS, grad);
    }
}

INLINE Span around(Span span, int64_t border, int64_t row) {
    return (Span){larger(span.start - border, 0), smaller(span.stop + border, row)};
}

/* Rows [first, last) of everything; 0, or 1 without memory. */
static int do_band(const Loss *loss, const Given *given, int64_t first, int64_t last, double *sums, float *grad, float *grad_alpha) {
    const int64_t channels = loss->channels, row = loss->width * channels, border = HALF * channels;
    const int64_t step = larger(STRIP / channels, 1) * channels, most = step + 4 * border + WIDE * LANES;
    float *scratch = malloc(sizeof(float) * (size_t)(most * (RING * (SLOPES + 3) + MAPS + SLOPES + 1)));
    if (!scratch) return 1;
    Strip strip;
    float *at = scratch;
    for (int m = 0; m < MAPS + SLOPES; m++, at += most) strip.lines[m] = at;
    strip.backdrop = at;
    at += most;
    for (int k = 0; k < RING; k++) {
        for (int m = 0; m < SLOPES; m++, at += most) strip.slopes[k][m] = at;
        for (int m = 0; m < 2; m++, at += most) strip.mixed[k][m] = at;
        strip.seen[k] = at;
        at += most;
    }
    if (given->shown)
        for (int64_t i = 0; i < most; i++) strip.backdrop[i] = given->backdrop[i % channels];
    memset(sums + first * SUMS, 0, sizeof(double) * (size_t)((last - first) * SUMS));
    for (int64_t start = 0; start < row; start += step) {
        strip.own = (Span){start, smaller(start + step, row)};
        strip.compared = around(strip.own, grad ? border : 0, row);
        strip.read = around(strip.compared, border, row);
        memset(scratch, 0, sizeof(float) * (size_t)(most * (MAPS + SLOPES)));
        do_strip(loss, given, &strip, first, last, sums, grad);
    }
    if (given->alpha)
        for (int64_t r = first; r < last; r++) sums[r * SUMS + ALPHA] = cover_row(loss, given, r, grad_alpha);
    free(scratch);
    return 0;
}

/* The loss; `grad` (height, width, channels) and `grad_alpha` (height, width) its gradients, or null. `sums` (height, SUMS) is
 * scratch. NaN without memory. */
double tfg_photometric(const Loss *loss, const Given *given, double *sums, float *grad, float *grad_alpha) {
    const int64_t height = loss->height;
    int failed = 0;
#pragma omp parallel num_threads((int)smaller(omp_get_max_threads(), height)) reduction(| : failed)
    {
        const int64_t thread = omp_get_thread_num(), count = omp_get_num_threads();
        failed |= do_band(loss, given, height * thread / count, height * (thread + 1) / count, sums, grad, grad_alpha);
    }
    if (failed) return __builtin_nan("");
    double total[SUMS] = {0};
    for (int64_t r = 0; r < height; r++)
        for (int s = 0; s < SUMS; s++) total[s] += sums[r * SUMS + s];
    const double pixels = (double)height * (double)loss->width, values = pixels * (double)loss->channels;
    return loss->weights[SSIM] * (1 - total[SSIM] / values) + loss->weights[ABSOLUTE] * total[ABSOLUTE] / values +
           loss->weights[BOXED] * total[BOXED] / values + loss->weights[ALPHA] * total[ALPHA] / pixels;
}
