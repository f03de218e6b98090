/*
 * The store: where the totals live. One driver table for PostgreSQL, SQLite and the tests'
 * fake; all obey the contract below (DESIGN sections 5 and 7, test/unit/store/contract.c).
 *
 * A `struct store` is one connection, used by one thread at a time. Every call that talks to
 * the database is bounded by timeout_ms without progress and never blocks longer; after a
 * result other than SR_OK the driver may have dropped its connection, and the next store_claim
 * (flusher) or store_load (loader) connects again.
 */
#ifndef SR_STORE_STORE_H
#define SR_STORE_STORE_H

#include "base/random.h"
#include "base/result.h"
#include "base/span.h"
#include "core/change.h"

#include <stdbool.h>
#include <stdint.h>

struct store; /* opaque; every driver's own struct begins with `struct store` */

struct store_options {
    struct sr_uuid instance; /* this data directory's identity: the writer's row */
    uint32_t timeout_ms; /* longest time without progress of an operation, connect included */
    uint32_t statement_rows; /* keys a statement, 1,000 to 5,000; 0 is the driver's best */
    bool create;             /* SQLite: create the file where it is missing */
};

/* What a person wants to know of the store; the strings live as long as the store. */
struct store_info {
    const char *driver;   /* "sqlite" or "postgresql": OpenTelemetry's db.system.name */
    const char *hosts;    /* the URL's, as libpq takes them, or "" */
    const char *ports;    /* the same */
    const char *host;     /* host of the live connection, or "" */
    const char *database; /* database name or file */
    const char *version;  /* server version, "" before the first connection */
};

/* A request with an Idempotency-Key (a token) and what it was answered first: a row of
 * counter_requests. */
struct store_request {
    struct sr_span token;        /* 1 to 255 bytes of ASCII without control characters */
    struct sr_span request_hash; /* 32 bytes */
    uint16_t status;             /* HTTP */
    bool totals_known;
    struct sr_span totals; /* where known: 8 bytes each, little-endian */
};

/*
 * The changes of one epoch in key order (sr_span_compare), each key once except where a sum
 * did not fit 64 bits: then the same key follows itself, and both must be applied (never in
 * one statement).
 */
struct store_source {
    void *context;
    /* Goes back to the first change. */
    enum sr_result (*rewind)(void *context, struct sr_err *err);
    /* SR_OK with the next change (value fits int64; its key stays valid until `keys_valid`
     * further changes were taken, at least 16,384, or rewind), SR_NOT_FOUND at the end, else
     * an error that aborts the epoch. */
    enum sr_result (*next)(void *context, struct sr_change *ret_change, struct sr_err *err);
    /* All taken before the first change: the epoch's requests with a token, in token order,
     * each once; its spans are valid until the next call. SR_NOT_FOUND at the end. NULL: none.
     */
    enum sr_result (*next_request)(void *context, struct store_request *ret_request,
                                   struct sr_err *err);
};

/* A row after its change. */
struct store_outcome {
    uint64_t index;   /* of the change, counted from 0 in source order */
    int64_t value;    /* the row's value (0 when deleted or refused) */
    bool exists;      /* false: deleted */
    bool refused;     /* the row went to counter_refused instead */
    char sqlstate[6]; /* where refused: five characters and a NUL */
};

/* Takes outcomes while the transaction runs; they count only when store_apply returned SR_OK.
 * `restart` says that all outcomes so far are void (the driver begins again). */
struct store_sink {
    void *context;
    void (*restart)(void *context);
    void (*outcome)(void *context, const struct store_outcome *outcome);
    /* The table has the token of request `index` (counted from 0) already, of the same request
     * or of another one: told before the first change is taken. The row stays as it is. Needed
     * where the source has requests. */
    void (*known)(void *context, uint64_t index, bool same);
};

struct store_epoch {
    uint64_t epoch;       /* becomes the writer's row's epoch */
    uint64_t predecessor; /* must be the writer's row's epoch now */
    struct sr_uuid owner; /* a confirmed owner token: must be the row's owner */
    uint64_t window_s;    /* how long its requests with a token are remembered; 0: there are
                             none, and those that have expired are left alone */
};

/* Says that tokens[index] is in the table; spans are valid during the call. */
typedef void store_found_fn(void *context, size_t index, const struct store_request *request);
#define STORE_FIND_MAX 1000

