/*
 * What the files of the SQLite driver share; nobody else includes it. One connection, used by
 * one thread at a time; only cancel comes from another.
 */
#ifndef SR_STORE_STORE_SQLITE_INTERNAL_H
#define SR_STORE_STORE_SQLITE_INTERNAL_H

#include "store/store.h"

#include <sqlite3.h>

#include <pthread.h>
#include <stdatomic.h>

/* "SRct": the file's application_id, by which a file of somebody else's is told. */
#define STORE_SQLITE_APPLICATION_ID 0x53526374

struct store_sqlite {
    struct store store; /* first: what everybody else sees */
    struct store_options options;
    char instance_text[SR_UUID_TEXT_SIZE];
    char *path;
    sqlite3 *db;             /* NULL while not connected; changed under db_lock */
    pthread_mutex_t db_lock; /* lets another thread interrupt db while it exists */
    atomic_bool cancelled;   /* sticky */
    int log_frames;          /* length of the write-ahead log after the last COMMIT */
    uint64_t progress_ms;    /* when the running call last got on, monotonic */
    bool poisoned;           /* an I/O error on a write: nothing may be tried again */
    char poison_text[200];   /* what it was */
};

/* What the failing step was about: it decides what an error means. */
enum store_sqlite_step {
    STORE_SQLITE_READ,   /* reads only */
    STORE_SQLITE_WRITE,  /* within a transaction that writes */
    STORE_SQLITE_COMMIT, /* COMMIT or a checkpoint after it */
};

/* store_sqlite_error.c: turns an SQLite code into a result and its words; poisons the store
 * where the code says that the file can no longer be believed. */
enum sr_result store_sqlite_fail(struct store_sqlite *store, enum store_sqlite_step step,
                                 int code, const char *what, struct sr_err *err);
enum sr_result store_sqlite_refuse_poisoned(const struct store_sqlite *store,
                                            struct sr_err *err);

/* store_sqlite_connect.c: connects where that is not done. `create` allows to make the file. A
 * file without our tables is SR_NOT_FOUND unless create. */
enum sr_result store_sqlite_connect(struct store_sqlite *store, bool create,
                                    struct sr_err *err) SR_MUST_USE;
void store_sqlite_disconnect(struct store_sqlite *store);

/* Starts a call and its deadline: SR_DAMAGED when poisoned, SR_UNAVAILABLE when cancelled. */
enum sr_result store_sqlite_begin_call(struct store_sqlite *store,
                                       struct sr_err *err) SR_MUST_USE;

/* Says that the running call got on. */
void store_sqlite_progressed(struct store_sqlite *store);

/* Runs SQL without results. */
enum sr_result store_sqlite_exec(struct store_sqlite *store, enum store_sqlite_step step,
                                 const char *sql, struct sr_err *err) SR_MUST_USE;

/* Prepares a statement, which the caller finalizes. */
enum sr_result store_sqlite_prepare(struct store_sqlite *store, enum store_sqlite_step step,
                                    const char *sql, sqlite3_stmt **ret_statement,
                                    struct sr_err *err) SR_MUST_USE;

/* Runs a statement to its end and resets it, and takes the first column of its first row.
 * Returns SQLITE_OK or what failed; *ret_found says whether there was a row. Counts as
 * progress. */
int store_sqlite_step(struct store_sqlite *store, sqlite3_stmt *statement, int64_t *ret_value,
                      bool *ret_found) SR_MUST_USE;

/* The same with the error in words; with ret_value a missing row is SR_NOT_FOUND, and NULL is
 * allowed. */
enum sr_result store_sqlite_run(struct store_sqlite *store, enum store_sqlite_step step,
                                sqlite3_stmt *statement, int64_t *ret_value,
                                struct sr_err *err) SR_MUST_USE;

/* Ends the open transaction where there is one. Poisons the store where that fails. */
void store_sqlite_rollback(struct store_sqlite *store);

/* Bind bytes or words as text; nothing is copied, so the memory must outlive the step. */
void store_sqlite_bind_key(sqlite3_stmt *statement, int index, struct sr_span key);
void store_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text);

/* store_sqlite_requests.c: brings the epoch's requests in, and counts them; then takes some
 * steps at expired ones. Within the transaction of an apply. */
enum sr_result store_sqlite_apply_requests(struct store_sqlite *store,
                                           const struct store_source *source,
                                           const struct store_sink *sink, int64_t expires_at,
                                           uint64_t *ret_count, struct sr_err *err) SR_MUST_USE;
enum sr_result store_sqlite_expire_requests(struct store_sqlite *store, int64_t now_s,
                                            uint64_t steps, struct sr_err *err) SR_MUST_USE;

/* The ops, see store.h. */
enum sr_result store_sqlite_find_requests(struct store *base, const struct sr_span *tokens,
                                          size_t count, store_found_fn *found, void *context,
                                          struct sr_err *err) SR_MUST_USE;
enum sr_result store_sqlite_claim(struct store *base, const struct store_claim *claim,
                                  uint64_t *ret_epoch, struct sr_err *err) SR_MUST_USE;
enum sr_result store_sqlite_apply(struct store *base, const struct store_epoch *epoch,
                                  const struct store_source *source,
                                  const struct store_sink *sink,
                                  struct sr_err *err) SR_MUST_USE;
enum sr_result store_sqlite_load(struct store *base, const struct sr_span *keys, size_t count,
                                 struct store_value *ret_values, uint64_t *ret_epoch,
                                 struct sr_err *err) SR_MUST_USE;
enum sr_result store_sqlite_list(struct store *base, const struct store_range *range,
                                 const struct store_rows *rows, uint64_t *ret_epoch,
                                 struct sr_err *err) SR_MUST_USE;
enum sr_result store_sqlite_read_all(struct store *base, struct sr_span prefix,
                                     const struct store_rows *rows,
                                     struct sr_err *err) SR_MUST_USE;
enum sr_result store_sqlite_look(struct store *base, const struct sr_uuid *owner,
                                 uint64_t *ret_epoch, bool *ret_owned,
                                 struct sr_err *err) SR_MUST_USE;
enum sr_result store_sqlite_retire(struct store *base, const struct sr_uuid *owner,
                                   uint64_t epoch, struct sr_err *err) SR_MUST_USE;
enum sr_result store_sqlite_list_refused(struct store *base, struct sr_span key,
                                         const char *after, store_refused_fn *tell,
                                         void *context, struct sr_err *err) SR_MUST_USE;
enum sr_result store_sqlite_replay_refused(struct store *base, const struct store_refused *row,
                                           int64_t *ret_value, struct sr_err *err) SR_MUST_USE;
enum sr_result store_sqlite_drop_refused(struct store *base, const struct store_refused *row,
                                         struct sr_err *err) SR_MUST_USE;

#endif
