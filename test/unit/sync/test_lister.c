/*
 * The lister: memory and store as one list, whenever a flush comes between its steps.
 */
#include "sync_fixture.h"

#include "sync/lister.h"

#include <stdio.h>
#include <string.h>

static struct sync_fixture *fixture;
static struct store *lister_store;
static struct lister *lister;
static unsigned done_count;

/* When a flush comes into a list call, once; -1: never. */
static int flush_moment;

static void on_done(void *context)
{
    (void)context;
    done_count++;
}

static void at_moment(void *context, const struct fake_call *call, enum fake_moment moment)
{
    (void)context;
    if (call->operation == FAKE_LIST && (int)moment == flush_moment) {
        flush_moment = -1;
        sync_interval(fixture);
    }
}

static int setup(void **state)
{
    struct fake_hooks hooks = {.moment = at_moment};
    struct lister_options options = {.done = on_done};
    struct sr_uuid instance;

    if (sync_setup(state) != 0) {
        return -1;
    }
    fixture = *state;
    flush_moment = -1;
    done_count = 0;
    instance = datadir_instance(fixture->datadir);
    lister_store = fake_store_open(fixture->database, &instance);
    options.counters = fixture->counters;
    options.store = lister_store;
    fake_database_hook(fixture->database, &hooks);
    return lister_open(&options, &lister, &fixture->err) == SR_OK ? 0 : -1;
}

static int teardown(void **state)
{
    lister_close(&lister);
    store_close(&lister_store);
    return sync_teardown(state);
}

/* A page as "key=total;key=total;>next". */
static const char *list(const char *prefix, const char *after, uint32_t limit)
{
    static char text[1024];
    struct lister_request request = {.prefix = sr_span_text(prefix),
                                     .after = sr_span_text(after),
                                     .limit = limit};
    struct lister_job *job = NULL;
    struct lister_page page;
    size_t size = 0;

    assert_int_equal(lister_ask(lister, &request, &job), SR_OK);
    assert_false(lister_is_done(job));
    assert_true(lister_step(lister));
    assert_true(lister_is_done(job));
    if (!lister_page(job, &page)) {
        lister_drop(lister, &job);
        return "failed";
    }
    text[0] = '\0';
    for (uint32_t i = 0; i < page.count; i++) {
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%.*s=%lld;",
                                 page.items[i].key_size,
                                 (const char *)page.keys + page.items[i].key_at,
                                 (long long)page.items[i].total);
    }
    if (page.next.size > 0) {
        (void)snprintf(text + size, sizeof(text) - size, ">%.*s", (int)page.next.size,
                       (const char *)page.next.data);
    }
    lister_drop(lister, &job);
    assert_null(job);
    return text;
}

static void replace(struct sync_fixture *f, const char *text, enum sr_change_kind kind,
                    int64_t value)
{
    struct counters_turn turn = {.epoch = f->open_epoch, .may_wait = true};
    struct counters_outcome outcome;
    struct sr_span key = sr_span_text(text);

    assert_int_equal(counters_replace(f->counters, &turn, key, counters_hash(f->counters, key),
                                      kind, value, &outcome),
                     COUNTERS_DONE);
    f->counted[turn.epoch & 1] += (uint64_t)value - (uint64_t)outcome.replaced;
}

static void memory_lies_over_the_store(void **state)
{
    struct sync_fixture *f = *state;

    fake_database_put(f->database, sr_span_text("a"), 1);
    fake_database_put(f->database, sr_span_text("c"), 3);
    fake_database_put(f->database, sr_span_text("e"), 5);
    fake_database_put(f->database, sr_span_text("g"), 7);
    sync_steps(f);
    assert_string_equal(list("", "", 10), "a=1;c=3;e=5;g=7;");
    (void)sync_add(f, "a", 10);
    (void)sync_add(f, "b", 2);
    replace(f, "c", SR_CHANGE_DELETE, 0);
    replace(f, "d", SR_CHANGE_DELETE, 0);
    replace(f, "e", SR_CHANGE_SET, -5);
    (void)sync_add(f, "h", 8);
    assert_string_equal(list("", "", 10), "a=11;b=2;e=-5;g=7;h=8;");
    assert_string_equal(list("", "", 2), "a=11;b=2;>b");
    assert_string_equal(list("", "b", 2), "e=-5;g=7;>g");
    assert_string_equal(list("", "g", 2), "h=8;");
    assert_string_equal(list("e", "", 10), "e=-5;");
    assert_string_equal(list("e", "f", 10), "");
    assert_string_equal(list("", "zzz", 10), "");
    assert_int_equal(done_count, 8);
}

