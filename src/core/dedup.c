/*
 * The idempotency window: an index with linear probing over entries, DONE ones in a list by
 * age.
 */
#include "core/dedup_internal.h"

#include "base/check.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define CHUNKS_PER_ENTRY 2U
#define CHUNKS_MIN 4096U /* an answer to the largest batch, more than once */
#define LOG_BYTES_PER_ENTRY 256U
#define LOG_BYTES_MIN (32U << 20)
#define ENTRIES_MAX (1U << 29)

/* ---- life ---- */

static size_t index_bytes(const struct dedup *d)
{
    return ((size_t)d->index_mask + 1) * sizeof(*d->index);
}

static enum sr_result allocate(struct dedup *d)
{
    size_t log_bytes = (size_t)d->entries_all * LOG_BYTES_PER_ENTRY;
    enum sr_result result = SR_OK;

    log_bytes = log_bytes < LOG_BYTES_MIN ? LOG_BYTES_MIN : log_bytes;
    d->entries = sr_pages_alloc(((size_t)d->entries_all + 1) * sizeof(*d->entries));
    d->chunks = sr_pages_alloc(((size_t)d->chunks_all + 1) * sizeof(*d->chunks));
    d->index = sr_pages_alloc(index_bytes(d));
    for (int parity = 0; parity < 2 && result == SR_OK; parity++) {
        result = request_log_init(&d->logs[parity], log_bytes);
    }
    return d->entries == NULL || d->chunks == NULL || d->index == NULL ? SR_NO_MEMORY : result;
}

enum sr_result dedup_open(const struct dedup_options *options, uint64_t extra,
                          struct dedup **ret_dedup, struct sr_err *err)
{
    struct dedup *d = calloc(1, sizeof(*d));
    uint64_t all = options->entries_max + extra;

    if (d == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory for idempotency keys");
    }
    if (all > ENTRIES_MAX) {
        free(d);
        return sr_fail(err, SR_NO_MEMORY, "out of memory for %llu idempotency keys",
                       (unsigned long long)all);
    }
    d->options = *options;
    d->entries_all = (uint32_t)all;
    d->chunks_all = (uint32_t)all * CHUNKS_PER_ENTRY;
    d->chunks_all = d->chunks_all < CHUNKS_MIN ? CHUNKS_MIN : d->chunks_all;
    for (d->index_mask = 63; d->index_mask / 3 * 2 < d->entries_all;) {
        d->index_mask = d->index_mask * 2 + 1;
    }
    SR_CHECK(pthread_mutex_init(&d->lock, NULL) == 0);
    if (allocate(d) != SR_OK) {
        dedup_close(&d);
        return sr_fail(err, SR_NO_MEMORY, "out of memory for %llu idempotency keys",
                       (unsigned long long)all);
    }
    *ret_dedup = d;
    return SR_OK;
}

void dedup_close(struct dedup **dedup)
{
    struct dedup *d = *dedup;

    if (d == NULL) {
        return;
    }
    sr_pages_free(d->entries, ((size_t)d->entries_all + 1) * sizeof(*d->entries));
    sr_pages_free(d->chunks, ((size_t)d->chunks_all + 1) * sizeof(*d->chunks));
    sr_pages_free(d->index, index_bytes(d));
    request_log_done(&d->logs[0]);
    request_log_done(&d->logs[1]);
    SR_CHECK(pthread_mutex_destroy(&d->lock) == 0);
    free(d);
    *dedup = NULL;
}

struct request_log *dedup_log(struct dedup *d, uint64_t epoch)
{
    return &d->logs[epoch & 1];
}

/* ---- workers ---- */

/* The entry of a reference while it has no answer, else NULL. */
static struct dedup_entry *unanswered(struct dedup *d, struct dedup_ref ref)
{
    struct dedup_entry *entry = &d->entries[ref.index];

