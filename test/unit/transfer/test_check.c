/*
 * The first pass: bad lines are told with their numbers, and the digest is that of the lines.
 */
#include "transfer/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "transfer/lines.h"

struct told {
    char text[2048];
};

static void tell(void *context, uint64_t line, const char *message)
{
    struct told *told = context;
    size_t size = strlen(told->text);

    (void)snprintf(told->text + size, sizeof(told->text) - size, "%llu: %s\n",
                   (unsigned long long)line, message);
}

static enum sr_result fill(void *context, struct spool *spool, struct sr_err *err)
{
    return spool_write(spool, sr_span_text(context), err);
}

static struct check_result check(const char *text, struct told *told)
{
    const struct check calls = {.tell = tell, .context = told};
    struct check_result result;
    struct source *source;
    char *copy = strdup(text);
    struct sr_err err;

    assert_non_null(copy);
    memset(told, 0, sizeof(*told));
    assert_int_equal(source_spool("text", fill, copy, &source, &err), SR_OK);
    assert_int_equal(check_source(source, &calls, &result, &err), SR_OK);
    source_close(&source);
    free(copy);
    return result;
}

static void good_lines_are_counted(void **state)
{
    struct told told;
    struct check_result result = check("{\"key\":\"a\",\"value\":1}\n\n"
                                       " { \"value\" : -5, \"key\" : \"\\u00fc\" } \r\n"
                                       "{\"key\":\"a\",\"value\":9223372036854775807}",
                                       &told);

    (void)state;
    assert_int_equal(result.lines, 4);
    assert_int_equal(result.pairs, 3);
    assert_int_equal(result.bad, 0);
    assert_string_equal(told.text, "");
}

static void each_bad_line_is_told_with_what_would_be_right(void **state)
{
    struct told told;
    struct check_result result = check("{\"key\":\"a\",\"value\":1}\n"
                                       "{\"key\":\"\",\"value\":1}\n"
                                       "{\"key\":\"a\",\"value\":1.5}\n"
                                       "\n"
                                       "key,value\n"
                                       "{\"key\":\"a\",\"value\":1},\n",
                                       &told);

    (void)state;
    assert_int_equal(result.pairs, 1);
    assert_int_equal(result.bad, 4);
    assert_non_null(strstr(told.text, "2: key must be"));
    assert_non_null(strstr(told.text, "3: value must be an integer"));
    assert_non_null(strstr(told.text, "5: "));
    assert_non_null(strstr(told.text, "6: "));
}

static void a_line_that_is_too_long_is_bad(void **state)
{
    static char text[LINE_SIZE_MAX + 100];
    struct told told;
    struct check_result result;

    (void)state;
    memset(text, ' ', sizeof(text) - 1);
    memcpy(text, "{\"key\":\"a\",\"value\":1}", 21);
    result = check(text, &told);
    assert_int_equal(result.bad, 1);
    assert_non_null(strstr(told.text, "1: the line has more than"));
}

static void the_digest_is_that_of_the_lines(void **state)
{
    struct told told;
    struct check_result first = check("{\"key\":\"a\",\"value\":1}\n", &told);
    struct check_result other;

    (void)state;
    assert_int_equal(strlen(first.digest), 64);
    other = check("{\"key\":\"a\",\"value\":2}\n", &told);
    assert_string_not_equal(first.digest, other.digest);
    other = check("{\"key\":\"a\",\"value\":1}\n{\"key\":\"a\",\"value\":1}\n", &told);
    assert_string_not_equal(first.digest, other.digest);
    other = check("{\"key\":\"a\",\"value\":1}", &told);
    assert_string_equal(first.digest, other.digest);
}

/* Batches are named by line numbers, which blank lines move. */
static void a_blank_line_makes_other_content(void **state)
{
    struct told told;
    struct check_result first = check("{\"key\":\"a\",\"value\":1}\n", &told);
    struct check_result other = check("\n{\"key\":\"a\",\"value\":1}\n", &told);

    (void)state;
    assert_string_not_equal(first.digest, other.digest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_lines_are_counted),
        cmocka_unit_test(each_bad_line_is_told_with_what_would_be_right),
        cmocka_unit_test(a_line_that_is_too_long_is_bad),
        cmocka_unit_test(the_digest_is_that_of_the_lines),
        cmocka_unit_test(a_blank_line_makes_other_content),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
