/* View-dependent colours max(0, 0.5 + sum of harmonics) of WIDTH Gaussians and their gradients: twin.py's `harmonic_colors`. */
#ifndef TFG_RASTER_HARMONICS_H
#define TFG_RASTER_HARMONICS_H

#include "raster_project.h"

#define BASIS_MAX 16

/* Unit directions (3) from the camera's centre to the means; returns 1 / distance. */
INLINE lanes view_direction(const camera *cam, const float *means, lanes *d)
{
    const double *R = cam->rotation, *t = cam->translation;
    lanes square = splat(0.0f);
    for (int c = 0; c < 3; c++) {
        d[c] = column(means + c, 3) + (float)(R[c] * t[0] + R[3 + c] * t[1] + R[6 + c] * t[2]);
        square += d[c] * d[c];
    }
    const lanes inverse = 1.0f / larger(square_root(square), splat(1e-12f));
    for (int c = 0; c < 3; c++) d[c] *= inverse;
    return inverse;
}

/* The `used` first basis functions at unit directions d, bands 0 to 3. */
INLINE void harmonics(const lanes *d, int used, lanes *basis)
{
    const lanes x = d[0], y = d[1], z = d[2];
    basis[0] = splat(0.28209479f);
    if (used > 1) basis[1] = -0.48860251f * y, basis[2] = 0.48860251f * z, basis[3] = -0.48860251f * x;
    if (used > 4) {
        basis[4] = 1.09254843f * x * y, basis[5] = -1.09254843f * y * z, basis[6] = 0.94617470f * z * z - 0.31539157f;
        basis[7] = -1.09254843f * x * z, basis[8] = 0.54627422f * (x * x - y * y);
    }
    if (used > 9) {
        basis[9] = 0.59004359f * y * (y * y - 3 * x * x), basis[10] = 2.89061144f * x * y * z;
        basis[11] = 0.45704580f * y * (1 - 5 * z * z), basis[12] = 0.37317633f * z * (5 * z * z - 3);
        basis[13] = 0.45704580f * x * (1 - 5 * z * z), basis[14] = 1.44530572f * z * (x * x - y * y);
        basis[15] = 0.59004359f * x * (3 * y * y - x * x);
    }
}

/* Adds sum_k g[k] d basis_k / d (x, y, z) to v. */
INLINE void harmonics_back(const lanes *d, int used, const lanes *g, lanes *v)
{
    const lanes x = d[0], y = d[1], z = d[2];
    if (used > 1) v[0] -= 0.48860251f * g[3], v[1] -= 0.48860251f * g[1], v[2] += 0.48860251f * g[2];
    if (used > 4) {
        v[0] += 1.09254843f * (y * g[4] - z * g[7] + x * g[8]);
        v[1] += 1.09254843f * (x * g[4] - z * g[5] - y * g[8]);
        v[2] += 1.89234939f * z * g[6] - 1.09254843f * (y * g[5] + x * g[7]);
    }
    if (used > 9) {
        const lanes far = 0.45704580f * (1 - 5 * z * z), cross = y * y - x * x;
        v[0] += -3.54026154f * x * y * g[9] + 2.89061144f * (y * z * g[10] + x * z * g[14]) + far * g[13] + 1.77013077f * cross * g[15];
        v[1] += 1.77013077f * cross * g[9] + 2.89061144f * (x * z * g[10] - y * z * g[14]) + far * g[11] + 3.54026154f * x * y * g[15];
        v[2] += 2.89061144f * x * y * g[10] - 4.57045799f * z * (y * g[11] + x * g[13]) + 1.11952900f * (5 * z * z - 1) * g[12] -
                1.44530572f * cross * g[14];
    }
}

INLINE void color_group(const camera *cam, const projected *p, const int used)
{
    lanes d[3], basis[BASIS_MAX];
    view_direction(cam, p->means, d);
    harmonics(d, used, basis);
    for (int l = 0; l < WIDTH; l++) {
        const float *coefficient = p->coefficients + (int64_t)l * cam->coefficients * 3, *at = (const float *)basis + l;
        float sum[3] = {0.5f, 0.5f, 0.5f};
        for (int k = 0; k < used; k++)
            for (int c = 0; c < 3; c++) sum[c] += at[k * WIDTH] * coefficient[3 * k + c];
        for (int c = 0; c < 3; c++) p->rgb[3 * l + c] = sum[c] > 0 ? sum[c] : 0;
    }
}

/* Fills v_coefficients and adds to v_means, which project_group_back has filled. */
INLINE void color_group_back(const camera *cam, const projected *p, const projected_back *back, const int used)
{
    lanes d[3], basis[BASIS_MAX], g[BASIS_MAX], v[3] = {splat(0.0f), splat(0.0f), splat(0.0f)};
    const lanes inverse = view_direction(cam, p->means, d);
    harmonics(d, used, basis);
    for (int l = 0; l < WIDTH; l++) {
        const int64_t own = (int64_t)l * cam->coefficients * 3;
        const float *coefficient = p->coefficients + own, *at = (const float *)basis + l;
        float *v_coefficient = back->v_coefficients + own, *dot = (float *)g + l, live[3];
        for (int c = 0; c < 3; c++) live[c] = (p->radii[l] > 0) & (p->rgb[3 * l + c] > 0) ? back->v_rgb[3 * l + c] : 0;
        for (int k = 0; k < used; k++) {
            for (int c = 0; c < 3; c++) v_coefficient[3 * k + c] = at[k * WIDTH] * live[c];
            dot[k * WIDTH] = coefficient[3 * k] * live[0] + coefficient[3 * k + 1] * live[1] + coefficient[3 * k + 2] * live[2];
        }
        for (int k = 3 * used; k < 3 * cam->coefficients; k++) v_coefficient[k] = 0;
    }
    harmonics_back(d, used, g, v);
    const lanes radial = v[0] * d[0] + v[1] * d[1] + v[2] * d[2];
    for (int c = 0; c < 3; c++) {
        float *mean = back->v_means + c;
        put_column(mean, 3, column(mean, 3) + (v[c] - radial * d[c]) * inverse);
    }
}

#endif
