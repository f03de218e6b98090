/*
 * store_postgres_apply.c, _careful.c, _chunk.c: triggers and constraints of the users' own,
 * deadlocks, and what a COMMIT must answer.
 */
#include "store/postgres_support.h"
#include "store/store_postgres_internal.h"
#include "store/test_postgres.h"

#include <stdio.h>
#include <string.h>

/* Applies changes; returns the result and the sink's restarts. */
static enum sr_result apply(struct contract_writer *writer, const struct sr_change *changes,
                            uint64_t count, struct store_outcome *ret_outcomes,
                            uint64_t *ret_restarts)
{
    struct contract_source source;
    struct contract_sink sink;
    enum sr_result res;

    contract_source_init(&source, changes, count);
    contract_sink_init(&sink);
    res = contract_apply(writer, &source, &sink);
    if (res == SR_OK) {
        assert_int_equal(sink.count, count);
        memcpy(ret_outcomes, sink.outcomes, count * sizeof(*ret_outcomes));
    }
    *ret_restarts = sink.restarts;
    contract_sink_done(&sink);
    contract_source_done(&source);
    return res;
}

/* A trigger that raises the SQLSTATE for the first `times` rows that reach it, in any
 * transaction. */
static void raise_first(const char *sqlstate, int times)
{
    char sql[400];

    (void)
        snprintf(sql, sizeof(sql),
                 "CREATE SEQUENCE raised; CREATE FUNCTION raise_first() RETURNS trigger AS $$ "
                 "BEGIN IF nextval('raised') <= %d THEN "
                 "RAISE EXCEPTION 'as told' USING ERRCODE = '%s'; END IF; "
                 "RETURN new; END $$ LANGUAGE plpgsql; "
                 "CREATE TRIGGER t BEFORE INSERT ON counters FOR EACH ROW "
                 "EXECUTE FUNCTION raise_first()",
                 times, sqlstate);
    postgres_exec(sql);
}

static void assert_attempts(const char *sqlstate, int times, enum sr_result wanted,
                            uint64_t restarts)
{
    struct sr_change change = contract_change(SR_CHANGE_ADD, "a", 1);
    struct contract_writer writer;
    struct store_outcome outcome;
    uint64_t restarted;

    contract_writer_open(&writer, &postgres_target, 1);
    raise_first(sqlstate, times);
    assert_int_equal(apply(&writer, &change, 1, &outcome, &restarted), wanted);
    assert_int_equal(restarted, restarts);
    if (wanted == SR_OK) {
        contract_assert_value(&writer, "a", 1);
    } else {
        assert_non_null(strstr(writer.err.text, sqlstate));
        contract_assert_absent(&writer, "a");
    }
    contract_writer_close(&writer);
}

static void a_deadlock_is_tried_again(void **state)
{
    (void)state;
    assert_attempts("40P01", 2, SR_OK, 2);
}

static void a_serialization_failure_is_tried_again(void **state)
{
    (void)state;
    assert_attempts("40001", 4, SR_OK, 4);
}

static void deadlocks_without_end_are_an_outage(void **state)
{
    (void)state;
    assert_attempts("40P01", 100, SR_UNAVAILABLE, 4);
}

static void an_error_of_the_server_is_an_outage_and_not_tried_again(void **state)
{
    (void)state;
    assert_attempts("53100", 1, SR_UNAVAILABLE, 0);
}

static void an_error_of_no_row_and_no_outage_needs_an_operator(void **state)
{
    (void)state;
    assert_attempts("42501", 1, SR_REFUSED, 0);
}