struct store_claim {
    struct sr_uuid fresh;       /* token to put in */
    const struct sr_uuid *mine; /* tokens this directory drew, fresh included */
    size_t mine_count;
    size_t own_count; /* of them, the last ones, were drawn by this process */
    /* Another process' token counts as ours only while the row's epoch is below this. An epoch
     * that was sealed when this process started has one content, whoever brings it; one that
     * was still open then nobody can have flushed but a copy of the directory. 0: always. */
    uint64_t others_below;
    bool insert_row; /* no fence was ever sent: a missing row is inserted, with epoch 0 */
};

struct store_value {
    int64_t value;
    bool exists;
};

/* Rows from a key on, in key order; rows of others whose keys no counter can have (empty, over
 * SR_KEY_SIZE_MAX bytes) are passed over. */
struct store_range {
    struct sr_span from; /* may be empty: from the first one on */
    bool is_past;        /* `from` itself is left out */
    uint32_t limit;      /* at most 5,000 */
};

/* Takes rows as they are read; an error ends the reading. The key is borrowed for the call. */
struct store_rows {
    void *context;
    enum sr_result (*row)(void *context, struct sr_span key, int64_t value);
};

/* A row of counter_refused. */
#define STORE_REFUSED_ID_SIZE 32
struct store_refused {
    char id[STORE_REFUSED_ID_SIZE]; /* how the driver finds it again; means nothing else */
    char instance[SR_UUID_TEXT_SIZE];
    uint64_t epoch;
    struct sr_span key; /* borrowed */
    bool is_set;        /* else an increment */
    bool has_value;     /* false: a delete */
    int64_t value;
    char sqlstate[6];
    int64_t at_s; /* seconds since 1970 UTC */
};

/* Takes a row; its key is borrowed for the call. An error ends the reading. */
typedef enum sr_result store_refused_fn(void *context, const struct store_refused *row);
#define STORE_REFUSED_PAGE 1000

