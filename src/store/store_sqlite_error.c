/*
 * What an SQLite error means for the promise. Only three kinds leave the file believable:
 * somebody else holds it, we gave up waiting, or the disk is full before COMMIT. An I/O error
 * on a write is final: the kernel reports it once, and a COMMIT tried again "succeeds" over
 * pages that never reached the disk.
 */
#include "store/store_sqlite_internal.h"

#include <errno.h>
#include <stdio.h>

static bool is_passing(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
    case SQLITE_PROTOCOL: /* lost a race for the WAL index several times */
    case SQLITE_FULL:     /* no room for a write; a failed fsync is an I/O error */
        return true;
    default:
        return false;
    }
}

/* Passing as long as no commit record can have been written. */
static bool is_passing_before_commit(const struct store_sqlite *store, int code)
{
    if (code == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM || code == SQLITE_IOERR_SHMSIZE) {
        return true;
    }
    if ((code & 0xff) == SQLITE_CANTOPEN && store->db != NULL) {
        int number = sqlite3_system_errno(store->db);

        return number == EMFILE || number == ENFILE || number == ENOMEM || number == ENOSPC;
    }
    return false;
}

static bool is_poison(enum store_sqlite_step step, int code)
{
    int primary = code & 0xff;

    if (step == STORE_SQLITE_READ) {
        return false;
    }
    return step == STORE_SQLITE_COMMIT || primary == SQLITE_IOERR ||
           primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_INTERNAL;
}

enum sr_result store_sqlite_refuse_poisoned(const struct store_sqlite *store,
                                            struct sr_err *err)
{
    return sr_fail(err, SR_DAMAGED,
                   "SQLite file '%s': %s; after that nothing written to it can be believed "
                   "without reading it anew: check the disk, then restart the service",
                   store->path, store->poison_text);
}

enum sr_result store_sqlite_fail(struct store_sqlite *store, enum store_sqlite_step step,
                                 int code, const char *what, struct sr_err *err)
{
    const char *text = store->db == NULL ? sqlite3_errstr(code) : sqlite3_errmsg(store->db);

    if (code == SQLITE_INTERRUPT) {
        text = atomic_load(&store->cancelled) ? "cancelled" : "no progress within the timeout";
    }
    if (is_passing(code) ||
        (step != STORE_SQLITE_COMMIT && is_passing_before_commit(store, code))) {
        return sr_fail(err, SR_UNAVAILABLE, "SQLite file '%s': %.100s: %s", store->path, what,
                       text);
    }
    if (is_poison(step, code)) {
        store->poisoned = true;
        (void)snprintf(store->poison_text, sizeof(store->poison_text), "%.100s failed: %s (%d)",
                       what, text, code);
        return store_sqlite_refuse_poisoned(store, err);
    }
    return sr_fail(err, SR_REFUSED, "SQLite file '%s': %.100s failed: %s (%d)", store->path,
                   what, text, code);
}
