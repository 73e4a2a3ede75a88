/* Products of a tile of rows with a layer's weights, for one precision; included once with BRIEF 0 and once with BRIEF 1.
 *
 * BRIEF 0: all in float32. BRIEF 1: activations and weights are bfloat16, rounded to nearest even, their sums float32; by
 * the processor's own pair products where it has them, else by widening to float32: the same products, summed in another order. */
#if BRIEF
#define NAME(name) name##_brief
#define TOGETHER 2 /* values along the depth that are read at once */
typedef uint16_t NAME(Value);
#else
#define NAME(name) name##_full
#define TOGETHER 1
typedef float NAME(Value);
#endif
#define Value NAME(Value)

INLINE void NAME(store)(Value *to, Lanes values) {
#if !BRIEF
    *(Lanes *)to = values;
#elif defined(__AVX512BF16__)
    _mm256_storeu_si256((__m256i *)to, (__m256i)_mm512_cvtneps_pbh((__m512)values));
#else
    const Words bits = (Words)values;
    *(Shorts *)to = __builtin_convertvector((bits + 0x7fff + ((bits >> 16) & 1)) >> 16, Shorts);
#endif
}

INLINE Lanes NAME(multiply_add)(Lanes sum, const Value *left, const Value *right) {
#if !BRIEF
    return sum + *left * *(const Lanes *)right;
#else
    uint32_t both;
    memcpy(&both, left, sizeof both);
#ifdef __AVX512BF16__
    return (Lanes)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32((int)both), (__m512bh)_mm512_loadu_si512(right));
#else
    const Words pairs = *(const Words *)right, all = (Words){0} + both;
    sum += (Lanes)(all << 16) * (Lanes)(pairs << 16);
    return sum + (Lanes)(all & 0xffff0000u) * (Lanes)(pairs & 0xffff0000u);
#endif
#endif
}

/* Rows of the sums, which begin with `start` where it is given: as they are (`plain`, floats), or values after the ReLU. */
INLINE void NAME(kernel)(int high, int wide, int64_t depth, const Value *restrict a, int64_t a_row, const Value *restrict b,
                         int64_t b_row, const float *restrict start, void *restrict c, int64_t c_row, int plain) {
    Lanes sum[HIGH][WIDE];
    for (int i = 0; i < high; i++)
        for (int j = 0; j < wide; j++) sum[i][j] = start ? *(const Lanes *)(start + i * c_row + j * LANES) : (Lanes){0};
    for (int64_t k = 0; k < depth; k += TOGETHER)
        for (int i = 0; i < high; i++)
            for (int j = 0; j < wide; j++)
                sum[i][j] = NAME(multiply_add)(sum[i][j], a + i * a_row + k, b + k * b_row + j * LANES * TOGETHER);
    for (int i = 0; i < high; i++)
        for (int j = 0; j < wide; j++) {
            if (plain) *(Lanes *)((float *)c + i * c_row + j * LANES) = sum[i][j];
            else NAME(store)((Value *)c + i * c_row + j * LANES, (Lanes)((Bits)sum[i][j] & (sum[i][j] > 0)));
        }
}

/* TILE rows of a (TILE, a_row) through `layer` to c (TILE, c_row), and `start` likewise. */
#define PRODUCT(name, BEGINS, PLAIN)                                                                                       \
    static __attribute__((noinline)) void NAME(name)(const Layer *layer, const Value *a, int64_t a_row, const float *start, \
                                                     void *c, int64_t c_row) {                                             \
        const int64_t row = padded(layer->outputs);                                                                        \
        const Value *b = layer->packed;                                                                                    \
        for (int64_t j = 0; j < row; j += WIDE * LANES)                                                                    \
            for (int64_t i = 0; i < TILE; i += HIGH) {                                                                     \
                const Value *left = a + i * a_row, *right = b + j * TOGETHER;                                              \
                const float *from = BEGINS ? start + i * c_row + j : 0;                                                    \
                void *to = (char *)c + (i * c_row + j) * (int64_t)(PLAIN ? sizeof(float) : sizeof(Value));                 \
                if (row - j > LANES) NAME(kernel)(HIGH, 2, layer->inputs, left, a_row, right, row, from, to, c_row, PLAIN); \
                else NAME(kernel)(HIGH, 1, layer->inputs, left, a_row, right, row, from, to, c_row, PLAIN);                \
            }                                                                                                              \
    }
PRODUCT(hidden, 0, 0)
PRODUCT(hidden_from, 1, 0)
PRODUCT(last, 0, 1)
#undef PRODUCT

/* (outputs, inputs) as the kernel reads it: inputs (or pairs of them) of a padded row of outputs; zero where there is nothing. */
static void NAME(pack)(const float *weight, const Layer *layer, Value *to) {
    const int64_t row = padded(layer->outputs);
    memset(to, 0, sizeof(Value) * (size_t)packed_size(layer));
    for (int64_t k = 0; k < layer->inputs; k++)
        for (int64_t o = 0; o < layer->outputs; o++) {
            Value lanes[LANES] __attribute__((aligned(64)));
            NAME(store)(lanes, (Lanes){0} + weight[o * layer->inputs + k]);
            to[(k / TOGETHER * row + o) * TOGETHER + k % TOGETHER] = lanes[0];
        }
}

/* Of up to TILE samples, whose features (MOST_FEATURES, CHUNK) are given: their density's logarithm, and what the colour is made of,
 * `geometry` (TILE, hidden). `gate`: of audio and expression, (2, TILE). `room`: (TILE, MOST_INPUTS) that holds finite values. */
