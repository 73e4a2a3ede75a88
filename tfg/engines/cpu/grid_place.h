/* The shape of a grid pyramid and where points lie in it; for the grid encoding and for the field that is looked at. */
#ifndef TFG_GRID_PLACE_H
#define TFG_GRID_PLACE_H
#include <math.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))
#define BLOCK 256 /* points whose rows and weights lie in the L1 cache */

typedef struct {
    double scale;    /* cells from the first to the last sample position */
    uint32_t first;  /* row of the table */
    uint32_t mask;   /* of a row in the level: all ones where the level fits whole */
    uint32_t hashed; /* 1: spatial hash; 0: the strides below */
    uint32_t stride[3];
} Level;

typedef struct {
    double bound;
    int64_t dim, levels, channels, planes, width; /* width: coordinates of a point */
    int64_t rows;                                 /* of one plane's table */
    int32_t axes[9];                              /* (planes, dim) coordinates of each plane */
    const Level *level;
} Grid;

typedef struct { /* of one block, one plane: coordinates in [0, 1] and 1 inside, 0 outside */
    double unit[3][BLOCK];
    float inside[BLOCK];
} Place;

/* Positions are in double: a float32 position in a fine level leaves only 3 digits of the fraction. Returns 1 on NaN. */
static int locate(const Grid *grid, int plane, const float *points, int count, Place *place) {
    const double bound = grid->bound, inverse = 0.5 / bound;
    const float limit = (float)bound;
    const int width = (int)grid->width, dim = (int)grid->dim;
    int bad = 0;
    for (int i = 0; i < count; i++) place->inside[i] = 1;
    for (int axis = 0; axis < dim; axis++) {
        const float *from = points + grid->axes[plane * dim + axis];
        for (int i = 0; i < count; i++) {
            const float x = from[i * width];
            const int in = fabsf(x) <= limit;
            bad |= x != x;
            place->unit[axis][i] = in ? ((double)x + bound) * inverse : 0.0;
            place->inside[i] = in ? place->inside[i] : 0.0f;
        }
    }
    return bad;
}

#endif
