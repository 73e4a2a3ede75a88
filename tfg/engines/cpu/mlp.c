/* A small fused multi-layer perceptron without bias, ReLU between layers, forward and backward.
 *
 * Rows are taken in tiles that stay in the L1 cache through all layers. Every product is one micro-kernel,
 * C (m, n) = sum_k A(m, k) B(k, n), with n along the vector and A read with any strides: A is the input and B the
 * transposed weight going forward, the gradient and the weight going back, the transposed gradient and the input for the
 * weight's gradient. Weight gradients are summed in a fixed number of chunks, added in order: same bits for any number
 * of threads. */
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#if defined(__AVX512F__)
#define LANES 16
#define HIGH 12 /* rows of the micro-kernel: two vectors of sums a row fill the registers */
#elif defined(__AVX__)
#define LANES 8
#define HIGH 6
#else
#define LANES 4
#define HIGH 6
#endif
#define TILE 48 /* rows of a tile, a multiple of HIGH */
#define CHUNKS 32 /* at most, of a sum over all rows */
#define TILES_LEAST 8 /* of a chunk */
#define MOST_LAYERS 8
#define WIDEST 512

typedef float Lanes __attribute__((vector_size(LANES * 4), aligned(4)));
typedef int32_t Bits __attribute__((vector_size(LANES * 4), aligned(4)));

typedef struct {
    int64_t layers;
    int64_t width[MOST_LAYERS + 1];
    const float *weight[MOST_LAYERS]; /* (out, in) */
} Mlp;

INLINE int64_t padded(int64_t width) { return (width + LANES - 1) / LANES * LANES; }

/* add: C += ..., relu: C = max(0, ...). wide: vectors of n, 1 or 2. */
INLINE void kernel(int high, int64_t depth, const float *restrict a, int64_t a_row, int64_t a_depth, const float *restrict b,
                   int64_t b_row, float *restrict c, int64_t c_row, int wide, int add, int relu) {
    Lanes sum[HIGH][2];
    for (int i = 0; i < high; i++)
        for (int j = 0; j < wide; j++)
            sum[i][j] = add ? *(const Lanes *)(c + i * c_row + j * LANES) : (Lanes){0};
    for (int64_t k = 0; k < depth; k++) {
        Lanes right[2];
        for (int j = 0; j < wide; j++) right[j] = *(const Lanes *)(b + k * b_row + j * LANES);
        for (int i = 0; i < high; i++) {
            const float left = a[i * a_row + k * a_depth];
            for (int j = 0; j < wide; j++) sum[i][j] += left * right[j];
        }
    }
    for (int i = 0; i < high; i++)
        for (int j = 0; j < wide; j++) {
            Lanes value = sum[i][j];
            if (relu) value = (Lanes)((Bits)value & (value > 0));
            *(Lanes *)(c + i * c_row + j * LANES) = value;
        }
}

/* `high`, a multiple of 4, in steps of HIGH, then of 4 or 2. */
#define PRODUCT(name, ADD, RELU)                                                                                       \
    static __attribute__((noinline)) void name(int64_t high, int64_t wide, int64_t depth, const float *a,              \
                                               int64_t a_row, int64_t a_depth, const float *b, int64_t b_row,          \
                                               float *c, int64_t c_row) {                                              \
        for (int64_t j = 0; j < wide; j += 2 * LANES)                                                                  \
            for (int64_t i = 0; i < high;) {                                                                           \
                const float *rows = a + i * a_row;                                                                     \
                float *to = c + i * c_row + j;                                                                         \
                const int two = wide - j > LANES;                                                                      \
                if (high - i >= HIGH) {                                                                                \
                    if (two) kernel(HIGH, depth, rows, a_row, a_depth, b + j, b_row, to, c_row, 2, ADD, RELU);         \
                    else kernel(HIGH, depth, rows, a_row, a_depth, b + j, b_row, to, c_row, 1, ADD, RELU);             \
                    i += HIGH;                                                                                         \
                } else if (high - i >= 4) {                                                                            \
                    if (two) kernel(4, depth, rows, a_row, a_depth, b + j, b_row, to, c_row, 2, ADD, RELU);            \
                    else kernel(4, depth, rows, a_row, a_depth, b + j, b_row, to, c_row, 1, ADD, RELU);                \
                    i += 4;                                                                                            \
                } else {                                                                                               \
                    if (two) kernel(2, depth, rows, a_row, a_depth, b + j, b_row, to, c_row, 2, ADD, RELU);            \
                    else kernel(2, depth, rows, a_row, a_depth, b + j, b_row, to, c_row, 1, ADD, RELU);                \
                    i += 2;                                                                                            \
                }                                                                                                      \
            }                                                                                                          \
    }