    SR_CHECK(ref.index <= d->entries_used);
    if (ref.index == 0 || entry->serial != ref.serial ||
        (entry->state != DEDUP_STATE_RUNNING && entry->state != DEDUP_STATE_ASKING)) {
        return NULL;
    }
    return entry;
}

/* False: no memory. */
static bool read_answer(const struct dedup *d, const struct dedup_entry *entry,
                        struct sr_buffer *totals, struct dedup_answer *ret_answer)
{
    size_t size = entry->totals_known ? 8 * (size_t)entry->totals_count : 0;

    totals->size = 0;
    if (sr_buffer_reserve(totals, size) != SR_OK) {
        return false;
    }
    dedup_chain_read(d, entry->first, entry->token_size, totals->data, size);
    totals->size = size;
    *ret_answer = (struct dedup_answer){.status = entry->status,
                                        .totals_known = entry->totals_known,
                                        .totals = sr_buffer_span(totals)};
    return true;
}

static enum dedup_status look_at(const struct dedup *d, const struct dedup_entry *entry,
                                 const struct dedup_request *request, struct sr_buffer *totals,
                                 struct dedup_answer *ret_answer)
{
    if (memcmp(entry->request_hash, request->request_hash.data, RECORD_REQUEST_HASH_SIZE) !=
        0) {
        return DEDUP_MISMATCH;
    }
    if (entry->state != DEDUP_STATE_DONE) {
        return DEDUP_RUNNING;
    }
    return read_answer(d, entry, totals, ret_answer) ? DEDUP_KNOWN : DEDUP_FULL;
}

static enum dedup_status begin_locked(struct dedup *d, const struct dedup_request *request,
                                      struct sr_buffer *totals, struct dedup_ref *ret_ref,
                                      struct dedup_answer *ret_answer)
{
    uint64_t hash = sr_siphash13(&d->options.hash_key, request->token);
    uint32_t slot = dedup_find_slot(d, hash, request->token);
    uint32_t number = d->index[slot];

    if (number != 0) {
        return look_at(d, &d->entries[number], request, totals, ret_answer);
    }
    number = dedup_create(d, slot, hash, request, d->options.entries_max);
    if (number == 0) {
        return DEDUP_FULL;
    }
    *ret_ref = (struct dedup_ref){.index = number, .serial = d->entries[number].serial};
    return DEDUP_NEW;
}

enum dedup_status dedup_begin(struct dedup *d, const struct dedup_request *request,
                              struct sr_buffer *totals, struct dedup_ref *ret_ref,
                              struct dedup_answer *ret_answer)
{
    enum dedup_status status;

    dedup_lock(d);
    status = begin_locked(d, request, totals, ret_ref, ret_answer);
    dedup_unlock(d);
    return status;
}

void dedup_ask(struct dedup *d, struct dedup_ref ref)
{
    struct dedup_entry *entry;

    dedup_lock(d);
    entry = unanswered(d, ref);
    SR_CHECK(entry != NULL);
    entry->state = DEDUP_STATE_ASKING;
    dedup_unlock(d);
}

enum dedup_state dedup_state(struct dedup *d, struct dedup_ref ref)
{
    enum dedup_state state = DEDUP_STATE_GONE;

    dedup_lock(d);
    if (ref.index != 0 && d->entries[ref.index].serial == ref.serial) {
        state = (enum dedup_state)d->entries[ref.index].state;
    }
    dedup_unlock(d);
    return state;
}

void dedup_finish(struct dedup *d, struct dedup_ref ref, const struct dedup_answer *answer,
                  uint64_t epoch, uint64_t now_ms)
{
    struct dedup_entry *entry;

    dedup_lock(d);
    entry = unanswered(d, ref);
    SR_CHECK(entry != NULL);
    dedup_set_done(d, entry, answer, epoch, now_ms);
    dedup_unlock(d);
}

void dedup_abandon(struct dedup *d, struct dedup_ref ref)
{
    dedup_lock(d);
    if (unanswered(d, ref) != NULL) {
        dedup_destroy(d, ref.index);
    }
    dedup_unlock(d);
}

