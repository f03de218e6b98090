/*
 * The list of state files, and making one. The flusher's thread, and recovery before it.
 */
#include "journal/journal_internal.h"

#include "base/check.h"
#include "journal/discard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void journal_state_name(uint64_t epoch, uint64_t file_id, char name[STATE_NAME_SIZE])
{
    (void)snprintf(name, STATE_NAME_SIZE, "state-%016" PRIx64 "-%" PRIx64, epoch, file_id);
}

uint64_t journal_draw_id(struct journal *j)
{
    uint64_t id;

    (void)pthread_mutex_lock(&j->files_lock);
    id = ++j->next_file_id;
    (void)pthread_mutex_unlock(&j->files_lock);
    return id;
}

/* Room for one more; under files_lock. */
static enum sr_result grow(struct journal *j, struct sr_err *err)
{
    size_t capacity = j->state_capacity == 0 ? 128 : j->state_capacity * 2;
    struct journal_state *states;

    if (j->state_count < j->state_capacity) {
        return SR_OK;
    }
    states = realloc(j->states, capacity * sizeof(*states));
    if (states == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory listing state files");
    }
    j->states = states;
    j->state_capacity = capacity;
    return SR_OK;
}

/* Under files_lock. */
static void insert_sorted(struct journal *j, const struct journal_state *state)
{
    size_t at = j->state_count;

    while (at > 0 && j->states[at - 1].epoch > state->epoch) {
        at--;
    }
    memmove(&j->states[at + 1], &j->states[at], (j->state_count - at) * sizeof(*state));
    j->states[at] = *state;
    j->state_count++;
    j->state_bytes += state->bytes;
}

/* Under files_lock. */
static void take_out(struct journal *j, size_t at, struct journal_state *ret_state)
{
    *ret_state = j->states[at];
    j->state_bytes -= ret_state->bytes;
    j->state_count--;
    memmove(&j->states[at], &j->states[at + 1], (j->state_count - at) * sizeof(j->states[0]));
}

/* Takes the first open state of epochs up to `epoch` but `keep` out of the list. */
static bool pop_superfluous(struct journal *j, uint64_t epoch, uint64_t keep,
                            struct journal_state *ret_state)
{
    bool found = false;

    (void)pthread_mutex_lock(&j->files_lock);
    for (size_t i = 0; i < j->state_count && !found; i++) {
        if (!j->states[i].sealed && j->states[i].epoch <= epoch &&
            j->states[i].file_id != keep) {
            take_out(j, i, ret_state);
            found = true;
        }
    }
    (void)pthread_mutex_unlock(&j->files_lock);
    return found;
}

enum sr_result journal_add_state(struct journal *j, const struct journal_header *header,
                                 const char *name, struct sr_err *err)
{
    struct journal_state state = {.epoch = header->epoch,
                                  .predecessor = header->predecessor,
                                  .file_id = header->file_id,
                                  .through_sequence = header->through_sequence,
                                  .bytes = header->file_bytes,
                                  .changes = header->change_count,
                                  .sealed = header->sealed,
                                  .hollow = header->hollow};
    struct journal_state superfluous;
    enum sr_result result;

    (void)snprintf(state.name, sizeof(state.name), "%s", name);
    (void)pthread_mutex_lock(&j->files_lock);
    result = grow(j, err);
    if (result == SR_OK) {
        insert_sorted(j, &state);
        if (state.sealed && state.epoch > j->covered_epoch) {
            j->covered_epoch = state.epoch;
        }
    }
    (void)pthread_mutex_unlock(&j->files_lock);
    if (result != SR_OK) {
        return result;
    }
    while (pop_superfluous(j, state.epoch, state.file_id, &superfluous)) {
        /* If it comes back after a crash it is superfluous still. */
        discard_file(j->disk, superfluous.name);
    }
    return SR_OK;
}

bool journal_state_after(struct journal *j, uint64_t epoch, struct journal_state *ret_state)
{
    bool found = false;

    (void)pthread_mutex_lock(&j->files_lock);
    for (size_t i = 0; i < j->state_count && !found; i++) {
        found = j->states[i].sealed && j->states[i].epoch > epoch;
        if (found) {
            *ret_state = j->states[i];
        }
    }
    (void)pthread_mutex_unlock(&j->files_lock);
    return found;
}

uint64_t journal_covered(struct journal *j)
{
    uint64_t covered;

    (void)pthread_mutex_lock(&j->files_lock);
    covered = j->covered_epoch;
    (void)pthread_mutex_unlock(&j->files_lock);
    return covered;
}

