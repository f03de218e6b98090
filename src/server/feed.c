/*
 * The ring of encoded rows: row N lies at N % FEED_ROWS. Its memory is bounded by
 * FEED_ROWS * FEED_ROW_SIZE_MAX; a row takes some 300 bytes.
 */
#include "server/feed.h"

#include "base/check.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct feed {
    uint64_t boot;
    struct sr_buffer hello; /* not changed any more */

    pthread_mutex_t lock; /* over what follows; no other lock is taken under it */
    struct sr_buffer rows[FEED_ROWS];
    struct sr_buffer top;

    _Atomic uint64_t newest; /* written under the lock */
    _Atomic uint32_t streams;
};

static enum sr_result write_hello(struct feed *f, struct sr_span fields)
{
    enum sr_result result =
        sr_buffer_printf(&f->hello,
                         "retry: 1000\nevent: hello\ndata: {\"boot\":\"%" PRIx64
                         "\",\"seconds\":%u,",
                         f->boot, FEED_ROWS);

    if (result == SR_OK) {
        result = sr_buffer_printf(&f->hello, "\"fields\":");
    }
    if (result == SR_OK) {
        result = sr_buffer_append(&f->hello, fields.data, fields.size);
    }
    return result == SR_OK ? sr_buffer_append(&f->hello, "}\n\n", 3) : result;
}

enum sr_result feed_open(uint64_t boot, struct sr_span fields, struct feed **ret_feed,
                         struct sr_err *err)
{
    struct feed *f = calloc(1, sizeof(*f));

    if (f == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for the dashboard's history");
    }
    f->boot = boot;
    SR_CHECK(pthread_mutex_init(&f->lock, NULL) == 0);
    for (uint32_t i = 0; i < FEED_ROWS; i++) {
        sr_buffer_init(&f->rows[i], FEED_ROW_SIZE_MAX);
    }
    sr_buffer_init(&f->top, FEED_TOP_SIZE_MAX);
    sr_buffer_init(&f->hello, 2 * FEED_ROW_SIZE_MAX);
    if (write_hello(f, fields) != SR_OK) {
        feed_close(&f);
        return sr_fail(err, SR_NO_MEMORY, "no memory for the names of the dashboard's figures");
    }
    *ret_feed = f;
    return SR_OK;
}

void feed_close(struct feed **feed)
{
    struct feed *f = *feed;

    if (f == NULL) {
        return;
    }
    SR_CHECK(atomic_load(&f->streams) == 0);
    for (uint32_t i = 0; i < FEED_ROWS; i++) {
        sr_buffer_done(&f->rows[i]);
    }
    sr_buffer_done(&f->top);
    sr_buffer_done(&f->hello);
    SR_CHECK(pthread_mutex_destroy(&f->lock) == 0);
    free(f);
    *feed = NULL;
}

static enum sr_result write_event(struct sr_buffer *out, struct sr_span data)
{
    enum sr_result result = sr_buffer_append(out, data.data, data.size);

    return result == SR_OK ? sr_buffer_append(out, "\n\n", 2) : result;
}

/* A row, or nothing where there is no room for it: the stream goes on with the next one. */
static void write_row(struct sr_buffer *out, uint64_t number, struct sr_span row)
{
    out->size = 0;
    if (sr_buffer_printf(out, "id: %" PRIu64 "\ndata: ", number) != SR_OK ||
        write_event(out, row) != SR_OK) {
        out->size = 0;
    }
}

static void write_top(struct sr_buffer *out, struct sr_span top)
{
    out->size = 0;
    if (sr_buffer_printf(out, "event: top\ndata: ") != SR_OK ||
        write_event(out, top) != SR_OK) {
        out->size = 0;
    }
}

void feed_publish(struct feed *f, struct sr_span row, struct sr_span top)
{
    uint64_t number = feed_newest(f) + 1;

    SR_CHECK(pthread_mutex_lock(&f->lock) == 0);
    write_row(&f->rows[number % FEED_ROWS], number, row);
    write_top(&f->top, top);
    atomic_store(&f->newest, number);
    SR_CHECK(pthread_mutex_unlock(&f->lock) == 0);
}

uint64_t feed_newest(const struct feed *f)
{
    return atomic_load(&f->newest);
}

bool feed_join(struct feed *f)
{
    if (atomic_fetch_add(&f->streams, 1) < FEED_STREAMS_MAX) {
        return true;
    }
    feed_leave(f);
    return false;
}

void feed_leave(struct feed *f)
{
    SR_CHECK(atomic_fetch_sub(&f->streams, 1) > 0);
}

uint32_t feed_streams(const struct feed *f)
{
    return atomic_load(&f->streams);
}

enum sr_result feed_hello(struct feed *f, struct sr_buffer *out)
{
    return sr_buffer_append(out, f->hello.data, f->hello.size);
}

uint64_t feed_begin(struct feed *f, uint64_t boot, uint64_t after)
{
    return boot == f->boot && after <= feed_newest(f) ? after + 1 : 1;
}

static uint64_t oldest_of(uint64_t newest)
{
    return newest > FEED_ROWS ? newest - FEED_ROWS + 1 : 1;
}

static enum sr_result read_locked(struct feed *f, uint64_t *next, size_t size,
                                  struct sr_buffer *out)
{
    uint64_t newest = feed_newest(f);
    size_t begin = out->size;

    if (*next < oldest_of(newest)) {
        *next = oldest_of(newest);
    }
    while (*next <= newest && out->size - begin < size) {
        const struct sr_buffer *row = &f->rows[*next % FEED_ROWS];
        enum sr_result result = sr_buffer_append(out, row->data, row->size);

        if (result == SR_OK && *next == newest) {
            result = sr_buffer_append(out, f->top.data, f->top.size);
        }
        if (result != SR_OK) {
            return result;
        }
        (*next)++;
    }
    return SR_OK;
}

enum sr_result feed_read(struct feed *f, uint64_t *next, size_t size, struct sr_buffer *out)
{
    enum sr_result result;

    SR_CHECK(pthread_mutex_lock(&f->lock) == 0);
    result = read_locked(f, next, size, out);
    SR_CHECK(pthread_mutex_unlock(&f->lock) == 0);
    return result;
}
