/*
 * The PostgreSQL driver under a database that blocks, freezes or goes away. Waits are on
 * events; timeouts are short where they must pass.
 */
#include "store/postgres_support.h"
#include "store/store_postgres_internal.h"
#include "store/test_postgres.h"

#include "base/check.h"
#include "base/clock.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void reopen_with_timeout(struct contract_writer *writer, uint32_t timeout_ms)
{
    store_close(&writer->store);
    writer->store = postgres_store(postgres_url(), &writer->instance, timeout_ms, 0);
    assert_int_equal(contract_claim(writer->store, (uint8_t[]){101}, 1, false, &writer->epoch,
                                    &writer->err),
                     SR_OK);
}

static enum sr_result apply_one(struct contract_writer *writer, const char *key)
{
    struct sr_change change = contract_change(SR_CHANGE_ADD, key, 1);
    struct contract_source source;
    struct contract_sink sink;
    enum sr_result res;

    contract_source_init(&source, &change, 1);
    contract_sink_init(&sink);
    res = contract_apply(writer, &source, &sink);
    contract_sink_done(&sink);
    contract_source_done(&source);
    return res;
}

static void a_row_lock_that_is_held_is_an_outage_of_the_claim(void **state)
{
    struct contract_writer writer;
    uint64_t epoch = 99;

    (void)state;
    contract_writer_open(&writer, &postgres_target, 1);
    reopen_with_timeout(&writer, 200);
    postgres_exec("BEGIN; UPDATE counter_writers SET synced_at = now()");
    assert_int_equal(contract_claim(writer.store, (uint8_t[]){7, 101}, 2, false, &epoch,
                                    &writer.err),
                     SR_UNAVAILABLE);
    assert_non_null(strstr(writer.err.text, "55P03"));
    assert_int_equal(epoch, 99);
    postgres_exec("ROLLBACK");
    assert_int_equal(contract_claim(writer.store, (uint8_t[]){7, 101}, 2, false, &epoch,
                                    &writer.err),
                     SR_OK);
    contract_writer_close(&writer);
}

static void a_row_lock_that_is_held_is_an_outage_of_the_apply(void **state)
{
    struct contract_writer writer;

    (void)state;
    contract_writer_open(&writer, &postgres_target, 1);
    assert_int_equal(apply_one(&writer, "a"), SR_OK);
    reopen_with_timeout(&writer, 200);
    postgres_exec("BEGIN; UPDATE counters SET value = 10");
    assert_int_equal(apply_one(&writer, "a"), SR_UNAVAILABLE);
    postgres_exec("COMMIT");
    assert_int_equal(apply_one(&writer, "a"), SR_OK);
    contract_assert_value(&writer, "a", 11);
    contract_writer_close(&writer);
}

/* The claim waits for a transaction of ours that is still running, and reads what it left. */
static void *commit_when_waited_for(void *context)
{
    PGconn *connection = context;
    PGresult *result;
    bool waited = false;

    while (!waited) {
        result = PQexec(connection, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = "
                                    "'Lock' AND application_name = 'simple-request'");
        waited = PQntuples(result) == 1;
        PQclear(result);
    }
    PQclear(PQexec(connection, "COMMIT"));
    return NULL;
}

static void a_claim_waits_for_an_old_backend_and_tells_what_it_left(void **state)
{
    struct contract_writer writer;
    PGconn *old = PQconnectdb(postgres_url());
    pthread_t thread;
    uint64_t epoch = 0;

    (void)state;
    contract_writer_open(&writer, &postgres_target, 1);
    PQclear(PQexec(old, "BEGIN"));
    PQclear(PQexec(old, "UPDATE counter_writers SET epoch = 7"));
    SR_CHECK(pthread_create(&thread, NULL, commit_when_waited_for, old) == 0);
    assert_int_equal(contract_claim(writer.store, (uint8_t[]){7, 101}, 2, false, &epoch,
                                    &writer.err),
                     SR_OK);
    assert_int_equal(epoch, 7);
    SR_CHECK(pthread_join(thread, NULL) == 0);
    PQfinish(old);
    contract_writer_close(&writer);
}

