/*
 * A disk in memory for tests: keeps what was written but not synced apart from what is durable,
 * fails at the n-th call, and crashes: what was not synced is kept, dropped or torn, names that
 * were not synced go.
 */
#ifndef SR_TEST_SUPPORT_FAKE_DISK_H
#define SR_TEST_SUPPORT_FAKE_DISK_H

#include "journal/disk.h"

#include <stdbool.h>
#include <stdint.h>

struct fake_disk;

enum fake_crash {
    FAKE_CRASH_KEEP,  /* the process dies, the machine lives: everything written stays */
    FAKE_CRASH_DROP,  /* power loss: only what was synced stays */
    FAKE_CRASH_RANDOM /* power loss: of each unsynced block the old, the new, or a torn mix
                         stays */
};

struct fake_disk *fake_disk_new(uint64_t seed);
void fake_disk_free(struct fake_disk **fake);
struct disk *fake_disk_base(struct fake_disk *fake);

/* All open files are gone; goes on with what the crash left. */
void fake_disk_crash(struct fake_disk *fake, enum fake_crash how);

/* The call number n from now on (1: the next) that can fail fails once with result; 0: none. A
 * failed sync leaves its writes unsynced. */
void fake_disk_fail_at(struct fake_disk *fake, uint64_t n, enum sr_result result);
/* True when the programmed failure has happened. */
bool fake_disk_failed(const struct fake_disk *fake);
/* Before the call number n from now on that can fail, `act` is called once, as another thread
 * may act then; its own calls are not counted. n 0: none. */
typedef void fake_disk_act_fn(void *context);
void fake_disk_act_before(struct fake_disk *fake, uint64_t n, fake_disk_act_fn *act,
                          void *context);
/* True when the programmed act has been called. */
bool fake_disk_acted(const struct fake_disk *fake);
/* No more than this many bytes of files; 0: no bound. Beyond it writes fail with SR_FULL. */
void fake_disk_limit(struct fake_disk *fake, uint64_t bytes);

void fake_disk_advance(struct fake_disk *fake, uint64_t ms);

/* Number of files with the prefix; name of the i-th (in order of creation), NULL beyond. */
unsigned fake_disk_count(const struct fake_disk *fake, const char *prefix);
const char *fake_disk_name(const struct fake_disk *fake, const char *prefix, unsigned i);
/* The bytes of a file, to look at or to spoil; NULL where there is none. */
uint8_t *fake_disk_bytes(struct fake_disk *fake, const char *name, uint64_t *ret_size);
void fake_disk_remove(struct fake_disk *fake, const char *name);

#endif
