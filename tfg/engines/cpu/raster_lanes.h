/* One vector of pixels: 16 lanes with AVX-512, else 8 (AVX2, or what the compiler makes of them on SSE and NEON). */
#ifndef TFG_RASTER_LANES_H
#define TFG_RASTER_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include <immintrin.h>
#define WIDTH 16
typedef __m512 lanes;
typedef __mmask16 mask;
typedef int32_t whole __attribute__((vector_size(64)));

INLINE lanes splat(float value) { return _mm512_set1_ps(value); }
INLINE mask less(lanes a, lanes b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
INLINE mask less_where(mask m, lanes a, lanes b) { return _mm512_mask_cmp_ps_mask(m, a, b, _CMP_LT_OQ); }
INLINE lanes keep(mask m, lanes a) { return _mm512_maskz_mov_ps(m, a); }
INLINE lanes choose(mask m, lanes a, lanes b) { return _mm512_mask_mov_ps(b, m, a); }
INLINE int any(mask m) { return m != 0; }
INLINE uint32_t mask_bits(mask m) { return m; }
INLINE lanes smaller(lanes a, lanes b) { return _mm512_min_ps(a, b); }
INLINE lanes larger(lanes a, lanes b) { return _mm512_max_ps(a, b); }

INLINE lanes square_root(lanes a) { return _mm512_sqrt_ps(a); }
INLINE lanes reciprocal(lanes a)
{
    lanes r = _mm512_rcp14_ps(a);
    return _mm512_fmadd_ps(_mm512_fnmadd_ps(a, r, splat(1.0f)), r, r);
}

INLINE lanes fraction(lanes p) { return _mm512_reduce_ps(p, 0x09); } /* p - floor(p) */
INLINE lanes times_power(lanes a, lanes p) { return _mm512_scalef_ps(a, p); } /* a 2^floor(p) */

/* Sums over the lanes of 16 vectors (those from `count` on are not read): out[i] = sum of v[i]. */
INLINE void reduce16(const lanes *v, int count, float *out)
{
    __m512 a[8], b[4], c[2];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        __m512 p = i < count ? v[i] : _mm512_setzero_ps(), q = i + 8 < count ? v[i + 8] : _mm512_setzero_ps();
        a[i] = _mm512_add_ps(_mm512_shuffle_f32x4(p, q, 0x44), _mm512_shuffle_f32x4(p, q, 0xEE));
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        b[i] = _mm512_add_ps(_mm512_shuffle_f32x4(a[i], a[i + 4], 0x88), _mm512_shuffle_f32x4(a[i], a[i + 4], 0xDD));
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++)
        c[i] = _mm512_add_ps(_mm512_shuffle_ps(b[i], b[i + 2], 0x44), _mm512_shuffle_ps(b[i], b[i + 2], 0xEE));
    __m512 d = _mm512_add_ps(_mm512_shuffle_ps(c[0], c[1], 0x88), _mm512_shuffle_ps(c[0], c[1], 0xDD));
    /* d holds vector 4 h + ... : put the sums back into the order of v */
    const __m512i order = _mm512_setr_epi32(0, 2, 1, 3, 8, 10, 9, 11, 4, 6, 5, 7, 12, 14, 13, 15);
    _mm512_storeu_ps(out, _mm512_permutexvar_ps(order, d));
}

#else /* 8 lanes in GCC's and clang's portable vectors */
#define WIDTH 8
#if defined(__AVX__)
#include <immintrin.h>
typedef __m256 lanes;
#else
#pragma GCC diagnostic ignored "-Wpsabi"
typedef float lanes __attribute__((vector_size(32)));
#endif
typedef int32_t mask __attribute__((vector_size(32)));
typedef mask whole;

INLINE lanes splat(float value) { return (lanes){0} + value; }
INLINE mask less(lanes a, lanes b) { return a < b; }
INLINE mask less_where(mask m, lanes a, lanes b) { return m & (a < b); }
INLINE lanes keep(mask m, lanes a) { return (lanes)(m & (mask)a); }
INLINE lanes reciprocal(lanes a) { return 1.0f / a; }

