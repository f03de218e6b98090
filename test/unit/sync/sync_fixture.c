/*
 * A table, a journal, a flusher and a loader, driven step by step.
 */
#include "sync_fixture.h"

#include "core/record.h"
#include "sync/restore.h"

#include <stdlib.h>
#include <string.h>

static void no_progress(void *context)
{
    (void)context;
}

static void on_event(void *context, const struct sync_event *event)
{
    struct sync_fixture *f = context;

    f->mismatches += strcmp(event->name, "ledger.mismatch") == 0;
}

static uint64_t accepted(void *context, uint64_t epoch)
{
    return ((struct sync_fixture *)context)->counted[epoch & 1];
}

static bool close_turns(void *context, uint64_t epoch)
{
    struct sync_fixture *f = context;

    if (f->open_epoch != epoch) {
        counters_open_epoch(f->counters, epoch);
        f->open_epoch = epoch;
    }
    return !f->turns_open;
}

static void claimed(void *context)
{
    ((struct sync_fixture *)context)->claimed++;
}

static uint32_t tick_of(void *context)
{
    return flusher_tick(((struct sync_fixture *)context)->flusher);
}

static uint64_t now_ms(void *context)
{
    struct disk *disk = fake_disk_base(((struct sync_fixture *)context)->fake);

    return disk->now_ms(disk);
}

static void look_soon(void *context)
{
    flusher_look_soon(((struct sync_fixture *)context)->flusher);
}

static void open_journal(struct sync_fixture *f, struct journal_recovery *ret_recovery)
{
    struct journal_options options = {.disk = fake_disk_base(f->fake),
                                      .durability = f->durability,
                                      .limit_bytes = 4U * 1024U * 1024U,
                                      .file_bytes = 128U * 1024U,
                                      .retention_ms = FIXTURE_RETENTION_MS,
                                      .retention_bytes = 1024U * 1024U,
                                      .progress = no_progress};

    assert_int_equal(datadir_open_on(fake_disk_base(f->fake), &f->datadir, &f->err), SR_OK);
    options.instance = datadir_instance(f->datadir);
    assert_int_equal(journal_open(&options, &f->journal, ret_recovery, &f->err), SR_OK);
}

void sync_start(struct sync_fixture *f)
{
    struct counters_options table = {.memory_max = 4U * 1024U * 1024U, .shard_count = 4};
    struct flusher_options flusher = {.changes_journaled = f->durability != JOURNAL_NONE,
                                      .interval_ms = FIXTURE_INTERVAL_MS,
                                      .retention_ms = FIXTURE_RETENTION_MS,
                                      .close_turns = close_turns,
                                      .accepted = accepted,
                                      .claimed = claimed,
                                      .turns_context = f,
                                      .event = on_event,
                                      .event_context = f};
    struct loader_options loader = {.tick = tick_of,
                                    .now_ms = now_ms,
                                    .claim_soon = look_soon,
                                    .loaded = no_progress,
                                    .context = f,
                                    .event = on_event,
                                    .event_context = f};
    struct dedup_options window = {.entries_max = 64, .window_ms = FIXTURE_WINDOW_MS};
    struct journal_recovery recovery;
    struct sr_uuid instance;

    open_journal(f, &recovery);
    assert_int_equal(restore_window(&window, f->journal, fake_disk_base(f->fake), now_ms(f),
                                    &f->dedup, &f->err),
                     SR_OK);
    flusher.dedup = loader.dedup = f->dedup;
    flusher.window_ms = FIXTURE_WINDOW_MS;
    instance = datadir_instance(f->datadir);
    assert_int_equal(counters_open(&table, &f->counters, &f->err), SR_OK);
    f->flusher_store = fake_store_open(f->database, &instance);
    f->loader_store = fake_store_open(f->database, &instance);
    flusher.counters = loader.counters = f->counters;
    flusher.journal = f->journal;
    flusher.datadir = f->datadir;
    flusher.store = f->flusher_store;
    flusher.newest_epoch = recovery.newest_epoch;
    flusher.open_epoch = f->open_epoch = recovery.open_epoch;
    flusher.sealed_epoch = recovery.sealed_epoch;
    loader.store = f->loader_store;
    assert_int_equal(flusher_open(&flusher, &f->flusher, &f->err), SR_OK);
    assert_int_equal(loader_open(&loader, &f->loader, &f->err), SR_OK);
}