static void rows_that_a_users_constraint_refuses_are_set_aside(void **state)
{
    struct contract_writer writer;
    struct sr_change changes[] = {contract_change(SR_CHANGE_ADD, "a", 1),
                                  contract_change(SR_CHANGE_ADD, "b", -1),
                                  contract_change(SR_CHANGE_SET, "c", -2),
                                  contract_change(SR_CHANGE_ADD, "d", 1)};
    struct store_outcome outcomes[4];
    struct contract_refused rows[2];
    uint64_t restarts;

    (void)state;
    contract_writer_open(&writer, &postgres_target, 1);
    postgres_exec("ALTER TABLE counters ADD CHECK (value >= 0)");
    assert_int_equal(apply(&writer, changes, 4, outcomes, &restarts), SR_OK);
    assert_int_equal(restarts, 1);
    assert_true(outcomes[1].refused && outcomes[2].refused);
    assert_string_equal(outcomes[1].sqlstate, "23514");
    assert_true(!outcomes[0].refused && outcomes[3].value == 1);
    assert_int_equal(postgres_target.refused(NULL, rows, 2), 2);
    assert_true(rows[0].delta == -1 && !rows[0].is_set);
    assert_true(rows[1].delta == -2 && rows[1].is_set);
    contract_writer_close(&writer);
}

static void a_deletion_that_a_foreign_key_refuses_is_set_aside(void **state)
{
    struct contract_writer writer;
    struct sr_change before = contract_change(SR_CHANGE_ADD, "b", 1);
    struct sr_change changes[] = {contract_change(SR_CHANGE_DELETE, "a", 0),
                                  contract_change(SR_CHANGE_DELETE, "b", 0),
                                  contract_change(SR_CHANGE_DELETE, "c", 0)};
    struct store_outcome outcomes[3];
    uint64_t restarts;

    (void)state;
    contract_writer_open(&writer, &postgres_target, 1);
    contract_apply_all(&writer, &before, 1, NULL);
    postgres_exec(
        "CREATE TABLE shop (key text REFERENCES counters DEFERRABLE INITIALLY DEFERRED); "
        "INSERT INTO shop VALUES ('b')");
    assert_int_equal(apply(&writer, changes, 3, outcomes, &restarts), SR_OK);
    assert_true(!outcomes[0].refused && outcomes[1].refused && !outcomes[2].refused);
    assert_string_equal(outcomes[1].sqlstate, "23503");
    assert_int_equal(postgres_number("SELECT count(*) FROM counter_refused "
                                     "WHERE is_set AND delta IS NULL AND key = 'b'"),
                     1);
    contract_assert_value(&writer, "b", 1);
    contract_writer_close(&writer);
}

static void a_trigger_that_hides_or_renames_a_row_is_refused(void **state)
{
    struct contract_writer writer;
    struct sr_change changes[] = {contract_change(SR_CHANGE_ADD, "a", 1),
                                  contract_change(SR_CHANGE_ADD, "b", 1)};
    struct store_outcome outcomes[2];
    uint64_t restarts;

    (void)state;
    contract_writer_open(&writer, &postgres_target, 1);
    postgres_exec("CREATE FUNCTION meddle() RETURNS trigger AS $$ BEGIN "
                  "IF new.key = 'b' THEN RETURN NULL; END IF; RETURN new; END $$ "
                  "LANGUAGE plpgsql; CREATE TRIGGER t BEFORE INSERT ON counters "
                  "FOR EACH ROW EXECUTE FUNCTION meddle()");
    assert_int_equal(apply(&writer, changes, 2, outcomes, &restarts), SR_REFUSED);
    assert_non_null(strstr(writer.err.text, "trigger"));
    postgres_exec("CREATE OR REPLACE FUNCTION meddle() RETURNS trigger AS $$ BEGIN "
                  "new.key = new.key || '!'; RETURN new; END $$ LANGUAGE plpgsql");
    assert_int_equal(apply(&writer, changes, 2, outcomes, &restarts), SR_REFUSED);
    contract_assert_absent(&writer, "a!");
    contract_writer_close(&writer);
}

