/* 3D Gaussians to ellipses on the picture, and harmonic coefficients to colours, with their gradients: twin.py's `project`. */
#ifndef TFG_RASTER_PROJECT_H
#define TFG_RASTER_PROJECT_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "raster_plan.h"

#define BLUR 0.3f
#define FRUSTUM_MARGIN 1.3
#define HALF_LOG2E 0.72134752044448170f /* exp(-q / 2) = 2^(-HALF_LOG2E q) */
#define BASIS_MAX 16

typedef struct {
    double rotation[9], translation[3], focal, near_z, far_z;
    int32_t width, height, antialias, normals;
    int32_t coefficients, used; /* harmonic coefficients a Gaussian, and how many of them count; 0: colours are given */
} camera;

/* What forward and backward share about one Gaussian. */
typedef struct {
    float x, y, inverse_z, slope_x, slope_y, clamped_x, clamped_y; /* camera */
    int free_x, free_y; /* inside the frustum margin, so the Jacobian moves with the mean */
    float quat[4], norm; /* unit quaternion, norm of the given one */
    float axes[9]; /* camera rotation times Gaussian rotation; columns are the principal axes */
    float flat_x[3], flat_y[3]; /* Jacobian rows times the axes, pixels per unit of scale */
    float xx, xy, yy, sharp, blurred; /* covariance without blur; determinant without and with it */
} ellipse;

INLINE void ellipse_of(const camera *cam, const float *mean, const float *quat, const float *scale, ellipse *e, double *depth)
{
    const double *R = cam->rotation, *t = cam->translation;
    double x = R[0] * mean[0] + R[1] * mean[1] + R[2] * mean[2] + t[0];
    double y = R[3] * mean[0] + R[4] * mean[1] + R[5] * mean[2] + t[1];
    double z = R[6] * mean[0] + R[7] * mean[1] + R[8] * mean[2] + t[2];
    *depth = z;
    z = (z >= cam->near_z) & (z <= cam->far_z) ? z : 1.0;
    const double inverse = 1.0 / z;
    const double limit_x = FRUSTUM_MARGIN * 0.5 * cam->width / cam->focal, limit_y = FRUSTUM_MARGIN * 0.5 * cam->height / cam->focal;
    const double slope_x = x * inverse, slope_y = y * inverse;
    e->x = (float)x, e->y = (float)y, e->inverse_z = (float)inverse;
    e->slope_x = (float)slope_x, e->slope_y = (float)slope_y;
    e->free_x = (slope_x >= -limit_x) & (slope_x <= limit_x);
    e->free_y = (slope_y >= -limit_y) & (slope_y <= limit_y);
    e->clamped_x = (float)(slope_x < -limit_x ? -limit_x : slope_x > limit_x ? limit_x : slope_x);
    e->clamped_y = (float)(slope_y < -limit_y ? -limit_y : slope_y > limit_y ? limit_y : slope_y);

    float norm = sqrtf(quat[0] * quat[0] + quat[1] * quat[1] + quat[2] * quat[2] + quat[3] * quat[3]);
    norm = norm > 1e-12f ? norm : 1e-12f;
    const float w = quat[0] / norm, i = quat[1] / norm, j = quat[2] / norm, k = quat[3] / norm;
    e->norm = norm, e->quat[0] = w, e->quat[1] = i, e->quat[2] = j, e->quat[3] = k;
    const float Q[9] = {1 - 2 * (j * j + k * k), 2 * (i * j - w * k), 2 * (i * k + w * j),
                        2 * (i * j + w * k), 1 - 2 * (i * i + k * k), 2 * (j * k - w * i),
                        2 * (i * k - w * j), 2 * (j * k + w * i), 1 - 2 * (i * i + j * j)};
    const float s = (float)(cam->focal * inverse);
    float S[3], T[3];
    e->xx = e->xy = e->yy = 0;
    for (int c = 0; c < 3; c++) {
        for (int r = 0; r < 3; r++)
            e->axes[3 * r + c] = (float)R[3 * r] * Q[c] + (float)R[3 * r + 1] * Q[3 + c] + (float)R[3 * r + 2] * Q[6 + c];
        e->flat_x[c] = s * (e->axes[c] - e->clamped_x * e->axes[6 + c]);
        e->flat_y[c] = s * (e->axes[3 + c] - e->clamped_y * e->axes[6 + c]);
        S[c] = e->flat_x[c] * scale[c], T[c] = e->flat_y[c] * scale[c];
        e->xx += S[c] * S[c], e->xy += S[c] * T[c], e->yy += T[c] * T[c];
    }
    const float m0 = S[1] * T[2] - S[2] * T[1], m1 = S[2] * T[0] - S[0] * T[2], m2 = S[0] * T[1] - S[1] * T[0];
    e->sharp = m0 * m0 + m1 * m1 + m2 * m2; /* Lagrange: no cancellation for needles */
    e->blurred = e->sharp + BLUR * (e->xx + e->yy) + BLUR * BLUR;
}

