/*
 * The field Prefer.
 */
#include "support/unit.h"

#include "server/prefer.h"

static bool minimal(const char *value)
{
    return prefer_minimal(sr_span_text(value));
}

static void return_minimal_is_found_in_a_list(void **state)
{
    (void)state;
    assert_true(minimal("return=minimal"));
    assert_true(minimal("Return = Minimal"));
    assert_true(minimal("return=\"minimal\""));
    assert_true(minimal("wait=5, return=minimal"));
    assert_true(minimal("respond-async,return=minimal; a=b , x"));
}

static void anything_else_is_not(void **state)
{
    (void)state;
    assert_false(prefer_minimal((struct sr_span){0}));
    assert_false(minimal(""));
    assert_false(minimal("return=representation"));
    assert_false(minimal("minimal"));
    assert_false(minimal("return"));
    assert_false(minimal("returns=minimal"));
    assert_false(minimal("foo; return=minimal"));
    assert_false(minimal(",,;=,"));
}

static void the_first_of_two_counts(void **state)
{
    (void)state;
    assert_false(minimal("return=representation, return=minimal"));
    assert_true(minimal("return=minimal, return=representation"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(return_minimal_is_found_in_a_list),
        cmocka_unit_test(anything_else_is_not),
        cmocka_unit_test(the_first_of_two_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
