/*
 * A journal on a fake disk, and what its state files say after a start.
 */
#ifndef SR_TEST_JOURNAL_FIXTURE_H
#define SR_TEST_JOURNAL_FIXTURE_H

#include "journal/journal.h"
#include "support/fake_disk.h"
#include "support/unit.h"

#include <stdint.h>

#define FIXTURE_FILE_BYTES (128U * 1024U)

struct fixture {
    struct fake_disk *fake;
    struct journal *journal;
    struct journal_options options;
    struct journal_recovery recovery;
    struct sr_err err;
    unsigned progress;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Opens the journal anew (closing it first); the result of the start. */
enum sr_result fixture_start(struct fixture *f);
/* Crash of the process and maybe the machine, then a start. */
enum sr_result fixture_crash(struct fixture *f, enum fake_crash how);

/* For calls whose failure is part of the test. */
static inline void may_fail(enum sr_result result)
{
    (void)result;
}

/* Reserves, hands over and returns the position. */
uint64_t fixture_add(struct fixture *f, uint64_t epoch, const char *key, int64_t value);
/* The same and one commit, which must succeed. */
void fixture_add_durably(struct fixture *f, uint64_t epoch, const char *key, int64_t value);

/* Sum of the key over all sealed state files; *ret_found tells whether it occurs. */
int64_t fixture_total(struct fixture *f, const char *key, bool *ret_found);
/* Value of the key in the state of one epoch; fails the test where it does not occur. */
int64_t fixture_in_state(struct fixture *f, uint64_t epoch, const char *key);

#endif
