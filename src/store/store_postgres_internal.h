/*
 * What the files of the PostgreSQL driver share; nobody else includes it. One connection, used
 * by one thread at a time; only cancel and info come from others.
 *
 *   apply, claim, read  ->  call (statements and their results)  ->  wait (poll, deadline,
 * cancel) claim      ->  connect  ->  resolve (names, in a thread of its own)
 */
#ifndef SR_STORE_STORE_POSTGRES_INTERNAL_H
#define SR_STORE_STORE_POSTGRES_INTERNAL_H

#include "store/pg_wire.h"
#include "store/store.h"

#include <libpq-fe.h>

#include <stdatomic.h>

/* Rows a statement, and what a database that was too slow for that is asked at least. Measured
 * on PostgreSQL 15 with 200,000 random keys: 4.4 to 4.8 us of the backend's CPU a row with 500,
 * 1,000, 2,000, 3,000 and 5,000 alike; short ones show progress sooner on a slow disk. */
#define PG_STATEMENT_ROWS 2000
#define PG_STATEMENT_ROWS_MAX 5000
#define PG_STATEMENT_ROWS_MIN 50

/* Where one host is reached: empty strings leave it to libpq. */
struct pg_target {
    char host[256];
    char address[72]; /* numeric, or "" for a socket's path in host */
    char port[8];
};

#define PG_TARGETS_MAX 32

/* A word that lives as long as the store, since info hands it out. */
struct pg_word {
    struct pg_word *next;
    char text[];
};

struct pg_chunk;

struct store_postgres {
    struct store store; /* first: what everybody else sees */
    struct store_options options;
    char *url;   /* for libpq */
    char *hosts; /* of the URL, comma-separated, each "" where it is not given */
    char *addresses;
    char *ports;
    bool want_read_write; /* several hosts, and the URL does not say which kind */
    PGconn *connection;   /* NULL while not connected; in pipeline mode, non-blocking */
    int cancel_fd;        /* eventfd, readable once cancelled */
    atomic_bool cancelled;
    uint64_t progress_ms;    /* when the running call last got on, monotonic */
    char sqlstate[6];        /* of the last statement that was refused */
    bool timed_out;          /* the last failure was a statement that took too long */
    uint32_t rows;           /* rows a statement now */
    struct pg_chunk *chunks; /* PG_CHUNKS of them and one for parts; allocated at open */
    struct pg_word *words;
    const char *_Atomic host; /* of the live connection: words */
    const char *_Atomic version;
    char *database;
    char where[300]; /* "PostgreSQL HOST/DATABASE": how errors begin */
};

/* What an SQLSTATE asks for. */
enum pg_verdict {
    PG_ROW,      /* a row's own fault: set it aside */
    PG_AGAIN,    /* the whole transaction again */
    PG_OUTAGE,   /* SR_UNAVAILABLE */
    PG_OPERATOR, /* SR_REFUSED */
};

/* --- store_postgres_error.c ----------------------------------------------------------------
 */

enum pg_verdict pg_verdict(const char *sqlstate);

/* The SQLSTATE of a failed result, "" where it has none. */
const char *pg_sqlstate(const PGresult *result);

/* Tells what failed and why, and returns SR_REFUSED or SR_UNAVAILABLE. */
enum sr_result pg_refuse(struct store_postgres *store, const PGresult *result, const char *what,
                         struct sr_err *err);

/* Drops the connection and returns SR_UNAVAILABLE with the reason (NULL: libpq's words). */
enum sr_result pg_lose(struct store_postgres *store, const char *what, const char *reason,
                       struct sr_err *err);

/* Copies text as one line without control characters. */
void pg_one_line(const char *text, char *ret_line, size_t size);

/* --- store_postgres_wait.c -----------------------------------------------------------------
 */

/* Starts a call: SR_UNAVAILABLE when cancelled; starts the deadline. */
enum sr_result pg_begin_call(struct store_postgres *store, struct sr_err *err) SR_MUST_USE;
void pg_progressed(struct store_postgres *store);

/* Waits for events (POLLIN, POLLOUT) of fd (-1: none) until the deadline. *ret_events is 0 when
 * it passed, or `limit_ms` from now (0: no limit of its own). SR_UNAVAILABLE when cancelled. */
enum sr_result pg_poll(struct store_postgres *store, int fd, short events, uint64_t limit_ms,
                       short *ret_events, struct sr_err *err) SR_MUST_USE;

/* Sends what libpq holds until a result can be taken without blocking. */
enum sr_result pg_wait_result(struct store_postgres *store, struct sr_err *err) SR_MUST_USE;

/* Waits a while (back-off): SR_OK after it, SR_UNAVAILABLE when cancelled. */
enum sr_result pg_pause(struct store_postgres *store, uint64_t pause_ms,
                        struct sr_err *err) SR_MUST_USE;

