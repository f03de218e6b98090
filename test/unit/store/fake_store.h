/*
 * A store in memory that obeys the contract of store/store.h and fails on demand: for the
 * contract tests, the flusher's and loader's tests, and the simulation. Deterministic: no
 * thread, no clock, no chance.
 *
 *   struct fake_database      one database: rows, writers' rows, refused rows, a kept snapshot
 *        ^      ^
 *   connection  connection    each is a `struct store`, made by fake_store_open
 *
 * A running transaction holds the whole database's write lock: a claim or apply that another
 * actor starts from within a moment is SR_UNAVAILABLE, as a lock timeout would be; load and
 * look see what is committed.
 */
#ifndef SR_TEST_STORE_FAKE_STORE_H
#define SR_TEST_STORE_FAKE_STORE_H

#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

enum fake_operation { FAKE_CLAIM, FAKE_APPLY, FAKE_LOAD, FAKE_LOOK, FAKE_LIST, FAKE_OPERATOR };

/* What happens to a call. */
enum fake_fault {
    FAKE_NONE,
    FAKE_FAIL_BEFORE, /* no connection: nothing done, SR_UNAVAILABLE */
    FAKE_FAIL_MIDWAY, /* lost after the first outcome: rolled back, SR_UNAVAILABLE */
    FAKE_LOSE_COMMIT, /* lost before COMMIT arrived: rolled back, SR_UNKNOWN */
    FAKE_LOSE_ANSWER, /* lost after COMMIT: done, SR_UNKNOWN */
    FAKE_COMMIT_LATE, /* SR_UNKNOWN; the server commits when the next claim waits for it */
    FAKE_RESTART,     /* a deadlock: the sink is restarted once, then all goes well */
    FAKE_FALL_BACK,   /* the kept snapshot is back, a standby promoted; SR_UNAVAILABLE */
    FAKE_REFUSE,      /* permission missing: SR_REFUSED */
    FAKE_FAULTS,      /* their number; reads turn SR_UNKNOWN into SR_UNAVAILABLE */
    FAKE_SPOIL        /* SQLite's I/O error, SR_DAMAGED: final, so that no sweep tries it */
};

/* Points within a call at which others may act. */
enum fake_moment {
    FAKE_AT_START,      /* before anything is done */
    FAKE_AFTER_FENCE,   /* apply: the fence touched its row */
    FAKE_BEFORE_COMMIT, /* claim, apply: everything is done but COMMIT */
    FAKE_AFTER_COMMIT,  /* claim, apply: committed, not yet answered */
    FAKE_AFTER_READ,    /* load, look: read, not yet answered */
};

struct fake_call {
    enum fake_operation operation;
    uint64_t number; /* of this call, counted from 1 over all connections */
    struct store *store;
};

/* All of it may be NULL. */
struct fake_hooks {
    void *context;
    enum fake_fault (*decide)(void *context, const struct fake_call *call);
    void (*moment)(void *context, const struct fake_call *call, enum fake_moment moment);
};

struct fake_refused {
    uint64_t id; /* ascending; the state draws it */
    struct sr_uuid instance;
    uint64_t epoch;
    struct sr_span key; /* owned by the database until it is closed or falls back */
    int64_t delta;
    bool is_set;
    char sqlstate[6];
};

struct fake_database;

/* Aborts when out of memory, as all of the fake does. */
struct fake_database *fake_database_open(void);
void fake_database_close(struct fake_database **database);

/* The hooks are copied. */
void fake_database_hook(struct fake_database *database, const struct fake_hooks *hooks);

/* The number-th call from now (1 is the next) meets the fault; of several rules the first set
 * counts. */
void fake_database_fail_at(struct fake_database *database, uint64_t number,
                           enum fake_fault fault);

/* Calls so far. */
uint64_t fake_database_calls(const struct fake_database *database);

/* While down, every call is SR_UNAVAILABLE and connections are lost. */
void fake_database_set_down(struct fake_database *database, bool down);

/* Changes of this key are refused with the SQLSTATE from now on. */
void fake_database_refuse_key(struct fake_database *database, struct sr_span key,
                              const char *sqlstate);

/* Keeps the committed state; falls back to the one kept last (the empty one at first). Falling
 * back ends running transactions, and leaves connections as they are: PgBouncer hides a
 * promotion. */
void fake_database_keep(struct fake_database *database);
void fake_database_fall_back(struct fake_database *database);

/* Looking and meddling from outside. */
bool fake_database_value(const struct fake_database *database, struct sr_span key,
                         int64_t *ret_value);
void fake_database_put(struct fake_database *database, struct sr_span key, int64_t value);
size_t fake_database_rows(const struct fake_database *database);
bool fake_database_writer(const struct fake_database *database, const struct sr_uuid *instance,
                          uint64_t *ret_epoch, struct sr_uuid *ret_owner);
void fake_database_forget_writer(struct fake_database *database,
                                 const struct sr_uuid *instance);
size_t fake_database_refused(const struct fake_database *database);
const struct fake_refused *fake_database_refused_at(const struct fake_database *database,
                                                    size_t index);

/* Rows of counter_requests; and all of them have expired. */
size_t fake_database_requests(const struct fake_database *database);
void fake_database_age_requests(struct fake_database *database);

/* Opens a connection; store_close closes it. The database must outlive it. */
struct store *fake_store_open(struct fake_database *database, const struct sr_uuid *instance);

#endif
