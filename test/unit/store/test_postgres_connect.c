/*
 * store_postgres_connect.c, _resolve.c, _schema.c and the URL: reaching a database and what it
 * has to be.
 */
#include "store/postgres_support.h"
#include "store/test_postgres.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A claim of instance 1 on a URL must end so, with the word in its error. */
static void assert_claim(const char *url, uint32_t timeout_ms, enum sr_result wanted,
                         const char *word)
{
    struct sr_uuid instance = contract_uuid(1);
    struct store *store = postgres_store(url, &instance, timeout_ms, 0);
    struct sr_err err = {.text = ""};
    uint64_t epoch;
    enum sr_result res = contract_claim(store, (uint8_t[]){101}, 1, true, &epoch, &err);

    if (res != wanted || strstr(err.text, word) == NULL) {
        fail_msg("%s, not %s with '%s': %s", sr_result_text(res), sr_result_text(wanted), word,
                 err.text);
    }
    store_close(&store);
}

static void assert_invalid(const char *url, const char *word)
{
    struct store_options options = {.timeout_ms = 1000};
    struct store *store = NULL;
    struct sr_err err;

    assert_int_equal(store_open(url, &options, &store, &err), SR_INVALID);
    assert_null(store);
    assert_non_null(strstr(err.text, word));
    assert_null(strstr(err.text, "secret"));
}

static void urls_that_libpq_cannot_parse_are_invalid_and_show_no_password(void **state)
{
    (void)state;
    assert_invalid("postgres://u:secret@h/d?pool_size=5", "pool_size");
    assert_invalid("ecto://u:secret@h/d?nonsense=5", "nonsense");
    assert_invalid("postgres://u:secret@[::1/d", "percent-encoded");
    assert_invalid("postgres://u:se/secret@h/d", "invalid port");
    assert_invalid("postgres://u:p@h:0/d", "invalid port");
    assert_invalid("postgres://u:p@h:70000/d", "invalid port");
    assert_invalid("postgres://u:p@h%zz/d", "%zz");
}

static void an_ecto_url_reaches_the_same_database(void **state)
{
    struct postgres_parts parts = postgres_split_url();
    char url[300];

    (void)state;
    (void)snprintf(url, sizeof(url), "ecto://%s:ignored@%s:%u/%s?pool_size=10&ssl=false",
                   parts.user, parts.host, parts.port, parts.database);
    assert_claim(url, 5000, SR_OK, "");
    assert_int_equal(postgres_number("SELECT count(*) FROM counter_writers"), 1);
}

static void a_name_is_resolved(void **state)
{
    struct postgres_parts parts = postgres_split_url();
    char url[300];

    (void)state;
    (void)snprintf(url, sizeof(url), "postgres://%s@localhost:%u/%s", parts.user, parts.port,
                   parts.database);
    assert_claim(url, 5000, SR_OK, "");
}

static void a_name_that_is_unknown_is_an_outage(void **state)
{
    (void)state;
    assert_claim("postgres://u@no-such-host.invalid/d", 5000, SR_UNAVAILABLE,
                 "no-such-host.invalid");
}

static void a_refused_connection_and_a_missing_database_are_outages(void **state)
{
    struct postgres_parts parts = postgres_split_url();
    char url[300];

    (void)state;
    assert_claim("postgres://u@127.0.0.1:1/d", 5000, SR_UNAVAILABLE, "refused");
    (void)snprintf(url, sizeof(url), "postgres://%s@%s:%u/not_there", parts.user, parts.host,
                   parts.port);
    assert_claim(url, 5000, SR_UNAVAILABLE, "does not exist");
}

