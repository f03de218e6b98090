/*
 * Data directories in the states that a start may find.
 */
#include "sample_journal.h"

#include "core/record.h"
#include "journal/journal_internal.h"
#include "journal/state.h"

#include <stdio.h>
#include <stdlib.h>

#define KEYS 12U
#define SMALL_FRAME 5U   /* records: one block */
#define LARGE_FRAME 150U /* two blocks */

struct sr_uuid sample_instance(void)
{
    return (struct sr_uuid){.bytes = {7, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
}

static struct journal_options options_on(struct disk *disk)
{
    return (struct journal_options){.disk = disk,
                                    .instance = sample_instance(),
                                    .durability = JOURNAL_FSYNC,
                                    .limit_bytes = 16U * 1024U * 1024U,
                                    .file_bytes = SAMPLE_FILE_BYTES,
                                    .retention_ms = 600000,
                                    .retention_bytes = 1024U * 1024U};
}

static void ignore_progress(void *context)
{
    (void)context;
}

/* ---- facts ---- */

static int compare_facts(const void *a, const void *b)
{
    const struct sample_fact *x = a;
    const struct sample_fact *y = b;

    if (x->epoch != y->epoch) {
        return x->epoch < y->epoch ? -1 : 1;
    }
    return strcmp(x->key, y->key);
}

static void sort_facts(struct sample_facts *facts)
{
    qsort(facts->list, facts->count, sizeof(facts->list[0]), compare_facts);
}

bool sample_facts_equal(const struct sample_facts *a, const struct sample_facts *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        const struct sample_fact *x = &a->list[i];
        const struct sample_fact *y = &b->list[i];

        if (compare_facts(x, y) != 0 || x->kind != y->kind || x->value != y->value ||
            x->generation != y->generation) {
            return false;
        }
    }
    return a->count == b->count;
}

static struct sample_fact *find_fact(struct sample_facts *facts, uint64_t epoch,
                                     const char *key)
{
    for (size_t i = 0; i < facts->count; i++) {
        if (facts->list[i].epoch == epoch && strcmp(facts->list[i].key, key) == 0) {
            return &facts->list[i];
        }
    }
    return NULL;
}

static struct sample_fact *add_fact(struct sample_facts *facts)
{
    assert_true(facts->count < SAMPLE_FACTS_MAX);
    return &facts->list[facts->count++];
}

/* Says in plain words what core/change.c must come to for changes in order. */
static void note(struct sample_facts *facts, const struct record *record, const char *key)
{
    struct sample_fact *fact = find_fact(facts, record->epoch, key);
    enum sr_change_kind kind = (enum sr_change_kind)record->kind;

    if (fact != NULL && record->generation == fact->generation) {
        fact->value += record->value; /* an add over whatever is there */
        fact->kind = fact->kind == SR_CHANGE_ADD ? SR_CHANGE_ADD : SR_CHANGE_SET;
        return;
    }
    if (fact == NULL) {
        fact = add_fact(facts);
        fact->epoch = record->epoch;
        (void)snprintf(fact->key, sizeof(fact->key), "%s", key);
    }
    fact->kind = kind;
    fact->generation = record->generation;
    fact->value = record->value;
}

/* ---- writing ---- */

static uint64_t draw(struct sample *s)
{
    s->random = s->random * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
    return s->random >> 33;
}

/* Spare files are made only when the room is used up: fewer bits to flip. */
static void reserve(struct sample *s, size_t size)
{
    enum journal_room room = journal_reserve(s->journal, size);

    if (room == JOURNAL_ROOM_FULL) {
        assert_int_equal(journal_keep(s->journal, &s->err), SR_OK);
        room = journal_reserve(s->journal, size);
    }
    assert_int_equal(room, JOURNAL_ROOM);
}

/* One record of any kind, handed over: mostly adds, some sets and deletes. */
static void hand_over_one(struct sample *s, uint64_t epoch)
{
    uint8_t bytes[RECORD_HEADER_SIZE + SAMPLE_KEY_SIZE];
    char key[SAMPLE_KEY_SIZE];
    struct record record = {.kind = RECORD_ADD, .epoch = epoch};
    const struct sample_fact *fact;
    uint64_t dice = draw(s) % 16;
    size_t size;

    (void)snprintf(key, sizeof(key), "key%02u", (unsigned)(draw(s) % KEYS));
    fact = find_fact(&s->facts, epoch, key);
    record.key = sr_span_text(key);
    record.generation = fact == NULL ? 0 : fact->generation;
    record.value = (int64_t)(draw(s) % 2000) - 1000;
    if (dice == 0 || dice == 1) {
        record.kind = dice == 0 ? RECORD_SET : RECORD_DELETE;
        record.value = dice == 0 ? record.value : 0;
        record.generation++;
    }
    note(&s->facts, &record, key);
    size = record_encoded_size(&record);
    reserve(s, size);
    record_encode(&record, bytes);
    (void)journal_hand_over(s->journal, (struct sr_span){.data = bytes, .size = size}, 1,
                            epoch);
}

static void commit(struct sample *s)
{
    assert_int_equal(journal_commit(s->journal, &s->err), SR_OK);
}

static void write_frame(struct sample *s, uint64_t epoch, unsigned records)
{
    s->earlier = s->facts;
    for (unsigned i = 0; i < records; i++) {
        hand_over_one(s, epoch);
    }
    commit(s);
    (void)snprintf(s->last_name, sizeof(s->last_name), "%s", s->journal->current->name);
    s->last_end = s->journal->offset;
    s->last_offset = s->last_end - (records > 2 * SMALL_FRAME ? 2 : 1) * JOURNAL_BLOCK;
}

static void write_frames(struct sample *s, uint64_t epoch, unsigned frames)
{
    for (unsigned i = 0; i < frames; i++) {
        write_frame(s, epoch, i % 3 == 2 ? LARGE_FRAME : SMALL_FRAME);
    }
}

static void seal(struct sample *s, uint64_t epoch)
{
    (void)journal_seal(s->journal, epoch);
    commit(s);
}

struct epoch_source {
    const struct sample_facts *facts;
    uint64_t epoch;
    size_t at;
};

static enum sr_result next_of_epoch(void *context, struct sr_change *ret_change,
                                    struct sr_err *err)
{
    struct epoch_source *source = context;

