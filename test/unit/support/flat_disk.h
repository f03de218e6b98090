/*
 * A disk of a few files in memory that is put back to its first content at once: for tests that
 * start a journal a million times. Nothing is lost in a crash here; fake_disk.h does that.
 */
#ifndef SR_TEST_SUPPORT_FLAT_DISK_H
#define SR_TEST_SUPPORT_FLAT_DISK_H

#include "journal/disk.h"

#include <stdbool.h>
#include <stdint.h>

#define FLAT_DISK_FILES 32U /* names at the same time, those made after the start included */
#define FLAT_DISK_FILE_BYTES (256U * 1024U) /* and the bytes of each */

struct flat_disk;

struct flat_disk *flat_disk_new(void);
void flat_disk_free(struct flat_disk **flat);
struct disk *flat_disk_base(struct flat_disk *flat);

/* Adds a file to the first content; the bytes are copied. */
void flat_disk_put(struct flat_disk *flat, const char *name, const void *bytes, uint64_t size);

/* The i-th file of the first content, to spoil and to mend between resets. */
unsigned flat_disk_count(const struct flat_disk *flat);
const char *flat_disk_name(const struct flat_disk *flat, unsigned i);
uint8_t *flat_disk_bytes(struct flat_disk *flat, unsigned i, uint64_t *ret_size);
/* The i-th file has only its first `size` bytes from now on; UINT64_MAX: all. */
void flat_disk_cut(struct flat_disk *flat, unsigned i, uint64_t size);

/* All files are again what the first content says. */
void flat_disk_reset(struct flat_disk *flat);

#endif