/* --- store_postgres_resolve.c --------------------------------------------------------------
 */

/* Fills the targets to try, in order. SR_UNAVAILABLE where no name could be resolved in time.
 */
enum sr_result pg_resolve(struct store_postgres *store, struct pg_target *ret_targets,
                          size_t *ret_count, struct sr_err *err) SR_MUST_USE;

/* --- store_postgres_connect.c --------------------------------------------------------------
 */

/* Connects where that is not done. */
enum sr_result pg_connect(struct store_postgres *store, struct sr_err *err) SR_MUST_USE;
void pg_disconnect(struct store_postgres *store);

/* Keeps a word for info. */
const char *pg_keep_word(struct store_postgres *store, const char *text);

/* --- store_postgres_call.c -----------------------------------------------------------------
 */

/* Queues a statement; params may be NULL. Results come in binary. */
enum sr_result pg_queue(struct store_postgres *store, const char *sql,
                        const struct pg_params *params, struct sr_err *err) SR_MUST_USE;

/* Ends a run of statements: after an error the server skips to here. Sends. */
enum sr_result pg_sync(struct store_postgres *store, struct sr_err *err) SR_MUST_USE;

/* Takes the next statement's result, which may be an error's; the caller clears it.
 * SR_UNAVAILABLE where the connection is lost. */
enum sr_result pg_take(struct store_postgres *store, PGresult **ret_result,
                       struct sr_err *err) SR_MUST_USE;

/* Takes the answer to pg_sync. */
enum sr_result pg_take_sync(struct store_postgres *store, struct sr_err *err) SR_MUST_USE;

/* Takes a result that must be of `status`; what it says when it is not. ret_result may be NULL.
 */
enum sr_result pg_expect(struct store_postgres *store, ExecStatusType status, const char *what,
                         PGresult **ret_result, struct sr_err *err) SR_MUST_USE;

/* Ends the transaction; drops the connection where that fails. Nothing is outstanding. */
void pg_roll_back(struct store_postgres *store);

/* Sends COMMIT and waits. SR_OK only for the tag COMMIT; SR_UNKNOWN where it may have happened.
 */
enum sr_result pg_commit(struct store_postgres *store, struct sr_err *err) SR_MUST_USE;

/* Queues the SELECT that sets the limits of a transaction; its result is one row. */
enum sr_result pg_queue_limits(struct store_postgres *store, struct sr_err *err) SR_MUST_USE;

/* Runs statements without parameters outside pipeline mode (several, separated by ';'); with
 * ret_value takes the last one's first column as text. */
enum sr_result pg_run_script(struct store_postgres *store, const char *sql, const char *what,
                             char *ret_value, size_t value_size,
                             struct sr_err *err) SR_MUST_USE;

/* --- store_postgres_schema.c ---------------------------------------------------------------
 */

/* Brings the schema to this program's version, under an advisory lock. */
enum sr_result pg_migrate(struct store_postgres *store, struct sr_err *err) SR_MUST_USE;

/* --- store_postgres_chunk.c ----------------------------------------------------------------
 */

#define PG_CHUNKS 3 /* in flight at most */

/* Consecutive changes of one kind with ascending keys: one statement. */
struct pg_chunk {
    enum sr_change_kind kind;
    uint64_t first_index;
    uint32_t count;
    struct sr_buffer keys;   /* text[] */
    struct sr_buffer values; /* bigint[] */
    uint32_t *offsets;       /* of each key's element in keys; PG_STATEMENT_ROWS_MAX + 1 */
};

/* Reads a source in chunks. */
struct pg_reader {
    const struct store_source *source;
    struct sr_change waiting; /* taken, not yet in a chunk */
    bool has_waiting;
    bool at_end;
    uint64_t index; /* of the next change */
};

enum sr_result pg_chunk_init(struct pg_chunk *chunk) SR_MUST_USE;
void pg_chunk_done(struct pg_chunk *chunk);

/* Fills with the next run of at most `rows` changes; SR_NOT_FOUND at the end, else the source's
 * error or the buffer's. */
enum sr_result pg_chunk_fill(struct pg_chunk *chunk, struct pg_reader *reader, uint32_t rows,
                             struct sr_err *err) SR_MUST_USE;

/* Copies rows [first, first + count) of a chunk into another. */
enum sr_result pg_chunk_slice(const struct pg_chunk *chunk, uint32_t first, uint32_t count,
                              struct pg_chunk *part, struct sr_err *err) SR_MUST_USE;

struct sr_span pg_chunk_key(const struct pg_chunk *chunk, uint32_t row);
int64_t pg_chunk_value(const struct pg_chunk *chunk, uint32_t row);

/* Queues the chunk's statement. */
enum sr_result pg_chunk_queue(struct store_postgres *store, const struct pg_chunk *chunk,
                              struct sr_err *err) SR_MUST_USE;

