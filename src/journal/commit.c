/*
 * Group commit: the whole hand-over queue as one frame, one write, one sync. Runs on the
 * journal thread alone.
 *
 * A failed write or sync takes nothing back (DESIGN section 4): the frames that are not durable
 * stay in memory and are written to a fresh file whose header says from which sequence on it
 * replaces what earlier files hold.
 */
#include "journal/journal_internal.h"

#include "base/check.h"
#include "base/memory.h"

#define SYNC_INTERVAL_MS 1000U

/* First the words: who sees `failed` finds them. */
static void note_failure(struct journal *j, const struct sr_err *err)
{
    (void)pthread_mutex_lock(&j->files_lock);
    j->failure = *err;
    (void)pthread_mutex_unlock(&j->files_lock);
}

static enum sr_result fail(struct journal *j, enum sr_result why, const struct sr_err *err)
{
    note_failure(j, err);
    journal_put_away_current(j, true);
    atomic_store(&j->failed, true);
    atomic_fetch_add(&j->failures, 1);
    j->options.progress(j->options.context);
    return why;
}

static void publish_synced(struct journal *j, uint64_t position)
{
    j->durable_sequence = j->sequence;
    j->unsynced.size = 0;
    j->synced_at_ms = j->disk->now_ms(j->disk);
    atomic_store(&j->synced, position);
    if (j->options.durability != JOURNAL_WRITE) {
        atomic_store(&j->durable, position);
    }
}

static enum sr_result sync_current(struct journal *j, struct sr_err *err)
{
    uint64_t started;
    enum sr_result result;

    if (j->disk->durable_writes(j->disk, j->current->file)) {
        return SR_OK;
    }
    atomic_fetch_add(&j->syncs, 1);
    started = j->disk->now_ns(j->disk);
    result = j->disk->sync(j->disk, j->current->file, err);
    sr_histogram_add(&j->fsync_ns, j->disk->now_ns(j->disk) - started);
    return result;
}

/* Writes a finished frame at the end of the current file and accounts for it. */
static enum sr_result append_frame(struct journal *j, const uint8_t *frame, uint64_t bytes,
                                   struct sr_err *err)
{
    uint64_t started = j->disk->now_ns(j->disk);
    enum sr_result result =
        j->disk->write(j->disk, j->current->file, j->offset, frame, bytes, err);

    if (result != SR_OK) {
        return result;
    }
    if (j->disk->durable_writes(j->disk, j->current->file)) {
        sr_histogram_add(&j->fsync_ns, j->disk->now_ns(j->disk) - started);
    }
    j->offset += bytes;
    (void)pthread_mutex_lock(&j->files_lock);
    j->current_left -= bytes < j->current_left ? bytes : j->current_left;
    journal_recompute_room(j);
    (void)pthread_mutex_unlock(&j->files_lock);
    return SR_OK;
}

static enum sr_result write_close_frame(struct journal *j, struct sr_err *err)
{
    struct journal_frame frame = {.file_id = j->current->file_id,
                                  .sequence = j->sequence + 1,
                                  .durable_sequence = j->durable_sequence,
                                  .close = true};
    uint8_t *block = sr_pages_alloc(JOURNAL_BLOCK);
    enum sr_result result;

    if (block == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory closing a journal file");
    }
    frame.payload = (struct sr_span){.data = block + JOURNAL_FRAME_HEADER, .size = 0};
    journal_frame_finish(&frame, block);
    result = append_frame(j, block, JOURNAL_BLOCK, err);
    sr_pages_free(block, JOURNAL_BLOCK);
    if (result == SR_OK) {
        result = sync_current(j, err);
    }
    if (result == SR_OK) {
        j->sequence++;
        j->current->last_sequence = j->sequence;
        publish_synced(j, j->written_end);
    }
    return result;
}

/* A close frame says that all before it is durable, and may reach the disk at once: under
 * JOURNAL_WRITE the frames go first. */
