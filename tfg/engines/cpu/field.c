/* What rays see of a head field, without gradients (the definition: HeadField and front_to_back in tfg/backbones/nerf).
 *
 * A task is a block of neighbouring rays. Of each of its rays that is not yet opaque the next few samples are looked up in the
 * grid and go through the nets in tiles whose activations never leave the L1 cache; colours are made of those alone that weigh
 * something. Rays are independent and a ray's sums go near to far: the same bits for any number of threads. */
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

#include "grid_place.h"

#if defined(__AVX512F__)
#define LANES 16
#define HIGH 12 /* rows of the micro-kernel: WIDE vectors of sums a row fill the registers */
#elif defined(__AVX__)
#define LANES 8
#define HIGH 6
#else
#define LANES 4
#define HIGH 6
#endif
#define WIDE 2
#define TILE 48          /* rows of a tile, a multiple of HIGH */
#define CHUNK (5 * TILE) /* rows looked up together, at most BLOCK */
#define BLOCK_RAYS 256
#define AT_ONCE 3 /* samples of a ray in a round */
#define MOST_ROWS (BLOCK_RAYS * AT_ONCE)
#define MOST_HIDDEN 64
#define MOST_FEATURES 64
#define MOST_CODE 64
#define MOST_INPUTS (MOST_FEATURES + 2 * MOST_CODE)
#define MOST_VIEW 32

typedef float Lanes __attribute__((vector_size(LANES * 4), aligned(4)));
typedef int32_t Bits __attribute__((vector_size(LANES * 4), aligned(4)));
typedef uint32_t Words __attribute__((vector_size(LANES * 4), aligned(4)));
typedef uint16_t Shorts __attribute__((vector_size(LANES * 2), aligned(2)));

#include "field_lattice.h"
#include "field_warp.h"

enum { FIRST, ATTEND_AUDIO, ATTEND_UPPER, DENSITY, DENSITY_2, SIGMA, VIEW, MERGED, COLOR, LAYERS };

typedef struct {
    const Grid *grid;
    void *entries; /* of `tfg_field_unfold` */
    int64_t features, hidden, view;
    const float *weight[LAYERS]; /* (outputs, inputs) */
    int64_t inputs[LAYERS], outputs[LAYERS];
    float gate[2], gate_width; /* a gate_width of 0: no gates */
    double limit;              /* optical depth behind which nothing is seen */
    float faint;               /* weight up to which no colour is made */
    int32_t brief;
    Warp warp;
    Lattice lattice[MOST_LATTICES]; /* filled here */
} Field;

typedef struct {
    int64_t inputs, outputs;
    void *packed;
} Layer;

typedef struct {
    const float *points, *delta; /* (samples, 3), (samples,) */
    const int64_t *start;        /* (rays + 1,) */
    const float *view;           /* (rays, view) */
    float *color, *opacity;      /* (rays, 3), (rays,) */
} Rays;

typedef struct { /* of one task */
    double before[BLOCK_RAYS];
    float light[BLOCK_RAYS];
    int active[BLOCK_RAYS];
    float points[MOST_ROWS * 3], delta[MOST_ROWS + TILE], thick[MOST_ROWS + TILE], weight[MOST_ROWS];
    int ray[MOST_ROWS], queue[MOST_ROWS];
    float features[CHUNK * MOST_FEATURES] __attribute__((aligned(64)));
    char lit[(MOST_ROWS + TILE) * MOST_HIDDEN * sizeof(float)] __attribute__((aligned(64)));
    char room[TILE * MOST_INPUTS * sizeof(float)] __attribute__((aligned(64)));
} Scratch;

typedef struct { /* a Scratch with typed pointers */
    double *before;
    float *light, *points, *delta, *thick, *weight, *features;
    int *active, *ray, *queue;
    void *lit, *room;
} Shared;

INLINE int64_t padded(int64_t width) { return (width + LANES - 1) / LANES * LANES; }
INLINE int64_t packed_size(const Layer *layer) { return (layer->inputs + 1) / 2 * 2 * padded(layer->outputs); }

