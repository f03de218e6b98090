/*
 * Requests one behind the other in one piece of address space, and where each begins.
 */
#include "core/request_log.h"

#include "base/check.h"
#include "base/memory.h"
#include "core/record.h"

#include <stdlib.h>

/* The smallest request: one record with a key and a token of one byte each. */
#define REQUEST_SIZE_MIN (RECORD_HEADER_SIZE + 1 + RECORD_TOKEN_HEADER_SIZE + 1)

enum sr_result request_log_init(struct request_log *log, size_t bytes_max)
{
    SR_CHECK(bytes_max >= REQUEST_SIZE_MIN);
    *log =
        (struct request_log){.bytes_max = bytes_max, .items_max = bytes_max / REQUEST_SIZE_MIN};
    SR_CHECK(pthread_mutex_init(&log->lock, NULL) == 0);
    log->bytes = sr_pages_alloc(log->bytes_max);
    log->items = sr_pages_alloc(log->items_max * sizeof(*log->items));
    return log->bytes == NULL || log->items == NULL ? SR_NO_MEMORY : SR_OK;
}

void request_log_done(struct request_log *log)
{
    if (log->bytes_max == 0) {
        return;
    }
    sr_pages_free(log->bytes, log->bytes_max);
    sr_pages_free(log->items, log->items_max * sizeof(*log->items));
    SR_CHECK(pthread_mutex_destroy(&log->lock) == 0);
    *log = (struct request_log){.bytes_max = 0};
}

static void lock(struct request_log *log)
{
    SR_CHECK(pthread_mutex_lock(&log->lock) == 0);
}

static void unlock(struct request_log *log)
{
    SR_CHECK(pthread_mutex_unlock(&log->lock) == 0);
}

bool request_log_reserve(struct request_log *log, size_t size)
{
    bool fits;

    lock(log);
    fits = size <= log->bytes_max - log->bytes_size - log->reserved;
    log->reserved += fits ? size : 0;
    unlock(log);
    return fits;
}

void request_log_unreserve(struct request_log *log, size_t size)
{
    lock(log);
    SR_CHECK(log->reserved >= size);
    log->reserved -= size;
    unlock(log);
}

/* Where the token of a request lies in its records. */
static bool find_token(struct sr_span records, struct request_log_item *ret_item)
{
    struct record record;
    size_t size = 0;

    if (record_decode(records, &record, &size) != SR_OK || record.token.token.size == 0) {
        return false;
    }
    *ret_item =
        (struct request_log_item){.size = (uint32_t)records.size,
                                  .token = (uint32_t)(record.token.token.data - records.data),
                                  .token_size = (uint8_t)record.token.token.size};
    return true;
}

/* Under the lock; there is room. */
static void append(struct request_log *log, struct sr_span records,
                   struct request_log_item item)
{
    SR_CHECK(log->count < log->items_max);
    item.at = log->bytes_size;
    memcpy(log->bytes + item.at, records.data, records.size);
    log->bytes_size += records.size;
    log->items[log->count++] = item;
}

void request_log_append(struct request_log *log, struct sr_span records, size_t reserved)
{
    struct request_log_item item;

    SR_CHECK(records.size <= reserved);
    SR_CHECK(find_token(records, &item));
    lock(log);
    SR_CHECK(log->reserved >= reserved);
    log->reserved -= reserved;
    append(log, records, item);
    unlock(log);
}

enum sr_result request_log_add(struct request_log *log, struct sr_span records)
{
    struct request_log_item item;

    if (!find_token(records, &item)) {
        return SR_DAMAGED;
    }
    if (!request_log_reserve(log, records.size)) {
        return SR_FULL;
    }
    request_log_append(log, records, records.size);
    return SR_OK;
}

static struct sr_span item_token(const struct request_log *log,
                                 const struct request_log_item *item)
{
    return (struct sr_span){.data = log->bytes + item->at + item->token,
                            .size = item->token_size};
}

static int by_token(const void *a, const void *b, void *log)
{
    const struct request_log_item *x = a;
    const struct request_log_item *y = b;
    int order = sr_span_compare(item_token(log, x), item_token(log, y));

    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

static void drop_twins(struct request_log *log)
{
    size_t kept = 0;

    for (size_t i = 0; i < log->count; i++) {
        if (kept == 0 || !sr_span_equal(item_token(log, &log->items[kept - 1]),
                                        item_token(log, &log->items[i]))) {
            log->items[kept++] = log->items[i];
        }
    }
    log->count = kept;
}

void request_log_sort(struct request_log *log)
{
    SR_CHECK(log->reserved == 0);
    qsort_r(log->items, log->count, sizeof(*log->items), by_token, log);
    drop_twins(log);
}

struct sr_span request_log_records(const struct request_log *log, size_t i)
{
    SR_CHECK(i < log->count);
    return (struct sr_span){.data = log->bytes + log->items[i].at, .size = log->items[i].size};
}

void request_log_clear(struct request_log *log)
{
    SR_CHECK(log->reserved == 0);
    sr_pages_discard(log->bytes, log->bytes_size);
    sr_pages_discard(log->items, log->count * sizeof(*log->items));
    log->bytes_size = 0;
    log->count = 0;
}
