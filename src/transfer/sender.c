/*
 * A ring of batches: the caller's thread fills and settles them, in order; each connection's
 * thread takes the next one and sends it.
 *
 *      settled          next            filled        settled + ahead
 *   -----|--- sent or done ---|--- waiting ---|--- empty ---|
 */
#include "transfer/sender.h"

#include "base/check.h"

#include <pthread.h>
#include <stdlib.h>

enum slot_state { SLOT_WAITING, SLOT_SENT, SLOT_DONE, SLOT_FAILED };

struct slot {
    struct batch batch;
    enum slot_state state;
    uint64_t sent_ms;
    struct sr_err err;
};

struct sender;

struct connection {
    struct sender *sender;
    unsigned number;
    pthread_t thread;
};

struct sender {
    const struct sender_calls *calls;
    struct batches *batches;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t to_send, to_settle;
    struct slot *slots; /* owned; of a slot that waits or is sent only its thread may touch more
                           than the state */
    uint64_t settled, next, filled;
    uint32_t ahead;
    unsigned under_way;
    bool ended;   /* no line is left */
    bool stopped; /* nothing more is sent */
    struct connection connections[SENDER_CONNECTIONS_MAX];
    unsigned connection_count; /* whose threads run */
};

uint32_t sender_ahead(unsigned connections)
{
    return 2 * connections;
}

static struct slot *slot_of(const struct sender *s, uint64_t number)
{
    return &s->slots[number % s->ahead];
}

static void lock(struct sender *s)
{
    SR_CHECK(pthread_mutex_lock(&s->lock) == 0);
}

static void unlock(struct sender *s)
{
    SR_CHECK(pthread_mutex_unlock(&s->lock) == 0);
}

/* ---- connections ---- */

/* The next batch that waits, or NULL when there is nothing to do any more. Locked. */
static struct slot *take_slot(struct sender *s)
{
    struct slot *slot;

    while (!s->stopped && s->next == s->filled) {
        SR_CHECK(pthread_cond_wait(&s->to_send, &s->lock) == 0);
    }
    if (s->stopped) {
        return NULL;
    }
    slot = slot_of(s, s->next++);
    slot->state = SLOT_SENT;
    slot->sent_ms = s->calls->now_ms();
    s->under_way++;
    return slot;
}

static void *run_connection(void *context)
{
    struct connection *connection = context;
    struct sender *s = connection->sender;
    struct slot *slot;

    lock(s);
    while ((slot = take_slot(s)) != NULL) {
        enum sr_result result;

        unlock(s);
        result =
            s->calls->send(s->calls->context, connection->number, &slot->batch, &slot->err);
        lock(s);
        slot->state = result == SR_OK ? SLOT_DONE : SLOT_FAILED;
        s->stopped = s->stopped || result != SR_OK;
        s->under_way--;
        SR_CHECK(pthread_cond_signal(&s->to_settle) == 0);
    }
    unlock(s);
    return NULL;
}

static void stop(struct sender *s)
{
    lock(s);
    s->stopped = true;
    SR_CHECK(pthread_cond_broadcast(&s->to_send) == 0);
    unlock(s);
    for (unsigned i = 0; i < s->connection_count; i++) {
        SR_CHECK(pthread_join(s->connections[i].thread, NULL) == 0);
    }
}

static enum sr_result start(struct sender *s, unsigned connections, struct sr_err *err)
{
    for (; s->connection_count < connections; s->connection_count++) {
        struct connection *connection = &s->connections[s->connection_count];

        *connection = (struct connection){.sender = s, .number = s->connection_count};
        if (pthread_create(&connection->thread, NULL, run_connection, connection) != 0) {
            return sr_fail(err, SR_NO_MEMORY, "no thread could be started");
        }
    }
    return SR_OK;
}

/* ---- the caller's thread ---- */

/* Since when what is behind the settled batches may have been counted. Locked. */
static uint64_t sent_since(const struct sender *s)
{
    uint64_t since = s->calls->now_ms();

    for (uint64_t number = s->settled; number < s->next; number++) {
        uint64_t sent = slot_of(s, number)->sent_ms;

        since = sent < since ? sent : since;
    }
    return since;
}