static void take_down(struct sync_fixture *f)
{
    loader_close(&f->loader);
    flusher_close(&f->flusher);
    store_close(&f->flusher_store);
    store_close(&f->loader_store);
    counters_close(&f->counters);
    dedup_close(&f->dedup);
    journal_close(&f->journal);
    datadir_close(&f->datadir);
}

void sync_crash(struct sync_fixture *f, enum fake_crash how)
{
    take_down(f);
    memset(f->counted, 0, sizeof(f->counted)); /* the ledger is of one life */
    fake_disk_crash(f->fake, how);
    sync_start(f);
}

int sync_setup(void **state)
{
    struct sync_fixture *f = calloc(1, sizeof(*f));

    f->fake = fake_disk_new(1);
    f->database = fake_database_open();
    *state = f;
    sync_start(f);
    return 0;
}

int sync_teardown(void **state)
{
    struct sync_fixture *f = *state;

    take_down(f);
    fake_database_close(&f->database);
    fake_disk_free(&f->fake);
    free(f);
    return 0;
}

struct sync_fixture *sync_open_other(struct sync_fixture *f)
{
    struct sync_fixture *other = calloc(1, sizeof(*other));

    other->fake = fake_disk_new(2);
    other->database = f->database;
    sync_start(other);
    return other;
}

void sync_close_other(struct sync_fixture *other)
{
    take_down(other);
    fake_disk_free(&other->fake);
    free(other);
}

static struct counters_turn turn_of(struct sync_fixture *f)
{
    return (struct counters_turn){.epoch = f->open_epoch,
                                  .tick = flusher_tick(f->flusher),
                                  .may_wait = flusher_store_up(f->flusher) &&
                                              loader_answers(f->loader, now_ms(f))};
}

static void load(struct sync_fixture *f, const struct counters_outcome *outcome)
{
    if (outcome->start_load) {
        assert_int_equal(loader_queue(f->loader, outcome->ref), SR_OK);
    }
    (void)loader_step(f->loader);
    if (outcome->pinned) {
        counters_unpin(f->counters, outcome->ref);
    }
}

static void hand_over(struct sync_fixture *f, struct sr_span record)
{
    assert_int_equal(journal_reserve(f->journal, record.size), JOURNAL_ROOM);
    (void)journal_hand_over(f->journal, record, 1, f->open_epoch);
    assert_int_equal(journal_commit(f->journal, &f->err), SR_OK);
}

static void journal_record(struct sync_fixture *f, struct sr_span key, int64_t value)
{
    uint8_t bytes[RECORD_HEADER_SIZE + SR_KEY_SIZE_MAX];
    struct record record = {.kind = RECORD_ADD,
                            .epoch = f->open_epoch,
                            .value = value,
                            .key = key};

    record_encode(&record, bytes);
    hand_over(f, (struct sr_span){.data = bytes, .size = record_encoded_size(&record)});
}

void sync_add_request(struct sync_fixture *f, const char *token, uint8_t number,
                      const char *key, int64_t value)
{
    static const uint8_t total[8] = {0xe8, 3};
    uint8_t hash[RECORD_REQUEST_HASH_SIZE] = {number};
    uint8_t bytes[RECORD_HEADER_SIZE + SR_KEY_SIZE_MAX + RECORD_TOKEN_HEADER_SIZE + 300];
    struct counters_turn turn = turn_of(f);
    struct counters_outcome outcome = {0};
    struct record record = {.kind = RECORD_ADD,
                            .epoch = f->open_epoch,
                            .value = value,
                            .key = sr_span_text(key),
                            .token = {.token = sr_span_text(token),
                                      .status = 200,
                                      .request_hash = {.data = hash, .size = sizeof(hash)},
                                      .totals = {.data = total, .size = sizeof(total)}}};
    struct sr_span encoded;

    turn.may_wait = false;
    assert_in_range(counters_increment(f->counters, &turn, record.key,
                                       counters_hash(f->counters, record.key), value, &outcome),
                    COUNTERS_DONE, COUNTERS_DONE_UNKNOWN);
    f->counted[f->open_epoch & 1] += (uint64_t)value;
    record.generation = outcome.generation;
    record_encode(&record, bytes);
    encoded = (struct sr_span){.data = bytes, .size = record_encoded_size(&record)};
    assert_int_equal(request_log_add(dedup_log(f->dedup, f->open_epoch), encoded), SR_OK);
    hand_over(f, encoded);
}