INLINE void NAME(sense)(const Field *field, const Layer *layer, const float *features, const float *gate,
                           Value *room, float *logarithm, Value *geometry) {
    Value one[TILE * 2 * MOST_HIDDEN] __attribute__((aligned(64))), two[TILE * MOST_HIDDEN] __attribute__((aligned(64)));
    float raw[TILE * MOST_CODE] __attribute__((aligned(64)));
    const int64_t wide = field->hidden, width = field->features;
    for (int64_t i = 0; i < TILE; i += LANES)
        for (int64_t j = 0; j < width; j += TOGETHER) { /* of LANES samples, to a row of each */
            Value lanes[TOGETHER][LANES] __attribute__((aligned(64)));
            for (int t = 0; t < TOGETHER; t++) NAME(store)(lanes[t], *(const Lanes *)(features + (j + t) * CHUNK + i));
            for (int k = 0; k < LANES; k++)
                for (int t = 0; t < TOGETHER; t++) room[(i + k) * MOST_INPUTS + j + t] = lanes[t][k];
        }
    NAME(hidden)(layer + FIRST, room, MOST_INPUTS, 0, one, 2 * wide);
    for (int which = 0, column = (int)width; which < 2; which++) {
        const Layer *attend = layer + ATTEND_AUDIO + which;
        const int64_t row = padded(attend->outputs);
        NAME(last)(attend, one + which * wide, 2 * wide, 0, raw, row);
        for (int64_t i = 0; i < TILE; i++)
            for (int64_t j = 0; j < row; j += LANES)
                NAME(store)(room + i * MOST_INPUTS + column + j, *(const Lanes *)(raw + i * row + j) * gate[which * TILE + i]);
        column += (int)attend->outputs;
    }
    NAME(hidden)(layer + DENSITY, room, MOST_INPUTS, 0, two, wide);
    NAME(hidden)(layer + DENSITY_2, two, wide, 0, geometry, wide);
    NAME(last)(layer + SIGMA, geometry, wide, 0, raw, LANES);
    for (int64_t i = 0; i < TILE; i++) logarithm[i] = raw[i * LANES];
}

/* Colour (TILE, LANES) before its sigmoid, given `geometry` of `sense` and what the view adds (TILE, hidden). */
INLINE void NAME(shade)(const Field *field, const Layer *layer, const Value *geometry, const float *view, float *color) {
    Value one[TILE * MOST_HIDDEN] __attribute__((aligned(64)));
    NAME(hidden_from)(layer + MERGED, geometry, field->hidden, view, one, field->hidden);
    NAME(last)(layer + COLOR, one, field->hidden, 0, color, LANES);
}

static __attribute__((noinline)) int NAME(see)(const Field *field, const Layer *layer, const Rays *rays, int64_t first,
                                             int64_t last, Shared *own) {
    Value *lit = own->lit, *room = own->room;
    const int64_t wide = field->hidden;
    int64_t active = 0, queued = 0;
    int bad = 0;
    float view[BLOCK_RAYS * MOST_HIDDEN] __attribute__((aligned(64)));
    memset(room, 0, sizeof(Value) * TILE * MOST_INPUTS);
    memset(own->features, 0, sizeof(float) * CHUNK * MOST_FEATURES);
    for (int64_t ray = first; ray < last; ray++) {
        for (int c = 0; c < 3; c++) rays->color[ray * 3 + c] = 0;
        rays->opacity[ray] = 0;
        own->light[ray - first] = 1;
        own->before[ray - first] = 0;
        if (rays->start[ray + 1] > rays->start[ray]) own->active[active++] = (int)(ray - first);
    }
    if (!active) return 0;
    view_of(field, layer + VIEW, rays, first, last, view);
    for (int64_t round = 0; active; round += AT_ONCE) {
        const int64_t rows = collect(rays, own, first, active, round);
        settle(&field->warp, own->points, rows);
        for (int64_t begin = 0; begin < rows; begin += CHUNK) {
            const int64_t some = rows - begin < CHUNK ? rows - begin : CHUNK;
            bad |= encode(field->grid, field->lattice, BRIEF, own->points + begin * 3, (int)some, own->features, CHUNK);
            for (int64_t i = 0; i < some; i += TILE) {
                const int64_t count = some - i < TILE ? some - i : TILE;
                float gate[2 * TILE] __attribute__((aligned(64))), logarithm[TILE] __attribute__((aligned(64)));
                gates(field, own->points + (begin + i) * 3, count, gate);
                NAME(sense)(field, layer, own->features + i, gate, room, logarithm,
                               lit + (begin + i) * wide);
                exponential(logarithm, own->thick + begin + i, own->delta + begin + i);
            }
        }
        queued = weigh(rays, own, first, rows, field->limit, field->faint);
        for (int64_t i = 0; i < queued; i++) /* each moves forward or stays */
            memmove(lit + i * wide, lit + own->queue[i] * wide, sizeof(Value) * (size_t)wide);
        for (int64_t i = 0; i < queued; i += TILE) {
            const int64_t count = queued - i < TILE ? queued - i : TILE;
            float base[TILE * MOST_HIDDEN] __attribute__((aligned(64))), color[TILE * LANES] __attribute__((aligned(64)));
            for (int64_t j = 0; j < TILE; j++) /* rows beyond the last repeat it and are not used */
                memcpy(base + j * wide, view + own->ray[own->queue[i + (j < count ? j : count - 1)]] * wide, sizeof(float) * (size_t)wide);
            NAME(shade)(field, layer, lit + i * wide, base, color);
            add(rays, own, first, i, count, color);
        }
        active = survivors(rays, own, first, active, round + AT_ONCE, field->limit);
    }
    return bad;
}

#undef Value
#undef NAME
#undef TOGETHER
#undef BRIEF