INLINE int shortest_axis(const float *scale)
{
    int axis = scale[1] < scale[0] ? 1 : 0;
    return scale[2] < scale[axis] ? 2 : axis;
}

/* Harmonic basis at the unit direction d; with `slopes`, its derivatives (BASIS_MAX, 3) as polynomials. */
INLINE void harmonics(const float *d, int used, float *basis, float (*slopes)[3])
{
    const float x = d[0], y = d[1], z = d[2];
    basis[0] = 0.28209479f;
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
    if (!slopes) return;
    memset(slopes, 0, (size_t)used * sizeof *slopes);
    if (used > 1) slopes[1][1] = -0.48860251f, slopes[2][2] = 0.48860251f, slopes[3][0] = -0.48860251f;
    if (used > 4) {
        slopes[4][0] = 1.09254843f * y, slopes[4][1] = 1.09254843f * x;
        slopes[5][1] = -1.09254843f * z, slopes[5][2] = -1.09254843f * y;
        slopes[6][2] = 2 * 0.94617470f * z;
        slopes[7][0] = -1.09254843f * z, slopes[7][2] = -1.09254843f * x;
        slopes[8][0] = 2 * 0.54627422f * x, slopes[8][1] = -2 * 0.54627422f * y;
    }
    if (used > 9) {
        slopes[9][0] = -6 * 0.59004359f * x * y, slopes[9][1] = 3 * 0.59004359f * (y * y - x * x);
        slopes[10][0] = 2.89061144f * y * z, slopes[10][1] = 2.89061144f * x * z, slopes[10][2] = 2.89061144f * x * y;
        slopes[11][1] = 0.45704580f * (1 - 5 * z * z), slopes[11][2] = -10 * 0.45704580f * y * z;
        slopes[12][2] = 3 * 0.37317633f * (5 * z * z - 1);
        slopes[13][0] = 0.45704580f * (1 - 5 * z * z), slopes[13][2] = -10 * 0.45704580f * x * z;
        slopes[14][0] = 2 * 1.44530572f * x * z, slopes[14][1] = -2 * 1.44530572f * y * z;
        slopes[14][2] = 1.44530572f * (x * x - y * y);
        slopes[15][0] = 3 * 0.59004359f * (y * y - x * x), slopes[15][1] = 6 * 0.59004359f * x * y;
    }
}

/* Unit direction from the camera's centre to the mean; returns the distance. */
INLINE float view_direction(const camera *cam, const float *mean, float *d)
{
    const double *R = cam->rotation, *t = cam->translation;
    double o[3], square = 0;
    for (int c = 0; c < 3; c++) {
        o[c] = mean[c] + R[c] * t[0] + R[3 + c] * t[1] + R[6 + c] * t[2];
        square += o[c] * o[c];
    }
    double distance = sqrt(square) > 1e-12 ? sqrt(square) : 1e-12;
    for (int c = 0; c < 3; c++) d[c] = (float)(o[c] / distance);
    return (float)distance;
}

/* Outputs (n, .): means2d 2, roots 3 (xx, xy, yy of the upper root M: alpha = opacity 2^-|M d|^2), strengths 1 (opacity after
   antialias), depths 1, normals 3 or NULL, rgb 3 or NULL, radii 1. Rows of culled Gaussians are 0 (roots 1). */