static enum sr_result append_close_frame(struct journal *j, struct sr_err *err)
{
    enum sr_result result = j->sequence != j->durable_sequence ? sync_current(j, err) : SR_OK;

    if (result != SR_OK) {
        return result;
    }
    publish_synced(j, j->written_end);
    return write_close_frame(j, err);
}

/* A higher file may exist only when everything below it is durable: sync, close, then the next
 * one. */
static enum sr_result next_file(struct journal *j, struct sr_err *err)
{
    if (j->current != NULL) {
        enum sr_result result = append_close_frame(j, err);

        if (result != SR_OK) {
            return result;
        }
        journal_put_away_current(j, false);
    }
    return journal_start_file(j, j->sequence + 1, err);
}

/* The frame is written (and synced where the mode wants it): positions move, the queue's side
 * is free again. */
static void committed(struct journal *j)
{
    struct queue_side *side = j->writing;
    size_t size = side->size;

    j->sequence++;
    j->current->last_sequence = j->sequence;
    if (side->newest_epoch > j->current->newest_epoch) {
        j->current->newest_epoch = side->newest_epoch;
    }
    j->written_end = j->writing_end;
    atomic_fetch_add(&j->frames, 1);
    atomic_fetch_add(&j->records_bytes, size);
    sr_histogram_add(&j->commit_bytes, size);
    (void)pthread_mutex_lock(&j->files_lock);
    if (side->newest_epoch > j->newest_epoch) {
        j->newest_epoch = side->newest_epoch;
    }
    (void)pthread_mutex_unlock(&j->files_lock);
    side->size = 0;
    side->records = 0;
    side->newest_epoch = 0;
    j->writing = NULL;
    /* Only now: the room is without the frame already, so that reservations never overlap. */
    atomic_fetch_sub(&j->claimed, size);
}

/* JOURNAL_WRITE: the frame stays in memory until it is synced; without memory for that it is
 * synced at once. */
static enum sr_result write_mode_written(struct journal *j, const uint8_t *frame,
                                         uint64_t bytes, struct sr_err *err)
{
    bool kept = sr_buffer_append(&j->unsynced, frame, bytes) == SR_OK;

    if (!kept && sync_current(j, err) != SR_OK) {
        return SR_IO; /* the frame is still in the queue's side: it is written again */
    }
    committed(j);
    atomic_store(&j->durable, j->written_end);
    if (!kept) {
        publish_synced(j, j->written_end);
    }
    return SR_OK;
}

/* Of what longer frames left in the pages, what lies behind this frame's blocks stays. */
static void finish_side(struct queue_side *side, const struct journal_frame *frame)
{
    size_t used = JOURNAL_FRAME_HEADER + side->size;

    journal_frame_finish_over(frame, side->pages, side->dirty);
    if (side->dirty <= journal_frame_bytes(side->size)) {
        side->dirty = used;
    }
}

static enum sr_result write_taken(struct journal *j, struct sr_err *err)
{
    struct queue_side *side = j->writing;
    uint64_t bytes = journal_frame_bytes(side->size);
    uint64_t started = j->disk->now_ns(j->disk);
    enum sr_result result = SR_OK;
    struct journal_frame frame;

    if (j->current == NULL || j->offset + bytes + JOURNAL_BLOCK > j->current->bytes) {
        result = next_file(j, err);
    }
    if (result != SR_OK) {
        return result;
    }
    frame = (struct journal_frame){.file_id = j->current->file_id,
                                   .sequence = j->sequence + 1,
                                   .durable_sequence = j->durable_sequence,
                                   .record_count = side->records,
                                   .payload = {.data = side->pages + JOURNAL_FRAME_HEADER,
                                               .size = side->size}};
    finish_side(side, &frame);
    result = append_frame(j, side->pages, bytes, err);
    if (result == SR_OK && j->options.durability == JOURNAL_WRITE) {
        return write_mode_written(j, side->pages, bytes, err);
    }
    if (result == SR_OK) {
        result = sync_current(j, err);
    }
    if (result != SR_OK) {
        return result;
    }
    sr_histogram_add(&j->sync_ns, j->disk->now_ns(j->disk) - started);
    committed(j);
    publish_synced(j, j->written_end);
    return SR_OK;
}

