/*
 * Requests with a token in SQLite: brought in, expired, looked up.
 */
#include "store/store_sqlite_internal.h"

#include "base/check.h"
#include "store/store_answer.h"

#include <string.h>

#define ANSWER_SIZE_MAX (1U << 20) /* 10,000 totals of 21 characters, and more */

/* --- bringing in -------------------------------------------------------------------------- */

struct insertion {
    struct store_sqlite *store;
    const struct store_sink *sink;
    sqlite3_stmt *insert, *find;
    struct sr_buffer answer;
    int64_t expires_at;
    uint64_t index;
};

static void bind_blob(sqlite3_stmt *statement, int index, struct sr_span bytes)
{
    SR_CHECK(sqlite3_bind_blob64(statement, index, bytes.data, bytes.size, SQLITE_STATIC) ==
             SQLITE_OK);
}

static enum sr_result fail(struct insertion *in, int code, struct sr_err *err)
{
    return store_sqlite_fail(in->store, STORE_SQLITE_WRITE, code, "requests", err);
}

/* Tells whether the row of a token that is there is of the same request. */
static enum sr_result tell_known(struct insertion *in, const struct store_request *request,
                                 struct sr_err *err)
{
    int64_t same = 0;
    bool found = false;
    int code;

    store_sqlite_bind_key(in->find, 1, request->token);
    bind_blob(in->find, 2, request->request_hash);
    code = store_sqlite_step(in->store, in->find, &same, &found);
    if (code != SQLITE_OK) {
        return fail(in, code, err);
    }
    if (!found) {
        return sr_fail(err, SR_REFUSED,
                       "SQLite file '%s': a trigger on counter_requests made a row vanish",
                       in->store->path);
    }
    in->sink->known(in->sink->context, in->index, same != 0);
    return SR_OK;
}

static enum sr_result insert(struct insertion *in, const struct store_request *request,
                             struct sr_err *err)
{
    int64_t one = 0;
    bool inserted = false;
    int code;

    in->answer.size = 0;
    if (store_answer_write(&in->answer, request) != SR_OK) {
        return sr_fail(err, SR_UNAVAILABLE, "SQLite store: out of memory");
    }
    store_sqlite_bind_key(in->insert, 1, request->token);
    bind_blob(in->insert, 2, request->request_hash);
    store_sqlite_bind_key(in->insert, 3, sr_buffer_span(&in->answer));
    SR_CHECK(sqlite3_bind_int64(in->insert, 4, in->expires_at) == SQLITE_OK);
    code = store_sqlite_step(in->store, in->insert, &one, &inserted);
    if (code != SQLITE_OK) {
        return fail(in, code, err);
    }
    return inserted ? SR_OK : tell_known(in, request, err);
}

static enum sr_result insert_all(struct insertion *in, const struct store_source *source,
                                 struct sr_err *err)
{
    struct store_request request;
    enum sr_result res;

    while ((res = source->next_request(source->context, &request, err)) == SR_OK) {
        res = insert(in, &request, err);
        if (res != SR_OK) {
            return res;
        }
        in->index++;
    }
    return res == SR_NOT_FOUND ? SR_OK : res;
}

enum sr_result store_sqlite_apply_requests(struct store_sqlite *store,
                                           const struct store_source *source,
                                           const struct store_sink *sink, int64_t expires_at,
                                           uint64_t *ret_count, struct sr_err *err)
{
    struct insertion in = {.store = store, .sink = sink, .expires_at = expires_at};
    enum sr_result res =
        store_sqlite_prepare(store, STORE_SQLITE_WRITE,
                             "INSERT INTO counter_requests (token, request_hash, answer, "
                             "expires_at) VALUES (?1, ?2, ?3, ?4) "
                             "ON CONFLICT (token) DO NOTHING RETURNING 1",
                             &in.insert, err);

    if (res == SR_OK) {
        res = store_sqlite_prepare(
            store, STORE_SQLITE_WRITE,
            "SELECT request_hash = ?2 FROM counter_requests WHERE token = ?1", &in.find, err);
    }
    sr_buffer_init(&in.answer, ANSWER_SIZE_MAX);
    if (res == SR_OK) {
        res = insert_all(&in, source, err);
    }
    sr_buffer_done(&in.answer);
    (void)sqlite3_finalize(in.insert); /* tells the last step's code again */
    (void)sqlite3_finalize(in.find);
    *ret_count = in.index;
    return res;
}

/* --- expiry ------------------------------------------------------------------------------- */

