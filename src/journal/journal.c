/*
 * The journal as a whole: open, close, the hand-over queue, positions, figures.
 */
#include "journal/journal_internal.h"

#include "base/check.h"
#include "base/condition.h"
#include "base/memory.h"
#include "core/record.h"

#include <stdlib.h>
#include <string.h>

#define SEAL_ROOM 4096U /* seals need no reservation: room for them in each side */
#define UNSYNCED_MAX (64U * 1024U * 1024U)

static size_t side_bytes(const struct journal *j)
{
    return journal_frame_bytes(j->queue_max + SEAL_ROOM);
}

static void init(struct journal *j, const struct journal_options *options)
{
    j->options = *options;
    j->disk = options->disk;
    if (j->options.file_bytes == 0) {
        j->options.file_bytes = RAW_BYTES_DEFAULT;
    }
    j->queue_max = j->options.file_bytes / 2 - 2 * (size_t)JOURNAL_BLOCK - SEAL_ROOM;
    if (j->queue_max > JOURNAL_FRAME_PAYLOAD_MAX - SEAL_ROOM) {
        j->queue_max = JOURNAL_FRAME_PAYLOAD_MAX - SEAL_ROOM;
    }
    (void)pthread_mutex_init(&j->queue_lock, NULL);
    (void)pthread_mutex_init(&j->files_lock, NULL);
    sr_condition_init(&j->queue_filled);
    sr_condition_init(&j->spare_wanted);
    sr_buffer_init(&j->unsynced, UNSYNCED_MAX);
    sr_histogram_init(&j->sync_ns, &sr_bounds_time_ns);
    sr_histogram_init(&j->fsync_ns, &sr_bounds_time_ns);
    sr_histogram_init(&j->commit_bytes, &sr_bounds_bytes);
    j->synced_at_ms = j->disk->now_ms(j->disk);
}

enum sr_result journal_open(const struct journal_options *options, struct journal **ret_journal,
                            struct journal_recovery *ret_recovery, struct sr_err *err)
{
    struct journal *j;
    enum sr_result result;

    if (options->file_bytes != 0 &&
        (options->file_bytes < RAW_BYTES_MIN || options->file_bytes % JOURNAL_BLOCK != 0)) {
        return sr_fail(
            err, SR_INVALID,
            "the size of a journal file must be a multiple of 4096 and at least 65536");
    }
    j = calloc(1, sizeof(*j));
    if (j == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory opening the journal");
    }
    init(j, options);
    j->sides[0].pages = sr_pages_alloc(side_bytes(j));
    j->sides[1].pages = sr_pages_alloc(side_bytes(j));
    result = j->sides[0].pages == NULL || j->sides[1].pages == NULL
                 ? sr_fail(err, SR_NO_MEMORY, "out of memory opening the journal")
                 : journal_recover(j, err);
    if (result != SR_OK) {
        journal_close(&j);
        return result;
    }
    *ret_recovery = j->recovery;
    *ret_journal = j;
    return SR_OK;
}

static void free_list(struct journal *j, struct raw_list *list)
{
    struct raw_file *raw;

    while ((raw = raw_list_pop(list)) != NULL) {
        raw_file_free(j, &raw);
    }
}

void journal_close(struct journal **journal)
{
    struct journal *j = *journal;

    if (j == NULL) {
        return;
    }
    SR_CHECK(!j->threads_running);
    raw_file_unreserve(j);
    raw_file_free(j, &j->current);
    free_list(j, &j->closed);
    free_list(j, &j->spares);
    free_list(j, &j->doomed);
    sr_buffer_done(&j->unsynced);
    sr_pages_free(j->sides[0].pages, side_bytes(j));
    sr_pages_free(j->sides[1].pages, side_bytes(j));
    free(j->states);
    (void)pthread_cond_destroy(&j->queue_filled);
    (void)pthread_cond_destroy(&j->spare_wanted);
    (void)pthread_mutex_destroy(&j->queue_lock);
    (void)pthread_mutex_destroy(&j->files_lock);
    free(j);
    *journal = NULL;
}

enum journal_room journal_reserve(struct journal *j, size_t size)
{
    uint64_t claimed;

    if (atomic_load_explicit(&j->failed, memory_order_relaxed)) {
        return JOURNAL_ROOM_FAILED;
    }
    claimed = atomic_fetch_add(&j->claimed, size) + size;
    if (claimed > j->queue_max) {
        atomic_fetch_sub(&j->claimed, size);
        return JOURNAL_ROOM_QUEUE_FULL;
    }
    if (claimed > atomic_load(&j->disk_room)) {
        atomic_fetch_sub(&j->claimed, size);
        return JOURNAL_ROOM_FULL;
    }
    return JOURNAL_ROOM;
}

void journal_unreserve(struct journal *j, size_t size)
{
    atomic_fetch_sub(&j->claimed, size);
}

