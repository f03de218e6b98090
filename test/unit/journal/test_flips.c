/*
 * Every single flipped bit, every cut, garbage in the headers: a start either finds exactly
 * what was there or refuses, naming file and offset. The short form takes every n-th flip;
 * FLIPS=all takes each (`make flips`).
 *
 * The one exception: in a file that was not closed, a flip in the last frame looks like a write
 * that a crash tore. Then that frame is cut, counted as torn, and everything before it is
 * there.
 */
#include "sample_journal.h"

#include "journal/frame.h"
#include "journal/identity_file.h"

#include <stdio.h>
#include <stdlib.h>

#define SHORT_STRIDE 997U /* a prime: in time each bit of a block */

struct flips {
    struct sample *sample;
    struct flat_disk *flat;
    uint64_t right, refused, torn;
};

static bool all_flips(void)
{
    const char *wanted = getenv("FLIPS");

    return wanted != NULL && strcmp(wanted, "all") == 0;
}

static struct flips begin(enum sample_kind kind)
{
    struct flips flips = {.sample = sample_new(kind)};

    flips.flat = sample_flatten(flips.sample);
    return flips;
}

static void end(struct flips *flips, const char *what)
{
    print_message("# %s: %llu right, %llu refused, %llu cut as torn\n", what,
                  (unsigned long long)flips->right, (unsigned long long)flips->refused,
                  (unsigned long long)flips->torn);
    flat_disk_free(&flips->flat);
    sample_free(&flips->sample);
}

/* Whether the offset lies in the last frame of the file that was not closed. */
static bool in_last_frame(const struct flips *flips, const char *name, uint64_t offset)
{
    const struct sample *s = flips->sample;

    return strcmp(name, s->last_name) == 0 && offset >= s->last_offset && offset < s->last_end;
}

/* One start over what the disk holds now. may_tear: the last frame may be missing. */
static void check(struct flips *flips, const char *name, uint64_t offset, bool may_tear)
{
    static struct sample_facts facts;
    struct journal_recovery recovery;
    struct sr_err err = {0};
    enum sr_result result;

    flat_disk_reset(flips->flat);
    result = sample_recover(flat_disk_base(flips->flat), &facts, &recovery, &err);
    if (result == SR_DAMAGED) {
        if (strstr(err.text, name) == NULL || strstr(err.text, "offset") == NULL) {
            fail_msg("%s at %llu: refused with: %s", name, (unsigned long long)offset,
                     err.text);
        }
        flips->refused++;
        return;
    }
    if (result != SR_OK) {
        fail_msg("%s at %llu: %s", name, (unsigned long long)offset, err.text);
    }
    if (may_tear && recovery.torn_bytes > 0 &&
        sample_facts_equal(&facts, &flips->sample->earlier)) {
        flips->torn++;
        return;
    }
    if (!sample_facts_equal(&facts, &flips->sample->facts) ||
        recovery.open_epoch != flips->sample->open_epoch) {
        fail_msg("%s at %llu: a wrong state was accepted (open epoch %llu)", name,
                 (unsigned long long)offset, (unsigned long long)recovery.open_epoch);
    }
    flips->right++;
}

static void flip_file(struct flips *flips, unsigned file, bool open, uint64_t *bit)
{
    const char *name = flat_disk_name(flips->flat, file);
    uint64_t stride = all_flips() ? 1 : SHORT_STRIDE;
    uint64_t size = 0;
    uint8_t *bytes = flat_disk_bytes(flips->flat, file, &size);

    for (; *bit < size * 8; *bit += stride) {
        uint64_t offset = *bit / 8;

        bytes[offset] ^= (uint8_t)(1U << (*bit % 8));
        check(flips, name, offset, open && in_last_frame(flips, name, offset));
        bytes[offset] ^= (uint8_t)(1U << (*bit % 8));
    }
    *bit -= size * 8;
}

static void flip_files(struct flips *flips, const char *prefix, bool open)
{
    uint64_t bit = 0;

    for (unsigned i = 0; i < flat_disk_count(flips->flat); i++) {
        if (strncmp(flat_disk_name(flips->flat, i), prefix, strlen(prefix)) == 0) {
            flip_file(flips, i, open, &bit);
        }
    }
}