enum sr_result store_sqlite_expire_requests(struct store_sqlite *store, int64_t now_s,
                                            uint64_t steps, struct sr_err *err)
{
    sqlite3_stmt *statement;
    enum sr_result res =
        store_sqlite_prepare(store, STORE_SQLITE_WRITE,
                             "DELETE FROM counter_requests WHERE token IN (SELECT token "
                             "FROM counter_requests WHERE expires_at < ?1 "
                             "ORDER BY expires_at LIMIT ?2)",
                             &statement, err);

    if (res != SR_OK) {
        return res;
    }
    SR_CHECK(sqlite3_bind_int64(statement, 1, now_s) == SQLITE_OK);
    SR_CHECK(sqlite3_bind_int64(statement, 2, (int64_t)steps) == SQLITE_OK);
    res = store_sqlite_run(store, STORE_SQLITE_WRITE, statement, NULL, err);
    (void)sqlite3_finalize(statement);
    return res;
}

/* --- looking up --------------------------------------------------------------------------- */

static enum sr_result fail_answer(const struct store_sqlite *store, struct sr_err *err)
{
    return sr_fail(err, SR_REFUSED,
                   "SQLite file '%s': a row of counter_requests is none of this program's",
                   store->path);
}

static enum sr_result hand_out(struct store_sqlite *store, sqlite3_stmt *statement,
                               struct store_request *request, struct sr_buffer *totals,
                               struct sr_err *err)
{
    const void *hash = sqlite3_column_blob(statement, 0);
    const uint8_t *answer = sqlite3_column_text(statement, 1);
    struct sr_span text = {.data = answer, .size = (size_t)sqlite3_column_bytes(statement, 1)};
    enum sr_result res;

    request->request_hash =
        (struct sr_span){.data = hash, .size = (size_t)sqlite3_column_bytes(statement, 0)};
    if (request->request_hash.size != 32 || answer == NULL) {
        return fail_answer(store, err);
    }
    res = store_answer_read(text, totals, request);
    if (res == SR_NO_MEMORY) {
        return sr_fail(err, SR_UNAVAILABLE, "SQLite store: out of memory");
    }
    return res == SR_OK ? SR_OK : fail_answer(store, err);
}

static enum sr_result find_one(struct store_sqlite *store, sqlite3_stmt *statement,
                               struct store_request *request, struct sr_buffer *totals,
                               bool *ret_found, struct sr_err *err)
{
    enum sr_result res = SR_OK;
    int code;

    store_sqlite_bind_key(statement, 1, request->token);
    code = sqlite3_step(statement);
    *ret_found = code == SQLITE_ROW;
    if (code == SQLITE_ROW) {
        res = hand_out(store, statement, request, totals, err);
    } else if (code != SQLITE_DONE) {
        res = store_sqlite_fail(store, STORE_SQLITE_READ, code, "look for a request", err);
    }
    return res;
}

static enum sr_result find_all(struct store_sqlite *store, sqlite3_stmt *statement,
                               const struct sr_span *tokens, size_t count,
                               store_found_fn *found, void *context, struct sr_err *err)
{
    struct sr_buffer totals;
    enum sr_result res = SR_OK;

    sr_buffer_init(&totals, ANSWER_SIZE_MAX);
    for (size_t i = 0; i < count && res == SR_OK; i++) {
        struct store_request request = {.token = tokens[i]};
        bool there = false;

        res = find_one(store, statement, &request, &totals, &there, err);
        if (res == SR_OK && there) {
            found(context, i, &request);
        }
        (void)sqlite3_reset(statement); /* tells the step's code again */
        store_sqlite_progressed(store);
    }
    sr_buffer_done(&totals);
    return res;
}

enum sr_result store_sqlite_find_requests(struct store *base, const struct sr_span *tokens,
                                          size_t count, store_found_fn *found, void *context,
                                          struct sr_err *err)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    sqlite3_stmt *statement = NULL;
    enum sr_result res = store_sqlite_begin_call(store, err);

    SR_CHECK(count <= STORE_FIND_MAX);
    if (res == SR_OK) {
        res = store_sqlite_connect(store, false, err);
    }
    if (res == SR_OK) {
        res = store_sqlite_prepare(
            store, STORE_SQLITE_READ,
            "SELECT request_hash, answer FROM counter_requests WHERE token = ?1", &statement,
            err);
    }
    if (res == SR_OK) {
        res = find_all(store, statement, tokens, count, found, context, err);
    }
    (void)sqlite3_finalize(statement);
    return res;
}
