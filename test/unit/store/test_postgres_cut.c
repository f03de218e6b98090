/*
 * A connection to PostgreSQL that ends after any number of bytes, in either direction: what a
 * claim or apply then says is true, and the epoch is applied exactly once.
 */
#include "store/cutting_proxy.h"
#include "store/postgres_support.h"
#include "store/test_postgres.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes from one cut to the next; 1 is thorough and takes its time. */
#define STRIDE_VARIABLE "SIMPLE_REQUEST_CUT_STRIDE"
#define STRIDE 29

static size_t stride(void)
{
    const char *given = getenv(STRIDE_VARIABLE);

    return given == NULL ? STRIDE : strtoul(given, NULL, 10);
}

static struct cutting_proxy *open_proxy(char *ret_url, size_t size)
{
    struct postgres_parts parts = postgres_split_url();
    struct cutting_proxy *proxy = cutting_proxy_open(parts.port);

    (void)snprintf(ret_url, size, "postgres://%s@127.0.0.1:%u/%s?sslmode=disable", parts.user,
                   cutting_proxy_port(proxy), parts.database);
    return proxy;
}

/* A cut behind the last answer shows only now: the first claim may find the connection ended.
 */
static uint64_t claim_surely(struct store *store, const uint8_t *tokens, size_t count)
{
    struct sr_err err;
    uint64_t epoch = 0;
    enum sr_result res = contract_claim(store, tokens, count, false, &epoch, &err);

    if (res == SR_UNAVAILABLE) {
        res = contract_claim(store, tokens, count, false, &epoch, &err);
    }
    if (res != SR_OK) {
        fail_msg("claim: %s", err.text);
    }
    return epoch;
}

/* Several statements of each kind, and a row that is refused from the second epoch on. */
static enum sr_result apply_epoch(struct contract_writer *writer, uint64_t epoch)
{
    const struct sr_change changes[] = {contract_change(SR_CHANGE_ADD, "a", 1),
                                        contract_change(SR_CHANGE_ADD, "b", 1),
                                        contract_change(SR_CHANGE_ADD, "c", 1),
                                        contract_change(SR_CHANGE_SET, "d", 1),
                                        contract_change(SR_CHANGE_DELETE, "e", 0),
                                        contract_change(SR_CHANGE_ADD, "f", 1)};
    struct contract_source source;
    struct contract_sink sink;
    enum sr_result res;

    writer->epoch = epoch;
    contract_source_init(&source, changes, CONTRACT_COUNT(changes));
    contract_sink_init(&sink);
    res = contract_apply(writer, &source, &sink);
    contract_sink_done(&sink);
    contract_source_done(&source);
    return res;
}

/* Without the proxy's help: what the database holds. */
static void assert_every_epoch_once(int64_t epoch)
{
    assert_int_equal(postgres_number("SELECT epoch FROM counter_writers"), epoch);
    assert_int_equal(postgres_number(
                         "SELECT count(*) FROM counters WHERE key IN ('a', 'b', 'c', 'f') AND "
                         "value = (SELECT epoch FROM counter_writers)"),
                     epoch == 0 ? 0 : 4);
}

/* Cuts applies after 0, stride, 2 * stride ... bytes until one passes uncut. */
static void sweep_apply(enum cutting_direction direction)
{
    struct contract_writer writer;
    char url[300];
    struct cutting_proxy *proxy = open_proxy(url, sizeof(url));
    uint64_t unknown = 0;
    size_t size = 0;
    bool cut = true;

    contract_writer_open(&writer, &postgres_target, 1);
    store_close(&writer.store);
    writer.store = postgres_store(url, &writer.instance, 10000, 2);
    for (; cut; size += stride()) {
        uint64_t before = claim_surely(writer.store, (uint8_t[]){101}, 1);
        uint64_t after;
        enum sr_result res;

        cutting_proxy_arm(proxy, direction, size);
        res = apply_epoch(&writer, before);
        cut = cutting_proxy_disarm(proxy);
        after = claim_surely(writer.store, (uint8_t[]){101}, 1);
        assert_true(res == SR_OK || res == SR_UNAVAILABLE || res == SR_UNKNOWN);
        assert_true(cut || res == SR_OK);
        assert_true(res != SR_OK || after == before + 1);
        assert_true(res != SR_UNAVAILABLE || after == before);
        assert_every_epoch_once((int64_t)after);
        unknown += res == SR_UNKNOWN;
    }
    assert_in_range(size, 300, 100000);
    assert_in_range(unknown, 1, 100);
    contract_writer_close(&writer);
    cutting_proxy_close(&proxy);
}

static void an_apply_cut_on_the_way_to_the_server_is_applied_once_or_not(void **state)
{
    (void)state;
    sweep_apply(CUTTING_TO_SERVER);
}

static void an_apply_cut_on_the_way_back_is_applied_once_or_not(void **state)
{
    (void)state;
    sweep_apply(CUTTING_TO_CLIENT);
}

/* Cuts claims, the connecting included; the same tokens get through afterwards. */
static void sweep_claim(enum cutting_direction direction)
{
    struct contract_writer writer;
    char url[300];
    struct cutting_proxy *proxy = open_proxy(url, sizeof(url));
    uint8_t tokens[] = {0, 101};
    size_t size = 0;
    bool cut = true;

    contract_writer_open(&writer, &postgres_target, 1);
    for (uint8_t round = 1; cut; size += stride() * 3, round = (uint8_t)(round % 100 + 1)) {
        struct store *store = postgres_store(url, &writer.instance, 10000, 2);
        struct sr_uuid fresh = contract_uuid(round);
        uint64_t epoch = 99;
        bool owned = false;
        enum sr_result res;

        tokens[0] = round;
        cutting_proxy_arm(proxy, direction, size);
        res = contract_claim(store, tokens, 2, false, &epoch, &writer.err);
        cut = cutting_proxy_disarm(proxy);
        assert_true(res == SR_OK || res == SR_UNAVAILABLE || res == SR_UNKNOWN);
        assert_true(cut || res == SR_OK);
        assert_int_equal(writer.store->ops->look(writer.store, &fresh, &epoch, &owned,
                                                 &writer.err),
                         SR_OK);
        assert_true(res != SR_OK || owned);
        assert_true(res != SR_UNAVAILABLE || !owned);
        assert_int_equal(claim_surely(store, tokens, 2), 0);
        store_close(&store);
        assert_int_equal(claim_surely(writer.store, (uint8_t[]){101, round}, 2), 0);
    }
    assert_in_range(size, 200, 100000);
    contract_writer_close(&writer);
    cutting_proxy_close(&proxy);
}

static void a_claim_cut_on_the_way_to_the_server_may_be_repeated(void **state)
{
    (void)state;
    sweep_claim(CUTTING_TO_SERVER);
}

static void a_claim_cut_on_the_way_back_may_be_repeated(void **state)
{
    (void)state;
    sweep_claim(CUTTING_TO_CLIENT);
}

static int empty_database(void **state)
{
    (void)state;
    postgres_reset(NULL);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, empty_database)

static const struct CMUnitTest tests[] = {
    TEST(an_apply_cut_on_the_way_to_the_server_is_applied_once_or_not),
    TEST(an_apply_cut_on_the_way_back_is_applied_once_or_not),
    TEST(a_claim_cut_on_the_way_to_the_server_may_be_repeated),
    TEST(a_claim_cut_on_the_way_back_may_be_repeated),
};

const struct contract_tests test_postgres_cut = {tests, CONTRACT_COUNT(tests)};
