/*
 * Reading past damage: first which epochs there are and what is unreadable, then each epoch
 * merged to one change a key and handed out.
 */
#include "journal/salvage.h"

#include "base/memory.h"
#include "journal/merge.h"
#include "journal/scan.h"
#include "journal/state.h"

#include <inttypes.h>
#include <stdio.h>

#define EPOCHS_MAX 256U /* with raw records or an open state; two are alive at most */
#define MEMORY_MAX ((size_t)4 << 30) /* address space: no run files in a damaged directory */

struct salvage {
    struct disk *disk;
    uint64_t applied;
    const struct salvage_sink *sink;
    struct scan scan;
    uint64_t epochs[EPOCHS_MAX]; /* that raw records and open states are of, ascending */
    size_t epoch_count;

    /* The pass under way. */
    uint64_t epoch;   /* merged now; 0: the first pass, which lists epochs and losses */
    uint64_t through; /* frames up to it lie in the open state already */
    struct merger *merger;
};

static void lost_text(const struct salvage *s, const char *text)
{
    if (s->epoch == 0) {
        s->sink->lost(s->sink->context, text);
    }
}

static void lost_header(void *context, const char *text)
{
    lost_text(context, text);
}

static enum sr_result note_epoch(struct salvage *s, uint64_t epoch, struct sr_err *err)
{
    size_t at = 0;

    while (at < s->epoch_count && s->epochs[at] < epoch) {
        at++;
    }
    if (epoch <= s->applied || (at < s->epoch_count && s->epochs[at] == epoch)) {
        return SR_OK;
    }
    if (s->epoch_count == EPOCHS_MAX) {
        return sr_fail(err, SR_UNSUPPORTED,
                       "the journal holds raw records of more than %u epochs", EPOCHS_MAX);
    }
    memmove(&s->epochs[at + 1], &s->epochs[at], (s->epoch_count - at) * sizeof(s->epochs[0]));
    s->epochs[at] = epoch;
    s->epoch_count++;
    return SR_OK;
}

static enum sr_result take_record(struct salvage *s, uint64_t sequence,
                                  const struct record *record, struct sr_err *err)
{
    struct sr_change change = {.key = record->key,
                               .value = record->value,
                               .generation = record->generation,
                               .kind = (enum sr_change_kind)record->kind};

    if (record->kind == RECORD_SEAL) {
        return SR_OK;
    }
    if (s->epoch == 0) {
        return note_epoch(s, record->epoch, err);
    }
    return record->epoch == s->epoch && sequence > s->through
               ? merger_add(s->merger, &change, err)
               : SR_OK;
}

static enum sr_result take_frame(struct salvage *s, const struct journal_frame *frame,
                                 struct sr_err *err)
{
    struct sr_span rest = frame->payload;

    while (rest.size > 0) {
        struct record record;
        size_t size = 0;
        enum sr_result result = record_decode(rest, &record, &size);

        if (result != SR_OK) {
            lost_text(s, "a record that is not valid although its frame is");
            return SR_OK;
        }
        result = take_record(s, frame->sequence, &record, err);
        if (result != SR_OK) {
            return result;
        }
        rest.data += size;
        rest.size -= size;
    }
    return SR_OK;
}

static void lost_frames(const struct salvage *s, const struct scan_file *file, uint64_t from,
                        uint64_t to)
{
    char text[200];

    (void)snprintf(text, sizeof(text), "%s: frames %" PRIu64 " to %" PRIu64 " cannot be read",
                   file->name, from, to);
    lost_text(s, text);
}

/* Every frame of this file's life whose checksum holds, whatever lies between. */
static enum sr_result read_frames(struct salvage *s, const struct scan_file *file,
                                  struct sr_span bytes, struct sr_err *err)
{
    uint64_t expected = file->header.first_sequence;
    uint64_t taken = JOURNAL_BLOCK;
    bool closed = false;

