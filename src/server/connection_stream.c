/*
 * Connections that are fed: an answer without an end, of which a piece is appended when the one
 * before it is sent. So a reader that is slow costs no more than one piece, passes over what
 * the feed no longer keeps, and is cut by the deadline of writing like any other.
 */
#include "base/check.h"
#include "server/connection.h"
#include "server/feed.h"
#include "server/worker.h"

#define PIECE_SIZE 65536

static void count(struct worker *w, int by)
{
    atomic_store_explicit(&w->stream_count, w->stream_count + (uint32_t)by,
                          memory_order_relaxed);
}

void connection_stream_begin(struct worker *w, struct connection *c, uint64_t next)
{
    SR_CHECK(c->closing && next > 0); /* no further request is taken */
    c->stream_next = next;
    list_append(&w->streams, &c->stream_link);
    count(w, 1);
}

void connection_stream_leave(struct worker *w, struct connection *c)
{
    c->stream_next = 0;
    list_remove(&c->stream_link);
    count(w, -1);
    feed_leave(w->shared->options.feed);
}

/* What was appended need not wait for anything. */
static void let_go(struct worker *w, struct connection *c)
{
    size_t bytes = c->output.size - c->output_accounted;

    c->output_accounted = c->output.size;
    if (bytes > 0) {
        connection_output_release(w, c, bytes);
    }
}

static bool may_append(const struct connection *c)
{
    return c->output.size == 0 && c->holds == 0 && !c->send_blocked;
}

bool connection_stream_pump(struct worker *w, struct connection *c)
{
    struct feed *feed = w->shared->options.feed;

    if (w->draining || !may_append(c) || c->stream_next > feed_newest(feed)) {
        return true;
    }
    if (!connection_output_open(w, c, PIECE_SIZE) ||
        feed_read(feed, &c->stream_next, PIECE_SIZE, &c->output) != SR_OK) {
        connection_close(w, c);
        return false;
    }
    let_go(w, c);
    return true;
}

void worker_feed_streams(struct worker *w)
{
    struct feed *feed = w->shared->options.feed;

    if (list_first(&w->streams) == NULL || feed_newest(feed) == w->fed) {
        return;
    }
    w->fed = feed_newest(feed);
    for (struct list_link *link = w->streams.next; link != &w->streams;) {
        struct connection *c = LIST_OWNER(link, struct connection, stream_link);

        link = link->next; /* the pump may close c */
        (void)connection_stream_pump(w, c);
    }
}

void worker_end_streams(struct worker *w)
{
    static const char last[] = "event: end\ndata: {\"reason\":\"draining\"}\n\n";

    for (struct list_link *link = w->streams.next; link != &w->streams;) {
        struct connection *c = LIST_OWNER(link, struct connection, stream_link);

        link = link->next; /* the update may close c */
        if (may_append(c) && connection_output_open(w, c, sizeof(last)) &&
            sr_buffer_append(&c->output, last, sizeof(last) - 1) == SR_OK) {
            let_go(w, c);
        }
        connection_update(w, c);
    }
}
