/*
 * The sender: everything is sent once, settled in order, never too far ahead, and ended by the
 * first failure.
 */
#include "transfer/sender.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transfer/file.h"

#define BATCHES 100U

/* The service, and what was told of it. */
struct fake {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned connections;
    unsigned sent[BATCHES + 1]; /* by the batch's first line, which is its only one */
    uint64_t settled;           /* lines */
    uint64_t failing;           /* the line whose batch fails */
    uint64_t held;              /* the line whose batch waits until all that may be is sent */
    unsigned settle_fails_at;
    unsigned sent_count;
    uint64_t clock_ms;
    uint64_t sent_ms[BATCHES + 1];
    bool too_far;  /* a batch was sent beyond what may be */
    bool too_late; /* a batch was sent before the time that was told for it */
};

static struct fake fake;

static uint64_t now_ms(void)
{
    return __atomic_add_fetch(&fake.clock_ms, 1, __ATOMIC_SEQ_CST);
}

static enum sr_result send_one(void *context, unsigned connection, const struct batch *batch,
                               struct sr_err *err)
{
    struct fake *f = context;
    uint64_t line = batch->numbers[0];
    enum sr_result result = SR_OK;

    assert_true(connection < f->connections);
    (void)pthread_mutex_lock(&f->lock);
    f->too_far = f->too_far || line > f->settled + sender_ahead(f->connections);
    f->sent[line]++;
    f->sent_ms[line] = now_ms();
    f->sent_count++;
    (void)pthread_cond_broadcast(&f->changed);
    while (line == f->held && f->sent_count < f->held - 1 + sender_ahead(f->connections)) {
        (void)pthread_cond_wait(&f->changed, &f->lock);
    }
    if (line == f->failing) {
        result = sr_fail(err, SR_REFUSED, "line %u", (unsigned)line);
    }
    (void)pthread_mutex_unlock(&f->lock);
    return result;
}

static enum sr_result settle(void *context, const struct batch_place *place, uint64_t since_ms,
                             struct sr_err *err)
{
    struct fake *f = context;
    enum sr_result result = SR_OK;

    (void)pthread_mutex_lock(&f->lock);
    assert_true(place->line > f->settled);
    f->settled = place->line;
    for (uint64_t line = place->line + 1; line <= BATCHES; line++) {
        f->too_late = f->too_late || (f->sent[line] > 0 && f->sent_ms[line] < since_ms);
    }
    if (f->settle_fails_at != 0 && f->settled >= f->settle_fails_at) {
        result = sr_fail(err, SR_IO, "no room");
    }
    (void)pthread_mutex_unlock(&f->lock);
    return result;
}

static enum sr_result run(unsigned connections, struct sr_err *err)
{
    const struct sender_calls calls = {.context = &fake,
                                       .send = send_one,
                                       .settle = settle,
                                       .now_ms = now_ms};
    const struct batch_place start = {0};
    char text[2 * BATCHES];
    struct batches batches;
    enum sr_result result;
    FILE *file;

    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = i % 2 == 0 ? 'x' : '\n';
    }
    file = file_of(text, sizeof(text));
    fake.connections = connections;
    assert_int_equal(batches_init(&batches, fileno(file), &start, 1), SR_OK);
    result = sender_run(&batches, connections, &calls, err);
    batches_done(&batches);
    (void)fclose(file);
    assert_false(fake.too_far);
    assert_false(fake.too_late);
    return result;
}

static int set_up(void **state)
{
    (void)state;
    fake =
        (struct fake){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    return 0;
}

static void every_batch_is_sent_once(void **state)
{
    const unsigned connections[] = {1, 2, 4, SENDER_CONNECTIONS_MAX};

    for (size_t i = 0; i < sizeof(connections) / sizeof(connections[0]); i++) {
        struct sr_err err;

        (void)set_up(state);
        assert_int_equal(run(connections[i], &err), SR_OK);
        assert_int_equal(fake.settled, BATCHES);
        for (unsigned line = 1; line <= BATCHES; line++) {
            assert_int_equal(fake.sent[line], 1);
        }
    }
}

static void one_connection_keeps_the_order(void **state)
{
    struct sr_err err;

    (void)state;
    fake.failing = 10;
    assert_int_equal(run(1, &err), SR_REFUSED);
    assert_int_equal(fake.settled, 9);
    assert_int_equal(fake.sent_count, 10);
}

static void a_failure_ends_it_and_what_is_before_is_settled(void **state)
{
    struct sr_err err;

    (void)state;
    fake.failing = 50;
    assert_int_equal(run(4, &err), SR_REFUSED);
    assert_string_equal(err.text, "line 50");
    assert_int_equal(fake.settled, 49);
    assert_true(fake.sent_count <= 49 + sender_ahead(4));
}

/* The batch of line 20 has no answer while as many others are sent as may be. */
static void the_others_go_on_ahead_of_a_slow_batch_and_no_further(void **state)
{
    struct sr_err err;

    (void)state;
    fake.held = 20;
    assert_int_equal(run(4, &err), SR_OK);
    assert_int_equal(fake.settled, BATCHES);
    assert_int_equal(fake.sent_count, BATCHES);
}

static void a_place_that_cannot_be_written_down_ends_it(void **state)
{
    struct sr_err err;

    (void)state;
    fake.settle_fails_at = 30;
    assert_int_equal(run(4, &err), SR_IO);
    assert_string_equal(err.text, "no room");
    assert_true(fake.settled >= 30 && fake.settled < BATCHES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_batch_is_sent_once, set_up),
        cmocka_unit_test_setup(one_connection_keeps_the_order, set_up),
        cmocka_unit_test_setup(a_failure_ends_it_and_what_is_before_is_settled, set_up),
        cmocka_unit_test_setup(the_others_go_on_ahead_of_a_slow_batch_and_no_further, set_up),
        cmocka_unit_test_setup(a_place_that_cannot_be_written_down_ends_it, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