static void a_statement_of_one_row_does_as_well(void **state)
{
    struct contract_writer writer;
    struct sr_change changes[50];
    struct store_outcome outcomes[50];
    char keys[50][8];
    uint64_t restarts;

    (void)state;
    contract_writer_open(&writer, &postgres_target, 1);
    store_close(&writer.store);
    writer.store = postgres_store(postgres_url(), &writer.instance, 10000, 1);
    assert_int_equal(contract_claim(writer.store, (uint8_t[]){101}, 1, false, &writer.epoch,
                                    &writer.err),
                     SR_OK);
    for (int i = 0; i < 50; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "%02d", i);
        changes[i] = contract_change(SR_CHANGE_ADD, keys[i], i == 30 ? INT64_MAX : i);
    }
    assert_int_equal(apply(&writer, changes, 50, outcomes, &restarts), SR_OK);
    assert_int_equal(apply(&writer, changes, 50, outcomes, &restarts), SR_OK);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(outcomes[i].index, i);
        assert_true(outcomes[i].refused == (i == 30));
        assert_true(outcomes[i].refused || outcomes[i].value == 2 * i);
    }
    contract_writer_close(&writer);
}

static void others_have_to_wait_for_the_disk_even_where_the_server_does_not(void **state)
{
    struct contract_writer writer;
    struct sr_change change = contract_change(SR_CHANGE_ADD, "a", 1);
    struct store_outcome outcome;
    uint64_t restarts;

    (void)state;
    contract_writer_open(&writer, &postgres_target, 1);
    postgres_exec(
        "CREATE TABLE seen (setting text); CREATE FUNCTION see() RETURNS trigger AS $$ "
        "BEGIN INSERT INTO seen VALUES (current_setting('synchronous_commit')); "
        "RETURN new; END $$ LANGUAGE plpgsql; CREATE TRIGGER t BEFORE INSERT ON "
        "counters FOR EACH ROW EXECUTE FUNCTION see(); "
        "ALTER ROLE CURRENT_USER SET synchronous_commit = off");
    postgres_target.cut(NULL);
    assert_int_equal(apply(&writer, &change, 1, &outcome, &restarts), SR_UNAVAILABLE);
    assert_int_equal(contract_claim(writer.store, (uint8_t[]){101}, 1, false, &writer.epoch,
                                    &writer.err),
                     SR_OK);
    assert_int_equal(apply(&writer, &change, 1, &outcome, &restarts), SR_OK);
    postgres_exec("ALTER ROLE CURRENT_USER RESET synchronous_commit");
    assert_int_equal(postgres_number("SELECT count(*) FROM seen WHERE setting = 'on'"), 1);
    contract_writer_close(&writer);
}

/* --- COMMIT --------------------------------------------------------------------------------
 */

/* Opens a transaction by the driver's own calls and runs one statement in it. */
static struct store_postgres *begin_with(struct contract_writer *writer, const char *sql)
{
    struct store_postgres *store = (struct store_postgres *)writer->store;
    PGresult *result = NULL;

    assert_int_equal(pg_begin_call(store, &writer->err), SR_OK);
    assert_int_equal(pg_queue(store, "BEGIN", NULL, &writer->err), SR_OK);
    assert_int_equal(pg_queue(store, sql, NULL, &writer->err), SR_OK);
    assert_int_equal(pg_sync(store, &writer->err), SR_OK);
    assert_int_equal(pg_expect(store, PGRES_COMMAND_OK, "BEGIN", NULL, &writer->err), SR_OK);
    assert_int_equal(pg_take(store, &result, &writer->err), SR_OK);
    PQclear(result);
    assert_int_equal(pg_take_sync(store, &writer->err), SR_OK);
    return store;
}

static void a_commit_counts_only_with_its_tag(void **state)
{
    struct contract_writer writer;

    (void)state;
    contract_writer_open(&writer, &postgres_target, 1);
    assert_int_equal(pg_commit(begin_with(&writer, "SELECT 1"), &writer.err), SR_OK);
    assert_int_equal(pg_commit(begin_with(&writer, "SELECT 1/0"), &writer.err), SR_UNAVAILABLE);
    assert_non_null(strstr(writer.err.text, "aborted"));
    assert_int_equal(pg_commit(begin_with(&writer, "SELECT 1"), &writer.err), SR_OK);
    contract_writer_close(&writer);
}

