/* Scratch memory that is handed round instead of being returned to the system: page faults cost a fifth of a small picture. */
#ifndef TFG_RASTER_MEMORY_H
#define TFG_RASTER_MEMORY_H

#include <stdint.h>
#include <stdlib.h>

#define SHELVES 32
#define SHELF_MAX ((size_t)128 << 20) /* bytes kept in all; what is beyond goes back to the system */

static void *shelf[SHELVES]; /* free blocks, their size in front; every access is atomic, so any thread may come */
static size_t shelved; /* bytes on the shelf */

/* Puts a block away, or gives it back to the system. */
static void put_away(char *block)
{
    const size_t size = *(size_t *)block;
    if (__atomic_add_fetch(&shelved, size, __ATOMIC_RELAXED) <= SHELF_MAX)
        for (int i = 0; i < SHELVES; i++) {
            void *none = NULL;
            if (!__atomic_load_n(shelf + i, __ATOMIC_RELAXED) &&
                __atomic_compare_exchange_n(shelf + i, &none, block, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
                return;
        }
    __atomic_sub_fetch(&shelved, size, __ATOMIC_RELAXED);
    free(block);
}

/* 64-byte aligned memory of at least `bytes`, contents undefined; NULL if there is none. */
static void *allocate(size_t bytes)
{
    const size_t needed = (bytes + 64 + 4095) / 4096 * 4096;
    for (int i = 0; i < SHELVES; i++) {
        if (!__atomic_load_n(shelf + i, __ATOMIC_RELAXED)) continue;
        char *block = __atomic_exchange_n(shelf + i, NULL, __ATOMIC_ACQUIRE);
        if (!block) continue;
        const size_t size = *(size_t *)block;
        __atomic_sub_fetch(&shelved, size, __ATOMIC_RELAXED);
        if (size >= needed && size <= 4 * needed) return block + 64;
        put_away(block);
    }
    char *block = aligned_alloc(64, needed);
    if (!block) return NULL;
    *(size_t *)block = needed;
    return block + 64;
}

static void release(void *memory)
{
    if (memory) put_away((char *)memory - 64);
}

#endif
