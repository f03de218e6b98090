/*
 * Large memory straight from the kernel: zeroed, page-aligned, given back at once when freed.
 * For what is taken at start or grows in big steps, so that the heap does not fragment.
 */
#ifndef SR_BASE_MEMORY_H
#define SR_BASE_MEMORY_H

#include <stddef.h>

/* Address space of size bytes, zero when first read, resident only where touched; NULL when
 * there is none. Owned by the caller, freed by sr_pages_free with the same size. */
void *sr_pages_alloc(size_t size);

/* Accepts NULL. */
void sr_pages_free(void *pages, size_t size);

/* Gives the memory of the kernel's pages that lie wholly within back, and keeps their address
 * space. The bytes are undefined until written again. */
void sr_pages_discard(void *pages, size_t size);

#endif
