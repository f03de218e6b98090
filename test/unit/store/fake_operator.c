/*
 * What an operator does to the fake: rows of counter_refused, and the end of a writer's row.
 */
#include "store/fake_connection.h"

#include "base/arith.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows of counter_refused ------------------------------------------------------------- */

/* The fake keeps no clock, and a refused delete as a set to 0. */
static struct store_refused row_of(const struct fake_refused *refused)
{
    struct store_refused row = {.epoch = refused->epoch,
                                .key = refused->key,
                                .is_set = refused->is_set,
                                .has_value = true,
                                .value = refused->delta,
                                .at_s = 1};

    (void)snprintf(row.id, sizeof(row.id), "%" PRIu64, refused->id);
    sr_uuid_text(&refused->instance, row.instance);
    memcpy(row.sqlstate, refused->sqlstate, sizeof(row.sqlstate));
    return row;
}

enum sr_result fake_list_refused(struct store *base, struct sr_span key, const char *after,
                                 store_refused_fn *tell, void *context, struct sr_err *err)
{
    struct fake_connection *connection = (struct fake_connection *)base;
    const struct fake_state *state = &connection->database->state;
    uint64_t last = after[0] == '\0' ? 0 : strtoull(after, NULL, 10);
    enum sr_result res = fake_begin_call(connection, FAKE_OPERATOR, err);
    unsigned told = 0;

    for (size_t i = 0; res == SR_OK && i < state->refused_count && told < STORE_REFUSED_PAGE;
         i++) {
        const struct fake_refused *refused = &state->refused[i];
        struct store_refused row = row_of(refused);

        if (refused->id > last && (key.size == 0 || sr_span_equal(refused->key, key))) {
            res = tell(context, &row);
            told++;
        }
    }
    return res;
}

/* The row's index, or refused_count where it is gone or another one has its place. */
static size_t find(const struct fake_state *state, const struct store_refused *row)
{
    for (size_t i = 0; i < state->refused_count; i++) {
        struct store_refused there = row_of(&state->refused[i]);

        if (strcmp(there.id, row->id) == 0 && strcmp(there.instance, row->instance) == 0 &&
            there.epoch == row->epoch && sr_span_equal(there.key, row->key) &&
            there.value == row->value && there.is_set == row->is_set) {
            return i;
        }
    }
    return state->refused_count;
}

static enum sr_result add_value(struct fake_state *state, const struct store_refused *row,
                                int64_t *ret_value, struct sr_err *err)
{
    const struct fake_row *counter = fake_state_find(state, row->key);
    int64_t sum = row->value;

    if (counter != NULL && !sr_add_i64(counter->value, row->value, &sum)) {
        return sr_fail(err, SR_INVALID, "fake store: 22003");
    }
    fake_state_put(state, row->key)->value = sum;
    *ret_value = sum;
    return SR_OK;
}

static enum sr_result settle(struct fake_connection *connection,
                             const struct store_refused *row, int64_t *ret_value,
                             struct sr_err *err)
{
    struct fake_transaction transaction;
    enum sr_result res = fake_begin_call(connection, FAKE_OPERATOR, err);
    size_t at;

    if (res == SR_OK) {
        res = fake_begin(connection, &transaction, err);
    }
    if (res != SR_OK) {
        return res;
    }
    at = find(&transaction.state, row);
    if (at == transaction.state.refused_count) {
        res = sr_fail(err, SR_NOT_FOUND, "fake store: the row is gone");
    } else if (ret_value != NULL) {
        res = add_value(&transaction.state, row, ret_value, err);
    }
    if (res != SR_OK) {
        fake_roll_back(connection, &transaction);
        return res;
    }
    fake_state_drop_refused(&transaction.state, at);
    return fake_commit(connection, &transaction, err);
}

enum sr_result fake_replay_refused(struct store *base, const struct store_refused *row,
                                   int64_t *ret_value, struct sr_err *err)
{
    return settle((struct fake_connection *)base, row, ret_value, err);
}

enum sr_result fake_drop_refused(struct store *base, const struct store_refused *row,
                                 struct sr_err *err)
{
    return settle((struct fake_connection *)base, row, NULL, err);
}

/* ---- the writer's row -------------------------------------------------------------------- */

enum sr_result fake_retire(struct store *base, const struct sr_uuid *owner, uint64_t epoch,
                           struct sr_err *err)
{
    struct fake_connection *connection = (struct fake_connection *)base;
    struct fake_transaction transaction;
    const struct fake_writer *writer;
    enum sr_result res = fake_begin_call(connection, FAKE_OPERATOR, err);

    if (res == SR_OK) {
        res = fake_begin(connection, &transaction, err);
    }
    if (res != SR_OK) {
        return res;
    }
    writer = fake_state_writer(&transaction.state, &connection->instance);
    if (writer == NULL || writer->epoch != epoch || !fake_uuid_equal(&writer->owner, owner)) {
        fake_roll_back(connection, &transaction);
        return sr_fail(err, SR_NOT_FOUND, "fake store: no such writer's row");
    }
    fake_state_forget_writer(&transaction.state, &connection->instance);
    return fake_commit(connection, &transaction, err);
}
