/* The levels of a grid's planes unfolded to an entry a corner, for rendering: no hash, and one load where there were four. One channel. */
#ifndef TFG_FIELD_LATTICE_H
#define TFG_FIELD_LATTICE_H

#define MOST_LATTICES 192

typedef float Pair __attribute__((vector_size(8), aligned(4)));

typedef struct { /* one level of one plane */
    double scale;
    int64_t side;   /* corners along an axis */
    void *entries;  /* (side, side), rows along the second axis */
} Lattice;

typedef struct { /* of one block, one level */
    int32_t at[BLOCK];
    float right[BLOCK], down[BLOCK];
} Nodes;

/* Of each point the node before it, (count,) in entries, and how far behind that it lies. */
INLINE void find_nodes(const Lattice *level, const Place *place, int count, Nodes *out) {
    for (int i = 0; i < count; i++) {
        const double x = place->unit[0][i] * level->scale + 0.5, y = place->unit[1][i] * level->scale + 0.5;
        const int32_t column = (int32_t)x, line = (int32_t)y;
        out->at[i] = (int32_t)(line * level->side + column);
        out->right[i] = (float)(x - column);
        out->down[i] = (float)(y - line);
    }
}

INLINE void interpolate(const Lattice *level, const Place *place, const Nodes *nodes, int count, float *restrict out) {
    for (int i = 0; i < count; i++) { /* two neighbours a load */
        const float *entry = (const float *)level->entries + nodes->at[i];
        const Pair upper = *(const Pair *)entry, lower = *(const Pair *)(entry + level->side), both = upper + nodes->down[i] * (lower - upper);
        out[i] = place->inside[i] * (both[0] + nodes->right[i] * (both[1] - both[0]));
    }
}

/* As `interpolate`, of corners in bfloat16 that lie together. */
INLINE void interpolate_brief(const Lattice *level, const Place *place, const Nodes *nodes, int count, float *restrict out) {
    uint32_t upper[BLOCK], lower[BLOCK];
    for (int i = 0; i < count; i++) {
        const uint32_t *corners = (const uint32_t *)level->entries + (int64_t)nodes->at[i] * 2;
        upper[i] = corners[0];
        lower[i] = corners[1];
    }
    for (int i = 0; i < count; i++) {
        union { uint32_t bits; float value; } a = {upper[i] << 16}, b = {upper[i] & 0xffff0000u}, c = {lower[i] << 16}, d = {lower[i] & 0xffff0000u};
        const float above = a.value + nodes->right[i] * (b.value - a.value), below = c.value + nodes->right[i] * (d.value - c.value);
        out[i] = place->inside[i] * (above + nodes->down[i] * (below - above));
    }
}

/* Features, a row of `stride` floats each, of points (count, 3); 1 if a coordinate is NaN. */
static int encode(const Grid *grid, const Lattice *level, int brief, const float *points, int count, float *features, int stride) {
    int bad = 0;
    for (int plane = 0; plane < grid->planes; plane++) {
        Place place;
        bad |= locate(grid, plane, points, count, &place);
        for (int number = 0; number < grid->levels; number++, level++, features += stride) {
            Nodes found;
            find_nodes(level, &place, count, &found);
            if (brief) interpolate_brief(level, &place, &found, count, features);
            else interpolate(level, &place, &found, count, features);
        }
    }
    return bad;
}

static int64_t side_of(const Grid *grid, int64_t level) { return (int64_t)ceil(grid->level[level].scale + 1) + 1; }

/* Bytes of `tfg_field_unfold`. */
int64_t tfg_field_room(const Grid *grid, int32_t brief) {
    int64_t size = 0;
    for (int64_t level = 0; level < grid->levels; level++) size += side_of(grid, level) * side_of(grid, level) * (brief ? 8 : 4);
    return size * grid->planes;
}

static void place_lattices(const Grid *grid, int brief, char *to, Lattice *lattice) {
    for (int64_t task = 0; task < grid->planes * grid->levels; task++) {
        const int64_t level = task % grid->levels, side = side_of(grid, level);
        lattice[task] = (Lattice){grid->level[level].scale, side, to};
        to += side * side * (brief ? 8 : 4);
    }
}

INLINE float entry_of(const Level *level, const float *table, uint32_t x, uint32_t y) {
    const uint32_t index = level->hashed ? x ^ y * 2654435761u : x * level->stride[0] + y * level->stride[1];
    return table[level->first + (index & level->mask)];
}

INLINE uint32_t shortened(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

/* Writes all levels of all planes of tables (planes, rows), so that neighbours lie beside each other: an entry a corner, or with
 * `brief` the four corners of a cell in bfloat16. */
void tfg_field_unfold(const Grid *grid, const float *tables, int32_t brief, char *out) {
    Lattice lattice[MOST_LATTICES];
    place_lattices(grid, brief, out, lattice);
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t task = grid->planes * grid->levels - 1; task >= 0; task--) {
        const Level *level = grid->level + task % grid->levels;
        const float *table = tables + task / grid->levels * grid->rows;
        const uint32_t side = (uint32_t)lattice[task].side;
        float *single = lattice[task].entries;
        uint32_t *together = lattice[task].entries;
        for (uint32_t y = 0; y < side; y++)
            for (uint32_t x = 0; x < side; x++) {
                if (!brief) *single++ = entry_of(level, table, x, y);
                else
                    for (uint32_t down = 0; down < 2; down++) { /* beyond the last row and column nothing is read */
                        const uint32_t below = y + down < side ? y + down : y, right = x + 1 < side ? x + 1 : x;
                        *together++ = shortened(entry_of(level, table, x, below)) | shortened(entry_of(level, table, right, below)) << 16;
                    }
            }
    }
}

#endif
