/*
 * The idempotency window: each status, time and epochs, its bounds, and a model that it is
 * compared with step by step.
 */
#include "core/dedup.h"

#include "base/bytes.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_MS 1000U

static struct dedup *open_window(uint32_t entries_max, uint64_t extra)
{
    struct dedup_options options = {.entries_max = entries_max,
                                    .window_ms = WINDOW_MS,
                                    .hash_key = {.k0 = 1, .k1 = 2}};
    struct dedup *d = NULL;

    assert_int_equal(dedup_open(&options, extra, &d, NULL), SR_OK);
    return d;
}

static void close_window(struct dedup *d)
{
    assert_true(dedup_valid(d));
    dedup_close(&d);
    assert_null(d);
}

/* A request whose hash is made of one number. */
static struct dedup_request request_of(const char *token, uint8_t hash, uint32_t totals)
{
    static uint8_t hashes[256][RECORD_REQUEST_HASH_SIZE];

    memset(hashes[hash], hash, RECORD_REQUEST_HASH_SIZE);
    return (struct dedup_request){.token = sr_span_text(token),
                                  .request_hash = {.data = hashes[hash],
                                                   .size = RECORD_REQUEST_HASH_SIZE},
                                  .totals_count = totals};
}

static enum dedup_status begin(struct dedup *d, const char *token, uint8_t hash,
                               struct dedup_ref *ret_ref)
{
    struct dedup_request request = request_of(token, hash, 1);
    struct dedup_answer answer;
    struct sr_buffer totals;
    enum dedup_status status;

    sr_buffer_init(&totals, 64);
    status = dedup_begin(d, &request, &totals, ret_ref, &answer);
    sr_buffer_done(&totals);
    return status;
}

static struct dedup_answer answer_of(const uint8_t total[8])
{
    return (struct dedup_answer){.status = 200,
                                 .totals_known = true,
                                 .totals = {.data = total, .size = 8}};
}

static void finish(struct dedup *d, struct dedup_ref ref, uint64_t epoch, uint64_t now_ms)
{
    static const uint8_t total[8] = {42};
    struct dedup_answer answer = answer_of(total);

    dedup_finish(d, ref, &answer, epoch, now_ms);
}

static void the_first_answer_is_given_again(void **state)
{
    static const uint8_t numbers[24] = {1, [8] = 2, [16] = 0xff};
    struct dedup *d = open_window(4, 0);
    struct dedup_request request = request_of("batch", 7, 3);
    struct dedup_answer answer = {.status = 200,
                                  .totals_known = true,
                                  .totals = {.data = numbers, .size = 24}};
    struct dedup_answer again = {0};
    struct sr_buffer totals;
    struct dedup_ref ref;

    (void)state;
    sr_buffer_init(&totals, 64);
    assert_int_equal(dedup_begin(d, &request, &totals, &ref, &again), DEDUP_NEW);
    assert_int_equal(dedup_begin(d, &request, &totals, &ref, &again), DEDUP_RUNNING);
    dedup_finish(d, ref, &answer, 3, 10);
    assert_int_equal(dedup_begin(d, &request, &totals, &ref, &again), DEDUP_KNOWN);
    assert_int_equal(again.status, 200);
    assert_true(again.totals_known);
    assert_int_equal(again.totals.size, 24);
    assert_memory_equal(again.totals.data, numbers, 24);
    sr_buffer_done(&totals);
    close_window(d);
}

static void an_unknown_total_stays_unknown(void **state)
{
    struct dedup *d = open_window(4, 0);
    struct dedup_request request = request_of("t", 1, 1);
    struct dedup_answer answer = {.status = 202};
    struct dedup_answer again = {0};
    struct sr_buffer totals;
    struct dedup_ref ref;

    (void)state;
    sr_buffer_init(&totals, 64);
    assert_int_equal(dedup_begin(d, &request, &totals, &ref, &again), DEDUP_NEW);
    dedup_finish(d, ref, &answer, 3, 10);
    assert_int_equal(dedup_begin(d, &request, &totals, &ref, &again), DEDUP_KNOWN);
    assert_int_equal(again.status, 202);
    assert_false(again.totals_known);
    assert_int_equal(again.totals.size, 0);
    sr_buffer_done(&totals);
    close_window(d);
}