PRODUCT(product, 0, 0)
PRODUCT(product_relu, 0, 1)
PRODUCT(product_add, 1, 0)

/* Rows (count, width) into a tile (TILE, padded width), zero where there is nothing. */
static void take(const float *from, int64_t count, int64_t width, float *tile) {
    const int64_t row = padded(width);
    memset(tile, 0, sizeof(float) * (size_t)(TILE * row));
    for (int64_t i = 0; i < count; i++) memcpy(tile + i * row, from + i * width, sizeof(float) * (size_t)width);
}

static void give(const float *tile, int64_t count, int64_t width, float *to) {
    const int64_t row = padded(width);
    for (int64_t i = 0; i < count; i++) memcpy(to + i * width, tile + i * row, sizeof(float) * (size_t)width);
}

/* Floats of all layers' weights, each (rows, padded columns); of all hidden layers of a tile. */
static int64_t weight_size(const Mlp *mlp, int transposed) {
    int64_t size = 0;
    for (int64_t l = 0; l < mlp->layers; l++)
        size += transposed ? mlp->width[l] * padded(mlp->width[l + 1]) : padded(mlp->width[l + 1]) * padded(mlp->width[l]);
    return size;
}

int64_t tfg_mlp_hidden_size(const Mlp *mlp, int64_t rows) {
    int64_t size = 0;
    for (int64_t l = 1; l < mlp->layers; l++) size += padded(mlp->width[l]);
    return (rows + TILE - 1) / TILE * TILE * size;
}

static float *reserve(int64_t count) { return aligned_alloc(64, ((size_t)count * sizeof(float) / 64 + 1) * 64); }

/* out (rows, last width); hidden (null, or tfg_mlp_hidden_size) keeps the hidden layers for the way back. */
void tfg_mlp_forward(const Mlp *mlp, const float *x, int64_t rows, float *hidden, float *out) {
    float *packed = reserve(weight_size(mlp, 1)), *to = packed;
    for (int64_t l = 0; l < mlp->layers; l++) {
        const int64_t inputs = mlp->width[l], outputs = mlp->width[l + 1], row = padded(outputs);
        for (int64_t i = 0; i < inputs; i++)
            for (int64_t o = 0; o < row; o++) to[i * row + o] = o < outputs ? mlp->weight[l][o * inputs + i] : 0;
        to += inputs * row;
    }
    const int64_t tiles = (rows + TILE - 1) / TILE, kept = tiles ? tfg_mlp_hidden_size(mlp, rows) / tiles : 0;
#pragma omp parallel for schedule(dynamic, 8)
    for (int64_t tile = 0; tile < tiles; tile++) {
        float first[TILE * WIDEST] __attribute__((aligned(64))), scratch[2][TILE * WIDEST] __attribute__((aligned(64)));
        const int64_t start = tile * TILE, count = rows - start < TILE ? rows - start : TILE;
        take(x + start * mlp->width[0], count, mlp->width[0], first);
        const float *input = first, *weight = packed;
        float *keep = hidden ? hidden + tile * kept : 0;
        for (int64_t l = 0; l < mlp->layers; l++) {
            const int64_t inputs = mlp->width[l], row = padded(mlp->width[l + 1]), last = l + 1 == mlp->layers;
            float *output = keep && !last ? keep : scratch[l & 1];
            (last ? product : product_relu)(TILE, row, inputs, input, padded(inputs), 1, weight, row, output, row);
            weight += inputs * row;
            if (keep) keep += TILE * row;
            input = output;
        }
        give(input, count, mlp->width[mlp->layers], out + start * mlp->width[mlp->layers]);
    }
    free(packed);
}