#if defined(__AVX__)
INLINE lanes choose(mask m, lanes a, lanes b) { return _mm256_blendv_ps(b, a, (__m256)m); }
INLINE uint32_t mask_bits(mask m) { return (uint32_t)_mm256_movemask_ps((__m256)m); }
INLINE int any(mask m) { return mask_bits(m) != 0; }
INLINE lanes smaller(lanes a, lanes b) { return _mm256_min_ps(a, b); }
INLINE lanes larger(lanes a, lanes b) { return _mm256_max_ps(a, b); }
INLINE lanes square_root(lanes a) { return _mm256_sqrt_ps(a); }
INLINE void reduce8(const lanes *v, int count, float *out)
{
    __m256 a[4], b[2];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        __m256 p = 2 * i < count ? v[2 * i] : _mm256_setzero_ps(), q = 2 * i + 1 < count ? v[2 * i + 1] : _mm256_setzero_ps();
        a[i] = _mm256_hadd_ps(p, q);
    }
    b[0] = _mm256_hadd_ps(a[0], a[1]);
    b[1] = _mm256_hadd_ps(a[2], a[3]);
    __m128 low = _mm_add_ps(_mm256_castps256_ps128(b[0]), _mm256_extractf128_ps(b[0], 1));
    __m128 high = _mm_add_ps(_mm256_castps256_ps128(b[1]), _mm256_extractf128_ps(b[1], 1));
    _mm_storeu_ps(out, low);
    _mm_storeu_ps(out + 4, high);
}
#else
INLINE lanes choose(mask m, lanes a, lanes b) { return (lanes)((m & (mask)a) | (~m & (mask)b)); }
INLINE uint32_t mask_bits(mask m)
{
    uint32_t bits = 0;
    for (int l = 0; l < WIDTH; l++) bits |= (uint32_t)(m[l] & 1) << l;
    return bits;
}
INLINE int any(mask m)
{
    int64_t halves[4];
    memcpy(halves, &m, sizeof halves);
    return ((halves[0] | halves[1]) | (halves[2] | halves[3])) != 0;
}
INLINE lanes smaller(lanes a, lanes b) { return choose(a < b, a, b); }
INLINE lanes larger(lanes a, lanes b) { return choose(a > b, a, b); }
INLINE lanes square_root(lanes a)
{
    for (int l = 0; l < WIDTH; l++) a[l] = sqrtf(a[l]);
    return a;
}
INLINE void reduce8(const lanes *v, int count, float *out)
{
    for (int i = 0; i < 8; i++) {
        lanes a = i < count ? v[i] : (lanes){0};
        out[i] = ((a[0] + a[4]) + (a[1] + a[5])) + ((a[2] + a[6]) + (a[3] + a[7]));
    }
}
#endif

/* For p <= 0; below -125 both hold anything, which callers mask. */
INLINE whole floored(lanes p) { return __builtin_convertvector(larger(p, splat(-125.0f)), whole) - 1; }
INLINE lanes fraction(lanes p) { return larger(p, splat(-125.0f)) - __builtin_convertvector(floored(p), lanes); }
INLINE lanes times_power(lanes a, lanes p) { return (lanes)((whole)a + (floored(p) << 23)); }

INLINE void reduce16(const lanes *v, int count, float *out)
{
    reduce8(v, count, out);
    reduce8(v + 8, count - 8, out + 8);
}
#endif

/* log2 of positive normal numbers, absolute error 2e-7: 2 atanh((m - 1) / (m + 1)) / ln 2 of the mantissa in [0.71, 1.42). */
INLINE lanes log2_of(lanes a)
{
    whole bits = (whole)a - 0x3f350000;
    whole exponent = bits >> 23;
    lanes m = (lanes)((bits & 0x007fffff) + 0x3f350000);
    lanes s = (m - 1.0f) / (m + 1.0f), q = s * s;
    lanes series = ((q * (1.0f / 9) + 1.0f / 7) * q + 0.2f) * q + 1.0f / 3;
    return __builtin_convertvector(exponent, lanes) + (series * q * s + s) * 2.88539008f;
}

/* Column of WIDTH rows of `stride` floats, and back. */
INLINE lanes column(const float *rows, int64_t stride)
{
    float v[WIDTH];
    lanes a;
    for (int l = 0; l < WIDTH; l++) v[l] = rows[l * stride];
    memcpy(&a, v, sizeof a);
    return a;
}
INLINE void put_column(float *rows, int64_t stride, lanes a)
{
    float v[WIDTH];
    memcpy(v, &a, sizeof a);
    for (int l = 0; l < WIDTH; l++) rows[l * stride] = v[l];
}

/* 2^p for p <= 0, relative error 1e-7: a minimax polynomial of degree 5 on [0, 1], scaled by the integer part. */
INLINE lanes power_of_two(lanes p)
{
    lanes f = fraction(p);
    lanes a = f * 1.8775767e-3f + 8.9893406e-3f;
    a = a * f + 5.5826318e-2f;
    a = a * f + 2.4015361e-1f;
    a = a * f + 6.9315308e-1f;
    a = a * f + 9.9999994e-1f;
    return times_power(a, p);
}

#endif