static void another_request_under_the_token_is_a_mismatch_even_while_the_first_runs(
    void **state)
{
    struct dedup *d = open_window(4, 0);
    struct dedup_ref ref;

    (void)state;
    assert_int_equal(begin(d, "t", 1, &ref), DEDUP_NEW);
    assert_int_equal(begin(d, "t", 2, &ref), DEDUP_MISMATCH);
    finish(d, ref, 1, 0);
    assert_int_equal(begin(d, "t", 2, &ref), DEDUP_MISMATCH);
    assert_int_equal(begin(d, "t", 1, &ref), DEDUP_KNOWN);
    close_window(d);
}

static void what_was_abandoned_is_not_remembered(void **state)
{
    struct dedup *d = open_window(4, 0);
    struct dedup_ref old;
    struct dedup_ref ref;

    (void)state;
    assert_int_equal(begin(d, "t", 1, &old), DEDUP_NEW);
    dedup_abandon(d, old);
    assert_int_equal(dedup_state(d, old), DEDUP_STATE_GONE);
    assert_int_equal(begin(d, "t", 2, &ref), DEDUP_NEW);
    dedup_abandon(d, old); /* stale: it must not hit who has the entry now */
    assert_int_equal(dedup_state(d, ref), DEDUP_STATE_RUNNING);
    close_window(d);
}

static void the_loader_answers_for_who_still_asks_only(void **state)
{
    static const uint8_t total[8] = {9};
    struct dedup *d = open_window(4, 0);
    struct dedup_request request = request_of("seen", 1, 1);
    struct dedup_answer answer = answer_of(total);
    struct dedup_ref seen;
    struct dedup_ref unseen;
    struct dedup_ref gone;
    uint8_t token[RECORD_TOKEN_SIZE_MAX];

    (void)state;
    assert_int_equal(begin(d, "seen", 1, &seen), DEDUP_NEW);
    assert_int_equal(begin(d, "unseen", 1, &unseen), DEDUP_NEW);
    assert_int_equal(begin(d, "gone", 1, &gone), DEDUP_NEW);
    assert_int_equal(dedup_token(d, seen, token), 0);
    dedup_ask(d, seen);
    dedup_ask(d, unseen);
    dedup_ask(d, gone);
    assert_int_equal(dedup_token(d, seen, token), 4);
    assert_memory_equal(token, "seen", 4);
    dedup_abandon(d, gone);
    assert_int_equal(dedup_token(d, gone, token), 0);
    dedup_found(d, seen, request.request_hash, &answer, 0);
    dedup_absent(d, unseen);
    dedup_found(d, gone, request.request_hash, &answer, 0);
    assert_int_equal(dedup_state(d, seen), DEDUP_STATE_DONE);
    assert_int_equal(dedup_state(d, unseen), DEDUP_STATE_RUNNING);
    assert_int_equal(dedup_state(d, gone), DEDUP_STATE_GONE);
    assert_int_equal(begin(d, "seen", 1, &seen), DEDUP_KNOWN);
    assert_int_equal(begin(d, "seen", 2, &seen), DEDUP_MISMATCH);
    close_window(d);
}

static void a_found_answer_of_another_request_is_a_mismatch(void **state)
{
    struct dedup *d = open_window(4, 0);
    struct dedup_request other = request_of("t", 9, 5);
    struct dedup_answer answer = {.status = 202};
    struct dedup_ref ref;

    (void)state;
    assert_int_equal(begin(d, "t", 1, &ref), DEDUP_NEW);
    dedup_ask(d, ref);
    dedup_found(d, ref, other.request_hash, &answer, 0);
    assert_int_equal(begin(d, "t", 1, &ref), DEDUP_MISMATCH);
    close_window(d);
}

static void a_full_window_takes_no_new_token_and_forgets_none(void **state)
{
    struct dedup *d = open_window(2, 0);
    struct dedup_ref refs[3];

    (void)state;
    assert_int_equal(begin(d, "a", 1, &refs[0]), DEDUP_NEW);
    assert_int_equal(begin(d, "b", 1, &refs[1]), DEDUP_NEW);
    assert_int_equal(begin(d, "c", 1, &refs[2]), DEDUP_FULL);
    finish(d, refs[0], 1, 0);
    finish(d, refs[1], 1, 1);
    assert_int_equal(begin(d, "c", 1, &refs[2]), DEDUP_FULL);
    assert_int_equal(begin(d, "a", 1, &refs[2]), DEDUP_KNOWN);
    dedup_expire(d, 1, WINDOW_MS, 10);
    assert_int_equal(begin(d, "b", 1, &refs[2]), DEDUP_KNOWN);
    assert_int_equal(begin(d, "a", 1, &refs[2]), DEDUP_NEW);
    close_window(d);
}

