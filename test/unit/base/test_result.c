/*
 * Results, their texts, and errors.
 */
#include "base/result.h"

#include <errno.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void every_result_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (int a = SR_OK; a <= SR_UNSUPPORTED; a++) {
        assert_string_not_equal(sr_result_text((enum sr_result)a), "unknown result");
        for (int b = SR_OK; b < a; b++) {
            assert_string_not_equal(sr_result_text((enum sr_result)a),
                                    sr_result_text((enum sr_result)b));
        }
    }
    assert_string_equal(sr_result_text((enum sr_result)(SR_UNSUPPORTED + 1)), "unknown result");
}

static void a_failure_fills_code_and_text(void **state)
{
    struct sr_err err = {.code = SR_OK};

    (void)state;
    assert_int_equal(sr_fail(&err, SR_INVALID, "port %d", 7), SR_INVALID);
    assert_int_equal(err.code, SR_INVALID);
    assert_string_equal(err.text, "port 7");
}

static void a_failed_call_tells_the_reason_of_the_system(void **state)
{
    struct sr_err err = {.code = SR_OK};

    (void)state;
    assert_int_equal(sr_fail_errno(&err, SR_IO, ENOSPC, "cannot write '%s'", "x"), SR_IO);
    assert_int_equal(err.code, SR_IO);
    assert_string_equal(err.text, "cannot write 'x': No space left on device");
}

static void nobody_need_ask_for_the_words(void **state)
{
    (void)state;
    assert_int_equal(sr_fail(NULL, SR_FULL, "%s", "x"), SR_FULL);
    assert_int_equal(sr_fail_errno(NULL, SR_IO, EIO, "%s", "x"), SR_IO);
}

static void a_text_that_is_too_long_is_cut(void **state)
{
    struct sr_err err = {.code = SR_OK};
    char words[1000];

    (void)state;
    memset(words, 'w', sizeof(words) - 1);
    words[sizeof(words) - 1] = '\0';
    assert_int_equal(sr_fail(&err, SR_IO, "%s", words), SR_IO);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_int_equal(sr_fail_errno(&err, SR_IO, EIO, "%s", words), SR_IO);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_result_has_a_text_of_its_own),
        cmocka_unit_test(a_failure_fills_code_and_text),
        cmocka_unit_test(a_failed_call_tells_the_reason_of_the_system),
        cmocka_unit_test(nobody_need_ask_for_the_words),
        cmocka_unit_test(a_text_that_is_too_long_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