    (void)err;
    while (source->at < source->facts->count) {
        const struct sample_fact *fact = &source->facts->list[source->at++];

        if (fact->epoch == source->epoch) {
            *ret_change = (struct sr_change){.key = sr_span_text(fact->key),
                                             .value = fact->value,
                                             .generation = fact->generation,
                                             .kind = fact->kind};
            return SR_OK;
        }
    }
    return SR_NOT_FOUND;
}

static void write_state(struct sample *s, uint64_t epoch, uint64_t predecessor)
{
    struct epoch_source facts = {.facts = &s->facts, .epoch = epoch};
    struct journal_source source = {.next = next_of_epoch, .context = &facts};

    sort_facts(&s->facts);
    assert_int_equal(journal_write_state(s->journal, epoch, predecessor, &source, &s->err),
                     SR_OK);
}

/* Two and a half files of epoch 1, sealed and written as a state, which retires two of them;
 * epoch 2 fills the third and goes on in one of the two; epoch 3 is open. */
static void write_long_history(struct sample *s)
{
    write_frames(s, 1, 24);
    seal(s, 1);
    write_state(s, 1, 0);
    write_frames(s, 2, 12);
    seal(s, 2);
    write_frames(s, 3, 2);
    s->open_epoch = 4;
}

static void write_short_history(struct sample *s)
{
    write_frames(s, 1, 4);
    seal(s, 1);
    write_state(s, 1, 0);
    write_frames(s, 2, 3);
    s->open_epoch = 3;
    journal_finish_file(s->journal);
}

static void write_outage(struct sample *s)
{
    write_frames(s, 1, 45);
    assert_int_equal(journal_compact(s->journal, 1, 0, &s->err), SR_OK);
    write_frames(s, 1, 2);
    s->open_epoch = 2;
}

static void write_history(struct sample *s, enum sample_kind kind)
{
    switch (kind) {
    case SAMPLE_CLOSED:
        write_long_history(s);
        journal_finish_file(s->journal);
        break;
    case SAMPLE_OPEN:
        write_long_history(s);
        break;
    case SAMPLE_FIRST:
        write_frames(s, 1, 4);
        s->open_epoch = 2;
        break;
    case SAMPLE_ENDED:
        write_short_history(s);
        break;
    case SAMPLE_OUTAGE:
        write_outage(s);
        break;
    }
}

struct sample *sample_new(enum sample_kind kind)
{
    struct sample *s = calloc(1, sizeof(*s));
    struct journal_recovery recovery;

    assert_non_null(s);
    s->random = 1;
    s->fake = fake_disk_new(1);
    s->options = options_on(fake_disk_base(s->fake));
    s->options.progress = ignore_progress;
    assert_int_equal(journal_open(&s->options, &s->journal, &recovery, &s->err), SR_OK);
    write_history(s, kind);
    journal_close(&s->journal);
    sort_facts(&s->facts);
    sort_facts(&s->earlier);
    return s;
}

void sample_free(struct sample **sample)
{
    fake_disk_free(&(*sample)->fake);
    free(*sample);
    *sample = NULL;
}

struct flat_disk *sample_flatten(const struct sample *sample)
{
    struct flat_disk *flat = flat_disk_new();
    const char *name;

    for (unsigned i = 0; (name = fake_disk_name(sample->fake, "", i)) != NULL; i++) {
        uint64_t size = 0;
        const uint8_t *bytes = fake_disk_bytes(sample->fake, name, &size);

        flat_disk_put(flat, name, bytes, size);
    }
    return flat;
}

/* ---- reading ---- */

static enum sr_result read_state(struct disk *disk, const struct journal_state *state,
                                 struct sample_facts *facts, struct sr_err *err)
{
    struct state_reader *reader = NULL;
    struct sr_change change;
    enum sr_result result = state_reader_open(disk, state->name, &reader, err);

    while (result == SR_OK) {
        result = state_reader_next(reader, &change, err);
        if (result == SR_OK) {
            struct sample_fact *fact = add_fact(facts);

            assert_true(change.key.size < SAMPLE_KEY_SIZE);
            *fact = (struct sample_fact){.epoch = state->epoch,
                                         .kind = change.kind,
                                         .generation = change.generation,
                                         .value = (int64_t)change.value};
            memcpy(fact->key, change.key.data, change.key.size);
        }
    }
    state_reader_close(&reader);
    return result == SR_NOT_FOUND ? SR_OK : result;
}

enum sr_result sample_recover(struct disk *disk, struct sample_facts *ret_facts,
                              struct journal_recovery *ret_recovery, struct sr_err *err)
{
    struct journal_options options = options_on(disk);
    struct journal_state state = {0};
    struct journal *journal = NULL;
    enum sr_result result;

    ret_facts->count = 0;
    options.progress = ignore_progress;
    result = journal_open(&options, &journal, ret_recovery, err);
    while (result == SR_OK && journal_state_after(journal, state.epoch, &state)) {
        result = read_state(disk, &state, ret_facts, err);
    }
    journal_close(&journal);
    return result;
}