void sync_set(struct sync_fixture *f, const char *key, int64_t value)
{
    uint8_t bytes[RECORD_HEADER_SIZE + SR_KEY_SIZE_MAX];
    struct counters_turn turn = turn_of(f);
    struct counters_outcome outcome = {0};
    struct record record = {.kind = RECORD_SET,
                            .epoch = f->open_epoch,
                            .value = value,
                            .key = sr_span_text(key)};

    assert_int_equal(counters_replace(f->counters, &turn, record.key,
                                      counters_hash(f->counters, record.key), SR_CHANGE_SET,
                                      value, &outcome),
                     COUNTERS_DONE);
    f->counted[f->open_epoch & 1] += (uint64_t)value - (uint64_t)outcome.replaced;
    record.generation = outcome.generation;
    record_encode(&record, bytes);
    hand_over(f, (struct sr_span){.data = bytes, .size = record_encoded_size(&record)});
}

int64_t sync_add(struct sync_fixture *f, const char *text, int64_t value)
{
    struct sr_span key = sr_span_text(text);

    for (int attempt = 0; attempt < 20; attempt++) {
        struct counters_turn turn = turn_of(f);
        struct counters_outcome outcome = {0};
        enum counters_status status =
            counters_increment(f->counters, &turn, key, counters_hash(f->counters, key), value,
                               &outcome);

        if (status == COUNTERS_WAIT_LOAD) {
            load(f, &outcome);
            fake_disk_advance(f->fake, (uint64_t)attempt * 20);
            continue;
        }
        assert_true(status == COUNTERS_DONE || status == COUNTERS_DONE_UNKNOWN);
        f->counted[turn.epoch & 1] += (uint64_t)value;
        if (f->durability != JOURNAL_NONE) {
            journal_record(f, key, value);
        }
        return status == COUNTERS_DONE ? outcome.total : INT64_MIN;
    }
    fail_msg("%s is never loaded", text);
    return 0;
}

int64_t sync_read(struct sync_fixture *f, const char *text)
{
    struct sr_span key = sr_span_text(text);

    for (int attempt = 0; attempt < 20; attempt++) {
        struct counters_turn turn = turn_of(f);
        struct counters_outcome outcome = {0};
        enum counters_status status =
            counters_read(f->counters, &turn, key, counters_hash(f->counters, key), &outcome);

        if (status != COUNTERS_WAIT_LOAD) {
            return status == COUNTERS_DONE ? outcome.total : INT64_MIN;
        }
        load(f, &outcome);
        fake_disk_advance(f->fake, (uint64_t)attempt * 20);
    }
    fail_msg("%s is never loaded", text);
    return 0;
}

void sync_steps(struct sync_fixture *f)
{
    for (int i = 0; i < 20; i++) {
        (void)flusher_step(f->flusher);
        while (journal_keep(f->journal, &f->err) == SR_OK) {
        }
        if (journal_commit(f->journal, &f->err) == SR_NOT_FOUND && i > 10) {
            return;
        }
    }
}

void sync_interval(struct sync_fixture *f)
{
    fake_disk_advance(f->fake, FIXTURE_INTERVAL_MS);
    sync_steps(f);
}

void sync_long_time(struct sync_fixture *f)
{
    for (int i = 0; i < 15; i++) {
        sync_interval(f);
    }
}

int64_t sync_row(struct sync_fixture *f, const char *key)
{
    int64_t value;

    return fake_database_value(f->database, sr_span_text(key), &value) ? value : INT64_MIN;
}

enum flusher_state sync_state(struct sync_fixture *f)
{
    struct flusher_stats stats;

    flusher_stats(f->flusher, &stats);
    return stats.state;
}