static enum sr_result copy_changes(struct state_writer *writer,
                                   const struct journal_source *source, struct sr_err *err)
{
    for (;;) {
        struct sr_change change;
        enum sr_result result = source->next(source->context, &change, err);

        if (result == SR_NOT_FOUND) {
            return SR_OK;
        }
        if (result == SR_OK) {
            result = state_writer_add(writer, &change, err);
        }
        if (result != SR_OK) {
            return result;
        }
    }
}

static enum sr_result take_to_writer(void *writer, const struct sr_change *change,
                                     struct sr_err *err)
{
    return state_writer_add(writer, change, err);
}

enum sr_result journal_write_merged(struct journal *j, struct journal_header *header,
                                    struct requests *requests, struct merger *merger,
                                    struct sr_err *err)
{
    struct state_writer *writer = NULL;
    char name[STATE_NAME_SIZE];
    enum sr_result result = requests_finish(requests, err);

    header->file_id = journal_draw_id(j);
    journal_state_name(header->epoch, header->file_id, name);
    if (result == SR_OK) {
        result = state_writer_open(j->disk, name, header, &writer, err);
    }
    if (result == SR_OK) {
        result = requests_write(&requests->log, writer, err);
    }
    if (result == SR_OK) {
        result = merger_drain(merger, header->sealed, take_to_writer, writer, err);
    }
    if (result == SR_OK) {
        result = state_writer_finish(writer, true, header, err);
    }
    state_writer_close(&writer);
    return result == SR_OK ? journal_add_state(j, header, name, err) : result;
}

enum sr_result journal_write_state(struct journal *j, uint64_t epoch, uint64_t predecessor,
                                   const struct journal_source *source, struct sr_err *err)
{
    struct journal_header header = {.file_id = journal_draw_id(j),
                                    .instance = j->options.instance,
                                    .newest_epoch = epoch,
                                    .epoch = epoch,
                                    .predecessor = predecessor,
                                    .through_sequence = UINT64_MAX,
                                    .sealed = true};
    struct state_writer *writer = NULL;
    char name[STATE_NAME_SIZE];
    enum sr_result result;

    SR_CHECK(predecessor < epoch);
    journal_state_name(epoch, header.file_id, name);
    result = state_writer_open(j->disk, name, &header, &writer, err);
    if (result == SR_OK && source->requests != NULL) {
        result = requests_write(source->requests, writer, err);
    }
    if (result == SR_OK) {
        result = copy_changes(writer, source, err);
    }
    if (result == SR_OK) {
        result = state_writer_finish(writer, true, &header, err);
    }
    state_writer_close(&writer);
    if (result == SR_OK) {
        result = journal_add_state(j, &header, name, err);
    }
    if (result == SR_OK) {
        journal_retire_covered(j);
    }
    return result;
}

static enum sr_result no_change(void *context, struct sr_change *ret_change, struct sr_err *err)
{
    (void)context;
    (void)ret_change;
    (void)err;
    return SR_NOT_FOUND;
}

/* The next hollow state: it is so no more, and one that the database has is out of the list. */
static bool next_hollow(struct journal *j, uint64_t applied, struct journal_state *ret_state)
{
    bool found = false;

    (void)pthread_mutex_lock(&j->files_lock);
    for (size_t i = 0; i < j->state_count && !found; i++) {
        found = j->states[i].hollow;
        j->states[i].hollow = false;
        if (found) {
            *ret_state = j->states[i];
        }
        if (found && ret_state->epoch <= applied) {
            take_out(j, i, ret_state);
        }
    }
    (void)pthread_mutex_unlock(&j->files_lock);
    return found;
}

static void take_out_file(struct journal *j, uint64_t file_id)
{
    struct journal_state state;

    (void)pthread_mutex_lock(&j->files_lock);
    for (size_t i = 0; i < j->state_count; i++) {
        if (j->states[i].file_id == file_id) {
            take_out(j, i, &state);
            break;
        }
    }
    (void)pthread_mutex_unlock(&j->files_lock);
}

void journal_judge_hollow(struct journal *j, uint64_t applied)
{
    const struct journal_source empty = {.next = no_change};
    struct journal_state state;

    while (next_hollow(j, applied, &state)) {
        if (state.epoch > applied) {
            if (journal_write_state(j, state.epoch, state.predecessor, &empty, NULL) != SR_OK) {
                continue; /* it serves as it is, and the next start's claim judges it anew */
            }
            take_out_file(j, state.file_id);
        }
        discard_file(j->disk, state.name);
    }
}
