/*
 * Large memory straight from the kernel.
 */
#include "base/memory.h"

#include "base/check.h"

#include <sys/mman.h>

void *sr_pages_alloc(size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (pages == MAP_FAILED) {
        return NULL;
    }
    /* A huge page would make 2 MiB resident where one byte is touched. Fails only where the
     * kernel knows no huge pages. */
    (void)madvise(pages, size, MADV_NOHUGEPAGE);
    return pages;
}

void sr_pages_free(void *pages, size_t size)
{
    if (pages != NULL) {
        SR_CHECK(munmap(pages, size) == 0);
    }
}

void sr_pages_discard(void *pages, size_t size)
{
    if (size > 0) {
        SR_CHECK(madvise(pages, size, MADV_DONTNEED) == 0);
    }
}