static void nothing_expires_before_its_epoch_is_applied(void **state)
{
    struct dedup *d = open_window(2, 0);
    struct dedup_ref ref;

    (void)state;
    assert_int_equal(begin(d, "a", 1, &ref), DEDUP_NEW);
    finish(d, ref, 5, 0);
    dedup_expire(d, 4, 100 * WINDOW_MS, 10);
    assert_int_equal(begin(d, "a", 1, &ref), DEDUP_KNOWN);
    dedup_expire(d, 5, WINDOW_MS - 1, 10);
    assert_int_equal(begin(d, "a", 1, &ref), DEDUP_KNOWN);
    dedup_expire(d, 5, WINDOW_MS, 10);
    assert_int_equal(begin(d, "a", 1, &ref), DEDUP_NEW);
    close_window(d);
}

static void long_answers_are_bounded_too(void **state)
{
    struct dedup *d = open_window(64, 0);
    struct dedup_answer answer;
    struct dedup_stats stats;
    struct sr_buffer totals;
    struct dedup_ref ref;
    enum dedup_status status = DEDUP_NEW;
    char token[16];
    unsigned taken = 0;

    (void)state;
    sr_buffer_init(&totals, 64);
    for (; status == DEDUP_NEW; taken++) {
        struct dedup_request request;

        (void)snprintf(token, sizeof(token), "t%u", taken);
        request = request_of(token, 1, 10000);
        status = dedup_begin(d, &request, &totals, &ref, &answer);
    }
    assert_int_equal(status, DEDUP_FULL);
    dedup_stats(d, &stats);
    assert_int_equal(stats.entries, taken - 1);
    assert_in_range(stats.entries, 2, 63);
    assert_in_range(stats.chunks, 1, stats.chunks_max);
    sr_buffer_done(&totals);
    close_window(d);
}

static void a_restored_window_may_be_larger_than_its_bound(void **state)
{
    static const uint8_t total[8] = {3};
    struct dedup *d = open_window(1, 1);
    struct dedup_answer answer = answer_of(total);
    struct dedup_request a = request_of("a", 1, 1);
    struct dedup_request b = request_of("b", 1, 1);
    struct dedup_request c = request_of("c", 1, 1);
    struct dedup_ref ref;

    (void)state;
    assert_int_equal(dedup_restore(d, &a, &answer, 7, 0), SR_OK);
    assert_int_equal(dedup_restore(d, &a, &answer, 8, 0), SR_OK); /* known already */
    assert_int_equal(dedup_restore(d, &b, &answer, 8, 0), SR_OK);
    assert_int_equal(dedup_restore(d, &c, &answer, 8, 0), SR_FULL);
    assert_int_equal(begin(d, "a", 1, &ref), DEDUP_KNOWN);
    assert_int_equal(begin(d, "b", 2, &ref), DEDUP_MISMATCH);
    assert_int_equal(begin(d, "c", 1, &ref), DEDUP_FULL);
    close_window(d);
}

/* ---- the model: an array of tokens t0 ... ---- */

#define MODEL_TOKENS 96U
#define MODEL_MAX 48U

struct model_token {
    enum dedup_state state;
    struct dedup_ref ref;
    uint8_t hash;
    uint64_t epoch, expires_ms, age;
};

struct model {
    struct dedup *d;
    struct model_token tokens[MODEL_TOKENS];
    uint64_t now_ms, open_epoch, applied_epoch, ages;
    uint32_t count;
    uint32_t random;
};

static uint32_t draw(struct model *m, uint32_t below)
{
    m->random = m->random * 1664525U + 1013904223U;
    return (uint32_t)(((uint64_t)(m->random >> 4) * below) >> 28);
}

/* Tokens of all lengths, so that chains of several chunks come as well. */
static void token_text(uint32_t number, char text[256])
{
    int size = 2 + (int)(number * 37 % 250);

    (void)snprintf(text, 256, "%0*u", size, number);
}