/* grad_x (rows, first width) or null; grad_weight[l] (out, in) of each layer, all or none (null). */
void tfg_mlp_backward(const Mlp *mlp, const float *x, int64_t rows, const float *hidden, const float *grad_out,
                      float *grad_x, float *const *grad_weight) {
    const int64_t layers = mlp->layers, size = weight_size(mlp, 0);
    const int64_t tiles = (rows + TILE - 1) / TILE, kept = tiles ? tfg_mlp_hidden_size(mlp, rows) / tiles : 0;
    const int64_t full = (tiles + TILES_LEAST - 1) / TILES_LEAST, chunks = full < CHUNKS ? full : CHUNKS;
    float *packed = reserve(size), *to = packed, *sums = grad_weight ? reserve(size * (chunks + 1)) : 0;
    for (int64_t l = 0; l < layers; l++) {
        const int64_t inputs = mlp->width[l], row = padded(inputs);
        for (int64_t o = 0; o < mlp->width[l + 1]; o++)
            for (int64_t i = 0; i < row; i++) to[o * row + i] = i < inputs ? mlp->weight[l][o * inputs + i] : 0;
        to += padded(mlp->width[l + 1]) * row;
    }
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t chunk = 0; chunk < chunks; chunk++) {
        float first[TILE * WIDEST] __attribute__((aligned(64))), scratch[2][TILE * WIDEST] __attribute__((aligned(64)));
        float *sum = sums + chunk * size;
        if (sums) memset(sum, 0, sizeof(float) * (size_t)size);
        for (int64_t tile = tiles * chunk / chunks; tile < tiles * (chunk + 1) / chunks; tile++) {
            const int64_t start = tile * TILE, count = rows - start < TILE ? rows - start : TILE;
            const float *keep = hidden + (tile + 1) * kept, *weight = packed + size;
            float *total = sum + size, *grad = scratch[layers & 1];
            take(grad_out + start * mlp->width[layers], count, mlp->width[layers], grad);
            for (int64_t l = layers - 1; l >= 0; l--) {
                const int64_t outputs = mlp->width[l + 1], row = padded(mlp->width[l]), step = padded(outputs);
                const int64_t high = (outputs + 3) / 4 * 4;
                const float *input = first;
                float *back = scratch[l & 1];
                if (l > 0) input = keep -= TILE * row;
                else if (sums) take(x + start * mlp->width[0], count, mlp->width[0], first);
                weight -= step * row;
                total -= step * row;
                if (sums) product_add(high, row, TILE, grad, 1, step, input, row, total, row);
                if (l == 0 && !grad_x) break;
                product(TILE, row, outputs, grad, step, 1, weight, row, back, row);
                for (int64_t i = 0; l > 0 && i < TILE * row; i++) back[i] = input[i] > 0 ? back[i] : 0;
                grad = back;
            }
            if (grad_x) give(grad, count, mlp->width[0], grad_x + start * mlp->width[0]);
        }
    }
    if (sums) {
        if (!chunks) memset(sums, 0, sizeof(float) * (size_t)size);
        for (int64_t chunk = 1; chunk < chunks; chunk++)
            for (int64_t i = 0; i < size; i++) sums[i] += sums[chunk * size + i];
        const float *from = sums;
        for (int64_t l = 0; l < layers; l++) {
            const int64_t inputs = mlp->width[l], row = padded(inputs);
            for (int64_t o = 0; o < mlp->width[l + 1]; o++)
                memcpy(grad_weight[l] + o * inputs, from + o * row, sizeof(float) * (size_t)inputs);
            from += padded(mlp->width[l + 1]) * row;
        }
    }
    free(packed);
    free(sums);
}