/* Takes what was handed over; false where there is nothing. */
static bool take_queue(struct journal *j)
{
    bool taken = false;

    if (j->writing != NULL) {
        return true;
    }
    (void)pthread_mutex_lock(&j->queue_lock);
    if (j->sides[j->gathering].size > 0) {
        j->writing = &j->sides[j->gathering];
        j->writing_end = atomic_load(&j->handed);
        j->gathering = 1 - j->gathering;
        SR_CHECK(j->sides[j->gathering].size == 0);
        taken = true;
    }
    (void)pthread_mutex_unlock(&j->queue_lock);
    return taken;
}

static bool sync_is_due(struct journal *j)
{
    bool seal_waits;

    if (j->options.durability != JOURNAL_WRITE || j->sequence == j->durable_sequence ||
        j->current == NULL) {
        return false;
    }
    (void)pthread_mutex_lock(&j->queue_lock);
    seal_waits = j->seal_waits;
    (void)pthread_mutex_unlock(&j->queue_lock);
    return seal_waits || j->unsynced.size >= j->options.file_bytes / 4 ||
           j->disk->now_ms(j->disk) - j->synced_at_ms >= SYNC_INTERVAL_MS;
}

static enum sr_result sync_written(struct journal *j, struct sr_err *err)
{
    uint64_t started = j->disk->now_ns(j->disk);
    enum sr_result result = sync_current(j, err);

    if (result != SR_OK) {
        return result;
    }
    sr_histogram_add(&j->sync_ns, j->disk->now_ns(j->disk) - started);
    publish_synced(j, j->written_end);
    (void)pthread_mutex_lock(&j->queue_lock);
    j->seal_waits = false;
    (void)pthread_mutex_unlock(&j->queue_lock);
    return SR_OK;
}

/* A fresh file, made with what is not synced in it, replaces everything that is not durable. */
static enum sr_result mend(struct journal *j, struct sr_err *err)
{
    enum sr_result result = journal_start_file(j, j->durable_sequence + 1, err);

    if (result == SR_OK) {
        result = j->disk->sync_directory(j->disk, err);
    }
    if (result == SR_OK) {
        publish_synced(j, j->written_end);
    }
    if (result == SR_OK && take_queue(j)) {
        result = write_taken(j, err);
    }
    if (result != SR_OK) {
        journal_put_away_current(j, true);
        return result;
    }
    atomic_store(&j->failed, false);
    return SR_OK;
}

enum sr_result journal_commit(struct journal *j, struct sr_err *err)
{
    enum sr_result result;

    if (atomic_load(&j->failed)) {
        result = mend(j, err);
        if (result == SR_OK) {
            j->options.progress(j->options.context);
        }
        return result;
    }
    if (take_queue(j)) {
        result = write_taken(j, err);
    } else if (sync_is_due(j)) {
        result = sync_written(j, err);
    } else {
        return SR_NOT_FOUND;
    }
    if (result == SR_OK && sync_is_due(j)) {
        result = sync_written(j, err);
    }
    if (result != SR_OK) {
        return fail(j, result, err);
    }
    j->options.progress(j->options.context);
    return SR_OK;
}

bool journal_has_work(struct journal *j)
{
    bool gathered;

    (void)pthread_mutex_lock(&j->queue_lock);
    gathered = j->sides[j->gathering].size > 0;
    (void)pthread_mutex_unlock(&j->queue_lock);
    return gathered || j->writing != NULL || atomic_load(&j->failed) ||
           j->sequence != j->durable_sequence;
}

void journal_finish_file(struct journal *j)
{
    if (j->current == NULL || atomic_load(&j->failed)) {
        return;
    }
    /* Without it the end merely looks like that of a crash. */
    (void)append_close_frame(j, NULL);
}
