/*
 * Crash states: what a crash at this moment could leave on the disk, brought up by the real
 * recovery, and the database with everything applied that it then lacks.
 */
#include "world.h"

#include "base/check.h"
#include "core/record.h"
#include "journal/state.h"
#include "store/fake_state.h"

#include <stdio.h>
#include <stdlib.h>

#define REQUEST_BYTES_MAX 65536U

static void no_progress(void *context)
{
    (void)context; /* nobody waits for an image */
}

enum judge_promise image_promise(const struct instance *i, enum sim_loss loss)
{
    switch (i->world->durability) {
    case JOURNAL_FSYNC:
        return PROMISE_SHOWN;
    case JOURNAL_WRITE:
        return loss == SIM_KEEP ? PROMISE_SHOWN : PROMISE_PREFIX;
    default:
        return PROMISE_EPOCHS;
    }
}

/* ---- the database, as the next claim will see it ---- */

static const struct fake_state *database_state(const struct world *w)
{
    return w->database->has_late ? &w->database->late : &w->database->state;
}

static void add_database(const struct instance *i, struct model *found)
{
    const struct fake_state *state = database_state(i->world);

    for (unsigned key = 0; key < KEYS; key++) {
        found[key] = (struct model){.exists = !i->judge.rows_known[key]};
    }
    for (size_t n = 0; n < state->row_count; n++) {
        unsigned key = key_number(state->rows[n].key);

        found[key] =
            (struct model){.exists = true,
                           .value = key < TOKEN_KEY_FIRST ? digit_of(i, state->rows[n].value)
                                                          : state->rows[n].value};
    }
    for (size_t n = 0; n < state->refused_count; n++) {
        found[key_number(state->refused[n].key)].value += state->refused[n].delta;
    }
}

static uint64_t database_epoch(const struct world *w, const struct sr_uuid *instance)
{
    const struct fake_writer *writer = fake_state_writer(database_state(w), instance);

    return writer == NULL ? 0 : writer->epoch;
}

/* ---- what the recovered journal adds ---- */

/* A flush takes a request back whose token the database has already. */
static void add_request(struct tokens_known *known, struct sr_span records, struct model *found)
{
    bool duplicate = false;
    bool first = true;

    while (records.size > 0) {
        struct record record;
        size_t size = 0;

        SR_CHECK(record_decode(records, &record, &size) == SR_OK);
        if (first) {
            bool *token = &known->tokens[token_number(record.token.token)];

            duplicate = *token;
            *token = true;
            first = false;
        }
        if (duplicate) {
            found[key_number(record.key)].value -= record.value;
        }
        records.data += size;
        records.size -= size;
    }
}

static enum sr_result add_requests(struct state_reader *reader, struct tokens_known *known,
                                   struct model *found, struct sr_err *err)
{
    enum sr_result result = SR_OK;
    struct sr_buffer records;

    sr_buffer_init(&records, REQUEST_BYTES_MAX);
    while (result == SR_OK) {
        result = state_reader_request(reader, &records, err);
        if (result == SR_OK) {
            add_request(known, sr_buffer_span(&records), found);
        }
    }
    sr_buffer_done(&records);
    return result == SR_NOT_FOUND ? SR_OK : result;
}

static void add_state(const struct instance *i, struct disk *disk, const char *name,
                      struct tokens_known *known, struct model *found)
{
    struct state_reader *reader = NULL;
    struct sr_change change;
    struct sr_err err = {0};
    enum sr_result result = state_reader_open(disk, name, &reader, &err);

    if (result == SR_OK) {
        result = add_requests(reader, known, found, &err);
    }
    while (result == SR_OK) {
        result = state_reader_next(reader, &change, &err);
        if (result == SR_OK) {
            unsigned key = key_number(change.key);
            bool digit = change.kind == SR_CHANGE_ADD && key < TOKEN_KEY_FIRST;

            model_change(&found[key], change.kind,
                         digit ? digit_of(i, (int64_t)change.value) : change.value);
        }
    }
    state_reader_close(&reader);
    if (result != SR_NOT_FOUND) {
        (void)fprintf(stderr, "%s\n", err.text);
        world_fail(i->world, "a state file of a recovered journal cannot be read", -1,
                   (int64_t)result, 0);
    }
}

