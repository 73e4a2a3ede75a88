/* 3D Gaussians to ellipses on the picture, WIDTH at a time, with their gradients: twin.py's `project`. */
#ifndef TFG_RASTER_PROJECT_H
#define TFG_RASTER_PROJECT_H

#include "raster_lanes.h"

#define BLUR 0.3f
#define FRUSTUM_MARGIN 1.3
#define HALF_LOG2E 0.72134752044448170f /* exp(-q / 2) = 2^(-HALF_LOG2E q) */
#define LOG2_ALPHA_MIN (-7.99435344f) /* alpha 1 / 255 */
#define REACH 1.38629436112f /* 2 ln 2: (extent / sigma)^2 = REACH log2(255 opacity) */

typedef struct {
    double rotation[9], translation[3], focal, near_z, far_z;
    int32_t width, height, antialias;
    int32_t coefficients, used; /* harmonic coefficients a Gaussian, and how many of them count; 0: colours are given */
} camera;

/* The means as the camera sees them; double until the division, for depth order and sub-pixel accuracy. */
typedef struct {
    lanes x, y, z, inverse_z, slope_x, slope_y, u, v, inside; /* inside = 1 between near and far, else 0 */
} view;

/* What forward and backward share about the shape of WIDTH Gaussians. */
typedef struct {
    lanes clamped_x, clamped_y; /* slopes, no further out than the frustum margin */
    mask free_x, free_y; /* not clamped, so the Jacobian moves with the mean */
    lanes quat[4], inverse_norm; /* unit quaternion wxyz, 1 / norm of the given one */
    lanes axes[9]; /* camera rotation times Gaussian rotation; columns are the principal axes */
    lanes scale[3], flat_x[3], flat_y[3]; /* Jacobian rows times the axes: pixels per unit of scale */
    lanes xx, xy, yy, sharp, blurred; /* covariance without blur; determinant without and with it */
} ellipse;

INLINE view view_of(const camera *cam, const float *means)
{
    const double *R = cam->rotation, *t = cam->translation;
    const double near_z = cam->near_z, far_z = cam->far_z, focal = cam->focal, half_x = 0.5 * cam->width, half_y = 0.5 * cam->height;
    float out[9][WIDTH];
    view w;
    for (int l = 0; l < WIDTH; l++) {
        const double a = means[3 * l], b = means[3 * l + 1], c = means[3 * l + 2];
        const double x = R[0] * a + R[1] * b + R[2] * c + t[0];
        const double y = R[3] * a + R[4] * b + R[5] * c + t[1];
        const double z = R[6] * a + R[7] * b + R[8] * c + t[2];
        const int inside = (z >= near_z) & (z <= far_z);
        const double inverse = 1.0 / (inside ? z : 1.0), slope_x = x * inverse, slope_y = y * inverse;
        out[0][l] = (float)x, out[1][l] = (float)y, out[2][l] = (float)z, out[3][l] = (float)inverse;
        out[4][l] = (float)slope_x, out[5][l] = (float)slope_y;
        out[6][l] = (float)(focal * slope_x + half_x), out[7][l] = (float)(focal * slope_y + half_y);
        out[8][l] = inside ? 1.0f : 0.0f;
    }
    memcpy(&w, out, sizeof w);
    return w;
}