/* exp(x) to 2e-7 of its value for x in [-87, 88], held there. */
INLINE Lanes power(Lanes x) {
    const Bits low = x < -87.0f, high = x > 88.0f;
    x = (Lanes)(((Bits)x & ~low & ~high) | ((Bits)((Lanes){0} - 87.0f) & low) | ((Bits)((Lanes){0} + 88.0f) & high));
    const Lanes half = (Lanes)(((Bits)x & INT32_MIN) | (Bits)((Lanes){0} + 0.5f));
    const Bits n = __builtin_convertvector(x * 1.44269504088896341f + half, Bits); /* to nearest */
    const Lanes whole = __builtin_convertvector(n, Lanes);
    const Lanes r = (x - whole * 0.693145751953125f) - whole * 1.42860682030941723e-6f;
    Lanes q = r * (1.0f / 5040) + 1.0f / 720;
    q = q * r + 1.0f / 120;
    q = q * r + 1.0f / 24;
    q = q * r + 1.0f / 6;
    q = q * r + 0.5f;
    q = q * r * r + r + 1;
    return q * (Lanes)((n + 127) << 23);
}

INLINE Lanes sigmoid(Lanes x) { return 1 / (1 + power(-x)); }

/* Of TILE densities given by their logarithms the optical thickness of their steps. */
static void exponential(const float *logarithm, float *thick, const float *delta) {
    for (int i = 0; i < TILE; i += LANES) *(Lanes *)(thick + i) = power(*(const Lanes *)(logarithm + i)) * *(const Lanes *)(delta + i);
}

/* Takes points (count, 3) to where they were in the face at rest. */
static void settle(const Warp *warp, float *points, int64_t count) {
    float front[MOST_ROWS + LANES] __attribute__((aligned(64)));
    if (!warp->back) return;
    for (int64_t i = 0; i < count; i++) front[i] = (warp->depth - points[i * 3 + 2] / warp->scale) / warp->edge;
    for (int64_t i = 0; i < count; i += LANES) *(Lanes *)(front + i) = sigmoid(*(const Lanes *)(front + i));
    take_to_rest(warp, front, points, count);
}

/* (2, TILE) how much audio and expression count at points (count, 3). */
static void gates(const Field *field, const float *points, int64_t count, float *gate) {
    for (int64_t i = 0; i < TILE; i++) {
        const float height = i < count ? points[i * 3 + 1] : 0;
        gate[i] = field->gate_width > 0 ? (height - field->gate[0]) / field->gate_width : 0;
        gate[TILE + i] = field->gate_width > 0 ? (field->gate[1] - height) / field->gate_width : 0;
    }
    for (int64_t i = 0; i < 2 * TILE; i += LANES)
        *(Lanes *)(gate + i) = field->gate_width > 0 ? sigmoid(*(const Lanes *)(gate + i)) : (Lanes){0} + 1.0f;
}

/* The next samples of the active rays, ray by ray; how many they are. */
static int64_t collect(const Rays *rays, Shared *own, int64_t first, int64_t active, int64_t round) {
    int64_t rows = 0;
    for (int64_t i = 0; i < active; i++) {
        const int64_t ray = first + own->active[i], from = rays->start[ray] + round, end = rays->start[ray + 1];
        for (int64_t j = from; j < end && j < from + AT_ONCE; j++, rows++) {
            memcpy(own->points + rows * 3, rays->points + j * 3, 3 * sizeof(float));
            own->delta[rows] = rays->delta[j];
            own->ray[rows] = own->active[i];
        }
    }
    memset(own->delta + rows, 0, TILE * sizeof(float));
    return rows;
}

/* Weights of rows whose optical thickness is known; queues those that a colour is made of, and returns how many. */
static int64_t weigh(const Rays *rays, Shared *own, int64_t first, int64_t rows, double limit, float faint) {
    int64_t queued = 0;
    float covered[MOST_ROWS + LANES];
    for (int64_t i = 0; i < rows; i += LANES) *(Lanes *)(covered + i) = 1 - power(-*(const Lanes *)(own->thick + i));
    for (int64_t i = 0; i < rows; i++) {
        const int ray = own->ray[i];
        if (own->before[ray] > limit) continue;
        const float thick = own->thick[i], alpha = thick < 1e-3f ? thick - 0.5f * thick * thick : covered[i];
        const float weight = own->light[ray] * alpha;
        own->before[ray] += (double)thick;
        own->light[ray] -= weight;
        rays->opacity[first + ray] += weight;
        own->weight[i] = weight;
        if (weight > faint) own->queue[queued++] = (int)i;
    }
    return queued;
}