static void add_journal(const struct instance *i, struct journal *journal, struct disk *disk,
                        uint64_t from, uint64_t newest, struct model *found)
{
    struct tokens_known known = {.tokens = {false}};
    struct journal_state state;

    for (size_t n = 0; n < database_state(i->world)->request_count; n++) {
        known.tokens[token_number(database_state(i->world)->requests[n].token)] = true;
    }
    if (from > newest) {
        world_fail(i->world, "the database has an epoch that the journal lost", -1,
                   (int64_t)from, (int64_t)newest);
    }
    while (from < newest) {
        if (!journal_state_after(journal, from, &state) || state.predecessor != from) {
            world_fail(i->world, "the chain of state files has a gap", -1, (int64_t)from,
                       (int64_t)newest);
        }
        add_state(i, disk, state.name, &known, found);
        from = state.epoch;
    }
}

/* ---- judging ---- */

static void recover(struct instance *i, struct sim_disk *image, struct model *found)
{
    struct disk *disk = sim_disk_base(image);
    struct journal_options options = instance_journal_options(i, disk);
    struct journal_recovery recovery;
    struct datadir *datadir = NULL;
    struct journal *journal = NULL;
    struct sr_uuid instance;
    struct sr_err err = {0};
    enum sr_result result = datadir_open_on(disk, &datadir, &err);

    if (result == SR_OK) {
        instance = datadir_instance(datadir);
        options.instance = instance;
        options.progress = no_progress;
        result = journal_open(&options, &journal, &recovery, &err);
    }
    if (result != SR_OK) {
        (void)fprintf(stderr, "start: %s\n", err.text);
        world_fail(i->world, "a start was refused", -1, (int64_t)result, 0);
    }
    add_database(i, found);
    add_journal(i, journal, disk, database_epoch(i->world, &instance), recovery.newest_epoch,
                found);
    i->world->figures.torn += recovery.torn_bytes > 0;
    journal_close(&journal);
    datadir_close(&datadir);
}

static void check(struct instance *i, enum judge_promise promise, const struct model *found)
{
    if (!judge_allows(&i->judge, promise, found)) {
        judge_explain(&i->judge, found);
        world_fail(i->world, "what a crash leaves is not what was acknowledged", (int)i->index,
                   0, 0);
    }
}

void image_judge(struct instance *i, enum sim_loss loss, uint64_t seed, struct model *ret_found)
{
    struct sim_disk *image = sim_disk_image(i->disk, loss, seed);
    struct model found[KEYS];

    i->world->judging = true;
    recover(i, image, found);
    tokens_judge(i, image_promise(i, loss), false, found);
    check(i, image_promise(i, loss), found);
    i->world->judging = false;
    i->world->figures.states++;
    sim_disk_free(&image);
    for (unsigned key = 0; key < KEYS && ret_found != NULL; key++) {
        ret_found[key] = found[key];
    }
}

void image_judge_many(struct instance *i, unsigned count_max)
{
    struct world *w = i->world;
    unsigned unsynced = sim_disk_unsynced(i->disk);
    unsigned count = unsynced == 0 ? 1 : 2 + unsynced;

    if (w->judging || i->dead ||
        (i->judged_version == sim_disk_version(i->disk) &&
         i->judged_now == judge_now(&i->judge) + i->judge.turns &&
         i->judged_calls == fake_database_calls(w->database))) {
        return;
    }
    i->judged_version = sim_disk_version(i->disk);
    i->judged_now = judge_now(&i->judge) + i->judge.turns;
    i->judged_calls = fake_database_calls(w->database);
    for (unsigned n = 0; n < count && n < count_max; n++) {
        static const enum sim_loss first[] = {SIM_MIX, SIM_DROP, SIM_KEEP, SIM_NAMES};

        image_judge(i, n < 4 ? first[n] : SIM_MIX, world_draw(w, UINT32_MAX), NULL);
    }
}

void image_judge_end(struct instance *i)
{
    struct model found[KEYS];

    add_database(i, found);
    tokens_judge(i, PROMISE_SHOWN, true, found);
    for (unsigned key = 0; key < KEYS; key++) {
        if (found[key].value != i->judge.live[key].value ||
            (i->judge.rows_known[key] && found[key].exists != i->judge.live[key].exists)) {
            judge_explain(&i->judge, found);
            world_fail(i->world, "the database does not end with what was counted", (int)key,
                       (int64_t)found[key].value, (int64_t)i->judge.live[key].value);
        }
    }
}
