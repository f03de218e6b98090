/*
 * The fake's other operations: claim, reads, and what opens and closes.
 */
#include "store/fake_store.h"

#include "store/fake_connection.h"

#include "base/check.h"

#include <stdlib.h>

/* --- claim -------------------------------------------------------------------------------- */

static bool is_mine(const struct store_claim *claim, const struct fake_writer *writer)
{
    bool others = claim->others_below == 0 || writer->epoch < claim->others_below;

    for (size_t i = others ? 0 : claim->mine_count - claim->own_count; i < claim->mine_count;
         i++) {
        if (fake_uuid_equal(&claim->mine[i], &writer->owner)) {
            return true;
        }
    }
    return false;
}

static enum sr_result claim_row(struct fake_connection *connection, struct fake_state *state,
                                const struct store_claim *claim, uint64_t *ret_epoch,
                                struct sr_err *err)
{
    struct fake_writer *writer = fake_state_writer(state, &connection->instance);

    if (writer == NULL && claim->insert_row) {
        struct fake_writer fresh = {.instance = connection->instance, .owner = claim->fresh};

        fake_state_add_writer(state, &fresh);
        writer = fake_state_writer(state, &connection->instance);
    }
    if (writer == NULL) {
        return sr_fail(err, SR_NOT_FOUND, "fake store: no writer's row");
    }
    if (!is_mine(claim, writer)) {
        return sr_fail(err, SR_FENCED, "fake store: the row is owned by another process");
    }
    writer->owner = claim->fresh;
    *ret_epoch = writer->epoch;
    return SR_OK;
}

static enum sr_result fake_claim(struct store *base, const struct store_claim *claim,
                                 uint64_t *ret_epoch, struct sr_err *err)
{
    struct fake_connection *connection = (struct fake_connection *)base;
    struct fake_transaction transaction;
    uint64_t epoch = 0;
    enum sr_result res = fake_begin_call(connection, FAKE_CLAIM, err);

    if (res == SR_OK) {
        res = fake_begin(connection, &transaction, err);
    }
    if (res != SR_OK) {
        return res;
    }
    if (connection->fault == FAKE_FAIL_MIDWAY) {
        res = fake_lose(connection, SR_UNAVAILABLE, "told to fail midway", err);
    } else {
        res = claim_row(connection, &transaction.state, claim, &epoch, err);
    }
    if (res != SR_OK) {
        fake_roll_back(connection, &transaction);
        return res;
    }
    res = fake_commit(connection, &transaction, err);
    if (res == SR_OK) {
        *ret_epoch = epoch;
    }
    return res;
}

/* --- reads -------------------------------------------------------------------------------- */

static bool read_is_lost(const struct fake_connection *connection)
{
    switch (connection->fault) {
    case FAKE_FAIL_MIDWAY:
    case FAKE_LOSE_COMMIT:
    case FAKE_LOSE_ANSWER:
    case FAKE_COMMIT_LATE:
        return true;
    default:
        return false;
    }
}

static enum sr_result read_writer(struct fake_connection *connection,
                                  struct fake_writer *ret_writer, struct sr_err *err)
{
    const struct fake_writer *writer =
        fake_state_writer(&connection->database->state, &connection->instance);

    if (read_is_lost(connection)) {
        return fake_lose(connection, SR_UNAVAILABLE, "told to lose the answer", err);
    }
    if (writer == NULL) {
        return sr_fail(err, SR_NOT_FOUND, "fake store: no writer's row");
    }
    *ret_writer = *writer;
    return SR_OK;
}

static enum sr_result fake_load(struct store *base, const struct sr_span *keys, size_t count,
                                struct store_value *ret_values, uint64_t *ret_epoch,
                                struct sr_err *err)
{
    struct fake_connection *connection = (struct fake_connection *)base;
    struct fake_database *database = connection->database;
    struct fake_writer writer;
    enum sr_result res = fake_begin_call(connection, FAKE_LOAD, err);

    if (res == SR_OK) {
        res = read_writer(connection, &writer, err);
    }
    if (res != SR_OK) {
        return res;
    }
    for (size_t i = 0; i < count; i++) {
        ret_values[i] = (struct store_value){0};
        ret_values[i].exists = fake_database_value(database, keys[i], &ret_values[i].value);
    }
    *ret_epoch = writer.epoch;
    return fake_at_moment(connection, FAKE_AFTER_READ, NULL)
               ? SR_OK
               : fake_lose(connection, SR_UNAVAILABLE, "lost after the read", err);
}

