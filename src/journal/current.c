/*
 * The current raw file: which spare becomes it, and where it goes. Journal thread, and recovery
 * before it.
 */
#include "journal/journal_internal.h"

#include "base/check.h"

static uint64_t room_for_frames(const struct raw_file *raw)
{
    return raw->bytes - JOURNAL_FRAMES_AT - JOURNAL_BLOCK;
}

/* Takes a spare to be the current file. What fits into it counts as room from here on, so that
 * a change of files is no moment without. */
static struct raw_file *take_spare(struct journal *j)
{
    struct raw_file *raw;

    (void)pthread_mutex_lock(&j->files_lock);
    raw = raw_list_pop(&j->spares);
    j->current_left = raw == NULL ? 0 : room_for_frames(raw);
    journal_recompute_room(j);
    (void)pthread_cond_signal(&j->spare_wanted);
    (void)pthread_mutex_unlock(&j->files_lock);
    return raw;
}

static void set_current(struct journal *j, struct raw_file *raw)
{
    (void)pthread_mutex_lock(&j->files_lock);
    j->current = raw;
    j->current_left = room_for_frames(raw) - j->unsynced.size;
    j->current_bytes = raw->bytes;
    j->current_id = raw->file_id;
    j->current_first = raw->first_sequence;
    journal_recompute_room(j);
    (void)pthread_mutex_unlock(&j->files_lock);
    j->offset = JOURNAL_FRAMES_AT + j->unsynced.size;
}

enum sr_result journal_start_file(struct journal *j, uint64_t first_sequence,
                                  struct sr_err *err)
{
    struct raw_file *raw = take_spare(j);
    enum sr_result result = raw != NULL ? SR_OK : raw_file_create(j, &raw, err);

    SR_CHECK(j->current == NULL);
    if (result != SR_OK) {
        return result;
    }
    result = raw_file_activate(j, raw, journal_draw_id(j), first_sequence, err);
    if (result != SR_OK) {
        /* What its header is now nobody knows: it is never used again. */
        raw->failed = true;
        (void)pthread_mutex_lock(&j->files_lock);
        raw_list_push(&j->doomed, raw);
        (void)pthread_mutex_unlock(&j->files_lock);
        return result;
    }
    set_current(j, raw);
    journal_trim(j);
    return SR_OK;
}

void journal_put_away_current(struct journal *j, bool failed)
{
    struct raw_file *raw = j->current;

    if (raw == NULL) {
        return;
    }
    j->disk->close(j->disk, &raw->file);
    raw->failed = failed;
    (void)pthread_mutex_lock(&j->files_lock);
    raw_list_push(&j->closed, raw);
    j->current = NULL;
    j->current_bytes = 0;
    if (failed) {
        j->current_left = 0;
        journal_recompute_room(j);
    }
    (void)pthread_mutex_unlock(&j->files_lock);
}
