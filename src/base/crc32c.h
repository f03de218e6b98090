/*
 * CRC32C (Castagnoli polynomial, RFC 3720 appendix B.4): the checksum of everything on disk.
 * Uses the processor's instruction where there is one. Pure.
 */
#ifndef SR_BASE_CRC32C_H
#define SR_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues from crc (0 at the start) over size bytes. */
uint32_t sr_crc32c(uint32_t crc, const void *data, size_t size);

/* The table-driven form, whatever the processor: for tests. */
uint32_t sr_crc32c_portable(uint32_t crc, const void *data, size_t size);

#endif