    for (uint64_t at = JOURNAL_FRAMES_AT; at + JOURNAL_BLOCK <= bytes.size && !closed;
         at += taken) {
        struct sr_span rest = {.data = bytes.data + at, .size = bytes.size - at};
        struct journal_frame frame;
        enum sr_result result;

        taken = JOURNAL_BLOCK;
        if (journal_frame_decode(rest, &frame, &taken) != SR_OK) {
            taken = JOURNAL_BLOCK;
            continue;
        }
        if (frame.file_id != file->header.file_id || frame.sequence < expected ||
            frame.sequence >= file->limit) {
            continue; /* the file's former life, or replaced by a higher file */
        }
        if (frame.sequence > expected) {
            lost_frames(s, file, expected, frame.sequence - 1);
        }
        expected = frame.sequence + 1;
        closed = frame.close;
        result = take_frame(s, &frame, err);
        if (result != SR_OK) {
            return result;
        }
    }
    if (file->limit != UINT64_MAX && expected < file->limit) {
        lost_frames(s, file, expected, file->limit - 1);
    }
    return SR_OK;
}

static enum sr_result read_raw_file(struct salvage *s, const struct scan_file *file,
                                    struct sr_err *err)
{
    size_t size = file->header.file_bytes;
    uint8_t *bytes = sr_pages_alloc(size);
    struct disk_file *handle = NULL;
    size_t got = 0;
    enum sr_result result;

    if (bytes == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory reading %s", file->name);
    }
    result = s->disk->open(s->disk, file->name, false, false, &handle, err);
    if (result == SR_OK) {
        result = s->disk->read(s->disk, handle, 0, bytes, size, &got, err);
    }
    s->disk->close(s->disk, &handle);
    if (result == SR_OK) {
        result = read_frames(s, file, (struct sr_span){.data = bytes, .size = got}, err);
    }
    sr_pages_free(bytes, size);
    return result;
}

static enum sr_result read_raw_files(struct salvage *s, struct sr_err *err)
{
    enum sr_result result = SR_OK;

    for (size_t i = 0; i < s->scan.raw_count && result == SR_OK; i++) {
        if (s->scan.files[i].counts) {
            result = read_raw_file(s, &s->scan.files[i], err);
        }
    }
    return result;
}

/* ---- state files ---- */

typedef enum sr_result take_fn(void *context, const struct sr_change *change,
                               struct sr_err *err);

static enum sr_result ignore_change(void *context, const struct sr_change *change,
                                    struct sr_err *err)
{
    (void)context;
    (void)change;
    (void)err;
    return SR_OK;
}

static enum sr_result hand_out(void *context, const struct sr_change *change,
                               struct sr_err *err)
{
    struct salvage *s = context;

    return s->sink->take(s->sink->context, s->epoch, change, err);
}

/* Reads a state file to its end or to the damage: SR_OK or SR_DAMAGED. */
static enum sr_result read_state(struct salvage *s, const struct scan_file *file, take_fn *take,
                                 void *context, struct sr_err *err)
{
    struct state_reader *reader = NULL;
    enum sr_result result = state_reader_open(s->disk, file->name, &reader, err);
    struct sr_change change;

    while (result == SR_OK) {
        result = state_reader_next(reader, &change, err);
        if (result == SR_OK) {
            result = take(context, &change, err);
        }
    }
    state_reader_close(&reader);
    return result == SR_NOT_FOUND ? SR_OK : result;
}

static const struct scan_file *state_at(const struct salvage *s, size_t i)
{
    return &s->scan.files[s->scan.raw_count + i];
}

static bool has_raw_records(const struct salvage *s, uint64_t epoch)
{
    for (size_t i = 0; i < s->epoch_count; i++) {
        if (s->epochs[i] == epoch) {
            return true;
        }
    }
    return false;
}

static void forget_epoch(struct salvage *s, uint64_t epoch)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->epoch_count; i++) {
        if (s->epochs[i] != epoch) {
            s->epochs[kept++] = s->epochs[i];
        }
    }
    s->epoch_count = kept;
}

