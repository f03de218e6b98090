/*
 * What may go, and how much room is left: retirement of raw files, retention of applied epochs,
 * the bounds on the disk.
 */
#include "journal/journal_internal.h"

#include "base/check.h"
#include "journal/discard.h"

#include <string.h>

#define SLACK_BYTES (256U * 1024U) /* frames round up to blocks, one a commit */

uint64_t journal_disk_bytes(const struct journal *j)
{
    uint64_t bytes = j->state_bytes + j->current_bytes;
    const struct raw_list *lists[] = {&j->closed, &j->spares, &j->doomed};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (const struct raw_file *raw = lists[i]->first; raw != NULL; raw = raw->next) {
            bytes += raw->bytes;
        }
    }
    return bytes;
}

static uint64_t less(uint64_t value, uint64_t by)
{
    return value > by ? value - by : 0;
}

/*
 * Whatever is reserved must fit although files end where the next frame does not fit: each file
 * but the current one is counted without a frame's worth. One spare is kept back for seals and
 * replacement; without any, the same is kept back in the current file.
 */
void journal_recompute_room(struct journal *j)
{
    uint64_t slack =
        j->options.file_bytes / 8 < SLACK_BYTES ? j->options.file_bytes / 8 : SLACK_BYTES;
    uint64_t room = less(j->current_left, slack);
    uint64_t each = less(j->options.file_bytes, JOURNAL_FRAMES_AT + JOURNAL_BLOCK +
                                                    journal_frame_bytes(j->queue_max) + slack);

    if (j->spares.count == 0) {
        room = less(room, journal_frame_bytes(j->queue_max));
    } else {
        room += (j->spares.count - 1) * each;
    }
    atomic_store(&j->disk_room, room);
}

void journal_recycle(struct journal *j, struct raw_file *raw)
{
    bool welcome;

    (void)pthread_mutex_lock(&j->files_lock);
    welcome =
        !raw->failed && raw->bytes == j->options.file_bytes && j->spares.count < SPARES_MAX;
    (void)pthread_mutex_unlock(&j->files_lock);
    if (welcome && raw_file_mark_spare(j, raw, NULL) != SR_OK) {
        raw->failed = true;
        welcome = false;
    }
    atomic_fetch_add(&j->retired_files, 1);
    atomic_fetch_add(&j->retired_bytes, raw->bytes);
    (void)pthread_mutex_lock(&j->files_lock);
    raw_list_push(welcome ? &j->spares : &j->doomed, raw);
    journal_recompute_room(j);
    (void)pthread_mutex_unlock(&j->files_lock);
}

/* Whether all records of a closed file lie in state files (or were given up). Under files_lock.
 */
static bool is_covered(const struct journal *j, const struct raw_file *raw)
{
    if (raw->newest_epoch <= j->covered_epoch) {
        return true;
    }
    for (size_t i = 0; i < j->state_count; i++) {
        const struct journal_state *state = &j->states[i];

        if (!state->sealed && state->epoch == raw->newest_epoch &&
            state->predecessor == j->covered_epoch &&
            state->through_sequence >= raw->last_sequence) {
            return true;
        }
    }
    return false;
}

void journal_retire_covered(struct journal *j)
{
    for (;;) {
        struct raw_file *raw = NULL;

        (void)pthread_mutex_lock(&j->files_lock);
        if (j->closed.first != NULL && is_covered(j, j->closed.first)) {
            raw = raw_list_pop(&j->closed);
        }
        (void)pthread_mutex_unlock(&j->files_lock);
        if (raw == NULL) {
            return;
        }
        journal_recycle(j, raw);
    }
}

/* Removes up to DISCARD_MAX unneeded files; false where there was none. */
static bool trim_some(struct journal *j)
{
    struct discard discard = {.count = 0};
    bool any = false;

    for (unsigned i = 0; i < DISCARD_MAX; i++) {
        struct raw_file *raw = NULL;

        (void)pthread_mutex_lock(&j->files_lock);
        if (j->unneeded > 0) {
            raw = raw_list_pop(&j->doomed);
            j->unneeded--;
        }
        (void)pthread_mutex_unlock(&j->files_lock);
        if (raw == NULL) {
            break;
        }
        /* If it stays, or comes back after a crash, the current header says that it does not
         * count. */
        discard_add(&discard, j->disk, raw->name);
        raw_file_free(j, &raw);
        any = true;
    }
    discard_finish(&discard, j->disk);
    return any;
}

void journal_trim(struct journal *j)
{
    bool any = false;

    while (trim_some(j)) {
        any = true;
    }
    if (any) {
        (void)pthread_mutex_lock(&j->files_lock);
        (void)pthread_cond_signal(&j->spare_wanted);
        (void)pthread_mutex_unlock(&j->files_lock);
    }
}

void journal_cover(struct journal *j, uint64_t epoch)
{
    (void)pthread_mutex_lock(&j->files_lock);
    if (epoch > j->covered_epoch) {
        j->covered_epoch = epoch;
    }
    (void)pthread_mutex_unlock(&j->files_lock);
    journal_retire_covered(j);
}

/* Whether the oldest state may go: never the newest sealed one, nor what is not applied. Under
 * files_lock. */
static bool oldest_may_go(const struct journal *j, uint64_t clock_ms)
{
    uint64_t room = less(j->options.limit_bytes, SPARES_WANTED * j->options.file_bytes);
    const struct journal_state *oldest = j->states;

    if (j->state_count < 2 || !oldest->sealed || oldest->applied_at == 0 || !oldest[1].sealed) {
        return false;
    }
    return clock_ms - oldest->applied_at > j->options.retention_ms ||
           j->state_bytes > j->options.retention_bytes || journal_disk_bytes(j) > room;
}

static void drop_expired(struct journal *j, uint64_t clock_ms)
{
    for (;;) {
        struct journal_state oldest = {0};

        (void)pthread_mutex_lock(&j->files_lock);
        if (oldest_may_go(j, clock_ms)) {
            oldest = j->states[0];
            j->state_bytes -= oldest.bytes;
            j->state_count--;
            memmove(&j->states[0], &j->states[1], j->state_count * sizeof(j->states[0]));
            (void)pthread_cond_signal(&j->spare_wanted);
        }
        (void)pthread_mutex_unlock(&j->files_lock);
        if (oldest.epoch == 0) {
            return;
        }
        /* If it comes back after a crash its epoch is in the database all the same. */
        discard_file(j->disk, oldest.name);
    }
}

void journal_applied(struct journal *j, uint64_t epoch, uint64_t clock_ms)
{
    SR_CHECK(clock_ms > 0);
    (void)pthread_mutex_lock(&j->files_lock);
    for (size_t i = 0; i < j->state_count; i++) {
        struct journal_state *state = &j->states[i];

        if (state->sealed && state->epoch <= epoch && state->applied_at == 0) {
            state->applied_at = clock_ms;
        }
    }
    (void)pthread_mutex_unlock(&j->files_lock);
    drop_expired(j, clock_ms);
}