/* Moves over what is done; true where there was any, told by *ret_place. Locked. */
static bool pass_done(struct sender *s, struct batch_place *ret_place)
{
    uint64_t before = s->settled;

    while (s->settled < s->next && slot_of(s, s->settled)->state == SLOT_DONE) {
        *ret_place = slot_of(s, s->settled)->batch.after;
        s->settled++;
    }
    return s->settled > before;
}

static enum sr_result settle(struct sender *s, const struct batch_place *place,
                             struct sr_err *err)
{
    uint64_t since = sent_since(s);
    enum sr_result result;

    unlock(s);
    result = s->calls->settle(s->calls->context, place, since, err);
    lock(s);
    return result;
}

static enum sr_result fill(struct sender *s, struct sr_err *err)
{
    struct slot *slot = slot_of(s, s->filled);
    enum sr_result result;

    unlock(s);
    result = batches_next(s->batches, &slot->batch, err);
    lock(s);
    if (result == SR_CLOSED) {
        s->ended = true;
        return SR_OK;
    }
    if (result == SR_OK) {
        slot->state = SLOT_WAITING;
        s->filled++;
        SR_CHECK(pthread_cond_signal(&s->to_send) == 0);
    }
    return result;
}

/* Locked. */
static bool is_over(const struct sender *s)
{
    return s->stopped ? s->under_way == 0 : s->ended && s->settled == s->filled;
}

/* One step towards the end. Locked. */
static enum sr_result advance(struct sender *s, struct sr_err *err)
{
    struct batch_place place;

    if (pass_done(s, &place)) {
        return settle(s, &place, err);
    }
    if (!s->stopped && !s->ended && s->filled - s->settled < s->ahead) {
        return fill(s, err);
    }
    SR_CHECK(pthread_cond_wait(&s->to_settle, &s->lock) == 0);
    return SR_OK;
}

/* The failure of the first batch that failed, if any. Locked. */
static enum sr_result first_failure(const struct sender *s, struct sr_err *err)
{
    for (uint64_t number = s->settled; number < s->next; number++) {
        const struct slot *slot = slot_of(s, number);

        if (slot->state == SLOT_FAILED) {
            *err = slot->err;
            return err->code;
        }
    }
    return SR_OK;
}

static enum sr_result drive(struct sender *s, struct sr_err *err)
{
    enum sr_result result = SR_OK;
    struct batch_place place;

    lock(s);
    while (result == SR_OK && !is_over(s)) {
        result = advance(s, err);
    }
    if (result == SR_OK && pass_done(s, &place)) {
        result = settle(s, &place, err);
    }
    if (result == SR_OK) {
        result = first_failure(s, err);
    }
    unlock(s);
    return result;
}

static enum sr_result init(struct sender *s, struct sr_err *err)
{
    s->slots = calloc(s->ahead, sizeof(*s->slots));
    if (s->slots == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory for %u batches", s->ahead);
    }
    for (uint32_t i = 0; i < s->ahead; i++) {
        batch_init(&s->slots[i].batch);
    }
    SR_CHECK(pthread_mutex_init(&s->lock, NULL) == 0);
    SR_CHECK(pthread_cond_init(&s->to_send, NULL) == 0);
    SR_CHECK(pthread_cond_init(&s->to_settle, NULL) == 0);
    return SR_OK;
}

static void done(struct sender *s)
{
    for (uint32_t i = 0; i < s->ahead; i++) {
        batch_done(&s->slots[i].batch);
    }
    free(s->slots);
    SR_CHECK(pthread_mutex_destroy(&s->lock) == 0);
    SR_CHECK(pthread_cond_destroy(&s->to_send) == 0);
    SR_CHECK(pthread_cond_destroy(&s->to_settle) == 0);
}

enum sr_result sender_run(struct batches *batches, unsigned connections,
                          const struct sender_calls *calls, struct sr_err *err)
{
    struct sender s = {.calls = calls, .batches = batches, .ahead = sender_ahead(connections)};
    enum sr_result result;

    SR_CHECK(connections > 0 && connections <= SENDER_CONNECTIONS_MAX);
    result = init(&s, err);
    if (result != SR_OK) {
        return result;
    }
    result = start(&s, connections, err);
    if (result == SR_OK) {
        result = drive(&s, err);
    }
    stop(&s);
    done(&s);
    return result;
}