/* Checks that the result has exactly the chunk's rows and tells their outcomes in order. */
enum sr_result pg_chunk_tell(struct store_postgres *store, const struct pg_chunk *chunk,
                             const PGresult *result, const struct store_sink *sink,
                             struct sr_err *err) SR_MUST_USE;

/* --- store_postgres_careful.c --------------------------------------------------------------
 */

/* Applies a chunk under savepoints and sets the refused rows aside. *ret_verdict says what an
 * error asks for; SR_OK else. */
enum sr_result pg_apply_carefully(struct store_postgres *store, const struct pg_chunk *chunk,
                                  const struct store_epoch *epoch,
                                  const struct store_sink *sink, enum pg_verdict *ret_verdict,
                                  struct sr_err *err) SR_MUST_USE;

/* --- store_postgres_read.c -----------------------------------------------------------------
 */

/* Connects if needed and runs one statement outside a transaction; its result has rows. A
 * connection that was idle may have ended since: that is no outage, so it is tried anew. */
enum sr_result pg_ask(struct store_postgres *store, const char *sql,
                      const struct pg_params *params, PGresult **ret_result,
                      struct sr_err *err) SR_MUST_USE;

/* Fills a text[]. Errors of the buffer. */
enum sr_result pg_encode_texts(const struct sr_span *texts, size_t count,
                               struct sr_buffer *array) SR_MUST_USE;

/* --- store_postgres_cursor.c ---------------------------------------------------------------
 */

/* Takes a batch of rows; an error ends the reading, and its words are the taker's. */
typedef enum sr_result pg_rows_fn(void *context, const PGresult *result);

/* Connects if needed and tells all rows of a query, of one snapshot and in bounded memory.
 * Results as of store_ops.read_all. */
enum sr_result pg_read_cursor(struct store_postgres *store, const char *declare,
                              const struct pg_params *params, pg_rows_fn *take, void *context,
                              struct sr_err *err) SR_MUST_USE;

/* --- store_postgres_requests.c -------------------------------------------------------------
 */

/* Brings the epoch's requests in, and counts them; then takes some steps at expired ones.
 * Within the transaction of an apply, with nothing in flight. *ret_verdict says what an error
 * asks for. */
enum sr_result pg_apply_requests(struct store_postgres *store, const struct store_epoch *epoch,
                                 const struct store_source *source,
                                 const struct store_sink *sink, uint64_t *ret_count,
                                 enum pg_verdict *ret_verdict, struct sr_err *err) SR_MUST_USE;
enum sr_result pg_expire_requests(struct store_postgres *store, uint64_t steps,
                                  enum pg_verdict *ret_verdict, struct sr_err *err) SR_MUST_USE;

/* --- the ops, see store.h ------------------------------------------------------------------
 */

enum sr_result pg_claim(struct store *base, const struct store_claim *claim,
                        uint64_t *ret_epoch, struct sr_err *err) SR_MUST_USE;
enum sr_result pg_apply(struct store *base, const struct store_epoch *epoch,
                        const struct store_source *source, const struct store_sink *sink,
                        struct sr_err *err) SR_MUST_USE;
enum sr_result pg_load(struct store *base, const struct sr_span *keys, size_t count,
                       struct store_value *ret_values, uint64_t *ret_epoch,
                       struct sr_err *err) SR_MUST_USE;
enum sr_result pg_find_requests(struct store *base, const struct sr_span *tokens, size_t count,
                                store_found_fn *found, void *context,
                                struct sr_err *err) SR_MUST_USE;
enum sr_result pg_list(struct store *base, const struct store_range *range,
                       const struct store_rows *rows, uint64_t *ret_epoch,
                       struct sr_err *err) SR_MUST_USE;
enum sr_result pg_read_all(struct store *base, struct sr_span prefix,
                           const struct store_rows *rows, struct sr_err *err) SR_MUST_USE;
enum sr_result pg_look(struct store *base, const struct sr_uuid *owner, uint64_t *ret_epoch,
                       bool *ret_owned, struct sr_err *err) SR_MUST_USE;
enum sr_result pg_retire(struct store *base, const struct sr_uuid *owner, uint64_t epoch,
                         struct sr_err *err) SR_MUST_USE;
enum sr_result pg_list_refused(struct store *base, struct sr_span key, const char *after,
                               store_refused_fn *tell, void *context,
                               struct sr_err *err) SR_MUST_USE;
enum sr_result pg_replay_refused(struct store *base, const struct store_refused *row,
                                 int64_t *ret_value, struct sr_err *err) SR_MUST_USE;
enum sr_result pg_drop_refused(struct store *base, const struct store_refused *row,
                               struct sr_err *err) SR_MUST_USE;

#endif
