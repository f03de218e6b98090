/*
 * Large memory straight from the kernel.
 */
#include "base/memory.h"

#include "base/arith.h"
#include "base/check.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

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
    size_t kernel_page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = sr_round_up((uintptr_t)pages, kernel_page);
    uintptr_t end = ((uintptr_t)pages + size) & ~(uintptr_t)(kernel_page - 1);

    if (begin < end) {
        SR_CHECK(madvise((uint8_t *)pages + (begin - (uintptr_t)pages), end - begin,
                         MADV_DONTNEED) == 0);
    }
}