static int64_t survivors(const Rays *rays, Shared *own, int64_t first, int64_t active, int64_t done, double limit) {
    int64_t kept = 0;
    for (int64_t i = 0; i < active; i++) {
        const int ray = own->active[i];
        if (rays->start[first + ray + 1] - rays->start[first + ray] > done && own->before[ray] < limit) own->active[kept++] = ray;
    }
    return kept;
}

/* Adds colours (count, LANES), before their sigmoid, of queued rows from `begin` on to their rays. */
static void add(const Rays *rays, const Shared *own, int64_t first, int64_t begin, int64_t count, const float *color) {
    for (int64_t i = 0; i < count; i++) {
        const int row = own->queue[begin + i];
        const Lanes value = sigmoid(*(const Lanes *)(color + i * LANES)) * 1.002f - 0.001f;
        float *to = rays->color + (first + own->ray[row]) * 3;
        for (int c = 0; c < 3; c++) to[c] += own->weight[row] * value[c];
    }
}

/* What the direction and the individual code of each ray add before the colour's ReLU, (last - first, hidden). */
static void view_of(const Field *field, const Layer *layer, const Rays *rays, int64_t first, int64_t last, float *out) {
    const int64_t row = padded(layer->outputs), wide = field->hidden;
    const float *weight = layer->packed;
    for (int64_t ray = first; ray < last; ray++) {
        Lanes sum[MOST_HIDDEN / LANES] = {{0}};
        const float *from = rays->view + ray * field->view;
        for (int64_t k = 0; k < field->view; k++)
            for (int64_t j = 0; j < row; j += LANES) sum[j / LANES] += from[k] * *(const Lanes *)(weight + k * row + j);
        for (int64_t j = 0; j < row; j += LANES) *(Lanes *)(out + (ray - first) * wide + j) = sum[j / LANES];
    }
}

#define BRIEF 0
#include "field_products.h"
#define BRIEF 1
#include "field_products.h"

/* Writes color (rays, 3) and opacity (rays,); returns bits: 1, a coordinate is NaN; 2, no memory; 4, what is seen is NaN. */
int tfg_field_look(const Field *given, const Rays *rays, int64_t count) {
    Field own_field = *given, *field = &own_field;
    Layer layer[LAYERS];
    int bad = 0;
    place_lattices(field->grid, field->brief, field->entries, field->lattice);
    char *packed[LAYERS] = {0};
    for (int l = 0; l < LAYERS; l++) {
        layer[l] = (Layer){field->inputs[l], field->outputs[l], 0};
        layer[l].packed = packed[l] = aligned_alloc(64, ((size_t)packed_size(layer + l) * sizeof(float) / 64 + 1) * 64);
        if (!packed[l]) bad = 2;
        else if (field->brief && l != VIEW) pack_brief(field->weight[l], layer + l, layer[l].packed);
        else pack_full(field->weight[l], layer + l, layer[l].packed);
    }
#pragma omp parallel reduction(| : bad)
    {
        Scratch *all = bad ? 0 : aligned_alloc(64, (sizeof(Scratch) / 64 + 1) * 64);
        if (!all) bad |= 2;
#pragma omp for schedule(dynamic, 1)
        for (int64_t first = 0; first < count; first += BLOCK_RAYS) {
            if (!all) continue;
            const int64_t last = count - first < BLOCK_RAYS ? count : first + BLOCK_RAYS;
            Shared own = {all->before, all->light, all->points, all->delta, all->thick, all->weight, all->features,
                          all->active, all->ray, all->queue, all->lit, all->room};
            bad |= (field->brief ? see_brief : see_full)(field, layer, rays, first, last, &own);
            for (int64_t i = first; i < last; i++) {
                const float *color = rays->color + i * 3, seen = color[0] + color[1] + color[2] + rays->opacity[i];
                bad |= seen != seen ? 4 : 0;
            }
        }
        free(all);
    }
    for (int l = 0; l < LAYERS; l++) free(packed[l]);
    return bad;
}