static void a_page_goes_on_behind_deleted_rows(void **state)
{
    struct sync_fixture *f = *state;
    char key[8];

    for (int n = 0; n < 20; n++) {
        (void)snprintf(key, sizeof(key), "k%02d", n);
        fake_database_put(f->database, sr_span_text(key), n);
    }
    sync_steps(f);
    for (int n = 0; n < 12; n++) {
        (void)snprintf(key, sizeof(key), "k%02d", n);
        replace(f, key, SR_CHANGE_DELETE, 0);
    }
    assert_string_equal(list("", "", 2), "k12=12;k13=13;>k13");
    assert_string_equal(list("", "k18", 2), "k19=19;");
    /* More in a row than a page looks at: it is short, and says where to go on. */
    for (int n = 12; n < 19; n++) {
        (void)snprintf(key, sizeof(key), "k%02d", n);
        replace(f, key, SR_CHANGE_DELETE, 0);
    }
    assert_string_equal(list("", "", 1), ">k15");
    assert_string_equal(list("", "k15", 1), "k19=19;");
}

static void a_flush_between_its_steps_is_noticed(void **state)
{
    static const enum fake_moment moments[] = {FAKE_AT_START, FAKE_AFTER_READ};
    struct sync_fixture *f = *state;

    fake_database_put(f->database, sr_span_text("a"), 1);
    sync_steps(f);
    for (size_t i = 0; i < 2; i++) {
        uint64_t calls;

        (void)sync_add(f, "a", 10);
        (void)sync_add(f, "b", 5);
        flush_moment = (int)moments[i];
        calls = fake_database_calls(f->database);
        assert_string_equal(list("", "", 10), i == 0 ? "a=11;b=5;" : "a=21;b=10;");
        assert_int_equal(flush_moment, -1);
        assert_true(fake_database_calls(f->database) - calls >= 2 + i); /* read again */
        assert_int_equal(sync_row(f, "b"), i == 0 ? 5 : 10);
    }
}

static void a_store_that_does_not_answer_makes_no_page(void **state)
{
    struct sync_fixture *f = *state;

    sync_steps(f);
    (void)sync_add(f, "a", 1);
    fake_database_set_down(f->database, true);
    assert_string_equal(list("", "", 10), "failed");
    fake_database_set_down(f->database, false);
    assert_string_equal(list("", "", 10), "a=1;");
}

static void jobs_are_bounded_and_dropped_ones_are_freed(void **state)
{
    struct sync_fixture *f = *state;
    struct lister_request request = {.limit = 1};
    struct lister_job *jobs[LISTER_JOBS_MAX], *more = NULL;

    sync_steps(f);
    for (int i = 0; i < LISTER_JOBS_MAX; i++) {
        assert_int_equal(lister_ask(lister, &request, &jobs[i]), SR_OK);
    }
    assert_int_equal(lister_ask(lister, &request, &more), SR_FULL);
    assert_null(more);
    lister_drop(lister, &jobs[0]);
    while (lister_step(lister)) {
    }
    assert_int_equal(done_count, LISTER_JOBS_MAX - 1);
    for (int i = 1; i < LISTER_JOBS_MAX; i++) {
        lister_drop(lister, &jobs[i]);
    }
    lister_drop(lister, &more);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(memory_lies_over_the_store),
        TEST(a_page_goes_on_behind_deleted_rows),
        TEST(a_flush_between_its_steps_is_noticed),
        TEST(a_store_that_does_not_answer_makes_no_page),
        TEST(jobs_are_bounded_and_dropped_ones_are_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
