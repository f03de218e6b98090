/*
 * What the fake database holds: rows in key order, writers' rows, refused rows. A plain value
 * that is copied to begin a transaction and moved to commit it.
 */
#ifndef SR_TEST_STORE_FAKE_STATE_H
#define SR_TEST_STORE_FAKE_STATE_H

#include "store/fake_store.h"

struct fake_row {
    struct sr_span key; /* owned */
    int64_t value;
};

struct fake_writer {
    struct sr_uuid instance, owner;
    uint64_t epoch;
};

/* A row of counter_requests; spans owned. */
struct fake_request {
    struct sr_span token, request_hash, answer;
    bool expired;
};

struct fake_state {
    struct fake_row *rows; /* ascending keys */
    size_t row_count, row_room;
    struct fake_writer *writers;
    size_t writer_count;
    struct fake_refused *refused;
    size_t refused_count;
    struct fake_request *requests;
    size_t request_count, request_room;
};

/* An owned copy of bytes, and its end. */
struct sr_span fake_span_copy(struct sr_span bytes);
void fake_span_free(struct sr_span bytes);

void fake_state_done(struct fake_state *state);
struct fake_state fake_state_copy(const struct fake_state *state);

/* NULL where there is no such row. */
struct fake_row *fake_state_find(const struct fake_state *state, struct sr_span key);

/* Finds or inserts with value 0. */
struct fake_row *fake_state_put(struct fake_state *state, struct sr_span key);
void fake_state_delete(struct fake_state *state, struct sr_span key);

struct fake_writer *fake_state_writer(const struct fake_state *state,
                                      const struct sr_uuid *instance);
void fake_state_add_writer(struct fake_state *state, const struct fake_writer *writer);
void fake_state_forget_writer(struct fake_state *state, const struct sr_uuid *instance);

/* Copies the key. */
void fake_state_refuse(struct fake_state *state, const struct fake_refused *refused);

/* Takes the row with that index out. */
void fake_state_drop_refused(struct fake_state *state, size_t at);

/* NULL where there is no such row. */
struct fake_request *fake_state_request(const struct fake_state *state, struct sr_span token);

/* Copies the spans. */
void fake_state_add_request(struct fake_state *state, const struct fake_request *request);

/* fake_requests.c: the part of copy and done that is about requests. */
void fake_state_copy_requests(struct fake_state *copy, const struct fake_state *state);
void fake_state_done_requests(struct fake_state *state);
void fake_state_expire_requests(struct fake_state *state, uint64_t steps);

bool fake_uuid_equal(const struct sr_uuid *a, const struct sr_uuid *b);

#define FAKE_RULES_MAX 16

struct fake_rule {
    uint64_t number;
    enum fake_fault fault;
};

struct fake_refusal {
    struct sr_span key; /* owned */
    char sqlstate[6];
};

struct fake_database {
    struct fake_state state; /* committed */
    struct fake_state kept;
    struct fake_state
        late; /* sent with COMMIT by a connection that was lost since; valid where has_late */
    bool has_late;
    bool busy; /* a transaction holds the write lock */
    bool down;
    uint64_t outages;  /* a connection older than the last one is lost */
    uint64_t timeline; /* a transaction begun on another one is lost */
    uint64_t calls;
    struct fake_rule rules[FAKE_RULES_MAX];
    size_t rule_count;
    struct fake_refusal refusals[FAKE_RULES_MAX];
    size_t refusal_count;
    struct fake_hooks hooks;
};

/* NULL where changes of the key are taken. */
const struct fake_refusal *fake_database_refusal(const struct fake_database *database,
                                                 struct sr_span key);

#endif