void tfg_raster_project(const camera *cam, int64_t n, const float *means, const float *quats, const float *scales,
                        const float *opacities, const float *coefficients, float *means2d, float *roots, float *strengths,
                        float *depths, float *normals, float *rgb, int32_t *radii)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        ellipse e;
        double z;
        ellipse_of(cam, means + 3 * i, quats + 4 * i, scales + 3 * i, &e, &z);
        const float xx = e.xx + BLUR, yy = e.yy + BLUR;
        const float strength = cam->antialias ? opacities[i] * sqrtf(fmaxf(e.sharp / e.blurred, 1e-12f)) : opacities[i];
        const float reach = sqrtf(2.0f * logf(fmaxf(strength / ALPHA_MIN, 1.0f)));
        const double u = cam->focal * e.slope_x + 0.5 * cam->width, v = cam->focal * e.slope_y + 0.5 * cam->height;
        const float half_x = ceilf(reach * sqrtf(xx)), half_y = ceilf(reach * sqrtf(yy));
        const int visible = (z >= cam->near_z) & (z <= cam->far_z) & (half_x > 0) & (half_y > 0) & (u + half_x > 0) &
                            (u - half_x < cam->width) & (v + half_y > 0) & (v - half_y < cam->height);
        const float largest = half_x > half_y ? half_x : half_y;
        radii[i] = visible ? (int32_t)fminf(largest, 1e9f) : 0;
        means2d[2 * i] = (float)u, means2d[2 * i + 1] = (float)v;
        const float root_yy = sqrtf(HALF_LOG2E / yy), root_xx = sqrtf(HALF_LOG2E * yy / e.blurred);
        roots[3 * i] = root_xx, roots[3 * i + 1] = -e.xy / yy * root_xx, roots[3 * i + 2] = root_yy;
        strengths[i] = strength;
        depths[i] = (float)z;
        if (normals) {
            const int a = shortest_axis(scales + 3 * i);
            const float side = e.axes[a] * e.slope_x + e.axes[3 + a] * e.slope_y + e.axes[6 + a];
            for (int c = 0; c < 3; c++) normals[3 * i + c] = side > 0 ? -e.axes[3 * c + a] : e.axes[3 * c + a];
        }
        if (rgb && visible) {
            float d[3], basis[BASIS_MAX], sum[3] = {0.5f, 0.5f, 0.5f};
            view_direction(cam, means + 3 * i, d);
            harmonics(d, cam->used, basis, NULL);
            const float *coefficient = coefficients + i * cam->coefficients * 3;
            for (int k = 0; k < cam->used; k++)
                for (int c = 0; c < 3; c++) sum[c] += basis[k] * coefficient[3 * k + c];
            for (int c = 0; c < 3; c++) rgb[3 * i + c] = sum[c] > 0 ? sum[c] : 0;
        }
    }
}

