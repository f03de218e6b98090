/*
 * The SQLite driver over a file system that fails at the n-th operation, for every n until the
 * whole course passes untouched: an I/O error is final for the store, a full disk passes, and
 * whatever happened, after a restart the totals are those of the epoch that the row tells.
 */
#include "store/contract_support.h"
#include "store/faulty_vfs.h"

#include "base/check.h"

#include <sqlite3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEYS 100
#define EPOCHS 2

static char folder[] = "/tmp/simple-request-faults-XXXXXX";
static char path[64];

static void remove_files(void)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char name[80];

    for (size_t i = 0; i < CONTRACT_COUNT(ends); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        (void)unlink(name); /* may not be there */
    }
}

static struct store *open_store(void)
{
    struct store_options options = {.instance = contract_uuid(1),
                                    .timeout_ms = 10000,
                                    .create = true};
    struct store *store = NULL;
    struct sr_err err;
    char url[80];

    (void)snprintf(url, sizeof(url), "sqlite:%s", path);
    SR_CHECK(store_open(url, &options, &store, &err) == SR_OK);
    return store;
}

/* Every epoch adds 1 to each of the keys, which are long enough for several pages. */
static struct sr_change plus_one(uint64_t index, char *space)
{
    int size =
        snprintf(space, SR_KEY_SIZE_MAX + 1, "%05llu%0100d", (unsigned long long)index, 0);

    return (struct sr_change){.key = {.data = (const uint8_t *)space, .size = (size_t)size},
                              .kind = SR_CHANGE_ADD,
                              .value = 1};
}

static enum sr_result apply_epoch(struct store *store, uint64_t epoch)
{
    struct store_epoch wanted = {.epoch = epoch,
                                 .predecessor = epoch - 1,
                                 .owner = contract_uuid(101)};
    struct contract_source source;
    struct contract_sink sink;
    struct sr_err err;
    enum sr_result res;

    contract_source_make(&source, KEYS, plus_one);
    contract_sink_init(&sink);
    res = store->ops->apply(store, &wanted, &source.source, &sink.sink, &err);
    contract_sink_done(&sink);
    contract_source_done(&source);
    return res;
}

static enum sr_result claim(struct store *store, uint64_t *ret_epoch)
{
    struct sr_err err;

    return contract_claim(store, (uint8_t[]){101}, 1, true, ret_epoch, &err);
}

/* Claims and applies until all epochs are in or something fails; then only looks at what it
 * says to further calls. Returns the number of epochs acknowledged. */
static uint64_t run_course(struct store *store, enum sr_result *ret_result)
{
    uint64_t epoch = 0;
    uint64_t acknowledged = 0;
    enum sr_result res = claim(store, &epoch);

    while (res == SR_OK && epoch < EPOCHS) {
        res = apply_epoch(store, epoch + 1);
        epoch += res == SR_OK;
        acknowledged = epoch;
    }
    if (res == SR_OK) {
        res = claim(store, &epoch);
    }
    *ret_result = res;
    return acknowledged;
}

/* After a restart: every key has the value of the row's epoch, and none acknowledged is
 * missing. */
static void assert_consistent(uint64_t acknowledged)
{
    struct store *store = open_store();
    static char text[KEYS][SR_KEY_SIZE_MAX + 1];
    struct sr_span keys[KEYS];
    struct store_value values[KEYS];
    struct sr_err err;
    uint64_t epoch = 99;
    uint64_t loaded = 99;

    assert_int_equal(claim(store, &epoch), SR_OK);
    assert_in_range(epoch, acknowledged, EPOCHS);
    for (size_t i = 0; i < KEYS; i++) {
        keys[i] = plus_one(i, text[i]).key;
    }
    assert_int_equal(store->ops->load(store, keys, KEYS, values, &loaded, &err), SR_OK);
    assert_int_equal(loaded, epoch);
    for (size_t i = 0; i < KEYS; i++) {
        assert_int_equal(values[i].exists ? values[i].value : 0, epoch);
    }
    store_close(&store);
}

static void assert_every_call_refused(struct store *store)
{
    struct sr_uuid owner = contract_uuid(101);
    struct sr_span key = sr_span_text("a");
    struct store_value value;
    struct sr_err err;
    uint64_t epoch;
    bool owned;

    assert_int_equal(claim(store, &epoch), SR_DAMAGED);
    assert_int_equal(apply_epoch(store, 1), SR_DAMAGED);
    assert_int_equal(store->ops->look(store, &owner, &epoch, &owned, &err), SR_DAMAGED);
    assert_int_equal(store->ops->load(store, &key, 1, &value, &epoch, &err), SR_DAMAGED);
    assert_non_null(strstr(err.text, "restart"));
}

/* Sweeps the n-th operation; `final` says whether the error ends the store. */
static void sweep(int code, bool final)
{
    unsigned number = 0;
    unsigned failures = 0;
    bool failed = true;

    while (failed) {
        enum sr_result res;
        uint64_t acknowledged;
        struct store *store;

        remove_files();
        store = open_store();
        faulty_vfs_fail_at(++number, code);
        acknowledged = run_course(store, &res);
        failed = faulty_vfs_failed();
        faulty_vfs_fail_at(0, SQLITE_OK);
        if (failed && res == SR_OK) {
            /* SQLite may do without that operation; the row is right all the same. */
            assert_int_equal(acknowledged, EPOCHS);
        } else if (failed && final) {
            assert_int_equal(res, SR_DAMAGED);
            assert_every_call_refused(store);
            failures++;
        } else if (failed) {
            assert_int_equal(res, SR_UNAVAILABLE);
            acknowledged = run_course(store, &res);
            assert_int_equal(res, SR_OK);
            failures++;
        }
        store_close(&store);
        assert_consistent(acknowledged);
    }
    /* The course is long, and most of it matters. */
    assert_in_range(number, 30, 100000);
    assert_in_range(failures, number / 2, number);
}

static void a_failed_write_ends_the_store_and_loses_nothing(void **state)
{
    (void)state;
    sweep(SQLITE_IOERR_WRITE, true);
}

static void a_failed_sync_ends_the_store_and_loses_nothing(void **state)
{
    (void)state;
    sweep(SQLITE_IOERR_FSYNC, true);
}

static void a_full_disk_passes_and_loses_nothing(void **state)
{
    (void)state;
    sweep(SQLITE_FULL, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_write_ends_the_store_and_loses_nothing),
        cmocka_unit_test(a_failed_sync_ends_the_store_and_loses_nothing),
        cmocka_unit_test(a_full_disk_passes_and_loses_nothing),
    };
    int failed;

    SR_CHECK(mkdtemp(folder) != NULL);
    (void)snprintf(path, sizeof(path), "%s/counters.db", folder);
    faulty_vfs_register();
    failed = cmocka_run_group_tests_name("store/sqlite faults", tests, NULL, NULL);
    remove_files();
    SR_CHECK(rmdir(folder) == 0);
    return failed;
}
