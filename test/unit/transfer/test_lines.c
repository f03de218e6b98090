/*
 * Lines of files: their numbers, blank ones, long ones, and beginning in the middle.
 */
#include "transfer/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transfer/file.h"

static void expect_line(struct lines *lines, const char *text, uint64_t number)
{
    struct line line;
    struct sr_err err;

    assert_int_equal(lines_next(lines, &line, &err), SR_OK);
    assert_false(line.too_long);
    assert_int_equal(line.text.size, strlen(text));
    assert_memory_equal(line.text.data, text, strlen(text));
    assert_int_equal(line.number, number);
}

static void expect_end(struct lines *lines)
{
    struct line line;
    struct sr_err err;

    assert_int_equal(lines_next(lines, &line, &err), SR_CLOSED);
    assert_int_equal(lines_next(lines, &line, &err), SR_CLOSED);
}

static void blank_lines_are_passed_over_and_numbered(void **state)
{
    static const char text[] = "\n a\r\n \t\r\n\nb";
    FILE *file = file_of(text, sizeof(text) - 1);
    struct lines lines;

    (void)state;
    assert_int_equal(lines_init(&lines, fileno(file), 0, 0), SR_OK);
    expect_line(&lines, " a\r", 2);
    assert_int_equal(lines.offset, 5);
    expect_line(&lines, "b", 5);
    assert_int_equal(lines.offset, sizeof(text) - 1);
    expect_end(&lines);
    lines_done(&lines);
    (void)fclose(file);
}

static void reading_begins_in_the_middle(void **state)
{
    FILE *file = file_of("a\nb\nc\n", 6);
    struct lines lines;

    (void)state;
    assert_int_equal(lines_init(&lines, fileno(file), 2, 1), SR_OK);
    expect_line(&lines, "b", 2);
    expect_line(&lines, "c", 3);
    expect_end(&lines);
    lines_done(&lines);
    (void)fclose(file);
}

static void an_empty_file_has_no_line(void **state)
{
    FILE *file = file_of("", 0);
    struct lines lines;

    (void)state;
    assert_int_equal(lines_init(&lines, fileno(file), 0, 0), SR_OK);
    expect_end(&lines);
    lines_done(&lines);
    (void)fclose(file);
}

/* Of a line of `size` bytes between two others. */
static void expect_around(size_t size, bool too_long)
{
    char *text = malloc(size + 4);
    struct line line;
    struct lines lines;
    struct sr_err err;
    FILE *file;

    assert_non_null(text);
    memset(text, 'x', size + 4);
    memcpy(text, "a\n", 2);
    memcpy(text + 2 + size, "\nz", 2);
    file = file_of(text, size + 4);
    assert_int_equal(lines_init(&lines, fileno(file), 0, 0), SR_OK);
    expect_line(&lines, "a", 1);
    assert_int_equal(lines_next(&lines, &line, &err), SR_OK);
    assert_int_equal(line.too_long, too_long);
    assert_int_equal(line.number, 2);
    expect_line(&lines, "z", 3);
    expect_end(&lines);
    lines_done(&lines);
    (void)fclose(file);
    free(text);
}

static void a_line_that_is_too_long_is_told_and_passed(void **state)
{
    static const size_t window = (size_t)1 << 20;

    (void)state;
    expect_around(LINE_SIZE_MAX, false);
    expect_around(LINE_SIZE_MAX + 1, true);
    for (size_t size = window - 4; size < window + 4; size++) {
        expect_around(size, true);
    }
    expect_around(2 * window + 7, true);
}

static void lines_across_the_windows_end_are_whole(void **state)
{
    enum { COUNT = 200000 };
    static char text[COUNT * 12];
    struct lines lines;
    size_t size = 0;
    FILE *file;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        size += (size_t)snprintf(text + size, 12, "%d\n", i * 7);
    }
    file = file_of(text, size);
    assert_int_equal(lines_init(&lines, fileno(file), 0, 0), SR_OK);
    for (int i = 0; i < COUNT; i++) {
        char number[12];

        (void)snprintf(number, sizeof(number), "%d", i * 7);
        expect_line(&lines, number, (uint64_t)i + 1);
    }
    expect_end(&lines);
    lines_done(&lines);
    (void)fclose(file);
}

static void a_file_that_cannot_be_read_is_an_error(void **state)
{
    struct lines lines;
    struct line line;
    struct sr_err err;

    (void)state;
    assert_int_equal(lines_init(&lines, -1, 0, 0), SR_OK);
    assert_int_equal(lines_next(&lines, &line, &err), SR_IO);
    lines_done(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blank_lines_are_passed_over_and_numbered),
        cmocka_unit_test(reading_begins_in_the_middle),
        cmocka_unit_test(an_empty_file_has_no_line),
        cmocka_unit_test(a_line_that_is_too_long_is_told_and_passed),
        cmocka_unit_test(lines_across_the_windows_end_are_whole),
        cmocka_unit_test(a_file_that_cannot_be_read_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
