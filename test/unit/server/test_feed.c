/*
 * The ring of rows that dashboards are fed with: what a stream is given, from wherever it
 * stands and whenever it comes.
 */
#include "server/feed.h"

#include "support/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BOOT 0xabcU
#define EVERYTHING SIZE_MAX

struct stream {
    struct feed *feed;
    struct sr_buffer out;
    uint64_t next;
    struct sr_err err;
};

static int setup(void **state)
{
    static struct stream s;

    s = (struct stream){.next = 1};
    sr_buffer_init(&s.out, 4U << 20);
    assert_int_equal(feed_open(BOOT, sr_span_text("[\"a\"]"), &s.feed, &s.err), SR_OK);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct stream *s = *state;

    feed_close(&s->feed);
    assert_null(s->feed);
    sr_buffer_done(&s->out);
    return 0;
}

/* Rows [1], [2], ... up to this number. */
static void publish_to(struct stream *s, uint64_t number)
{
    while (feed_newest(s->feed) < number) {
        char row[32];

        (void)snprintf(row, sizeof(row), "[%" PRIu64 "]", feed_newest(s->feed) + 1);
        feed_publish(s->feed, sr_span_text(row), sr_span_text("{\"top\":1}"));
    }
}

/* Reads on; what was appended is all that is in the buffer. */
static enum sr_result read_on(struct stream *s, size_t size)
{
    enum sr_result result;

    s->out.size = 0;
    result = feed_read(s->feed, &s->next, size, &s->out);
    assert_int_equal(sr_buffer_append(&s->out, "", 1), SR_OK);
    s->out.size--;
    return result;
}

static void assert_out(const struct stream *s, const char *text)
{
    assert_string_equal((const char *)s->out.data, text);
}

/* The number of the first and the last row in the buffer, and that none is missing between. */
static void assert_rows(const struct stream *s, uint64_t first, uint64_t last)
{
    const char *at = (const char *)s->out.data;
    char row[64];

    for (uint64_t number = first; number <= last; number++) {
        (void)snprintf(row, sizeof(row), "id: %" PRIu64 "\ndata: [%" PRIu64 "]\n\n", number,
                       number);
        assert_memory_equal(at, row, strlen(row));
        at += strlen(row);
    }
    assert_null(strstr(at, "id: "));
}

static void a_stream_begins_with_boot_and_names(void **state)
{
    struct stream *s = *state;

    assert_int_equal(feed_hello(s->feed, &s->out), SR_OK);
    assert_int_equal(sr_buffer_append(&s->out, "", 1), SR_OK);
    assert_out(s, "retry: 1000\nevent: hello\n"
                  "data: {\"boot\":\"abc\",\"seconds\":600,\"fields\":[\"a\"]}\n\n");
}

static void nothing_is_read_before_the_first_row(void **state)
{
    struct stream *s = *state;

    assert_int_equal(feed_newest(s->feed), 0);
    assert_int_equal(read_on(s, EVERYTHING), SR_OK);
    assert_int_equal(s->out.size, 0);
    assert_int_equal(s->next, 1);
}

static void each_row_is_told_once_and_the_hottest_keys_behind_the_newest(void **state)
{
    struct stream *s = *state;

    publish_to(s, 2);
    assert_int_equal(read_on(s, EVERYTHING), SR_OK);
    assert_out(s, "id: 1\ndata: [1]\n\nid: 2\ndata: [2]\n\nevent: top\ndata: {\"top\":1}\n\n");
    assert_int_equal(read_on(s, EVERYTHING), SR_OK);
    assert_int_equal(s->out.size, 0);
    publish_to(s, 3);
    assert_int_equal(read_on(s, EVERYTHING), SR_OK);
    assert_out(s, "id: 3\ndata: [3]\n\nevent: top\ndata: {\"top\":1}\n\n");
}

static void a_piece_ends_behind_the_row_that_fills_it(void **state)
{
    struct stream *s = *state;

    publish_to(s, 3);
    assert_int_equal(read_on(s, 1), SR_OK);
    assert_out(s, "id: 1\ndata: [1]\n\n");
    assert_int_equal(read_on(s, strlen("id: 2\ndata: [2]\n\n") + 1), SR_OK);
    assert_out(s, "id: 2\ndata: [2]\n\nid: 3\ndata: [3]\n\nevent: top\ndata: {\"top\":1}\n\n");
}

