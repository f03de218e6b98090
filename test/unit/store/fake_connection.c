/*
 * The frame of a call on the fake: its fate, the connection, transactions.
 */
#include "store/fake_connection.h"

enum sr_result fake_lose(struct fake_connection *connection, enum sr_result result,
                         const char *why, struct sr_err *err)
{
    connection->connected = false;
    return sr_fail(err, result, "fake store: %s", why);
}

/* --- calls -------------------------------------------------------------------------------- */

static enum fake_fault decide(struct fake_database *database, const struct fake_call *call)
{
    for (size_t i = 0; i < database->rule_count; i++) {
        if (database->rules[i].number == call->number) {
            return database->rules[i].fault;
        }
    }
    if (database->hooks.decide != NULL) {
        return database->hooks.decide(database->hooks.context, call);
    }
    return FAKE_NONE;
}

bool fake_at_moment(struct fake_connection *connection, enum fake_moment moment,
                    const struct fake_transaction *transaction)
{
    struct fake_database *database = connection->database;
    struct fake_call call = connection->call;

    if (database->hooks.moment != NULL) {
        database->hooks.moment(database->hooks.context, &call, moment);
    }
    return !database->down && connection->outages == database->outages &&
           (transaction == NULL || transaction->timeline == database->timeline);
}

enum sr_result fake_begin_call(struct fake_connection *connection,
                               enum fake_operation operation, struct sr_err *err)
{
    struct fake_database *database = connection->database;

    connection->call = (struct fake_call){.operation = operation,
                                          .number = ++database->calls,
                                          .store = &connection->store};
    connection->fault = decide(database, &connection->call);
    if (connection->outages != database->outages) {
        connection->connected = false;
    }
    if (connection->cancelled) {
        return fake_lose(connection, SR_UNAVAILABLE, "cancelled", err);
    }
    if (database->down) {
        return fake_lose(connection, SR_UNAVAILABLE, "down", err);
    }
    if (operation == FAKE_APPLY && !connection->connected) {
        return fake_lose(connection, SR_UNAVAILABLE, "not claimed", err);
    }
    connection->connected = true;
    connection->outages = database->outages;
    switch (connection->fault) {
    case FAKE_FAIL_BEFORE:
        return fake_lose(connection, SR_UNAVAILABLE, "told to fail before", err);
    case FAKE_FALL_BACK:
        fake_database_fall_back(database);
        return fake_lose(connection, SR_UNAVAILABLE, "told to fall back", err);
    case FAKE_REFUSE:
        return sr_fail(err, SR_REFUSED, "fake store: told to refuse");
    case FAKE_SPOIL:
        return sr_fail(err, SR_DAMAGED, "fake store: told to be spoilt");
    default:
        break;
    }
    return fake_at_moment(connection, FAKE_AT_START, NULL)
               ? SR_OK
               : fake_lose(connection, SR_UNAVAILABLE, "lost at the start", err);
}

/* --- transactions ------------------------------------------------------------------------- */

enum sr_result fake_begin(struct fake_connection *connection,
                          struct fake_transaction *ret_transaction, struct sr_err *err)
{
    struct fake_database *database = connection->database;

    if (database->busy) {
        return fake_lose(connection, SR_UNAVAILABLE, "lock timeout", err);
    }
    if (database->has_late) {
        fake_state_done(&database->state);
        database->state = database->late;
        database->has_late = false;
    }
    database->busy = true;
    ret_transaction->state = fake_state_copy(&database->state);
    ret_transaction->timeline = database->timeline;
    return SR_OK;
}

void fake_roll_back(struct fake_connection *connection, struct fake_transaction *transaction)
{
    fake_state_done(&transaction->state);
    connection->database->busy = false;
}

static enum sr_result commit_late(struct fake_connection *connection,
                                  struct fake_transaction *transaction, struct sr_err *err)
{
    connection->database->late = transaction->state;
    connection->database->has_late = true;
    connection->database->busy = false;
    return fake_lose(connection, SR_UNKNOWN, "told to commit late", err);
}

enum sr_result fake_commit(struct fake_connection *connection,
                           struct fake_transaction *transaction, struct sr_err *err)
{
    struct fake_database *database = connection->database;

    if (!fake_at_moment(connection, FAKE_BEFORE_COMMIT, transaction)) {
        fake_roll_back(connection, transaction);
        return fake_lose(connection, SR_UNAVAILABLE, "lost before COMMIT", err);
    }
    if (connection->fault == FAKE_LOSE_COMMIT) {
        fake_roll_back(connection, transaction);
        return fake_lose(connection, SR_UNKNOWN, "told to lose COMMIT", err);
    }
    if (connection->fault == FAKE_COMMIT_LATE) {
        return commit_late(connection, transaction, err);
    }
    fake_state_done(&database->state);
    database->state = transaction->state;
    database->busy = false;
    if (!fake_at_moment(connection, FAKE_AFTER_COMMIT, transaction) ||
        connection->fault == FAKE_LOSE_ANSWER) {
        return fake_lose(connection, SR_UNKNOWN, "told to lose the answer", err);
    }
    return SR_OK;
}
