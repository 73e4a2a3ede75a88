/* Scratch memory that is handed round instead of being returned to the system: page faults cost a fifth of a small picture. */
#ifndef TFG_RASTER_MEMORY_H
#define TFG_RASTER_MEMORY_H

#include <stdint.h>
#include <stdlib.h>

#define SHELVES 32
#define SHELF_MAX ((size_t)64 << 20) /* larger blocks go back to the system at once */

static void *shelf[SHELVES]; /* free blocks, their size in front; every access is an atomic exchange, so any thread may come */

/* 64-byte aligned memory of at least `bytes`, contents undefined; NULL if there is none. */
static void *allocate(size_t bytes)
{
    const size_t wanted = (bytes + 64 + 4095) / 4096 * 4096;
    for (int i = 0; i < SHELVES; i++) {
        if (!__atomic_load_n(shelf + i, __ATOMIC_RELAXED)) continue;
        char *block = __atomic_exchange_n(shelf + i, NULL, __ATOMIC_ACQUIRE);
        if (!block) continue;
        const size_t size = *(size_t *)block;
        if (size >= wanted && size <= 4 * wanted) return block + 64;
        void *none = NULL;
        if (!__atomic_compare_exchange_n(shelf + i, &none, block, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) free(block);
    }
    char *block = aligned_alloc(64, wanted);
    if (!block) return NULL;
    *(size_t *)block = wanted;
    return block + 64;
}

static void release(void *memory)
{
    if (!memory) return;
    char *block = (char *)memory - 64;
    if (*(size_t *)block <= SHELF_MAX)
        for (int i = 0; i < SHELVES; i++) {
            void *none = NULL;
            if (!__atomic_load_n(shelf + i, __ATOMIC_RELAXED) &&
                __atomic_compare_exchange_n(shelf + i, &none, block, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
                return;
        }
    free(block);
}

#endif