/* Under queue_lock. */
static uint64_t append(struct journal *j, struct sr_span records, uint32_t count,
                       uint64_t newest_epoch)
{
    struct queue_side *side = &j->sides[j->gathering];

    SR_CHECK(side->size + records.size <= j->queue_max + SEAL_ROOM);
    memcpy(side->pages + JOURNAL_FRAME_HEADER + side->size, records.data, records.size);
    side->size += records.size;
    side->records += count;
    if (newest_epoch > side->newest_epoch) {
        side->newest_epoch = newest_epoch;
    }
    (void)pthread_cond_signal(&j->queue_filled);
    return atomic_fetch_add(&j->handed, records.size) + records.size;
}

uint64_t journal_hand_over(struct journal *j, struct sr_span records, uint32_t count,
                           uint64_t newest_epoch)
{
    uint64_t position;

    (void)pthread_mutex_lock(&j->queue_lock);
    position = append(j, records, count, newest_epoch);
    (void)pthread_mutex_unlock(&j->queue_lock);
    return position;
}

uint64_t journal_seal(struct journal *j, uint64_t epoch)
{
    uint8_t bytes[RECORD_HEADER_SIZE];
    struct record seal = {.kind = RECORD_SEAL, .epoch = epoch};
    uint64_t position;

    record_encode(&seal, bytes);
    atomic_fetch_add(&j->claimed, sizeof(bytes));
    (void)pthread_mutex_lock(&j->queue_lock);
    j->seal_waits = true;
    position = append(j, (struct sr_span){.data = bytes, .size = sizeof(bytes)}, 1, epoch);
    (void)pthread_mutex_unlock(&j->queue_lock);
    return position;
}

uint64_t journal_handed(const struct journal *j)
{
    return atomic_load(&j->handed);
}

uint64_t journal_durable(const struct journal *j)
{
    return atomic_load(&j->durable);
}

uint64_t journal_synced(const struct journal *j)
{
    return atomic_load(&j->synced);
}

bool journal_at_limit(const struct journal *j)
{
    return journal_disk_bytes(j) + j->options.file_bytes > j->options.limit_bytes;
}

enum sr_result journal_keep(struct journal *j, struct sr_err *err)
{
    struct raw_file *raw = NULL;
    enum sr_result result;
    bool over_limit;

    (void)pthread_mutex_lock(&j->files_lock);
    if (j->spares.count >= SPARES_WANTED) {
        (void)pthread_mutex_unlock(&j->files_lock);
        return SR_NOT_FOUND;
    }
    over_limit = journal_at_limit(j);
    (void)pthread_mutex_unlock(&j->files_lock);
    result = over_limit ? sr_fail(err, SR_FULL, "the journal has reached --journal-limit")
                        : raw_file_create(j, &raw, err);
    atomic_store(&j->disk_full, result != SR_OK);
    if (result != SR_OK) {
        return result;
    }
    (void)pthread_mutex_lock(&j->files_lock);
    raw_list_push(&j->spares, raw);
    journal_recompute_room(j);
    (void)pthread_mutex_unlock(&j->files_lock);
    return SR_OK;
}

void journal_stats(struct journal *j, struct journal_stats *ret_stats)
{
    uint64_t room = atomic_load(&j->disk_room);
    uint64_t claimed = atomic_load(&j->claimed);

    *ret_stats = (struct journal_stats){
        .limit_bytes = j->options.limit_bytes,
        .free_bytes = room > claimed ? room - claimed : 0,
        .frames = atomic_load(&j->frames),
        .records_bytes = atomic_load(&j->records_bytes),
        .syncs = atomic_load(&j->syncs),
        .failures = atomic_load(&j->failures),
        .replayed_records = j->recovery.replayed_records,
        .torn_bytes = j->recovery.torn_bytes,
        .retired_files = atomic_load(&j->retired_files),
        .retired_bytes = atomic_load(&j->retired_bytes),
        .compactions = atomic_load(&j->compactions),
        .handed_bytes = atomic_load(&j->handed),
        .durable_bytes = atomic_load(&j->durable),
        .queue_bytes = 2 * side_bytes(j),
        .failed = atomic_load(&j->failed),
        .disk_full = atomic_load(&j->disk_full),
        .sync_ns = &j->sync_ns,
        .fsync_ns = &j->fsync_ns,
        .commit_bytes = &j->commit_bytes,
    };
    (void)pthread_mutex_lock(&j->files_lock);
    ret_stats->raw_files = j->closed.count + (j->current_bytes != 0);
    ret_stats->spare_files = j->spares.count;
    ret_stats->state_files = j->state_count;
    ret_stats->bytes = journal_disk_bytes(j);
    ret_stats->failure = j->failure;
    (void)pthread_mutex_unlock(&j->files_lock);
}
