/*
 * The owner tokens of a data directory: which one a claim is made with.
 */
#include "support/fake_disk.h"
#include "support/unit.h"

#include "journal/datadir.h"

#include <string.h>

#define KEEP_MS 1000

static struct datadir *open_directory(struct fake_disk *fake)
{
    struct datadir *datadir = NULL;
    struct sr_err err;

    assert_int_equal(datadir_open_on(fake_disk_base(fake), &datadir, &err), SR_OK);
    return datadir;
}

static struct sr_uuid draw(struct datadir *datadir)
{
    struct sr_uuid token;
    struct sr_err err;

    assert_int_equal(datadir_token_draw(datadir, &token, &err), SR_OK);
    return token;
}

static void confirm(struct datadir *datadir, uint64_t now_ms)
{
    struct sr_err err;

    assert_int_equal(datadir_token_confirmed(datadir, now_ms, KEEP_MS, &err), SR_OK);
}

static bool same(const struct sr_uuid *a, const struct sr_uuid *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static size_t count(const struct datadir *datadir)
{
    size_t number = 0;

    (void)datadir_tokens(datadir, &number);
    return number;
}

static void an_unanswered_token_is_tried_again_by_its_process(void **state)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct datadir *datadir = open_directory(fake);
    struct sr_uuid first = draw(datadir);
    struct sr_uuid again = draw(datadir);

    (void)state;
    assert_true(same(&first, &again));
    confirm(datadir, 10);
    again = draw(datadir);
    assert_false(same(&first, &again));
    assert_int_equal(count(datadir), 2);
    datadir_close(&datadir);
    fake_disk_free(&fake);
}

/* The directory may have been copied before: two processes must never claim with one token. */
static void an_unanswered_token_of_another_process_is_kept_and_not_used(void **state)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct datadir *datadir = open_directory(fake);
    struct sr_uuid old = draw(datadir);
    struct sr_uuid fresh;

    (void)state;
    datadir_close(&datadir);
    datadir = open_directory(fake);
    fresh = draw(datadir);
    assert_false(same(&old, &fresh));
    assert_int_equal(count(datadir), 2); /* the row may carry it: its claim may have arrived */
    datadir_close(&datadir);
    fake_disk_free(&fake);
}

/* The row still carries the oldest of them while none of the later ones was answered. */
static void a_thousand_starts_without_an_answer_forget_no_token(void **state)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct datadir *datadir = open_directory(fake);
    struct sr_uuid confirmed = draw(datadir);
    size_t number = 0;

    (void)state;
    confirm(datadir, 10);
    for (int i = 0; i < DATADIR_TOKENS_MAX + 10; i++) {
        datadir_close(&datadir);
        datadir = open_directory(fake);
        (void)draw(datadir);
        assert_true(same(datadir_tokens(datadir, &number), &confirmed));
    }
    assert_int_equal(number, DATADIR_TOKENS_MAX);
    datadir_close(&datadir);
    fake_disk_free(&fake);
}

static void older_tokens_go_when_a_later_one_was_confirmed_for_long(void **state)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct datadir *datadir = open_directory(fake);

    (void)state;
    (void)draw(datadir);
    confirm(datadir, 10);
    for (int i = 0; i < 3; i++) { /* starts that nobody answered */
        datadir_close(&datadir);
        datadir = open_directory(fake);
        (void)draw(datadir);
    }
    confirm(datadir, 100000); /* the time starts now: the others were not confirmed */
    assert_int_equal(count(datadir), 4);
    (void)draw(datadir);
    confirm(datadir, 100000 + KEEP_MS + 1);
    assert_int_equal(count(datadir), 2);
    datadir_close(&datadir);
    fake_disk_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unanswered_token_is_tried_again_by_its_process),
        cmocka_unit_test(an_unanswered_token_of_another_process_is_kept_and_not_used),
        cmocka_unit_test(a_thousand_starts_without_an_answer_forget_no_token),
        cmocka_unit_test(older_tokens_go_when_a_later_one_was_confirmed_for_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
