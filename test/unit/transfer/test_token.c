/*
 * Batches' keys: the same for the same batch, another one for any other.
 */
#include "transfer/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void make(const char *identity, uint32_t items_max, uint64_t line,
                 char token[TOKEN_SIZE])
{
    char prefix[TOKEN_PREFIX_SIZE];
    struct sr_err err;

    assert_int_equal(token_prefix(identity, items_max, prefix, &err), SR_OK);
    token_write(prefix, line, token);
}

/* What services remember of imports that a former version began. */
static void a_key_is_what_it_always_was(void **state)
{
    char token[TOKEN_SIZE];

    (void)state;
    make("name", 10000, 20001, token);
    assert_string_equal(token, "import-744d72d2ba419588563193d2e98265ab-20001");
}

static void identity_size_and_line_make_the_key(void **state)
{
    char first[TOKEN_SIZE];
    char other[TOKEN_SIZE];

    (void)state;
    make("a", 10, 1, first);
    make("a", 10, 1, other);
    assert_string_equal(first, other);
    make("b", 10, 1, other);
    assert_string_not_equal(first, other);
    make("a", 11, 1, other);
    assert_string_not_equal(first, other);
    make("a", 10, 11, other);
    assert_string_not_equal(first, other);
}

static void the_largest_key_fits(void **state)
{
    char token[TOKEN_SIZE];

    (void)state;
    make("a", 10, UINT64_MAX, token);
    assert_int_equal(strlen(token), 7 + 32 + 1 + 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_what_it_always_was),
        cmocka_unit_test(identity_size_and_line_make_the_key),
        cmocka_unit_test(the_largest_key_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
