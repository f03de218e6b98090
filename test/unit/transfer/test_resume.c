/*
 * The resume file: read back as written, damaged ones refused, and what it means for an import.
 */
#include "transfer/resume.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct resume some(void)
{
    return (struct resume){.identity = "name",
                           .digest = "00ff",
                           .url = "unix:/a path",
                           .items_max = 100,
                           .place = {.line = 70, .offset = 5000, .items = 60},
                           .ahead = 8,
                           .since_ms = 1000000};
}

static void expect_same(const struct resume *a, const struct resume *b)
{
    char text[RESUME_TEXT_SIZE];
    char other[RESUME_TEXT_SIZE];

    assert_true(resume_write(a, text) < RESUME_TEXT_SIZE);
    (void)resume_write(b, other);
    assert_string_equal(text, other);
}

static void what_is_written_is_read(void **state)
{
    char text[RESUME_TEXT_SIZE];
    struct resume read;
    struct resume r = some();

    (void)state;
    (void)resume_write(&r, text);
    assert_int_equal(resume_read(text, &read), SR_OK);
    expect_same(&r, &read);
    r.sets = true;
    r.finished = true;
    (void)resume_write(&r, text);
    assert_int_equal(resume_read(text, &read), SR_OK);
    assert_true(read.sets && read.finished);
    expect_same(&r, &read);
}

static void the_longest_texts_fit(void **state)
{
    char text[RESUME_TEXT_SIZE];
    struct resume read;
    struct resume r = some();

    (void)state;
    memset(r.identity, 'i', sizeof(r.identity) - 1);
    memset(r.digest, 'd', sizeof(r.digest) - 1);
    memset(r.url, 'u', sizeof(r.url) - 1);
    r.place = (struct batch_place){INT64_MAX, INT64_MAX, INT64_MAX};
    assert_true(resume_write(&r, text) < RESUME_TEXT_SIZE);
    assert_int_equal(resume_read(text, &read), SR_OK);
    expect_same(&r, &read);
}

static void what_is_cut_or_spoilt_is_refused(void **state)
{
    char text[RESUME_TEXT_SIZE];
    struct resume read;
    struct resume r = some();
    size_t size = resume_write(&r, text);

    (void)state;
    for (size_t cut = 0; cut < size; cut++) {
        char part[RESUME_TEXT_SIZE] = "";

        memcpy(part, text, cut);
        assert_int_equal(resume_read(part, &read), SR_DAMAGED);
    }
    (void)snprintf(text + size, sizeof(text) - size, "more 1\n");
    assert_int_equal(resume_read(text, &read), SR_DAMAGED);
    assert_int_equal(resume_read("simple-request import 2\n", &read), SR_DAMAGED);
}

static void a_file_is_replaced_as_a_whole(void **state)
{
    char folder[] = "/tmp/test-resume-XXXXXX";
    char path[64];
    struct resume read;
    struct resume r = some();
    struct sr_err err;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    assert_int_equal(resume_load(path, &read, &err), SR_NOT_FOUND);
    assert_int_equal(resume_save(path, &r, &err), SR_OK);
    r.place.line = 80;
    assert_int_equal(resume_save(path, &r, &err), SR_OK);
    assert_int_equal(resume_load(path, &read, &err), SR_OK);
    expect_same(&r, &read);
    assert_int_equal(truncate(path, 20), 0);
    assert_int_equal(resume_load(path, &read, &err), SR_DAMAGED);
    assert_non_null(strstr(err.text, "--resume-file"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0); /* nothing else is left */
    assert_int_equal(resume_save(path, &r, &err), SR_IO);
}

static enum resume_verdict verdict(const struct resume *old, const struct resume *wanted,
                                   const char *words)
{
    struct sr_err err = {0};
    enum resume_verdict v = resume_compare(old, wanted, "FILE.import", &err);

    assert_int_equal(v == RESUME_REFUSED, words[0] != '\0');
    assert_non_null(strstr(err.text, words));
    return v;
}

static void the_same_import_goes_on(void **state)
{
    struct resume old = some();
    struct resume wanted = some();

    (void)state;
    assert_int_equal(verdict(&old, &wanted, ""), RESUME_GOES_ON);
    old.finished = true;
    assert_int_equal(verdict(&old, &wanted, ""), RESUME_FINISHED);
    wanted.items_max = 7; /* all is counted, in whatever batches */
    assert_int_equal(verdict(&old, &wanted, ""), RESUME_FINISHED);
}

static void an_import_that_is_not_over_must_be_the_same(void **state)
{
    const struct resume old = some();
    struct resume wanted = some();

    (void)state;
    wanted.digest[0] = '1';
    (void)verdict(&old, &wanted, "has changed since");
    wanted = some();
    wanted.identity[0] = 'N';
    (void)verdict(&old, &wanted, "another --id");
    wanted = some();
    wanted.items_max = 99;
    (void)verdict(&old, &wanted, "another --batch");
    wanted = some();
    wanted.sets = true;
    (void)verdict(&old, &wanted, "without --set");
    wanted = some();
    wanted.url[0] = 'U';
    (void)verdict(&old, &wanted, "unix:/a path");
}

static void after_one_that_is_over_another_begins(void **state)
{
    struct resume old = some();
    struct resume wanted = some();

    (void)state;
    old.finished = true;
    wanted.identity[0] = 'N'; /* the same content under another name */
    assert_int_equal(verdict(&old, &wanted, ""), RESUME_NEW);
    wanted.digest[0] = '1';
    assert_int_equal(verdict(&old, &wanted, ""), RESUME_NEW);
    wanted.identity[0] = 'n';
    (void)verdict(&old, &wanted, "other content");
    wanted = some();
    wanted.url[0] = 'U';
    (void)verdict(&old, &wanted, "unix:/a path");
}

static void totals_that_were_set_are_set_again(void **state)
{
    struct resume old = some();
    struct resume wanted = some();

    (void)state;
    old.sets = true;
    old.finished = true;
    wanted.sets = true;
    assert_int_equal(verdict(&old, &wanted, ""), RESUME_NEW);
}

static void doubt_begins_before_the_window_ends(void **state)
{
    struct resume r = some();

    (void)state;
    assert_false(resume_in_doubt(&r, r.since_ms, 10000));
    assert_false(resume_in_doubt(&r, r.since_ms + 8999, 10000));
    assert_true(resume_in_doubt(&r, r.since_ms + 9000, 10000));
    assert_true(resume_in_doubt(&r, r.since_ms - 1, 10000)); /* the clock was set back */
    assert_true(resume_in_doubt(&r, r.since_ms, 0));         /* the window is unknown */
    r.ahead = 0;
    assert_false(resume_in_doubt(&r, r.since_ms + 9000, 10000));
    r = some();
    r.sets = true;
    assert_false(resume_in_doubt(&r, r.since_ms + 9000, 10000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_longest_texts_fit),
        cmocka_unit_test(what_is_cut_or_spoilt_is_refused),
        cmocka_unit_test(a_file_is_replaced_as_a_whole),
        cmocka_unit_test(the_same_import_goes_on),
        cmocka_unit_test(an_import_that_is_not_over_must_be_the_same),
        cmocka_unit_test(after_one_that_is_over_another_begins),
        cmocka_unit_test(totals_that_were_set_are_set_again),
        cmocka_unit_test(doubt_begins_before_the_window_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
