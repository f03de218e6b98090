/*
 * Chunks: runs of changes of one kind with ascending keys, each one statement, so that the
 * whole transaction follows one key order and no statement touches a row twice.
 */
#include "store/store_postgres_internal.h"

#include "base/check.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_SIZE_MAX                                                                          \
    (PG_ARRAY_HEADER_SIZE + (size_t)PG_STATEMENT_ROWS_MAX * (4 + SR_KEY_SIZE_MAX))
#define VALUES_SIZE_MAX (PG_ARRAY_HEADER_SIZE + (size_t)PG_STATEMENT_ROWS_MAX * (4 + 8))

enum sr_result pg_chunk_init(struct pg_chunk *chunk)
{
    sr_buffer_init(&chunk->keys, KEYS_SIZE_MAX);
    sr_buffer_init(&chunk->values, VALUES_SIZE_MAX);
    chunk->offsets = calloc(PG_STATEMENT_ROWS_MAX + 1, sizeof(*chunk->offsets));
    return chunk->offsets == NULL ? SR_NO_MEMORY : SR_OK;
}

void pg_chunk_done(struct pg_chunk *chunk)
{
    sr_buffer_done(&chunk->keys);
    sr_buffer_done(&chunk->values);
    free(chunk->offsets);
    chunk->offsets = NULL;
}

struct sr_span pg_chunk_key(const struct pg_chunk *chunk, uint32_t row)
{
    SR_CHECK(row < chunk->count);
    return pg_array_at(&chunk->keys, chunk->offsets[row]);
}

int64_t pg_chunk_value(const struct pg_chunk *chunk, uint32_t row)
{
    SR_CHECK(row < chunk->count);
    return pg_get_int8(chunk->values.data + PG_ARRAY_HEADER_SIZE + (size_t)row * 12 + 4);
}

/* --- filling -------------------------------------------------------------------------------
 */

static enum sr_result begin_chunk(struct pg_chunk *chunk, enum sr_change_kind kind)
{
    enum sr_result res = pg_array_begin(&chunk->keys, PG_TEXT);

    chunk->kind = kind;
    chunk->count = 0;
    return res != SR_OK ? res : pg_array_begin(&chunk->values, PG_INT8);
}

static enum sr_result append_row(struct pg_chunk *chunk, struct sr_span key, int64_t value)
{
    enum sr_result res;

    SR_CHECK(chunk->count < PG_STATEMENT_ROWS_MAX);
    SR_CHECK(key.size <= SR_KEY_SIZE_MAX);
    chunk->offsets[chunk->count] = (uint32_t)chunk->keys.size;
    res = pg_array_bytes(&chunk->keys, key.data, key.size);
    if (res == SR_OK) {
        res = pg_array_int8(&chunk->values, value);
    }
    chunk->count += res == SR_OK;
    return res;
}

static void end_chunk(struct pg_chunk *chunk)
{
    chunk->offsets[chunk->count] = (uint32_t)chunk->keys.size;
    pg_array_end(&chunk->keys, chunk->count);
    pg_array_end(&chunk->values, chunk->count);
}

/* Has the reader's next change ready; SR_NOT_FOUND at the end. */
static enum sr_result take_waiting(struct pg_reader *reader, struct sr_err *err)
{
    enum sr_result res;

    if (reader->has_waiting || reader->at_end) {
        return reader->has_waiting ? SR_OK : SR_NOT_FOUND;
    }
    res = reader->source->next(reader->source->context, &reader->waiting, err);
    reader->has_waiting = res == SR_OK;
    reader->at_end = res == SR_NOT_FOUND;
    return res;
}

/* Whether the change goes on with the chunk's run. A key below the one before it is a bug of
 * the source: it would deadlock with other instances. */
static bool continues(const struct pg_chunk *chunk, const struct sr_change *change,
                      uint32_t rows)
{
    struct sr_span last = pg_chunk_key(chunk, chunk->count - 1);
    int order = sr_span_compare(last, change->key);

    SR_CHECK(order <= 0);
    return chunk->count < rows && change->kind == chunk->kind && order < 0;
}

enum sr_result pg_chunk_fill(struct pg_chunk *chunk, struct pg_reader *reader, uint32_t rows,
                             struct sr_err *err)
{
    enum sr_result res = take_waiting(reader, err);

    if (res != SR_OK) {
        return res;
    }
    res = begin_chunk(chunk, reader->waiting.kind);
    chunk->first_index = reader->index;
    while (res == SR_OK && (chunk->count == 0 || continues(chunk, &reader->waiting, rows))) {
        SR_CHECK(sr_wide_fits_i64(reader->waiting.value));
        res = append_row(chunk, reader->waiting.key, (int64_t)reader->waiting.value);
        if (res != SR_OK) {
            break;
        }
        reader->has_waiting = false;
        reader->index++;
        res = take_waiting(reader, err);
    }
    if (res == SR_OK || res == SR_NOT_FOUND) {
        end_chunk(chunk);
        return SR_OK;
    }
    return res == SR_NO_MEMORY || res == SR_FULL
               ? sr_fail(err, SR_UNAVAILABLE, "PostgreSQL store: out of memory")
               : res;
}

