/* Memory that is fresh and large. */
#ifndef TFG_PAGES_H
#define TFG_PAGES_H
#include <stddef.h>
#include <stdint.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

/* Asks for large pages behind fresh memory of many megabytes: small ones cost more to touch first than the work itself. */
static void prefer_large_pages(const void *start, size_t bytes) {
#ifdef MADV_HUGEPAGE
    const uintptr_t page = (uintptr_t)1 << 21, first = ((uintptr_t)start + page - 1) / page * page;
    const uintptr_t last = ((uintptr_t)start + bytes) / page * page;
    if (last > first + page) madvise((void *)first, last - first, MADV_HUGEPAGE);
#endif
    (void)start, (void)bytes;
}

#endif
