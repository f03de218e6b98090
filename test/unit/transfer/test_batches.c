/*
 * Batches: where they end is a matter of the lines alone, wherever a run begins.
 */
#include "transfer/batches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transfer/file.h"

static struct batch batch;

static void begin(struct batches *batches, FILE *file, const struct batch_place *place,
                  uint32_t items_max)
{
    assert_int_equal(batches_init(batches, fileno(file), place, items_max), SR_OK);
    batch_init(&batch);
}

static void end(struct batches *batches)
{
    batch_done(&batch);
    batches_done(batches);
}

static void expect_body(struct batches *batches, const char *body)
{
    struct sr_err err;

    assert_int_equal(batches_next(batches, &batch, &err), SR_OK);
    assert_int_equal(batch.body.size, strlen(body));
    assert_memory_equal(batch.body.data, body, strlen(body));
}

static void expect_end(struct batches *batches)
{
    struct sr_err err;

    assert_int_equal(batches_next(batches, &batch, &err), SR_CLOSED);
}

static const char text[] = "a\nbb\n\n\nccc\n \ndddd\ne";

static void a_batch_holds_so_many_lines_and_knows_their_numbers(void **state)
{
    const struct batch_place start = {0};
    FILE *file = file_of(text, sizeof(text) - 1);
    struct batches batches;

    (void)state;
    begin(&batches, file, &start, 2);
    expect_body(&batches, "a\nbb\n");
    assert_int_equal(batch.items, 2);
    assert_int_equal(batch.after.line, 2);
    assert_int_equal(batch.after.offset, 5);
    expect_body(&batches, "ccc\ndddd\n");
    assert_int_equal(batch.before.line, 2);
    assert_int_equal(batch.numbers[0], 5);
    assert_int_equal(batch.numbers[1], 7);
    assert_int_equal(batch.after.items, 4);
    expect_body(&batches, "e\n");
    assert_int_equal(batch.numbers[0], 8);
    assert_int_equal(batch.after.offset, sizeof(text) - 1);
    expect_end(&batches);
    end(&batches);
    (void)fclose(file);
}

static void a_run_that_goes_on_cuts_the_same_batches(void **state)
{
    const struct batch_place start = {0};
    FILE *file = file_of(text, sizeof(text) - 1);
    struct batch_place place;
    struct batches batches;

    (void)state;
    begin(&batches, file, &start, 2);
    expect_body(&batches, "a\nbb\n");
    place = batch.after;
    end(&batches);
    begin(&batches, file, &place, 2);
    expect_body(&batches, "ccc\ndddd\n");
    assert_int_equal(batch.numbers[0], 5);
    expect_body(&batches, "e\n");
    assert_int_equal(batch.numbers[0], 8);
    assert_int_equal(batch.after.items, 5);
    expect_end(&batches);
    end(&batches);
    (void)fclose(file);
}

static void long_lines_end_a_batch_early(void **state)
{
    enum { LINES = 600, SIZE = LINE_SIZE_MAX + 1 };
    const struct batch_place start = {0};
    char *long_text = malloc((size_t)LINES * SIZE);
    struct batches batches;
    uint64_t items = 0;
    struct sr_err err;
    FILE *file;

    (void)state;
    assert_non_null(long_text);
    memset(long_text, 'x', (size_t)LINES * SIZE);
    for (size_t i = 1; i <= LINES; i++) {
        long_text[i * SIZE - 1] = '\n';
    }
    file = file_of(long_text, (size_t)LINES * SIZE);
    begin(&batches, file, &start, SR_BATCH_ITEMS_MAX);
    while (batches_next(&batches, &batch, &err) == SR_OK) {
        assert_true(batch.body.size < BATCH_BYTES + SIZE);
        items += batch.items;
    }
    assert_int_equal(items, LINES);
    end(&batches);
    (void)fclose(file);
    free(long_text);
}

static void a_file_without_lines_has_no_batch(void **state)
{
    const struct batch_place start = {0};
    FILE *file = file_of("\n\n", 2);
    struct batches batches;

    (void)state;
    begin(&batches, file, &start, 10);
    expect_end(&batches);
    end(&batches);
    (void)fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_holds_so_many_lines_and_knows_their_numbers),
        cmocka_unit_test(a_run_that_goes_on_cuts_the_same_batches),
        cmocka_unit_test(long_lines_end_a_batch_early),
        cmocka_unit_test(a_file_without_lines_has_no_batch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