/* A listener that takes connections and says nothing, as a frozen server does. */
static int open_silent(unsigned *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    SR_CHECK(fd >= 0);
    SR_CHECK(bind(fd, (struct sockaddr *)&address, size) == 0);
    SR_CHECK(listen(fd, 8) == 0);
    SR_CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void a_silent_server_is_an_outage_within_the_timeout(void **state)
{
    unsigned port;
    int fd = open_silent(&port);
    char url[300];

    (void)state;
    (void)snprintf(url, sizeof(url), "postgres://u@127.0.0.1:%u/d", port);
    assert_claim(url, 100, SR_UNAVAILABLE, "no answer within the timeout");
    SR_CHECK(close(fd) == 0);
}

static void of_several_hosts_the_one_that_answers_is_taken(void **state)
{
    struct postgres_parts parts = postgres_split_url();
    unsigned port;
    int fd = open_silent(&port);
    char url[300];

    (void)state;
    (void)snprintf(url, sizeof(url), "postgres://%s@127.0.0.1:1,127.0.0.1:%u,localhost:%u/%s",
                   parts.user, port, parts.port, parts.database);
    assert_claim(url, 2000, SR_OK, "");
    SR_CHECK(close(fd) == 0);
}

static void of_several_hosts_one_that_only_reads_is_not_taken(void **state)
{
    struct postgres_parts parts = postgres_split_url();
    char url[300];
    char sql[200];

    (void)state;
    (void)snprintf(url, sizeof(url), "postgres://%s@127.0.0.1:%u,127.0.0.1:%u/%s", parts.user,
                   parts.port, parts.port, parts.database);
    (void)snprintf(sql, sizeof(sql), "ALTER DATABASE %s SET default_transaction_read_only = on",
                   parts.database);
    postgres_exec(sql);
    assert_claim(url, 2000, SR_UNAVAILABLE, "read-only");
    assert_claim(postgres_url(), 2000, SR_UNAVAILABLE, "read-only");
    (void)snprintf(sql, sizeof(sql), "ALTER DATABASE %s RESET default_transaction_read_only",
                   parts.database);
    postgres_exec(sql);
    assert_claim(url, 2000, SR_OK, "");
}

static void a_database_of_another_encoding_is_refused(void **state)
{
    struct postgres_parts parts = postgres_split_url();
    char url[300];

    (void)state;
    postgres_exec("CREATE DATABASE latin1 TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' "
                  "LC_CTYPE 'C'");
    (void)snprintf(url, sizeof(url), "postgres://%s@%s:%u/latin1", parts.user, parts.host,
                   parts.port);
    assert_claim(url, 5000, SR_REFUSED, "LATIN1");
    postgres_exec("DROP DATABASE latin1 WITH (FORCE)");
}

/* --- schema --------------------------------------------------------------------------------
 */

#define STARTERS 6

static void *claim_in_thread(void *context)
{
    struct contract_writer *writer = context;
    uint8_t token = writer->owner.bytes[0];
    static _Thread_local uint64_t epoch;

    writer->err.code = contract_claim(writer->store, &token, 1, true, &epoch, &writer->err);
    return NULL;
}

static void instances_that_start_at_once_make_the_tables_once(void **state)
{
    struct contract_writer writers[STARTERS];
    pthread_t threads[STARTERS];

    (void)state;
    for (uint8_t i = 0; i < STARTERS; i++) {
        writers[i] = (struct contract_writer){.instance = contract_uuid((uint8_t)(i + 1)),
                                              .owner = contract_uuid((uint8_t)(i + 50))};
        writers[i].store = postgres_store(postgres_url(), &writers[i].instance, 20000, 0);
    }
    for (size_t i = 0; i < STARTERS; i++) {
        SR_CHECK(pthread_create(&threads[i], NULL, claim_in_thread, &writers[i]) == 0);
    }
    for (size_t i = 0; i < STARTERS; i++) {
        SR_CHECK(pthread_join(threads[i], NULL) == 0);
        if (writers[i].err.code != SR_OK) {
            fail_msg("%s", writers[i].err.text);
        }
        store_close(&writers[i].store);
    }
    assert_int_equal(postgres_number("SELECT count(*) FROM counter_writers"), STARTERS);
    assert_int_equal(postgres_number("SELECT count(*) FROM counter_schema"), 1);
}

static void tables_of_a_newer_version_are_refused_naming_both(void **state)
{
    (void)state;
    assert_claim(postgres_url(), 5000, SR_OK, "");
    postgres_exec("INSERT INTO counter_schema (version) VALUES (41)");
    assert_claim(postgres_url(), 5000, SR_REFUSED, "version 41, this program knows 1");
}

static void a_table_of_somebody_else_is_refused_and_stays(void **state)
{
    (void)state;
    postgres_exec("CREATE TABLE counters (id int)");
    assert_claim(postgres_url(), 5000, SR_REFUSED, "already exists");
    assert_int_equal(postgres_number(
                         "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
                     1);
}

static void a_role_that_may_not_make_tables_works_on_made_ones(void **state)
{
    struct postgres_parts parts = postgres_split_url();
    char url[300];

    (void)state;
    (void)snprintf(url, sizeof(url), "postgres://guest@%s:%u/%s", parts.host, parts.port,
                   parts.database);
    postgres_exec("CREATE ROLE guest LOGIN; GRANT USAGE ON SCHEMA public TO guest");
    assert_claim(url, 5000, SR_REFUSED, "42501");
    assert_claim(postgres_url(), 5000, SR_OK, "");
    assert_claim(url, 5000, SR_REFUSED, "42501");
    postgres_exec(
        "DELETE FROM counter_writers; "
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest");
    assert_claim(url, 5000, SR_OK, "");
    postgres_exec("DROP OWNED BY guest; DROP ROLE guest");
}

static void a_migration_lock_that_is_held_is_an_outage(void **state)
{
    (void)state;
    postgres_exec("SELECT pg_advisory_lock(6003393012826629991)");
    assert_claim(postgres_url(), 200, SR_UNAVAILABLE, "55P03");
    postgres_exec("SELECT pg_advisory_unlock(6003393012826629991)");
    assert_claim(postgres_url(), 5000, SR_OK, "");
}

static int empty_database(void **state)
{
    (void)state;
    postgres_reset(NULL);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, empty_database)

static const struct CMUnitTest tests[] = {
    TEST(urls_that_libpq_cannot_parse_are_invalid_and_show_no_password),
    TEST(an_ecto_url_reaches_the_same_database),
    TEST(a_name_is_resolved),
    TEST(a_name_that_is_unknown_is_an_outage),
    TEST(a_refused_connection_and_a_missing_database_are_outages),
    TEST(a_silent_server_is_an_outage_within_the_timeout),
    TEST(of_several_hosts_the_one_that_answers_is_taken),
    TEST(of_several_hosts_one_that_only_reads_is_not_taken),
    TEST(a_database_of_another_encoding_is_refused),
    TEST(instances_that_start_at_once_make_the_tables_once),
    TEST(tables_of_a_newer_version_are_refused_naming_both),
    TEST(a_table_of_somebody_else_is_refused_and_stays),
    TEST(a_role_that_may_not_make_tables_works_on_made_ones),
    TEST(a_migration_lock_that_is_held_is_an_outage),
};

const struct contract_tests test_postgres_connect = {tests, CONTRACT_COUNT(tests)};
