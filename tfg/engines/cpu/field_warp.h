/* Where points of a moved face were in the face at rest (the definition: LipWarp.resting in tfg/backbones/warp.py). */
#ifndef TFG_FIELD_WARP_H
#define TFG_FIELD_WARP_H

typedef struct {
    const float *back, *forth; /* (cells, cells, 2) displacements over the frontal plane, rows along y; null: nothing moves */
    int64_t cells;
    float low[2], inverse[2];  /* corner of the table, and nodes per unit */
    float scale;               /* of the points: they are given in units of it */
    float depth, edge;         /* from which depth on nothing moves, and how softly that begins */
    float damping;
} Warp;

INLINE float held(float x, float most) { return x < 0 ? 0 : x < most ? x : most; }

INLINE void displacement(const Warp *warp, const float *table, float x, float y, float *out) {
    const float most = (float)(warp->cells - 1);
    x = held((x - warp->low[0]) * warp->inverse[0], most);
    y = held((y - warp->low[1]) * warp->inverse[1], most);
    const int32_t column = (int32_t)held(x, most - 1), row = (int32_t)held(y, most - 1);
    const float right = x - (float)column, down = y - (float)row, *at = table + (row * (int32_t)warp->cells + column) * 2;
    for (int c = 0; c < 2; c++) {
        const float *below = at + warp->cells * 2;
        out[c] = (1 - down) * ((1 - right) * at[c] + right * at[c + 2]) + down * ((1 - right) * below[c] + right * below[c + 2]);
    }
}

/* points (count, 3), in place; `front` of each: 1 in the face, 0 behind it. */
static void take_to_rest(const Warp *warp, const float *front, float *points, int64_t count) {
    const float inverse = 1 / warp->scale;
    for (int64_t i = 0; i < count; i++) {
        float *point = points + i * 3, first[2], second[2];
        const float x = point[0] * inverse, y = point[1] * inverse;
        displacement(warp, warp->back, x, y, first);
        displacement(warp, warp->forth, x - front[i] * first[0], y - front[i] * first[1], second);
        for (int c = 0; c < 2; c++) point[c] -= warp->scale * front[i] * (first[c] + warp->damping * (second[c] - first[c]));
    }
}

#endif
