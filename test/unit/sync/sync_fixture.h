/*
 * A table, a journal on a fake disk, a flusher and a loader over a fake store: driven step by
 * step, no threads.
 */
#ifndef SR_TEST_SYNC_FIXTURE_H
#define SR_TEST_SYNC_FIXTURE_H

#include "store/fake_store.h"
#include "support/fake_disk.h"
#include "support/unit.h"
#include "sync/flusher.h"
#include "sync/loader.h"

#define FIXTURE_INTERVAL_MS 1000U
#define FIXTURE_RETENTION_MS 60000U
#define FIXTURE_WINDOW_MS 20000U

struct sync_fixture {
    struct fake_disk *fake;
    struct fake_database *database;
    struct datadir *datadir;
    struct journal *journal;
    struct counters *counters;
    struct store *flusher_store, *loader_store;
    struct flusher *flusher;
    struct loader *loader;
    struct dedup *dedup;
    uint64_t open_epoch;
    enum journal_durability durability; /* from the next start on */
    bool turns_open;                    /* close_turns says no */
    uint64_t counted[2];                /* ledger: what sync_add counted, by epoch parity */
    unsigned mismatches;                /* events of the ledger */
    unsigned claimed;                   /* how often the flusher said so */
    struct sr_err err;
};

int sync_setup(void **state);
int sync_teardown(void **state);

/* Builds and takes down everything but disk and database. */
void sync_start(struct sync_fixture *f);
void sync_crash(struct sync_fixture *f, enum fake_crash how);

/* Another instance on the same database, with a disk of its own. */
struct sync_fixture *sync_open_other(struct sync_fixture *f);
void sync_close_other(struct sync_fixture *other);

/* Counts in the open epoch and makes it durable; loads the base where it is wanted. Returns the
 * total, or INT64_MIN where it is unknown. */
int64_t sync_add(struct sync_fixture *f, const char *key, int64_t value);
/* The same under a token, answered with the total 1000; the base stays what it is. */
void sync_add_request(struct sync_fixture *f, const char *token, uint8_t hash, const char *key,
                      int64_t value);
/* Sets in the open epoch, durably. */
void sync_set(struct sync_fixture *f, const char *key, int64_t value);
/* Reads the total; INT64_MIN where the key is absent or unknown. */
int64_t sync_read(struct sync_fixture *f, const char *key);

/* Steps of flusher and journal, time standing still, until the flusher wants to wait. */
void sync_steps(struct sync_fixture *f);
/* An interval passes, then steps. */
void sync_interval(struct sync_fixture *f);
/* Several intervals: enough for any back-off. */
void sync_long_time(struct sync_fixture *f);

/* The row's value in the database; INT64_MIN where there is none. */
int64_t sync_row(struct sync_fixture *f, const char *key);
enum flusher_state sync_state(struct sync_fixture *f);

#endif