static void a_commit_without_an_answer_is_unknown(void **state)
{
    struct contract_writer writer;
    struct store_postgres *store;

    (void)state;
    contract_writer_open(&writer, &postgres_target, 1);
    store = begin_with(&writer, "SELECT 1");
    postgres_target.cut(NULL);
    assert_int_equal(pg_commit(store, &writer.err), SR_UNKNOWN);
    assert_int_equal(writer.err.code, SR_UNKNOWN);
    assert_int_equal(contract_claim(writer.store, (uint8_t[]){101}, 1, false, &writer.epoch,
                                    &writer.err),
                     SR_OK);
    contract_writer_close(&writer);
}

static void a_commit_that_a_deferred_trigger_refuses_is_certain(void **state)
{
    struct contract_writer writer;

    (void)state;
    contract_writer_open(&writer, &postgres_target, 1);
    postgres_exec("CREATE TABLE t (x int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
    assert_int_equal(pg_commit(begin_with(&writer, "INSERT INTO t VALUES (1), (1)"),
                               &writer.err),
                     SR_REFUSED);
    assert_non_null(strstr(writer.err.text, "23505"));
    contract_writer_close(&writer);
}

static void sqlstates_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(pg_verdict("22003"), PG_ROW);
    assert_int_equal(pg_verdict("22021"), PG_ROW);
    assert_int_equal(pg_verdict("23514"), PG_ROW);
    assert_int_equal(pg_verdict("54000"), PG_ROW);
    assert_int_equal(pg_verdict("54001"), PG_OPERATOR);
    assert_int_equal(pg_verdict("21000"), PG_OPERATOR);
    assert_int_equal(pg_verdict("42P01"), PG_OPERATOR);
    assert_int_equal(pg_verdict("42703"), PG_OPERATOR);
    assert_int_equal(pg_verdict("40001"), PG_AGAIN);
    assert_int_equal(pg_verdict("40P01"), PG_AGAIN);
    assert_int_equal(pg_verdict("55P03"), PG_OUTAGE);
    assert_int_equal(pg_verdict("57P01"), PG_OUTAGE);
    assert_int_equal(pg_verdict("53300"), PG_OUTAGE);
    assert_int_equal(pg_verdict("25006"), PG_OUTAGE);
    assert_int_equal(pg_verdict("08006"), PG_OUTAGE);
    assert_int_equal(pg_verdict(""), PG_OUTAGE);
}

static int empty_database(void **state)
{
    (void)state;
    postgres_reset(NULL);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, empty_database)

static const struct CMUnitTest tests[] = {
    TEST(a_deadlock_is_tried_again),
    TEST(a_serialization_failure_is_tried_again),
    TEST(deadlocks_without_end_are_an_outage),
    TEST(an_error_of_the_server_is_an_outage_and_not_tried_again),
    TEST(an_error_of_no_row_and_no_outage_needs_an_operator),
    TEST(rows_that_a_users_constraint_refuses_are_set_aside),
    TEST(a_deletion_that_a_foreign_key_refuses_is_set_aside),
    TEST(a_trigger_that_hides_or_renames_a_row_is_refused),
    TEST(a_statement_of_one_row_does_as_well),
    TEST(others_have_to_wait_for_the_disk_even_where_the_server_does_not),
    TEST(a_commit_counts_only_with_its_tag),
    TEST(a_commit_without_an_answer_is_unknown),
    TEST(a_commit_that_a_deferred_trigger_refuses_is_certain),
    TEST(sqlstates_are_told_apart),
};

const struct contract_tests test_postgres_apply = {tests, CONTRACT_COUNT(tests)};