enum sr_result pg_chunk_slice(const struct pg_chunk *chunk, uint32_t first, uint32_t count,
                              struct pg_chunk *part, struct sr_err *err)
{
    enum sr_result res = begin_chunk(part, chunk->kind);

    SR_CHECK(first + count <= chunk->count);
    part->first_index = chunk->first_index + first;
    for (uint32_t row = first; res == SR_OK && row < first + count; row++) {
        res = append_row(part, pg_chunk_key(chunk, row), pg_chunk_value(chunk, row));
    }
    if (res != SR_OK) {
        return sr_fail(err, SR_UNAVAILABLE, "PostgreSQL store: out of memory");
    }
    end_chunk(part);
    return SR_OK;
}

/* --- sending -------------------------------------------------------------------------------
 */

enum sr_result pg_chunk_queue(struct store_postgres *store, const struct pg_chunk *chunk,
                              struct sr_err *err)
{
    static const char *const sql[] = {
        [SR_CHANGE_ADD] = "INSERT INTO counters AS c (key, value) "
                          "SELECT k, v FROM unnest($1::text[], $2::bigint[]) AS u (k, v) "
                          "ON CONFLICT (key) DO UPDATE "
                          "SET value = c.value + excluded.value, updated_at = now() "
                          "RETURNING c.key, c.value",
        [SR_CHANGE_SET] = "INSERT INTO counters AS c (key, value) "
                          "SELECT k, v FROM unnest($1::text[], $2::bigint[]) AS u (k, v) "
                          "ON CONFLICT (key) DO UPDATE "
                          "SET value = excluded.value, updated_at = now() "
                          "RETURNING c.key, c.value",
        [SR_CHANGE_DELETE] = "DELETE FROM counters WHERE key = ANY ($1::text[])",
    };
    struct pg_params params = {.count = 0};

    pg_param_array(&params, PG_TEXT_ARRAY, &chunk->keys);
    if (chunk->kind != SR_CHANGE_DELETE) {
        pg_param_array(&params, PG_INT8_ARRAY, &chunk->values);
    }
    return pg_queue(store, sql[chunk->kind], &params, err);
}

/* --- results -------------------------------------------------------------------------------
 */

static struct sr_span result_key(const PGresult *result, int row)
{
    return (struct sr_span){.data = (const uint8_t *)PQgetvalue(result, row, 0),
                            .size = (size_t)PQgetlength(result, row, 0)};
}

/* Rows come back in the order of the array on plain PostgreSQL; on a distributed table they
 * need not. rows_of[i] becomes the result's row of the chunk's row i. False unless they match
 * one to one. */
static bool match_rows(const struct pg_chunk *chunk, const PGresult *result, int *rows_of)
{
    for (uint32_t i = 0; i < chunk->count; i++) {
        rows_of[i] = -1;
    }
    for (int row = 0; row < PQntuples(result); row++) {
        struct sr_span key = result_key(result, row);
        uint32_t at = (uint32_t)row;

        if (!sr_span_equal(pg_chunk_key(chunk, at), key)) {
            at = pg_array_find(&chunk->keys, chunk->offsets, chunk->count, key);
        }
        if (at == chunk->count || rows_of[at] >= 0 || PQgetlength(result, row, 1) != 8) {
            return false;
        }
        rows_of[at] = row;
    }
    return true;
}

static void tell_row(const struct pg_chunk *chunk, uint32_t row, const PGresult *result,
                     int result_row, const struct store_sink *sink)
{
    struct store_outcome outcome = {.index = chunk->first_index + row};

    if (chunk->kind != SR_CHANGE_DELETE) {
        outcome.exists = true;
        outcome.value = pg_get_int8(PQgetvalue(result, result_row, 1));
    }
    sink->outcome(sink->context, &outcome);
}

enum sr_result pg_chunk_tell(struct store_postgres *store, const struct pg_chunk *chunk,
                             const PGresult *result, const struct store_sink *sink,
                             struct sr_err *err)
{
    int rows_of[PG_STATEMENT_ROWS_MAX];
    bool deletes = chunk->kind == SR_CHANGE_DELETE;

    if (!deletes && ((uint32_t)PQntuples(result) != chunk->count || PQnfields(result) != 2 ||
                     !match_rows(chunk, result, rows_of))) {
        return sr_fail(err, SR_REFUSED,
                       "%s: of %u changed rows %d came back, or others: a trigger or rule on "
                       "counters changes what is written",
                       store->where, chunk->count, PQntuples(result));
    }
    for (uint32_t row = 0; row < chunk->count; row++) {
        tell_row(chunk, row, result, deletes ? 0 : rows_of[row], sink);
    }
    return SR_OK;
}