INLINE void ellipse_of(const camera *cam, const view *w, const float *quats, const float *scales, ellipse *e)
{
    const lanes limit_x = splat((float)(FRUSTUM_MARGIN * 0.5 * cam->width / cam->focal));
    const lanes limit_y = splat((float)(FRUSTUM_MARGIN * 0.5 * cam->height / cam->focal));
    e->clamped_x = larger(smaller(w->slope_x, limit_x), -limit_x);
    e->clamped_y = larger(smaller(w->slope_y, limit_y), -limit_y);
    e->free_x = less(w->slope_x * w->slope_x, limit_x * limit_x);
    e->free_y = less(w->slope_y * w->slope_y, limit_y * limit_y);
    lanes norm = splat(0.0f);
    for (int k = 0; k < 4; k++) {
        e->quat[k] = column(quats + k, 4);
        norm += e->quat[k] * e->quat[k];
    }
    e->inverse_norm = 1.0f / larger(square_root(norm), splat(1e-12f));
    for (int k = 0; k < 4; k++) e->quat[k] *= e->inverse_norm;
    const lanes r = e->quat[0], i = e->quat[1], j = e->quat[2], k = e->quat[3];
    const lanes Q[9] = {1 - 2 * (j * j + k * k), 2 * (i * j - r * k), 2 * (i * k + r * j),
                        2 * (i * j + r * k), 1 - 2 * (i * i + k * k), 2 * (j * k - r * i),
                        2 * (i * k - r * j), 2 * (j * k + r * i), 1 - 2 * (i * i + j * j)};
    const lanes s = w->inverse_z * (float)cam->focal;
    lanes S[3], T[3];
    for (int c = 0; c < 3; c++) {
        for (int a = 0; a < 3; a++)
            e->axes[3 * a + c] = Q[c] * (float)cam->rotation[3 * a] + Q[3 + c] * (float)cam->rotation[3 * a + 1] +
                                 Q[6 + c] * (float)cam->rotation[3 * a + 2];
        e->flat_x[c] = s * (e->axes[c] - e->clamped_x * e->axes[6 + c]);
        e->flat_y[c] = s * (e->axes[3 + c] - e->clamped_y * e->axes[6 + c]);
        e->scale[c] = column(scales + c, 3);
        S[c] = e->flat_x[c] * e->scale[c], T[c] = e->flat_y[c] * e->scale[c];
    }
    e->xx = S[0] * S[0] + S[1] * S[1] + S[2] * S[2];
    e->xy = S[0] * T[0] + S[1] * T[1] + S[2] * T[2];
    e->yy = T[0] * T[0] + T[1] * T[1] + T[2] * T[2];
    const lanes m0 = S[1] * T[2] - S[2] * T[1], m1 = S[2] * T[0] - S[0] * T[2], m2 = S[0] * T[1] - S[1] * T[0];
    e->sharp = m0 * m0 + m1 * m1 + m2 * m2; /* Lagrange: no cancellation for needles */
    e->blurred = e->sharp + BLUR * (e->xx + e->yy) + BLUR * BLUR;
}

/* How much opacity antialiasing keeps: sqrt(sharp / blurred). */
INLINE lanes kept_opacity(const ellipse *e)
{
    return square_root(larger(e->sharp / e->blurred, splat(1e-12f)));
}

/* Shortest axis turned to the camera (3), the sign it was turned by, and which axis it is (3 masks). */
INLINE void shortest_axis(const view *w, const ellipse *e, lanes *axis, lanes *sign, mask *which)
{
    const lanes *s = e->scale, two = smaller(s[0], s[1]);
    const mask second = less(s[1], s[0]), third = less(s[2], two);
    which[0] = less(s[0], s[0]), which[1] = second, which[2] = third;
    for (int r = 0; r < 3; r++) axis[r] = choose(third, e->axes[3 * r + 2], choose(second, e->axes[3 * r + 1], e->axes[3 * r]));
    const lanes side = axis[0] * w->slope_x + axis[1] * w->slope_y + axis[2];
    *sign = choose(less(splat(0.0f), side), splat(-1.0f), splat(1.0f));
    for (int r = 0; r < 3; r++) axis[r] *= *sign;
}

/* Pointers to the first of WIDTH rows; those marked ? may be NULL. */
typedef struct {
    const float *means, *quats, *scales, *opacities, *coefficients; /* 3 4 3 1 ?(coefficients, 3) */
    float *means2d, *roots, *strengths, *depths, *normals, *rgb; /* 2 3 1 1 ?3 ?3 */
    int32_t *radii; /* 1 */
} projected;

