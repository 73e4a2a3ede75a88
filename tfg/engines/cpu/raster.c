/* Gaussian rasteriser of the cpu engine: projection, binning, compositing and their gradients; the maths is in gaussian/twin.py.
   Bits depend neither on the number of threads nor on their timing: tiles are independent, sums run in a fixed order. */
#include "raster_gradients.h"
#include "raster_harmonics.h"

/* Index of the first of `arrays` arrays that holds NaN or infinity, or -1. */
int tfg_raster_not_finite(int arrays, const float *const *values, const int64_t *counts)
{
    for (int a = 0; a < arrays; a++) {
        const float *here = values[a];
        uint32_t most = 0;
#pragma omp parallel for schedule(static) reduction(max : most) if (counts[a] > 200000)
        for (int64_t i = 0; i < counts[a]; i++) {
            uint32_t bits;
            memcpy(&bits, here + i, 4);
            bits &= 0x7fffffffu;
            most = bits > most ? bits : most;
        }
        if (most >= 0x7f800000u) return a;
    }
    return -1;
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
    const int coloured = backward ? r->back.v_rgb != NULL : r->p.rgb != NULL;
    if (backward) project_group_back(cam, &r->p, &r->back);
    else project_group(cam, &r->p);
#define COLOR(used) (backward ? color_group_back(cam, &r->p, &r->back, used) : color_group(cam, &r->p, used))
    switch (coloured ? cam->used : 0) {
    case 1: COLOR(1); break;
    case 4: COLOR(4); break;
    case 9: COLOR(9); break;
    case 16: COLOR(16); break;
    }
#undef COLOR
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
#pragma omp parallel for schedule(static) if (backward || n > WORTH_THREADS)
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

/* Gradient of the background, (1 - alpha) of the picture's. */
void tfg_raster_behind(int64_t pixels, int channels, const float *alpha, const float *v_color, float *v_background)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < pixels; i++) {
        const float left = 1.0f - alpha[i];
        for (int c = 0; c < channels; c++) v_background[i * channels + c] = v_color[i * channels + c] * left;
    }
}
