/*
 * store/schema.c: migrations are found in their order.
 */
#include "store/schema.h"

/* cmocka needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void a_text_without_migrations_has_version_0(void **state)
{
    struct store_migration migration;

    (void)state;
    assert_int_equal(store_schema_newest("-- words\nSELECT 1;\n"), 0);
    assert_false(store_schema_next("", 0, &migration));
}

static void migrations_are_split_at_their_marks(void **state)
{
    static const char text[] = "-- words\n\n-- migration 1\nA;\n\n-- migration 2\nB;\nC;\n";
    struct store_migration migration;

    (void)state;
    assert_int_equal(store_schema_newest(text), 2);
    assert_true(store_schema_next(text, 0, &migration));
    assert_int_equal(migration.version, 1);
    assert_memory_equal(migration.sql, "\nA;\n", migration.size);
    assert_int_equal(migration.size, 4);
    assert_true(store_schema_next(text, 1, &migration));
    assert_int_equal(migration.version, 2);
    assert_string_equal(migration.sql, "\nB;\nC;\n");
    assert_false(store_schema_next(text, 2, &migration));
    assert_false(store_schema_next(text, 7, &migration));
}

static void both_schemas_are_embedded_whole_and_at_the_same_version(void **state)
{
    static const char *const tables[] = {"counter_schema", "counters", "counter_writers",
                                         "counter_requests", "counter_refused"};
    struct store_migration sqlite;
    struct store_migration postgres;

    (void)state;
    assert_int_equal(store_schema_newest(store_schema_sqlite),
                     store_schema_newest(store_schema_postgres));
    assert_true(store_schema_next(store_schema_sqlite, 0, &sqlite));
    assert_true(store_schema_next(store_schema_postgres, 0, &postgres));
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        assert_non_null(strstr(sqlite.sql, tables[i]));
        assert_non_null(strstr(postgres.sql, tables[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_without_migrations_has_version_0),
        cmocka_unit_test(migrations_are_split_at_their_marks),
        cmocka_unit_test(both_schemas_are_embedded_whole_and_at_the_same_version),
    };

    return cmocka_run_group_tests_name("store/schema", tests, NULL, NULL);
}