INLINE void project_group(const camera *cam, const projected *p)
{
    const view w = view_of(cam, p->means);
    ellipse e;
    ellipse_of(cam, &w, p->quats, p->scales, &e);
    lanes strength = column(p->opacities, 1);
    if (cam->antialias) strength *= kept_opacity(&e);
    const lanes yy = e.yy + BLUR, root_yy = square_root(HALF_LOG2E / yy), root_xx = square_root(HALF_LOG2E * yy / e.blurred);
    const lanes reach = larger(log2_of(larger(strength, splat(1e-30f))) - LOG2_ALPHA_MIN, splat(0.0f)) * REACH;
    const lanes half_x = square_root(reach * (e.xx + BLUR)), half_y = square_root(reach * yy);
    put_column(p->means2d, 2, w.u), put_column(p->means2d + 1, 2, w.v);
    put_column(p->roots, 3, root_xx), put_column(p->roots + 1, 3, -e.xy / yy * root_xx), put_column(p->roots + 2, 3, root_yy);
    put_column(p->strengths, 1, strength), put_column(p->depths, 1, w.z);
    const float *x = (const float *)&half_x, *y = (const float *)&half_y, *u = (const float *)&w.u, *v = (const float *)&w.v;
    const float *inside = (const float *)&w.inside, width = (float)cam->width, height = (float)cam->height;
    for (int l = 0; l < WIDTH; l++) {
        const float a = ceilf(x[l]), b = ceilf(y[l]), most = a > b ? a : b;
        const int touches = (a > 0) & (b > 0) & (u[l] + a > 0) & (u[l] - a < width) & (v[l] + b > 0) & (v[l] - b < height);
        p->radii[l] = touches & (inside[l] > 0) ? (int32_t)(most < 1e9f ? most : 1e9f) : 0;
    }
    if (p->normals) {
        lanes axis[3], sign;
        mask which[3];
        shortest_axis(&w, &e, axis, &sign, which);
        for (int c = 0; c < 3; c++) put_column(p->normals + c, 3, axis[c]);
    }
}

/* The same rows going back: v_* are given up to v_rgb (those marked ? may be NULL) and made from v_means on. */
typedef struct {
    const float *v_means2d, *v_roots, *v_strengths, *v_depths, *v_normals, *v_rgb; /* 2 3 1 ?1 ?3 ?3 */
    float *v_means, *v_quats, *v_scales, *v_opacities, *v_coefficients; /* 3 4 3 1 ?(coefficients, 3) */
} projected_back;

