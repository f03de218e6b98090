/*
 * Guessing the key of what was received: right where it is usual, silent where it is not.
 */
#include "http/guess.h"
#include "support/unit.h"

#include <string.h>

static void assert_guess(const char *received, const char *key)
{
    struct sr_span guessed = {0};

    assert_int_equal(http_guess_key(sr_span_text(received), &guessed), key != NULL);
    if (key != NULL) {
        assert_true(sr_span_equal(guessed, sr_span_text(key)));
    }
}

static void the_key_of_a_usual_request_is_guessed(void **state)
{
    (void)state;
    assert_guess("POST /increment HTTP/1.1\r\nHost: x\r\n\r\n{\"key\":\"test1\",\"value\":2}",
                 "test1");
    assert_guess("{\"key\": \"a b\", \"value\": -2}", "a b");
    assert_guess("{\"key\":\"cut\",\"value\":", "cut");
}

static void of_several_requests_it_is_the_last_one(void **state)
{
    (void)state;
    assert_guess("...{\"key\":\"a\",\"value\":1}POST ...{\"key\":\"b\",\"value\":1}", "b");
}

static void what_is_unusual_or_not_whole_is_not_guessed(void **state)
{
    (void)state;
    assert_guess("", NULL);
    assert_guess("GET /counters/a HTTP/1.1\r\n\r\n", NULL);
    assert_guess("{", NULL);
    assert_guess("{\"key\":\"a", NULL);
    assert_guess("{\"key\":5,\"value\":1}", NULL);
    assert_guess("{\"value\":1,\"key\":\"a\"}", NULL);
    assert_guess("{\"key\":\"\",\"value\":1}", NULL);
    assert_guess("{\"key\":\"a{b\",\"value\":1}", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_of_a_usual_request_is_guessed),
        cmocka_unit_test(of_several_requests_it_is_the_last_one),
        cmocka_unit_test(what_is_unusual_or_not_whole_is_not_guessed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
