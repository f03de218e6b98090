/*
 * Waiting for the server: every wait ends at our own deadline or when cancelled, since neither
 * tcp_user_timeout nor statement_timeout fires against a frozen server.
 */
#include "store/store_postgres_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>

void pg_progressed(struct store_postgres *store)
{
    store->progress_ms = sr_clock_monotonic_ms();
}

enum sr_result pg_begin_call(struct store_postgres *store, struct sr_err *err)
{
    pg_progressed(store);
    store->timed_out = false;
    return !atomic_load(&store->cancelled)
               ? SR_OK
               : sr_fail(err, SR_UNAVAILABLE, "%s: cancelled", store->where);
}

/* Milliseconds until the deadline or the limit, whichever is nearer. */
static int time_left(const struct store_postgres *store, uint64_t started_ms, uint64_t limit_ms)
{
    uint64_t now = sr_clock_monotonic_ms();
    uint64_t end = store->progress_ms + store->options.timeout_ms;

    if (limit_ms > 0 && started_ms + limit_ms < end) {
        end = started_ms + limit_ms;
    }
    return end <= now ? 0 : (int)(end - now);
}

enum sr_result pg_poll(struct store_postgres *store, int fd, short events, uint64_t limit_ms,
                       short *ret_events, struct sr_err *err)
{
    uint64_t started_ms = sr_clock_monotonic_ms();

    for (;;) {
        struct pollfd waited[] = {{.fd = store->cancel_fd, .events = POLLIN},
                                  {.fd = fd, .events = events}};
        int ready = poll(waited, 2, time_left(store, started_ms, limit_ms));

        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if (ready < 0) {
            return sr_fail_errno(err, SR_UNAVAILABLE, errno, "%s: poll", store->where);
        }
        if (waited[0].revents != 0) {
            return sr_fail(err, SR_UNAVAILABLE, "%s: cancelled", store->where);
        }
        *ret_events = waited[1].revents;
        return SR_OK;
    }
}

enum sr_result pg_pause(struct store_postgres *store, uint64_t pause_ms, struct sr_err *err)
{
    short events;

    pg_progressed(store);
    return pg_poll(store, -1, 0, pause_ms, &events, err);
}

/* Waits until the socket can be read, or written where libpq holds something back; reads. */
static enum sr_result pump(struct store_postgres *store, bool holds_back, struct sr_err *err)
{
    short wanted = (short)(holds_back ? POLLIN | POLLOUT : POLLIN);
    short events = 0;
    enum sr_result res = pg_poll(store, PQsocket(store->connection), wanted, 0, &events, err);

    if (res != SR_OK) {
        pg_disconnect(store);
        return res;
    }
    if (events == 0) {
        store->timed_out = true;
        return pg_lose(store, "waiting for the server", "no answer within the timeout", err);
    }
    pg_progressed(store);
    if ((events & ~POLLOUT) != 0 && PQconsumeInput(store->connection) == 0) {
        return pg_lose(store, "reading from the server", NULL, err);
    }
    return SR_OK;
}

enum sr_result pg_wait_result(struct store_postgres *store, struct sr_err *err)
{
    for (;;) {
        int held_back = PQflush(store->connection);
        enum sr_result res;

        if (held_back < 0) {
            return pg_lose(store, "sending to the server", NULL, err);
        }
        if (PQisBusy(store->connection) == 0) {
            return SR_OK;
        }
        res = pump(store, held_back > 0, err);
        if (res != SR_OK) {
            return res;
        }
    }
}
