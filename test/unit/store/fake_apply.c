/*
 * One epoch into the fake.
 */
#include "store/fake_connection.h"

#include "base/check.h"
#include "store/store_answer.h"

#include <string.h>

static enum sr_result run_fence(struct fake_connection *connection,
                                struct fake_transaction *transaction,
                                const struct store_epoch *epoch, struct sr_err *err)
{
    struct fake_writer *writer = fake_state_writer(&transaction->state, &connection->instance);

    if (writer == NULL || writer->epoch != epoch->predecessor ||
        !fake_uuid_equal(&writer->owner, &epoch->owner)) {
        return sr_fail(err, SR_FENCED, "fake store: the fence touched no row");
    }
    writer->epoch = epoch->epoch;
    return fake_at_moment(connection, FAKE_AFTER_FENCE, transaction)
               ? SR_OK
               : fake_lose(connection, SR_UNAVAILABLE, "lost after the fence", err);
}

/* What the row becomes, or the SQLSTATE that refuses it. */
static const char *change_row(struct fake_connection *connection, struct fake_state *state,
                              const struct sr_change *change, struct store_outcome *outcome)
{
    const struct fake_refusal *refusal =
        fake_database_refusal(connection->database, change->key);
    const struct fake_row *row = fake_state_find(state, change->key);
    int64_t value = (int64_t)change->value;

    if (refusal != NULL) {
        return refusal->sqlstate;
    }
    if (change->kind == SR_CHANGE_DELETE) {
        fake_state_delete(state, change->key);
        return NULL;
    }
    if (change->kind == SR_CHANGE_ADD && row != NULL &&
        !sr_add_i64(row->value, value, &value)) {
        return "22003";
    }
    fake_state_put(state, change->key)->value = value;
    outcome->exists = true;
    outcome->value = value;
    return NULL;
}

static void apply_change(struct fake_connection *connection, struct fake_state *state,
                         const struct store_epoch *epoch, const struct sr_change *change,
                         struct store_outcome *outcome)
{
    const char *sqlstate = change_row(connection, state, change, outcome);
    struct fake_refused refused = {
        .instance = connection->instance,
        .epoch = epoch->epoch,
        .key = change->key,
        .delta = (int64_t)change->value,
        .is_set = change->kind != SR_CHANGE_ADD,
    };

    if (sqlstate != NULL) {
        strcpy(refused.sqlstate, sqlstate);
        strcpy(outcome->sqlstate, sqlstate);
        outcome->refused = true;
        fake_state_refuse(state, &refused);
    }
}

static enum sr_result apply_changes(struct fake_connection *connection,
                                    struct fake_state *state, const struct store_epoch *epoch,
                                    const struct store_source *source,
                                    const struct store_sink *sink, struct sr_err *err)
{
    enum sr_result res = SR_OK;
    struct sr_change change;

    for (uint64_t index = 0; res == SR_OK; index++) {
        struct store_outcome outcome = {.index = index};

        res = source->next(source->context, &change, err);
        if (res != SR_OK) {
            break;
        }
        SR_CHECK(sr_wide_fits_i64(change.value));
        apply_change(connection, state, epoch, &change, &outcome);
        sink->outcome(sink->context, &outcome);
        if (connection->fault == FAKE_FAIL_MIDWAY) {
            res = fake_lose(connection, SR_UNAVAILABLE, "told to fail midway", err);
        }
    }
    return res == SR_NOT_FOUND ? SR_OK : res;
}

/* The whole of a transaction but COMMIT. */
static enum sr_result apply_once(struct fake_connection *connection,
                                 struct fake_transaction *transaction,
                                 const struct store_epoch *epoch,
                                 const struct store_source *source,
                                 const struct store_sink *sink, struct sr_err *err)
{
    enum sr_result res = fake_begin(connection, transaction, err);
    uint64_t requests = 0;

    if (res != SR_OK) {
        return res;
    }
    res = run_fence(connection, transaction, epoch, err);
    if (res == SR_OK) {
        res = source->rewind(source->context, err);
    }
    if (res == SR_OK && source->next_request != NULL) {
        res = fake_apply_requests(&transaction->state, source, sink, &requests, err);
    }
    if (res == SR_OK) {
        res = apply_changes(connection, &transaction->state, epoch, source, sink, err);
    }
    if (res == SR_OK && epoch->window_s > 0) {
        fake_state_expire_requests(&transaction->state, store_expire_steps(requests));
    }
    if (res != SR_OK) {
        fake_roll_back(connection, transaction);
    }
    return res;
}

enum sr_result fake_apply(struct store *base, const struct store_epoch *epoch,
                          const struct store_source *source, const struct store_sink *sink,
                          struct sr_err *err)
{
    struct fake_connection *connection = (struct fake_connection *)base;
    struct fake_transaction transaction;
    enum sr_result res = fake_begin_call(connection, FAKE_APPLY, err);

    if (res == SR_OK) {
        res = apply_once(connection, &transaction, epoch, source, sink, err);
    }
    if (res == SR_OK && connection->fault == FAKE_RESTART) {
        fake_roll_back(connection, &transaction);
        sink->restart(sink->context);
        res = apply_once(connection, &transaction, epoch, source, sink, err);
    }
    return res == SR_OK ? fake_commit(connection, &transaction, err) : res;
}