static void the_samples_are_read_as_they_were_written(void **state)
{
    (void)state;
    for (enum sample_kind kind = SAMPLE_CLOSED; kind <= SAMPLE_OUTAGE; kind++) {
        struct flips flips = begin(kind);

        check(&flips, "none", 0, false);
        assert_int_equal(flips.right, 1);
        end(&flips, "untouched");
    }
}

static void a_flipped_bit_of_a_closed_journal_is_right_or_refused(void **state)
{
    struct flips flips = begin(SAMPLE_CLOSED);

    (void)state;
    flip_files(&flips, "", false);
    assert_true(flips.right > 0 && flips.refused > 0);
    end(&flips, "closed journal");
}

static void a_flipped_bit_of_an_open_journal_may_only_tear_its_last_frame(void **state)
{
    struct flips flips = begin(SAMPLE_OPEN);

    (void)state;
    flip_files(&flips, flips.sample->last_name, true);
    assert_true(flips.right > 0 && flips.refused > 0 && flips.torn > 0);
    end(&flips, "open file");
}

static void a_flipped_bit_of_an_open_state_is_right_or_refused(void **state)
{
    struct flips flips = begin(SAMPLE_OUTAGE);

    (void)state;
    flip_files(&flips, "state-", false);
    assert_true(flips.refused > 0);
    end(&flips, "state of an open epoch");
}

static void a_file_cut_at_any_length_is_refused(void **state)
{
    struct flips flips = begin(SAMPLE_CLOSED);
    uint64_t stride = all_flips() ? 1 : SHORT_STRIDE / 10;

    (void)state;
    for (unsigned i = 0; i < flat_disk_count(flips.flat); i++) {
        uint64_t size = 0;

        (void)flat_disk_bytes(flips.flat, i, &size);
        for (uint64_t cut = 0; cut < size; cut += stride) {
            flat_disk_cut(flips.flat, i, cut);
            check(&flips, flat_disk_name(flips.flat, i), cut, false);
        }
        flat_disk_cut(flips.flat, i, UINT64_MAX);
    }
    assert_true(flips.refused > 0 && flips.right == 0);
    end(&flips, "cuts");
}

/* ---- garbage of two bytes ---- */

/* Puts every value (or some) into each pair of the first `size` bytes and asks whether the
 * block still passes for what it was. */
static uint64_t spoil_pairs(uint8_t *block, size_t size, bool (*passes)(const uint8_t *block))
{
    uint32_t stride = all_flips() ? 1 : 211;
    uint64_t tried = 0;

    for (size_t at = 0; at + 1 < size; at++) {
        uint8_t low = block[at];
        uint8_t high = block[at + 1];

        for (uint32_t value = 0; value <= UINT16_MAX; value += stride) {
            bool same = low == (uint8_t)value && high == (uint8_t)(value >> 8);

            block[at] = (uint8_t)value;
            block[at + 1] = (uint8_t)(value >> 8);
            if (passes(block) != same) {
                fail_msg("offset %zu, value %u: %s", at, value,
                         same ? "refused" : "garbage was accepted");
            }
            tried++;
        }
        block[at] = low;
        block[at + 1] = high;
    }
    return tried;
}

static bool is_header(const uint8_t *block)
{
    struct journal_header header;

    return journal_header_decode(block, &header) == JOURNAL_BLOCK_VALID;
}

static bool is_frame(const uint8_t *block)
{
    struct sr_span bytes = {.data = block, .size = JOURNAL_BLOCK};
    struct journal_frame frame;
    uint64_t taken;

    return journal_frame_decode(bytes, &frame, &taken) == SR_OK;
}

static void two_bytes_of_garbage_in_a_header_are_noticed(void **state)
{
    struct sample *sample = sample_new(SAMPLE_FIRST);
    uint64_t size = 0;
    uint8_t *bytes = fake_disk_bytes(sample->fake, sample->last_name, &size);
    uint64_t tried = 0;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        assert_true(is_header(bytes + i * JOURNAL_BLOCK));
        tried += spoil_pairs(bytes + i * JOURNAL_BLOCK, 128, is_header);
    }
    assert_true(is_frame(bytes + JOURNAL_FRAMES_AT));
    tried += spoil_pairs(bytes + JOURNAL_FRAMES_AT, JOURNAL_FRAME_HEADER + 48, is_frame);
    print_message("# garbage of two bytes: %llu tried\n", (unsigned long long)tried);
    sample_free(&sample);
}

