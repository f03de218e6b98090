/*
 * store/store_query.c: the rows of any query as counters.
 */
#include "store/test_postgres.h"

#include "store/postgres_support.h"
#include "store/store_query.h"

#include <stdio.h>
#include <string.h>

/* "key=value;" of the first rows; how many there were. */
struct told {
    char text[256];
    size_t size;
    uint64_t count, fail_at;
};

static enum sr_result tell(void *context, struct sr_span key, int64_t value)
{
    struct told *told = context;
    size_t room = sizeof(told->text) - told->size;

    if (told->count++ == told->fail_at) {
        return SR_FULL;
    }
    if (room > 64) {
        told->size += (size_t)snprintf(told->text + told->size, room, "%.*s=%lld;",
                                       (int)key.size, (const char *)key.data, (long long)value);
    }
    return SR_OK;
}

static enum sr_result ask(const char *sql, struct told *told, struct sr_err *err)
{
    struct store_rows rows = {.context = told, .row = tell};

    *told = (struct told){.fail_at = UINT64_MAX};
    return store_query(postgres_url(), sql, 10000, &rows, err);
}

static void every_type_of_key_and_integer_is_read(void **state)
{
    static const struct {
        const char *sql, *wanted;
    } cases[] = {
        {"SELECT 'b'::text, 2::int2 UNION ALL SELECT 'a', -2::int2", "a=-2;b=2;"},
        {"SELECT 'k'::bytea, (-7)::int4;\n ; ", "k=-7;"},
        {"SELECT 'k'::varchar, 9223372036854775807::bigint -- a comment",
         "k=9223372036854775807;"},
        {"SELECT 'k'::name, (-9223372036854775808)::numeric", "k=-9223372036854775808;"},
        {"SELECT 'k', 9223372036854775807::numeric", "k=9223372036854775807;"},
        {"SELECT 'k', n FROM unnest('{0,1,10000,-90000000,12.00}'::numeric[]) n",
         "k=-90000000;k=0;k=1;k=12;k=10000;"},
        {"WITH w AS (SELECT 'x'::text AS k) SELECT k, sum(1) FROM w GROUP BY k", "x=1;"},
        {"VALUES ('v', 1)", "v=1;"},
        {"SELECT 'k'::text, 1 WHERE false", ""},
    };
    struct told told;
    struct sr_err err = {.text = ""};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ask(cases[i].sql, &told, &err), SR_OK);
        assert_string_equal(told.text, cases[i].wanted);
    }
}

static void what_is_no_counter_is_named(void **state)
{
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"SELECT 'a', 1 UNION ALL SELECT 'b', NULL", "row 2 of the query: the value is NULL"},
        {"SELECT NULL::text, 1", "row 1 of the query: the key is NULL"},
        {"SELECT 'a', 9223372036854775808", "row 1 of the query: the value is no whole number"},
        {"SELECT 'a', -9223372036854775809",
         "row 1 of the query: the value is no whole number"},
        {"SELECT 'a', 0.5", "no whole number"},
        {"SELECT 'a', 'NaN'::numeric", "no whole number"},
        {"SELECT 'a', 1e40::numeric", "no whole number"},
        {"SELECT 'a', 1.5::float8", "no integer"},
        {"SELECT 1, 1", "neither text nor bytea"},
        {"SELECT 'a', 1, 2", "3 columns"},
        {"SELECT 'a', 1 FROM not_there", "not_there"},
        {"SELEC 'a', 1", "syntax error"},
        {"SELECT 'a', 1; DROP TABLE counters", "syntax error"},
        {"DELETE FROM things RETURNING 'a', 1", ""},
        {"", "syntax"},
    };
    struct told told;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sr_err err = {.text = ""};

        assert_int_equal(ask(cases[i].sql, &told, &err), SR_INVALID);
        if (strstr(err.text, cases[i].words) == NULL) {
            fail_msg("%s: %s", cases[i].sql, err.text);
        }
    }
}

static void rows_of_many_batches_come_in_order_and_may_be_given_up(void **state)
{
    static const char sql[] = "SELECT 'k' || lpad(i::text, 6, '0'), i "
                              "FROM generate_series(20000, 1, -1) i";
    struct told told = {.fail_at = 12000};
    struct store_rows rows = {.context = &told, .row = tell};
    struct sr_err err;

    (void)state;
    assert_int_equal(store_query(postgres_url(), sql, 10000, &rows, &err), SR_FULL);
    assert_int_equal(told.count, 12001);
    assert_int_equal(ask(sql, &told, &err), SR_OK);
    assert_int_equal(told.count, 20000);
    assert_memory_equal(told.text, "k000001=1;k000002=2;", 20);
}

static void a_url_of_another_kind_is_invalid_and_a_dead_server_unavailable(void **state)
{
    struct told told = {.fail_at = UINT64_MAX};
    struct store_rows rows = {.context = &told, .row = tell};
    struct sr_err err;

    (void)state;
    assert_int_equal(store_query("sqlite:/tmp/x", "SELECT", 1000, &rows, &err), SR_INVALID);
    assert_non_null(strstr(err.text, "export"));
    assert_int_equal(store_query("http://x", "SELECT", 1000, &rows, &err), SR_INVALID);
    assert_int_equal(store_query("postgres://127.0.0.1:1/x", "SELECT", 1000, &rows, &err),
                     SR_UNAVAILABLE);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_type_of_key_and_integer_is_read),
    cmocka_unit_test(what_is_no_counter_is_named),
    cmocka_unit_test(rows_of_many_batches_come_in_order_and_may_be_given_up),
    cmocka_unit_test(a_url_of_another_kind_is_invalid_and_a_dead_server_unavailable),
};
const struct contract_tests test_postgres_query = {tests, sizeof(tests) / sizeof(tests[0])};