/* ---- loader ---- */

static struct dedup_entry *asking(struct dedup *d, struct dedup_ref ref)
{
    struct dedup_entry *entry = unanswered(d, ref);

    return entry != NULL && entry->state == DEDUP_STATE_ASKING ? entry : NULL;
}

size_t dedup_token(struct dedup *d, struct dedup_ref ref, uint8_t *ret_token)
{
    const struct dedup_entry *entry;
    size_t size = 0;

    dedup_lock(d);
    entry = asking(d, ref);
    if (entry != NULL) {
        size = entry->token_size;
        dedup_chain_read(d, entry->first, 0, ret_token, size);
    }
    dedup_unlock(d);
    return size;
}

void dedup_absent(struct dedup *d, struct dedup_ref ref)
{
    struct dedup_entry *entry;

    dedup_lock(d);
    entry = asking(d, ref);
    if (entry != NULL) {
        entry->state = DEDUP_STATE_RUNNING;
    }
    dedup_unlock(d);
}

void dedup_found(struct dedup *d, struct dedup_ref ref, struct sr_span request_hash,
                 const struct dedup_answer *answer, uint64_t now_ms)
{
    struct dedup_answer taken = *answer;
    struct dedup_entry *entry;

    SR_CHECK(request_hash.size == RECORD_REQUEST_HASH_SIZE);
    dedup_lock(d);
    entry = asking(d, ref);
    if (entry != NULL) {
        memcpy(entry->request_hash, request_hash.data, RECORD_REQUEST_HASH_SIZE);
        /* The same request has as many totals; another one's are of no use here. */
        taken.totals_known =
            answer->totals_known && answer->totals.size == 8 * (size_t)entry->totals_count;
        dedup_set_done(d, entry, &taken, 0, now_ms);
    }
    dedup_unlock(d);
}

/* ---- flusher, start ---- */

enum sr_result dedup_restore(struct dedup *d, const struct dedup_request *request,
                             const struct dedup_answer *answer, uint64_t epoch, uint64_t now_ms)
{
    uint64_t hash = sr_siphash13(&d->options.hash_key, request->token);
    enum sr_result result = SR_OK;
    uint32_t slot;

    dedup_lock(d);
    slot = dedup_find_slot(d, hash, request->token);
    /* The same token in two epochs: the first answer was given by the older one. */
    if (d->index[slot] == 0) {
        uint32_t number = dedup_create(d, slot, hash, request, d->entries_all);

        if (number == 0) {
            result = SR_FULL;
        } else {
            dedup_set_done(d, &d->entries[number], answer, epoch, now_ms);
        }
    }
    dedup_unlock(d);
    return result;
}

void dedup_expire(struct dedup *d, uint64_t applied_epoch, uint64_t now_ms, uint32_t steps)
{
    dedup_lock(d);
    for (; steps > 0 && d->oldest != 0; steps--) {
        const struct dedup_entry *entry = &d->entries[d->oldest];
        uint32_t number = d->oldest;

        if (entry->epoch > applied_epoch || entry->expires_ms > now_ms) {
            break;
        }
        d->oldest = entry->next;
        d->youngest = d->oldest == 0 ? 0 : d->youngest;
        dedup_destroy(d, number);
        d->expired++;
    }
    dedup_unlock(d);
}

/* ---- anybody ---- */

void dedup_stats(struct dedup *d, struct dedup_stats *ret_stats)
{
    dedup_lock(d);
    *ret_stats =
        (struct dedup_stats){.entries = d->count,
                             .entries_max = d->options.entries_max,
                             .chunks = d->chunks_count,
                             .chunks_max = d->chunks_all,
                             .window_ms = d->options.window_ms,
                             .expired = d->expired,
                             .memory_bytes = d->entries_used * sizeof(*d->entries) +
                                             d->chunks_used * sizeof(*d->chunks) +
                                             (d->index_mask + UINT64_C(1)) * sizeof(*d->index)};
    dedup_unlock(d);
}