struct store_ops {
    const char *name;
    void (*close)(struct store *store);
    /* Connects if needed, migrates the schema under a lock, claims the writer's row and tells
     * its epoch (L of DESIGN section 5). Waits for old transactions of ours (row lock) within
     * timeout_ms.
     *   SR_OK           claimed; *ret_epoch is L
     *   SR_FENCED       the row's owner is none of `mine`, or only of another process that
     *                   is ahead: a copied data directory. The row stays as it is
     *   SR_NOT_FOUND    no row, and insert_row was false
     *   SR_UNAVAILABLE  cannot connect, lock timeout, BUSY, server going down ...: try again
     *   SR_UNKNOWN      the claim was sent and not answered: try again with the same tokens
     *   SR_REFUSED      schema of another kind, permission missing
     *   SR_DAMAGED      see apply */
    enum sr_result (*claim)(struct store *store, const struct store_claim *claim,
                            uint64_t *ret_epoch, struct sr_err *err);
    /* One transaction: fence, all requests, all changes in order, some steps at expired
     * requests, refused rows to counter_refused, COMMIT.
     *   SR_OK           committed for certain; outcomes are valid
     *   SR_FENCED       the fence touched no row; nothing applied
     *   SR_UNAVAILABLE  not committed for certain; claim, then try again
     *   SR_UNKNOWN      may or may not be committed: claim and look at L
     *   SR_REFUSED      an error that will not go away by itself (permission, missing table):
     *                   not committed
     *   SR_DAMAGED      SQLite: an I/O error on a write or sync, committed or not; from then on
     *                   every call of this store, for only a new process reads the file anew */
    enum sr_result (*apply)(struct store *store, const struct store_epoch *epoch,
                            const struct store_source *source, const struct store_sink *sink,
                            struct sr_err *err);
    /* Reads values of `count` distinct keys (at most 5,000) and L of one snapshot, in one
     * statement. Writes nothing; does not need a claim; connects by itself. SR_OK,
     * SR_NOT_FOUND (no writer's row), SR_UNAVAILABLE, SR_REFUSED, SR_DAMAGED. */
    enum sr_result (*load)(struct store *store, const struct sr_span *keys, size_t count,
                           struct store_value *ret_values, uint64_t *ret_epoch,
                           struct sr_err *err);
    /* Looks for requests by up to STORE_FIND_MAX distinct tokens, expired ones that are still
     * there included. Writes nothing; does not need a claim; connects by itself. SR_OK,
     * SR_NOT_FOUND (no tables), SR_UNAVAILABLE, SR_REFUSED. */
    enum sr_result (*find_requests)(struct store *store, const struct sr_span *tokens,
                                    size_t count, store_found_fn *found, void *context,
                                    struct sr_err *err);
    /* Tells the rows of a range in key order, and L of the same snapshot; otherwise as load.
     * What `rows` was told counts only where the result is SR_OK. */
    enum sr_result (*list)(struct store *store, const struct store_range *range,
                           const struct store_rows *rows, uint64_t *ret_epoch,
                           struct sr_err *err);
    /* For an operator: tells all rows whose keys begin with `prefix` in key order, of one
     * snapshot, however long that takes. Rows of others whose keys no counter can have may be
     * among them. Needs neither a claim nor a writer's row; connects by itself. SR_OK,
     * SR_NOT_FOUND (no tables), SR_UNAVAILABLE, SR_REFUSED, SR_DAMAGED, or what the callback
     * returned, whose words then are the caller's. */
    enum sr_result (*read_all)(struct store *store, struct sr_span prefix,
                               const struct store_rows *rows, struct sr_err *err);
    /* The writer's row now, without claiming: epoch and whether the owner is `owner`. SR_OK,
     * SR_NOT_FOUND, SR_UNAVAILABLE, SR_REFUSED, SR_DAMAGED. */
    enum sr_result (*look)(struct store *store, const struct sr_uuid *owner,
                           uint64_t *ret_epoch, bool *ret_owned, struct sr_err *err);
    /* For an operator: removes the writer's row where `owner` has it and it is at `epoch`.
     * SR_OK; SR_NOT_FOUND: there is no such row; else done or not, and may be repeated. */
    enum sr_result (*retire)(struct store *store, const struct sr_uuid *owner, uint64_t epoch,
                             struct sr_err *err);
    /* For an operator; none needs a claim, all connect by themselves. Tells the rows of
     * counter_refused behind the one with the id `after` ("": from the first on), of one key
     * or, where that is empty, of all; STORE_REFUSED_PAGE at most. SR_OK, SR_NOT_FOUND (no
     * tables), SR_UNAVAILABLE, SR_REFUSED, SR_DAMAGED, or what the callback returned. */
    enum sr_result (*list_refused)(struct store *store, struct sr_span key, const char *after,
                                   store_refused_fn *row, void *context, struct sr_err *err);
    /* Adds a refused increment to its counter and removes the row, in one transaction. SR_OK
     * with the counter's value; SR_NOT_FOUND: the row is gone; SR_INVALID: the table refuses it
     * again, err says why; SR_UNAVAILABLE and others: done or not, and may be repeated: a row
     * that was counted is gone. Not for sets and deletes. */
    enum sr_result (*replay_refused)(struct store *store, const struct store_refused *row,
                                     int64_t *ret_value, struct sr_err *err);
    /* Removes the row. SR_OK, SR_NOT_FOUND, else as replay_refused. */
    enum sr_result (*drop_refused)(struct store *store, const struct store_refused *row,
                                   struct sr_err *err);
    void (*info)(const struct store *store, struct store_info *ret_info);
    /* Asks a running call of another thread to give up soon (shutdown): async-thread-safe,
     * sticky. */
    void (*cancel)(struct store *store);
};

struct store_meter;

struct store {
    const struct store_ops *ops;
    struct store_meter *meter; /* NULL: nobody counts; see store/store_meter.h */
};

/*
 * Opens the driver that the URL names: `sqlite:PATH`, `postgres://`, `postgresql://`,
 * `ecto://` (rewritten to postgresql://), or a libpq URL with several hosts
 * (target_session_attrs=read-write is added where it is not given and there are several). Does
 * not connect. SR_INVALID for another scheme or a URL libpq cannot parse, with what would be
 * right.
 */
enum sr_result store_open(const char *url, const struct store_options *options,
                          struct store **ret_store, struct sr_err *err) SR_MUST_USE;

/* Closes; accepts NULL and leaves NULL. */
void store_close(struct store **store);

/* Copies url into ret_text with any password replaced by `***`: for logs and --print-config. */
void store_url_redact(const char *url, char *ret_text, size_t size);

#endif