static void a_frozen_backend_is_an_outage_within_the_timeout(void **state)
{
    struct contract_writer writer;
    uint64_t started_ms;
    pid_t backend;

    (void)state;
    contract_writer_open(&writer, &postgres_target, 1);
    reopen_with_timeout(&writer, 300);
    backend = (pid_t)postgres_number(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'simple-request'");
    SR_CHECK(kill(backend, SIGSTOP) == 0);
    started_ms = sr_clock_monotonic_ms();
    assert_int_equal(apply_one(&writer, "a"), SR_UNAVAILABLE);
    assert_in_range(sr_clock_monotonic_ms() - started_ms, 250, 5000);
    SR_CHECK(kill(backend, SIGCONT) == 0);
    reopen_with_timeout(&writer, 5000);
    assert_int_equal(writer.epoch, 0);
    assert_int_equal(apply_one(&writer, "a"), SR_OK);
    contract_assert_value(&writer, "a", 1);
    contract_writer_close(&writer);
}

static void a_database_too_slow_for_a_statement_gets_smaller_ones(void **state)
{
    struct contract_writer writer;
    struct store_postgres *store;
    uint32_t rows;

    (void)state;
    contract_writer_open(&writer, &postgres_target, 1);
    reopen_with_timeout(&writer, 300);
    store = (struct store_postgres *)writer.store;
    rows = store->rows;
    postgres_exec("CREATE FUNCTION wait() RETURNS trigger AS $$ BEGIN PERFORM pg_sleep(5); "
                  "RETURN new; END $$ LANGUAGE plpgsql; CREATE TRIGGER t BEFORE INSERT ON "
                  "counters FOR EACH ROW EXECUTE FUNCTION wait()");
    assert_int_equal(apply_one(&writer, "a"), SR_UNAVAILABLE);
    assert_int_equal(store->rows, rows / 4);
    postgres_exec("DROP TRIGGER t ON counters");
    reopen_with_timeout(&writer, 5000);
    store = (struct store_postgres *)writer.store;
    store->rows = rows / 4;
    assert_int_equal(apply_one(&writer, "a"), SR_OK);
    assert_int_equal(store->rows, rows / 4 * 2);
    contract_writer_close(&writer);
}

static void *cancel_when_waited_for(void *context)
{
    struct store *store = context;
    PGconn *connection = PQconnectdb(postgres_url());
    bool waits = false;

    while (!waits) {
        PGresult *result =
            PQexec(connection, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'");

        waits = PQntuples(result) == 1;
        PQclear(result);
    }
    store->ops->cancel(store);
    PQfinish(connection);
    return NULL;
}

static void cancel_ends_a_wait_at_once(void **state)
{
    struct contract_writer writer;
    uint64_t started_ms = sr_clock_monotonic_ms();
    pthread_t thread;

    (void)state;
    contract_writer_open(&writer, &postgres_target, 1);
    postgres_exec("BEGIN; LOCK counters");
    SR_CHECK(pthread_create(&thread, NULL, cancel_when_waited_for, writer.store) == 0);
    assert_int_equal(apply_one(&writer, "a"), SR_UNAVAILABLE);
    assert_non_null(strstr(writer.err.text, "cancelled"));
    assert_in_range(sr_clock_monotonic_ms() - started_ms, 0, 10000);
    SR_CHECK(pthread_join(thread, NULL) == 0);
    postgres_exec("ROLLBACK");
    contract_writer_close(&writer);
}

static void an_idle_connection_that_ended_does_not_fail_a_load(void **state)
{
    struct contract_writer writer;

    (void)state;
    contract_writer_open(&writer, &postgres_target, 1);
    contract_assert_absent(&writer, "a");
    postgres_target.cut(NULL);
    contract_assert_absent(&writer, "a");
    contract_writer_close(&writer);
}

static void info_names_the_live_connection(void **state)
{
    struct contract_writer writer;
    struct store_info info;

    (void)state;
    contract_writer_open(&writer, &postgres_target, 1);
    writer.store->ops->info(writer.store, &info);
    assert_string_equal(info.driver, "postgresql");
    assert_string_equal(info.host, "127.0.0.1");
    assert_true(strlen(info.version) >= 2);
    contract_writer_close(&writer);
}

static int empty_database(void **state)
{
    (void)state;
    postgres_reset(NULL);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, empty_database)

static const struct CMUnitTest tests[] = {
    TEST(a_row_lock_that_is_held_is_an_outage_of_the_claim),
    TEST(a_row_lock_that_is_held_is_an_outage_of_the_apply),
    TEST(a_claim_waits_for_an_old_backend_and_tells_what_it_left),
    TEST(a_frozen_backend_is_an_outage_within_the_timeout),
    TEST(a_database_too_slow_for_a_statement_gets_smaller_ones),
    TEST(cancel_ends_a_wait_at_once),
    TEST(an_idle_connection_that_ended_does_not_fail_a_load),
    TEST(info_names_the_live_connection),
};

const struct contract_tests test_postgres_outage = {tests, CONTRACT_COUNT(tests)};