/* A sealed state: alone where it reads whole; not at all where raw records can stand for it;
 * else as far as it reads. */
static enum sr_result salvage_sealed(struct salvage *s, const struct scan_file *file,
                                     struct sr_err *err)
{
    enum sr_result result = read_state(s, file, ignore_change, NULL, err);

    if (result == SR_DAMAGED) {
        s->epoch = 0;
        lost_text(s, err->text);
        if (has_raw_records(s, file->header.epoch)) {
            return SR_OK;
        }
    } else if (result != SR_OK) {
        return result;
    }
    s->epoch = file->header.epoch;
    result = read_state(s, file, hand_out, s, err);
    forget_epoch(s, file->header.epoch);
    return result == SR_DAMAGED ? SR_OK : result;
}

static enum sr_result salvage_sealed_states(struct salvage *s, struct sr_err *err)
{
    enum sr_result result = SR_OK;

    for (size_t i = 0; i < s->scan.state_count && result == SR_OK; i++) {
        const struct scan_file *file = state_at(s, i);

        if (file->header.sealed && file->header.epoch > s->applied) {
            result = salvage_sealed(s, file, err);
        }
    }
    return result;
}

static enum sr_result add_to_merger(void *context, const struct sr_change *change,
                                    struct sr_err *err)
{
    return merger_add(((struct salvage *)context)->merger, change, err);
}

/* The open state of the epoch that reaches furthest, as far as it reads. */
static enum sr_result merge_open_state(struct salvage *s, struct sr_err *err)
{
    const struct scan_file *best = NULL;
    enum sr_result result;

    for (size_t i = 0; i < s->scan.state_count; i++) {
        const struct scan_file *file = state_at(s, i);

        if (!file->header.sealed && file->header.epoch == s->epoch &&
            (best == NULL || file->header.through_sequence > best->header.through_sequence)) {
            best = file;
        }
    }
    s->through = 0;
    if (best == NULL) {
        return SR_OK;
    }
    s->through = best->header.through_sequence;
    result = read_state(s, best, add_to_merger, s, err);
    if (result == SR_DAMAGED) {
        s->sink->lost(s->sink->context, err->text);
        return SR_OK;
    }
    return result;
}

static enum sr_result salvage_epoch(struct salvage *s, uint64_t epoch, struct sr_err *err)
{
    enum sr_result result = merger_open(s->disk, MEMORY_MAX, epoch, &s->merger, err);

    s->epoch = epoch;
    if (result == SR_OK) {
        result = merge_open_state(s, err);
    }
    if (result == SR_OK) {
        result = read_raw_files(s, err);
    }
    if (result == SR_OK) {
        result = merger_drain(s->merger, true, hand_out, s, err);
    }
    merger_close(&s->merger);
    return result;
}

static enum sr_result note_open_states(struct salvage *s, struct sr_err *err)
{
    enum sr_result result = SR_OK;

    for (size_t i = 0; i < s->scan.state_count && result == SR_OK; i++) {
        const struct scan_file *file = state_at(s, i);

        if (!file->header.sealed) {
            result = note_epoch(s, file->header.epoch, err);
        }
    }
    return result;
}

enum sr_result journal_salvage(struct disk *disk, uint64_t applied,
                               const struct salvage_sink *sink, struct sr_err *err)
{
    struct salvage s = {.disk = disk, .applied = applied, .sink = sink};
    enum sr_result result = scan_open_past_damage(disk, lost_header, &s, &s.scan, err);

    if (result == SR_OK) {
        result = read_raw_files(&s, err);
    }
    if (result == SR_OK) {
        result = note_open_states(&s, err);
    }
    if (result == SR_OK) {
        result = salvage_sealed_states(&s, err);
    }
    for (size_t i = 0; i < s.epoch_count && result == SR_OK; i++) {
        result = salvage_epoch(&s, s.epochs[i], err);
    }
    scan_done(&s.scan);
    return result;
}