/* ---- the identity file ---- */

static bool is_identity(const struct identity *a, const struct identity *b)
{
    return a->revision == b->revision && a->fenced == b->fenced &&
           a->newest_confirmed == b->newest_confirmed && a->token_count == b->token_count &&
           memcmp(&a->instance, &b->instance, sizeof(a->instance)) == 0 &&
           memcmp(a->tokens, b->tokens, a->token_count * sizeof(a->tokens[0])) == 0;
}

/* Creates the file and writes it once more: both slots hold one. */
static void write_identities(struct disk *disk, struct identity *older, struct identity *newer)
{
    struct sr_err err;

    *older = (struct identity){.instance = sample_instance(), .token_count = 1};
    older->tokens[0].bytes[3] = 9;
    assert_int_equal(identity_file_create(disk, older, &err), SR_OK);
    *newer = *older;
    newer->fenced = true;
    newer->newest_confirmed = true;
    newer->token_count = 2;
    newer->tokens[1].bytes[4] = 8;
    assert_int_equal(identity_file_save(disk, newer, &err), SR_OK);
    assert_int_equal(newer->revision, older->revision + 1);
}

/* A flip may take the newer slot: the older one then says what was true one step before, and
 * the database's row decides, as after a torn write. A mixture is never accepted. */
static void a_flipped_bit_of_the_identity_leaves_one_that_was_written(void **state)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct disk *disk = fake_disk_base(fake);
    static struct identity older, newer, found;
    uint64_t stride = all_flips() ? 1 : 61;
    uint64_t counts[2] = {0};
    uint64_t size = 0;
    uint8_t *bytes;

    (void)state;
    write_identities(disk, &older, &newer);
    bytes = fake_disk_bytes(fake, "identity", &size);
    for (uint64_t bit = 0; bit < size * 8; bit += stride) {
        struct sr_err err;
        bool is_newer;

        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_int_equal(identity_file_load(disk, &found, &err), SR_OK);
        is_newer = is_identity(&found, &newer);
        assert_true(is_newer || is_identity(&found, &older));
        counts[is_newer]++;
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    assert_true(counts[0] > 0 && counts[1] > 0);
    print_message("# identity: %llu the newest, %llu the one before\n",
                  (unsigned long long)counts[1], (unsigned long long)counts[0]);
    fake_disk_free(&fake);
}

static void an_identity_with_both_slots_spoilt_is_refused(void **state)
{
    struct fake_disk *fake = fake_disk_new(1);
    static struct identity older, newer, found;
    uint64_t size = 0;
    uint8_t *bytes;
    struct sr_err err;

    (void)state;
    write_identities(fake_disk_base(fake), &older, &newer);
    bytes = fake_disk_bytes(fake, "identity", &size);
    bytes[30] ^= 1;
    bytes[IDENTITY_SLOT_SIZE + 30] ^= 1;
    assert_int_equal(identity_file_load(fake_disk_base(fake), &found, &err), SR_DAMAGED);
    assert_non_null(strstr(err.text, "identity"));
    assert_non_null(strstr(err.text, "offset"));
    fake_disk_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_samples_are_read_as_they_were_written),
        cmocka_unit_test(a_flipped_bit_of_a_closed_journal_is_right_or_refused),
        cmocka_unit_test(a_flipped_bit_of_an_open_journal_may_only_tear_its_last_frame),
        cmocka_unit_test(a_flipped_bit_of_an_open_state_is_right_or_refused),
        cmocka_unit_test(a_file_cut_at_any_length_is_refused),
        cmocka_unit_test(two_bytes_of_garbage_in_a_header_are_noticed),
        cmocka_unit_test(a_flipped_bit_of_the_identity_leaves_one_that_was_written),
        cmocka_unit_test(an_identity_with_both_slots_spoilt_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
