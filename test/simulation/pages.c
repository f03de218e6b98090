/*
 * Stands in for base/memory.c: the simulation starts hundreds of instances a second, and
 * mapping and unmapping their memory each time would be most of its work. What is freed waits
 * for the next one of its size.
 */
#include "base/memory.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SIZES_MAX 64
#define COPIED_MAX                                                                             \
    ((size_t)160 << 10) /* zeroed by hand; beyond, by the kernel where touched                 \
                         */

struct free_pages {
    struct free_pages *next;
};

static struct size_class {
    size_t size;
    struct free_pages *free;
} classes[SIZES_MAX];

static struct size_class *class_of(size_t size)
{
    for (size_t i = 0; i < SIZES_MAX; i++) {
        if (classes[i].size == 0) {
            classes[i].size = size;
        }
        if (classes[i].size == size) {
            return &classes[i];
        }
    }
    return NULL;
}

void *sr_pages_alloc(size_t size)
{
    struct size_class *class = class_of(size);
    void *pages;

    if (class != NULL && class->free != NULL) {
        pages = class->free;
        class->free = class->free->next;
        memset(pages, 0, size <= COPIED_MAX ? size : sizeof(struct free_pages));
        return pages;
    }
    pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

void sr_pages_free(void *pages, size_t size)
{
    struct size_class *class = class_of(size);

    if (pages == NULL) {
        return;
    }
    if (class == NULL) {
        SR_CHECK(munmap(pages, size) == 0);
        return;
    }
    if (size > COPIED_MAX) {
        SR_CHECK(madvise(pages, size, MADV_DONTNEED) == 0);
    }
    ((struct free_pages *)pages)->next = class->free;
    class->free = pages;
}

void sr_pages_discard(void *pages, size_t size)
{
    (void)pages; /* the bytes are undefined from now on: staying is as good */
    (void)size;
}
