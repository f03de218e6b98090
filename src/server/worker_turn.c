/*
 * The parts of a loop turn.
 */
#include "server/worker.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"

/* All waiting requests are looked at that often; when the engine calls, only the first ones, up
 * to where a run of them is not over: loads come in in about the order they were asked for. */
#define RETRY_ALL_MS 50
#define RETRY_MISSES_MAX 64

uint64_t worker_sent_ns(struct worker *w)
{
    if (w->sent_ns == 0) {
        w->sent_ns = sr_clock_monotonic_ns();
    }
    return w->sent_ns;
}

void worker_retry_waiting(struct worker *w)
{
    bool all = w->waits_for_turn || w->now_ms - w->retried_ms >= RETRY_ALL_MS;
    struct list_link *link = w->waiting.next;
    uint32_t misses = 0;

    if (!all && !w->woken) {
        return;
    }
    w->waits_for_turn = false;
    w->retried_ms = all ? w->now_ms : w->retried_ms;
    while (link != &w->waiting && (all || misses < RETRY_MISSES_MAX)) {
        struct connection *c = LIST_OWNER(link, struct connection, queue_link);

        link = link->next; /* the retry may take c off the list */
        if (engine_wait_over(w->engine_worker, &c->waiting->call.wait, w->now_ms)) {
            connection_retry(w, c);
            misses = 0;
        } else {
            misses++;
        }
    }
}

/* Those that are ready again afterwards come in the next loop turn, behind those that had no
 * turn in this one: nobody is starved. */
void worker_read_ready(struct worker *w)
{
    struct list_link now;

    list_init(&now);
    list_move_all(&now, &w->ready);
    w->turn_requests = 0;
    while (w->turn_requests < WORKER_TURN_REQUESTS && worker_work_ahead(w, &now)) {
    }
    list_move_all(&now, &w->ready);
    list_move_all(&w->ready, &now);
}

void worker_end_turn(struct worker *w)
{
    uint64_t turn = api_turn_end(&w->api, w->holds.open_count > 0);

    if (turn == 0) {
        SR_CHECK(w->holds.open_count == 0);
        return;
    }
    SR_CHECK(turn > w->turn);
    w->turn = turn;
    holds_close_turn(&w->holds, turn);
}

/* Takes the oldest hold off the ring and off its connection, which may be closed already. */
static struct connection *unhold(struct worker *w)
{
    struct connection *c = holds_first(&w->holds)->connection;

    SR_CHECK(c->holds > 0);
    holds_pop(&w->holds);
    c->holds--;
    if (c->fd < 0 && c->holds == 0) {
        list_append(&w->dead, &c->queue_link);
    }
    return c;
}

void worker_release(struct worker *w)
{
    struct hold *hold = holds_first(&w->holds);
    uint64_t released;

    w->sent_ns = 0;
    if (hold == NULL) {
        return;
    }
    released = engine_released(w->engine_worker);
    for (; hold != NULL && hold->turn <= released; hold = holds_first(&w->holds)) {
        uint32_t bytes = hold->bytes;
        struct connection *c;

        hold_record(hold, w->metrics, worker_sent_ns(w));
        c = unhold(w);
        if (c->fd >= 0) {
            connection_output_release(w, c, bytes);
        }
    }
}

void worker_send_all(struct worker *w)
{
    struct list_link *link;

    while ((link = list_take_first(&w->sending)) != NULL) {
        connection_send(w, LIST_OWNER(link, struct connection, send_link));
    }
}

/* The journal did not release these in time. Their outcome is unknown: no answer is the only
 * true one. */
static void expire_holds(struct worker *w)
{
    uint32_t cut = 0;
    const struct hold *hold;

    while ((hold = holds_first(&w->holds)) != NULL &&
           w->now_ms - hold_made_ns(hold) / 1000000U >= w->shared->options.hold_timeout_ms) {
        struct connection *c = hold->connection;

        if (c->fd >= 0) {
            http_metrics_refused(w->metrics, HTTP_REFUSED_TIMEOUT_HOLD);
            connection_close(w, c);
            cut++;
        }
        (void)unhold(w);
    }
    if (cut > 0) {
        sr_log(SR_LOG_ERROR, "server.held_too_long",
               "the journal did not release answers in time: their connections were closed",
               sr_log_number("connections", cut));
    }
}

void worker_expire(struct worker *w)
{
    struct timer *timer;

    expire_holds(w);
    http_metrics_set(&w->metrics->replies_held, w->holds.answers);
    http_metrics_set(&w->metrics->stock_bytes, w->pool.kept_bytes);
    while ((timer = timers_take_expired(&w->timers, w->now_ms)) != NULL) {
        connection_expired(w, LIST_OWNER(timer, struct connection, timer));
    }
}