INLINE void project_group_back(const camera *cam, const projected *p, const projected_back *back)
{
    const double *R = cam->rotation;
    const float focal = (float)cam->focal;
    const lanes zero = splat(0.0f);
    const view w = view_of(cam, p->means);
    ellipse e;
    ellipse_of(cam, &w, p->quats, p->scales, &e);
    float visible[WIDTH];
    for (int l = 0; l < WIDTH; l++) visible[l] = p->radii[l] > 0 ? 1.0f : 0.0f;
    lanes shown;
    memcpy(&shown, visible, sizeof shown);
    const mask live = less(zero, shown);

    /* d loss / d covariance = M^T H M / HALF_LOG2E, H the gradient-weighted second moment of M (pixel - mean) */
    const lanes a = column(p->roots, 3), b = column(p->roots + 1, 3), c = column(p->roots + 2, 3);
    const lanes h_xy = -0.5f * c * column(back->v_roots + 1, 3), h_yy = -0.5f * c * column(back->v_roots + 2, 3);
    const lanes h_xx = -0.5f * a * column(back->v_roots, 3) + h_xy * b / c;
    lanes g_xx = a * a * h_xx * (1 / HALF_LOG2E);
    lanes g_xy = a * (h_xx * b + h_xy * c) * (1 / HALF_LOG2E);
    lanes g_yy = (h_xx * b * b + 2 * h_xy * b * c + h_yy * c * c) * (1 / HALF_LOG2E);
    lanes v_opacity = column(back->v_strengths, 1);
    if (cam->antialias) {
        const lanes ratio = e.sharp / e.blurred, kept = kept_opacity(&e);
        const lanes half = keep(less(splat(1e-12f), ratio), 0.5f / kept * v_opacity * column(p->opacities, 1) / e.blurred);
        g_xx += half * (e.yy - ratio * (e.yy + BLUR));
        g_yy += half * (e.xx - ratio * (e.xx + BLUR));
        g_xy += half * (ratio - 1.0f) * e.xy;
        v_opacity *= kept;
    }
    put_column(back->v_opacities, 1, keep(live, v_opacity));

    lanes v_axes[9], v_jx = zero, v_jy = zero, v_jxz = zero, v_jyz = zero; /* Jacobian rows (jx, 0, jxz) and (0, jy, jyz) */
    const lanes s = focal * w.inverse_z;
    for (int k = 0; k < 3; k++) {
        const lanes S = e.flat_x[k] * e.scale[k], T = e.flat_y[k] * e.scale[k];
        const lanes v_S = 2 * (g_xx * S + g_xy * T), v_T = 2 * (g_xy * S + g_yy * T);
        const lanes fx = v_S * e.scale[k], fy = v_T * e.scale[k];
        put_column(back->v_scales + k, 3, keep(live, v_S * e.flat_x[k] + v_T * e.flat_y[k]));
        v_jx += fx * e.axes[k], v_jxz += fx * e.axes[6 + k];
        v_jy += fy * e.axes[3 + k], v_jyz += fy * e.axes[6 + k];
        v_axes[k] = fx * s, v_axes[3 + k] = fy * s;
        v_axes[6 + k] = -s * (fx * e.clamped_x + fy * e.clamped_y);
    }
    if (back->v_normals) {
        lanes axis[3], sign;
        mask which[3];
        shortest_axis(&w, &e, axis, &sign, which);
        for (int r = 0; r < 3; r++) {
            const lanes v = sign * column(back->v_normals + r, 3), first = choose(which[2], zero, choose(which[1], zero, v));
            v_axes[3 * r] += first;
            v_axes[3 * r + 1] += choose(which[2], zero, keep(which[1], v));
            v_axes[3 * r + 2] += keep(which[2], v);
        }
    }
    const lanes v_sx = column(back->v_means2d, 2) * focal - keep(e.free_x, s * v_jxz);
    const lanes v_sy = column(back->v_means2d + 1, 2) * focal - keep(e.free_y, s * v_jyz);
    const lanes v_inverse = focal * (v_jx + v_jy - e.clamped_x * v_jxz - e.clamped_y * v_jyz) + v_sx * w.x + v_sy * w.y;
    const lanes v_x = v_sx * w.inverse_z, v_y = v_sy * w.inverse_z;
    lanes v_z = -w.inverse_z * w.inverse_z * v_inverse;
    if (back->v_depths) v_z += column(back->v_depths, 1);
    for (int k = 0; k < 3; k++)
        put_column(back->v_means + k, 3, keep(live, (float)R[k] * v_x + (float)R[3 + k] * v_y + (float)R[6 + k] * v_z));

    lanes V[9]; /* gradient of the Gaussian's own rotation */
    for (int r = 0; r < 3; r++)
        for (int k = 0; k < 3; k++)
            V[3 * r + k] = (float)R[r] * v_axes[k] + (float)R[3 + r] * v_axes[3 + k] + (float)R[6 + r] * v_axes[6 + k];
    const lanes q = e.quat[0], x = e.quat[1], y = e.quat[2], z = e.quat[3];
    const lanes v[4] = {2 * (x * (V[7] - V[5]) + y * (V[2] - V[6]) + z * (V[3] - V[1])),
                        2 * (q * (V[7] - V[5]) - 2 * x * (V[4] + V[8]) + y * (V[1] + V[3]) + z * (V[2] + V[6])),
                        2 * (q * (V[2] - V[6]) + x * (V[1] + V[3]) - 2 * y * (V[0] + V[8]) + z * (V[5] + V[7])),
                        2 * (q * (V[3] - V[1]) + x * (V[2] + V[6]) + y * (V[5] + V[7]) - 2 * z * (V[0] + V[4]))};
    const lanes along = v[0] * q + v[1] * x + v[2] * y + v[3] * z;
    for (int k = 0; k < 4; k++) put_column(back->v_quats + k, 4, keep(live, (v[k] - along * e.quat[k]) * e.inverse_norm));
}

#endif