static void model_begin(struct model *m, uint32_t number)
{
    struct model_token *token = &m->tokens[number];
    uint8_t hash = (uint8_t)(draw(m, 4) == 0);
    struct dedup_ref ref;
    char text[256];
    enum dedup_status status;

    token_text(number, text);
    status = begin(m->d, text, hash, &ref);
    if (token->state == DEDUP_STATE_GONE) {
        assert_int_equal(status, m->count < MODEL_MAX ? DEDUP_NEW : DEDUP_FULL);
        if (status == DEDUP_NEW) {
            *token =
                (struct model_token){.state = DEDUP_STATE_RUNNING, .ref = ref, .hash = hash};
            m->count++;
        }
        return;
    }
    if (token->hash != hash) {
        assert_int_equal(status, DEDUP_MISMATCH);
        return;
    }
    assert_int_equal(status, token->state == DEDUP_STATE_DONE ? DEDUP_KNOWN : DEDUP_RUNNING);
}

static void model_go_on(struct model *m, struct model_token *token)
{
    if (token->state != DEDUP_STATE_RUNNING) {
        return;
    }
    if (draw(m, 3) == 0) {
        dedup_abandon(m->d, token->ref);
        token->state = DEDUP_STATE_GONE;
        m->count--;
        return;
    }
    finish(m->d, token->ref, m->open_epoch, m->now_ms);
    token->state = DEDUP_STATE_DONE;
    token->epoch = m->open_epoch;
    token->expires_ms = m->now_ms + WINDOW_MS;
    token->age = ++m->ages;
}

static struct model_token *model_oldest(struct model *m)
{
    struct model_token *oldest = NULL;

    for (uint32_t i = 0; i < MODEL_TOKENS; i++) {
        struct model_token *token = &m->tokens[i];

        if (token->state == DEDUP_STATE_DONE && (oldest == NULL || token->age < oldest->age)) {
            oldest = token;
        }
    }
    return oldest;
}

static void model_expire(struct model *m)
{
    struct model_token *token = model_oldest(m);

    dedup_expire(m->d, m->applied_epoch, m->now_ms, MODEL_TOKENS);
    while (token != NULL && token->epoch <= m->applied_epoch &&
           token->expires_ms <= m->now_ms) {
        token->state = DEDUP_STATE_GONE;
        m->count--;
        token = model_oldest(m);
    }
}

static void it_does_what_a_plain_array_does(void **state)
{
    struct model m = {.d = open_window(MODEL_MAX, 0), .open_epoch = 1, .random = 1};
    struct dedup_stats stats;

    (void)state;
    for (uint32_t step = 0; step < 40000; step++) {
        uint32_t number = draw(&m, MODEL_TOKENS);

        switch (draw(&m, 8)) {
        case 0:
            m.now_ms += draw(&m, 60);
            break;
        case 1:
            m.applied_epoch = draw(&m, 2) == 0 ? m.open_epoch++ : m.applied_epoch;
            break;
        case 2:
            model_expire(&m);
            break;
        case 3:
        case 4:
            model_go_on(&m, &m.tokens[number]);
            break;
        default:
            model_begin(&m, number);
            break;
        }
        dedup_stats(m.d, &stats);
        assert_int_equal(stats.entries, m.count);
        if (step % 64 == 0) {
            assert_true(dedup_valid(m.d));
        }
    }
    dedup_stats(m.d, &stats);
    assert_in_range(stats.expired, 100, 40000); /* or the model was never put to the test */
    close_window(m.d);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_answer_is_given_again),
        cmocka_unit_test(an_unknown_total_stays_unknown),
        cmocka_unit_test(
            another_request_under_the_token_is_a_mismatch_even_while_the_first_runs),
        cmocka_unit_test(what_was_abandoned_is_not_remembered),
        cmocka_unit_test(the_loader_answers_for_who_still_asks_only),
        cmocka_unit_test(a_found_answer_of_another_request_is_a_mismatch),
        cmocka_unit_test(a_full_window_takes_no_new_token_and_forgets_none),
        cmocka_unit_test(nothing_expires_before_its_epoch_is_applied),
        cmocka_unit_test(long_answers_are_bounded_too),
        cmocka_unit_test(a_restored_window_may_be_larger_than_its_bound),
        cmocka_unit_test(it_does_what_a_plain_array_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