static enum sr_result fake_list(struct store *base, const struct store_range *range,
                                const struct store_rows *rows, uint64_t *ret_epoch,
                                struct sr_err *err)
{
    struct fake_connection *connection = (struct fake_connection *)base;
    const struct fake_state *state = &connection->database->state;
    struct fake_writer writer;
    enum sr_result res = fake_begin_call(connection, FAKE_LIST, err);
    uint32_t count = 0;

    if (res == SR_OK) {
        res = read_writer(connection, &writer, err);
    }
    for (size_t i = 0; res == SR_OK && i < state->row_count && count < range->limit; i++) {
        int way = sr_span_compare(state->rows[i].key, range->from);

        if (way > 0 || (way == 0 && !range->is_past)) {
            res = rows->row(rows->context, state->rows[i].key, state->rows[i].value);
            count++;
        }
    }
    if (res != SR_OK) {
        return res;
    }
    *ret_epoch = writer.epoch;
    return fake_at_moment(connection, FAKE_AFTER_READ, NULL)
               ? SR_OK
               : fake_lose(connection, SR_UNAVAILABLE, "lost after the read", err);
}

/* Rows are told from the committed state as it is now: hooks that act meanwhile do so after. */
static enum sr_result fake_read_all(struct store *base, struct sr_span prefix,
                                    const struct store_rows *rows, struct sr_err *err)
{
    struct fake_connection *connection = (struct fake_connection *)base;
    const struct fake_state *state = &connection->database->state;
    enum sr_result res = fake_begin_call(connection, FAKE_OPERATOR, err);

    if (res == SR_OK && state->writer_count == 0) {
        res = sr_fail(err, SR_NOT_FOUND, "fake store: no tables");
    }
    for (size_t i = 0; res == SR_OK && i < state->row_count; i++) {
        if (sr_span_begins(state->rows[i].key, prefix)) {
            res = read_is_lost(connection)
                      ? fake_lose(connection, SR_UNAVAILABLE, "lost after some rows", err)
                      : rows->row(rows->context, state->rows[i].key, state->rows[i].value);
        }
    }
    if (res != SR_OK) {
        return res;
    }
    return fake_at_moment(connection, FAKE_AFTER_READ, NULL)
               ? SR_OK
               : fake_lose(connection, SR_UNAVAILABLE, "lost after the read", err);
}

static enum sr_result fake_look(struct store *base, const struct sr_uuid *owner,
                                uint64_t *ret_epoch, bool *ret_owned, struct sr_err *err)
{
    struct fake_connection *connection = (struct fake_connection *)base;
    struct fake_writer writer;
    enum sr_result res = fake_begin_call(connection, FAKE_LOOK, err);

    if (res == SR_OK) {
        res = read_writer(connection, &writer, err);
    }
    if (res != SR_OK) {
        return res;
    }
    if (!fake_at_moment(connection, FAKE_AFTER_READ, NULL)) {
        return fake_lose(connection, SR_UNAVAILABLE, "lost after the read", err);
    }
    *ret_epoch = writer.epoch;
    *ret_owned = fake_uuid_equal(&writer.owner, owner);
    return SR_OK;
}

/* --- the rest ----------------------------------------------------------------------------- */

static void fake_close(struct store *base)
{
    free(base);
}

static void fake_info(const struct store *base, struct store_info *ret_info)
{
    (void)base;
    *ret_info =
        (struct store_info){.driver = "fake", .host = "", .database = "fake", .version = "1"};
}

static void fake_cancel(struct store *base)
{
    ((struct fake_connection *)base)->cancelled = true;
}

static const struct store_ops fake_ops = {
    .name = "fake",
    .close = fake_close,
    .claim = fake_claim,
    .apply = fake_apply,
    .load = fake_load,
    .find_requests = fake_find_requests,
    .list = fake_list,
    .read_all = fake_read_all,
    .look = fake_look,
    .retire = fake_retire,
    .list_refused = fake_list_refused,
    .replay_refused = fake_replay_refused,
    .drop_refused = fake_drop_refused,
    .info = fake_info,
    .cancel = fake_cancel,
};

struct store *fake_store_open(struct fake_database *database, const struct sr_uuid *instance)
{
    struct fake_connection *connection = calloc(1, sizeof(*connection));

    SR_CHECK(connection != NULL);
    connection->store.ops = &fake_ops;
    connection->database = database;
    connection->instance = *instance;
    return &connection->store;
}
