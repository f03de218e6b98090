/*
 * What the fake's connections share: the frame of a call, and transactions.
 */
#ifndef SR_TEST_STORE_FAKE_CONNECTION_H
#define SR_TEST_STORE_FAKE_CONNECTION_H

#include "store/fake_state.h"

struct fake_connection {
    struct store store; /* first: what everybody else sees */
    struct fake_database *database;
    struct sr_uuid instance;
    bool connected;
    _Atomic bool cancelled;
    uint64_t outages;      /* the database's count when connected */
    struct fake_call call; /* the running one */
    enum fake_fault fault; /* its fate */
};

/* A transaction: a copy of the contents, moved back by COMMIT. */
struct fake_transaction {
    struct fake_state state;
    uint64_t timeline;
};

/* Loses the connection and returns the result with the reason. */
enum sr_result fake_lose(struct fake_connection *connection, enum sr_result result,
                         const char *why, struct sr_err *err);

/* Lets others act; false where they took the connection away, or the running transaction
 * (NULL: none) its timeline. */
bool fake_at_moment(struct fake_connection *connection, enum fake_moment moment,
                    const struct fake_transaction *transaction);

/* Counts the call, decides its fate and connects. */
enum sr_result fake_begin_call(struct fake_connection *connection,
                               enum fake_operation operation, struct sr_err *err) SR_MUST_USE;

/* SR_UNAVAILABLE while another transaction runs; what was to commit late commits first. */
enum sr_result fake_begin(struct fake_connection *connection,
                          struct fake_transaction *ret_transaction,
                          struct sr_err *err) SR_MUST_USE;
void fake_roll_back(struct fake_connection *connection, struct fake_transaction *transaction);

/* Ends the transaction, as the call's fault says. */
enum sr_result fake_commit(struct fake_connection *connection,
                           struct fake_transaction *transaction,
                           struct sr_err *err) SR_MUST_USE;

/* The operation of store/store.h. */
enum sr_result fake_apply(struct store *base, const struct store_epoch *epoch,
                          const struct store_source *source, const struct store_sink *sink,
                          struct sr_err *err) SR_MUST_USE;

enum sr_result fake_find_requests(struct store *base, const struct sr_span *tokens,
                                  size_t count, store_found_fn *found, void *context,
                                  struct sr_err *err) SR_MUST_USE;

/* fake_operator.c */
enum sr_result fake_list_refused(struct store *base, struct sr_span key, const char *after,
                                 store_refused_fn *tell, void *context,
                                 struct sr_err *err) SR_MUST_USE;
enum sr_result fake_replay_refused(struct store *base, const struct store_refused *row,
                                   int64_t *ret_value, struct sr_err *err) SR_MUST_USE;
enum sr_result fake_drop_refused(struct store *base, const struct store_refused *row,
                                 struct sr_err *err) SR_MUST_USE;
enum sr_result fake_retire(struct store *base, const struct sr_uuid *owner, uint64_t epoch,
                           struct sr_err *err) SR_MUST_USE;

/* The part of apply that is about requests; counts them. */
enum sr_result fake_apply_requests(struct fake_state *state, const struct store_source *source,
                                   const struct store_sink *sink, uint64_t *ret_count,
                                   struct sr_err *err) SR_MUST_USE;

#endif