static void what_is_no_longer_kept_is_passed_over(void **state)
{
    struct stream *s = *state;

    publish_to(s, FEED_ROWS);
    assert_int_equal(read_on(s, EVERYTHING), SR_OK);
    assert_rows(s, 1, FEED_ROWS);
    s->next = 1;
    publish_to(s, FEED_ROWS + 1); /* which takes the place of the first */
    assert_int_equal(read_on(s, EVERYTHING), SR_OK);
    assert_rows(s, 2, FEED_ROWS + 1);
    s->next = 5;
    publish_to(s, 3 * FEED_ROWS + 7);
    assert_int_equal(read_on(s, EVERYTHING), SR_OK);
    assert_rows(s, 2 * FEED_ROWS + 8, 3 * FEED_ROWS + 7);
    assert_int_equal(s->next, 3 * FEED_ROWS + 8);
}

static void who_comes_back_goes_on_and_others_begin_with_what_is_kept(void **state)
{
    struct stream *s = *state;

    publish_to(s, 5);
    assert_int_equal(feed_begin(s->feed, BOOT, 3), 4);
    assert_int_equal(feed_begin(s->feed, BOOT, 5), 6);
    assert_int_equal(feed_begin(s->feed, BOOT, 0), 1);
    assert_int_equal(feed_begin(s->feed, BOOT, 6), 1); /* never told */
    assert_int_equal(feed_begin(s->feed, BOOT, UINT64_MAX), 1);
    assert_int_equal(feed_begin(s->feed, BOOT + 1, 3), 1); /* of another life */
}

static void a_row_or_keys_that_are_too_long_are_left_out(void **state)
{
    static char row[FEED_ROW_SIZE_MAX + 1];
    static char top[FEED_TOP_SIZE_MAX + 1];
    struct stream *s = *state;

    memset(row, '1', FEED_ROW_SIZE_MAX);
    memset(top, '2', FEED_TOP_SIZE_MAX);
    publish_to(s, 1);
    feed_publish(s->feed, sr_span_text(row), sr_span_text("{}"));
    assert_int_equal(read_on(s, EVERYTHING), SR_OK);
    assert_out(s, "id: 1\ndata: [1]\n\nevent: top\ndata: {}\n\n");
    feed_publish(s->feed, sr_span_text("[3]"), sr_span_text(top));
    assert_int_equal(read_on(s, EVERYTHING), SR_OK);
    assert_out(s, "id: 3\ndata: [3]\n\n");
    publish_to(s, 4);
    assert_int_equal(read_on(s, EVERYTHING), SR_OK);
    assert_out(s, "id: 4\ndata: [4]\n\nevent: top\ndata: {\"top\":1}\n\n");
}

static void a_full_buffer_loses_no_row(void **state)
{
    struct stream *s = *state;

    publish_to(s, 2);
    s->out.size_max = strlen("id: 1\ndata: [1]\n\n") + 5;
    assert_int_equal(feed_read(s->feed, &s->next, EVERYTHING, &s->out), SR_FULL);
    assert_int_equal(s->next, 2);
    s->out.size_max = 4U << 20;
    assert_int_equal(read_on(s, EVERYTHING), SR_OK);
    assert_rows(s, 2, 2);
}

static void streams_are_bounded_and_each_that_leaves_makes_room(void **state)
{
    struct stream *s = *state;

    for (unsigned i = 0; i < FEED_STREAMS_MAX; i++) {
        assert_true(feed_join(s->feed));
    }
    assert_false(feed_join(s->feed));
    assert_false(feed_join(s->feed)); /* who was refused holds no place */
    assert_int_equal(feed_streams(s->feed), FEED_STREAMS_MAX);
    feed_leave(s->feed);
    assert_true(feed_join(s->feed));
    assert_false(feed_join(s->feed));
    for (unsigned i = 0; i < FEED_STREAMS_MAX; i++) {
        feed_leave(s->feed);
    }
    assert_int_equal(feed_streams(s->feed), 0);
}

static void names_that_do_not_fit_are_no_feed(void **state)
{
    static char fields[2 * FEED_ROW_SIZE_MAX + 1];
    struct feed *feed = NULL;
    struct sr_err err;

    (void)state;
    memset(fields, 'a', sizeof(fields) - 1);
    assert_int_equal(feed_open(BOOT, sr_span_text(fields), &feed, &err), SR_NO_MEMORY);
    assert_null(feed);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_stream_begins_with_boot_and_names),
        T(nothing_is_read_before_the_first_row),
        T(each_row_is_told_once_and_the_hottest_keys_behind_the_newest),
        T(a_piece_ends_behind_the_row_that_fills_it),
        T(what_is_no_longer_kept_is_passed_over),
        T(who_comes_back_goes_on_and_others_begin_with_what_is_kept),
        T(a_row_or_keys_that_are_too_long_are_left_out),
        T(a_full_buffer_loses_no_row),
        T(streams_are_bounded_and_each_that_leaves_makes_room),
        cmocka_unit_test(names_that_do_not_fit_are_no_feed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