/* Gradients of the outputs above (v_depths, v_normals, v_rgb may be NULL) to those of the inputs; culled rows become 0. */
void tfg_raster_project_backward(const camera *cam, int64_t n, const float *means, const float *quats, const float *scales,
                                 const float *opacities, const float *coefficients, const int32_t *radii, const float *roots,
                                 const float *rgb, const float *v_means2d, const float *v_roots, const float *v_strengths,
                                 const float *v_depths, const float *v_normals, const float *v_rgb, float *v_means,
                                 float *v_quats, float *v_scales, float *v_opacities, float *v_coefficients)
{
    const double *R = cam->rotation;
    const float focal = (float)cam->focal;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        float *mean = v_means + 3 * i, *turn = v_quats + 4 * i, *size = v_scales + 3 * i;
        const int64_t own = (int64_t)cam->coefficients * 3;
        if (radii[i] <= 0) {
            memset(mean, 0, 12), memset(turn, 0, 16), memset(size, 0, 12);
            v_opacities[i] = 0;
            if (v_coefficients) memset(v_coefficients + i * own, 0, (size_t)own * 4);
            continue;
        }
        ellipse e;
        double z;
        const float *scale = scales + 3 * i;
        ellipse_of(cam, means + 3 * i, quats + 4 * i, scale, &e, &z);

        /* d loss / d covariance = M^T H M / HALF_LOG2E, H the gradient-weighted second moment of M d (docs/engines.md) */
        const float a = roots[3 * i], b = roots[3 * i + 1], c = roots[3 * i + 2];
        const float h_xy = -0.5f * c * v_roots[3 * i + 1], h_yy = -0.5f * c * v_roots[3 * i + 2];
        const float h_xx = -0.5f * a * v_roots[3 * i] + h_xy * b / c;
        float g_xx = a * a * h_xx / HALF_LOG2E;
        float g_xy = a * (h_xx * b + h_xy * c) / HALF_LOG2E;
        float g_yy = (h_xx * b * b + 2 * h_xy * b * c + h_yy * c * c) / HALF_LOG2E;
        float v_opacity = v_strengths[i];
        if (cam->antialias) {
            const float ratio = e.sharp / e.blurred, kept = sqrtf(fmaxf(ratio, 1e-12f));
            const float half = ratio > 1e-12f ? 0.5f / kept * v_strengths[i] * opacities[i] / e.blurred : 0.0f;
            g_xx += half * (e.yy - ratio * (e.yy + BLUR));
            g_yy += half * (e.xx - ratio * (e.xx + BLUR));
            g_xy += half * (ratio - 1.0f) * e.xy;
            v_opacity *= kept;
        }
        v_opacities[i] = v_opacity;

        float v_axes[9], v_jx = 0, v_jy = 0, v_jxz = 0, v_jyz = 0; /* Jacobian rows (jx, 0, jxz) and (0, jy, jyz) */
        const float s = focal * e.inverse_z;
        for (int k = 0; k < 3; k++) {
            const float S = e.flat_x[k] * scale[k], T = e.flat_y[k] * scale[k];
            const float v_S = 2 * (g_xx * S + g_xy * T), v_T = 2 * (g_xy * S + g_yy * T);
            size[k] = v_S * e.flat_x[k] + v_T * e.flat_y[k];
            const float fx = v_S * scale[k], fy = v_T * scale[k];
            v_jx += fx * e.axes[k], v_jxz += fx * e.axes[6 + k];
            v_jy += fy * e.axes[3 + k], v_jyz += fy * e.axes[6 + k];
            v_axes[k] = fx * s, v_axes[3 + k] = fy * s;
            v_axes[6 + k] = -s * (fx * e.clamped_x + fy * e.clamped_y);
        }
        if (v_normals) {
            const int k = shortest_axis(scale);
            const float side = e.axes[k] * e.slope_x + e.axes[3 + k] * e.slope_y + e.axes[6 + k];
            for (int r = 0; r < 3; r++) v_axes[3 * r + k] += side > 0 ? -v_normals[3 * i + r] : v_normals[3 * i + r];
        }
        const float v_mx = v_means2d[2 * i] * focal, v_my = v_means2d[2 * i + 1] * focal;
        const float v_sx = v_mx - (e.free_x ? s * v_jxz : 0), v_sy = v_my - (e.free_y ? s * v_jyz : 0);
        const float v_inverse = focal * (v_jx + v_jy - e.clamped_x * v_jxz - e.clamped_y * v_jyz) + v_sx * e.x + v_sy * e.y;
        const float v_x = v_sx * e.inverse_z, v_y = v_sy * e.inverse_z;
        const float v_z = (v_depths ? v_depths[i] : 0) - e.inverse_z * e.inverse_z * v_inverse;
        for (int k = 0; k < 3; k++) mean[k] = (float)R[k] * v_x + (float)R[3 + k] * v_y + (float)R[6 + k] * v_z;

        float V[9]; /* gradient of the Gaussian's own rotation */
        for (int r = 0; r < 3; r++)
            for (int k = 0; k < 3; k++)
                V[3 * r + k] = (float)R[r] * v_axes[k] + (float)R[3 + r] * v_axes[3 + k] + (float)R[6 + r] * v_axes[6 + k];
        const float w = e.quat[0], x = e.quat[1], y = e.quat[2], q = e.quat[3];
        float v[4] = {2 * (x * (V[7] - V[5]) + y * (V[2] - V[6]) + q * (V[3] - V[1])),
                      2 * (w * (V[7] - V[5]) - 2 * x * (V[4] + V[8]) + y * (V[1] + V[3]) + q * (V[2] + V[6])),
                      2 * (w * (V[2] - V[6]) + x * (V[1] + V[3]) - 2 * y * (V[0] + V[8]) + q * (V[5] + V[7])),
                      2 * (w * (V[3] - V[1]) + x * (V[2] + V[6]) + y * (V[5] + V[7]) - 2 * q * (V[0] + V[4]))};
        const float along = v[0] * w + v[1] * x + v[2] * y + v[3] * q;
        for (int k = 0; k < 4; k++) turn[k] = (v[k] - along * e.quat[k]) / e.norm;

        if (v_rgb) {
            float d[3], basis[BASIS_MAX], slopes[BASIS_MAX][3], live[3], v_d[3] = {0};
            const float distance = view_direction(cam, means + 3 * i, d);
            harmonics(d, cam->used, basis, slopes);
            const float *coefficient = coefficients + i * own;
            float *v_coefficient = v_coefficients + i * own;
            for (int k = 0; k < 3; k++) live[k] = rgb[3 * i + k] > 0 ? v_rgb[3 * i + k] : 0;
            for (int k = 0; k < cam->used; k++) {
                float dot = 0;
                for (int r = 0; r < 3; r++) {
                    v_coefficient[3 * k + r] = basis[k] * live[r];
                    dot += coefficient[3 * k + r] * live[r];
                }
                for (int r = 0; r < 3; r++) v_d[r] += dot * slopes[k][r];
            }
            memset(v_coefficient + 3 * cam->used, 0, (size_t)(own - 3 * cam->used) * 4);
            const float radial = v_d[0] * d[0] + v_d[1] * d[1] + v_d[2] * d[2];
            for (int r = 0; r < 3; r++) mean[r] += (v_d[r] - radial * d[r]) / distance;
        }
    }
}

#endif
