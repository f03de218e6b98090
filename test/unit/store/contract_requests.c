/*
 * The contract of requests with a token: each enters once, whoever brings it; who comes second
 * is told; expired ones go in steps.
 */
#include "store/contract_support.h"

#include "base/bytes.h"
#include "core/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Requests by number, t0000, t0001 ... from `first` on, and one change. */
struct requests_source {
    struct store_source source;
    struct contract_source changes;
    uint64_t first, count, at;
    uint8_t hash;
    bool fail;
};

struct requests_sink {
    struct contract_sink outcomes;
    bool *known, *same; /* by index */
    uint64_t known_count;
};

static uint8_t hash_bytes[RECORD_REQUEST_HASH_SIZE];
static uint8_t total_bytes[16];
static char token_text[32];

static struct store_request numbered(uint64_t number, uint8_t hash)
{
    (void)snprintf(token_text, sizeof(token_text), "t%04llu", (unsigned long long)number);
    memset(hash_bytes, hash, sizeof(hash_bytes));
    sr_put_u64(total_bytes, number);
    sr_put_u64(total_bytes + 8, (uint64_t)INT64_MIN);
    return (
        struct store_request){.token = sr_span_text(token_text),
                              .request_hash = {.data = hash_bytes, .size = sizeof(hash_bytes)},
                              .status = 200,
                              .totals_known = number % 2 == 0,
                              .totals = {.data = total_bytes,
                                         .size = number % 2 == 0 ? 16 : 0}};
}

static enum sr_result rewind_requests(void *context, struct sr_err *err)
{
    struct requests_source *s = context;

    s->at = 0;
    return s->changes.source.rewind(&s->changes, err);
}

static enum sr_result next_request(void *context, struct store_request *ret_request,
                                   struct sr_err *err)
{
    struct requests_source *s = context;

    if (s->at == s->count) {
        return SR_NOT_FOUND;
    }
    if (s->fail && s->at == 1) {
        return sr_fail(err, SR_DAMAGED, "the source fails");
    }
    *ret_request = numbered(s->first + s->at++, s->hash);
    return SR_OK;
}

static enum sr_result next_change(void *context, struct sr_change *ret_change,
                                  struct sr_err *err)
{
    struct requests_source *s = context;

    assert_int_equal(s->at, s->count); /* all requests come first */
    return s->changes.source.next(&s->changes, ret_change, err);
}

static void source_init(struct requests_source *s, uint64_t first, uint64_t count, uint8_t hash)
{
    static struct sr_change change;

    change = contract_change(SR_CHANGE_ADD, "a", 1);
    *s = (struct requests_source){.first = first, .count = count, .hash = hash};
    contract_source_init(&s->changes, &change, 1);
    s->source = (struct store_source){.context = s,
                                      .rewind = rewind_requests,
                                      .next = next_change,
                                      .next_request = next_request};
}

static void take_outcome(void *context, const struct store_outcome *outcome)
{
    struct requests_sink *sink = context;

    sink->outcomes.sink.outcome(&sink->outcomes, outcome);
}

static void take_known(void *context, uint64_t index, bool same)
{
    struct requests_sink *sink = context;

    assert_int_equal(sink->outcomes.count, 0); /* before the first change */
    assert_false(sink->known[index]);
    sink->known[index] = true;
    sink->same[index] = same;
    sink->known_count++;
}

static void restart(void *context)
{
    struct requests_sink *sink = context;

    memset(sink->known, 0, 4096);
    sink->known_count = 0;
    sink->outcomes.sink.restart(&sink->outcomes);
}

/* Applies the writer's next epoch with these requests. */
static enum sr_result apply(struct contract_writer *writer, struct requests_source *source,
                            struct requests_sink *sink)
{
    struct store_epoch epoch = {.epoch = writer->epoch + 1,
                                .predecessor = writer->epoch,
                                .owner = writer->owner,
                                .window_s = 3600};
    struct store_sink told = {.context = sink,
                              .restart = restart,
                              .outcome = take_outcome,
                              .known = take_known};
    enum sr_result res;

    *sink = (struct requests_sink){.known = calloc(4096, 1), .same = calloc(4096, 1)};
    assert_true(sink->known != NULL && sink->same != NULL);
    contract_sink_init(&sink->outcomes);
    res =
        writer->store->ops->apply(writer->store, &epoch, &source->source, &told, &writer->err);
    writer->epoch += res == SR_OK;
    contract_source_done(&source->changes);
    return res;
}

static void sink_done(struct requests_sink *sink)
{
    contract_sink_done(&sink->outcomes);
    free(sink->known);
    free(sink->same);
}

/* Applies requests [first, first + count) and returns how many were known. */
static uint64_t bring(struct contract_writer *writer, uint64_t first, uint64_t count,
                      uint8_t hash)
{
    struct requests_source source;
    struct requests_sink sink;
    uint64_t known;

    source_init(&source, first, count, hash);
    if (apply(writer, &source, &sink) != SR_OK) {
        fail_msg("apply: %s", writer->err.text);
    }
    assert_int_equal(sink.outcomes.count, 1);
    known = sink.known_count;
    sink_done(&sink);
    return known;
}

struct found {
    uint64_t first;
    uint8_t hash;
    uint64_t count;
};

static void take_found(void *context, size_t index, const struct store_request *request)
{
    struct found *found = context;
    struct store_request expected = numbered(found->first + index, found->hash);

    assert_true(sr_span_equal(request->token, expected.token));
    assert_true(sr_span_equal(request->request_hash, expected.request_hash));
    assert_int_equal(request->status, 200);
    assert_int_equal(request->totals_known, expected.totals_known);
    assert_true(sr_span_equal(request->totals, expected.totals));
    found->count++;
}

/* How many of the requests are in the table, with the answers that were brought. */
static uint64_t find(struct contract_writer *writer, uint64_t first, uint64_t count,
                     uint8_t hash)
{
    struct found found = {.first = first, .hash = hash};
    char(*texts)[32] = calloc(count, 32);
    struct sr_span *tokens = calloc(count, sizeof(*tokens));

    assert_true(texts != NULL && tokens != NULL);
    for (uint64_t i = 0; i < count; i++) {
        (void)numbered(first + i, hash);
        memcpy(texts[i], token_text, sizeof(token_text));
        tokens[i] = sr_span_text(texts[i]);
    }
    if (writer->store->ops->find_requests(writer->store, tokens, count, take_found, &found,
                                          &writer->err) != SR_OK) {
        fail_msg("find: %s", writer->err.text);
    }
    free(texts);
    free(tokens);
    return found.count;
}

static void requests_are_found_with_their_answers(void **state)
{
    struct contract_writer writer;

    contract_writer_open(&writer, *state, 1);
    assert_int_equal(find(&writer, 0, 10, 7), 0);
    assert_int_equal(bring(&writer, 3, 4, 7), 0);
    assert_int_equal(find(&writer, 0, 10, 7), 4);
    contract_assert_value(&writer, "a", 1);
    contract_writer_close(&writer);
}

static void thousands_in_one_epoch_are_all_there(void **state)
{
    struct contract_writer writer;

    contract_writer_open(&writer, *state, 1);
    assert_int_equal(bring(&writer, 1000, 2500, 7), 0);
    assert_int_equal(find(&writer, 1000, 1000, 7), 1000);
    assert_int_equal(find(&writer, 2000, 1000, 7), 1000);
    assert_int_equal(find(&writer, 3000, 1000, 7), 500);
    assert_int_equal(bring(&writer, 900, 2700, 7), 2500);
    contract_writer_close(&writer);
}

static void who_comes_second_is_told_and_changes_nothing(void **state)
{
    struct contract_writer first;
    struct contract_writer second;
    struct requests_source source;
    struct requests_sink sink;

    contract_writer_open(&first, *state, 1);
    contract_writer_open(&second, *state, 2);
    assert_int_equal(bring(&first, 2, 2, 7), 0);
    source_init(&source, 0, 5, 7);
    assert_int_equal(apply(&second, &source, &sink), SR_OK);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(sink.known[i], i == 2 || i == 3);
        assert_int_equal(sink.same[i], i == 2 || i == 3);
    }
    sink_done(&sink);
    assert_int_equal(find(&first, 0, 5, 7), 5);
    contract_writer_close(&first);
    contract_writer_close(&second);
}

static void another_request_under_a_token_is_told_apart(void **state)
{
    struct contract_writer writer;
    struct requests_source source;
    struct requests_sink sink;

    contract_writer_open(&writer, *state, 1);
    assert_int_equal(bring(&writer, 0, 1, 7), 0);
    source_init(&source, 0, 2, 8);
    assert_int_equal(apply(&writer, &source, &sink), SR_OK);
    assert_true(sink.known[0]);
    assert_false(sink.same[0]);
    assert_false(sink.known[1]);
    sink_done(&sink);
    assert_int_equal(find(&writer, 0, 1, 7), 1);
    contract_writer_close(&writer);
}

static void an_epoch_that_fails_leaves_no_request(void **state)
{
    struct contract_writer writer;
    struct requests_source source;
    struct requests_sink sink;

    contract_writer_open(&writer, *state, 1);
    source_init(&source, 0, 2, 7);
    source.fail = true;
    assert_int_equal(apply(&writer, &source, &sink), SR_DAMAGED);
    sink_done(&sink);
    assert_int_equal(find(&writer, 0, 2, 7), 0);
    assert_int_equal(bring(&writer, 0, 2, 7), 0);
    contract_writer_close(&writer);
}

static void a_fenced_epoch_leaves_no_request(void **state)
{
    struct contract_writer writer;
    struct requests_source source;
    struct requests_sink sink;

    contract_writer_open(&writer, *state, 1);
    writer.owner = contract_uuid(99);
    source_init(&source, 0, 2, 7);
    assert_int_equal(apply(&writer, &source, &sink), SR_FENCED);
    sink_done(&sink);
    assert_int_equal(find(&writer, 0, 2, 7), 0);
    contract_writer_close(&writer);
}

/* As long as it is there it is known, expired or not. */
static void expired_requests_go_in_steps(void **state)
{
    const struct contract_target *target = *state;
    struct contract_writer writer;

    contract_writer_open(&writer, target, 1);
    assert_int_equal(bring(&writer, 1000, 1500, 7), 0);
    target->age_requests(target->context);
    assert_int_equal(find(&writer, 1000, 1000, 7), 1000);
    assert_int_equal(bring(&writer, 1000, 0, 7), 0);
    assert_int_equal(find(&writer, 1000, 1000, 7) + find(&writer, 2000, 500, 7), 500);
    assert_int_equal(bring(&writer, 5000, 1, 7), 0);
    assert_int_equal(find(&writer, 1000, 1000, 7) + find(&writer, 2000, 500, 7), 0);
    assert_int_equal(find(&writer, 5000, 1, 7), 1);
    contract_writer_close(&writer);
}

const struct CMUnitTest contract_requests_tests[] = {
    cmocka_unit_test(requests_are_found_with_their_answers),
    cmocka_unit_test(thousands_in_one_epoch_are_all_there),
    cmocka_unit_test(who_comes_second_is_told_and_changes_nothing),
    cmocka_unit_test(another_request_under_a_token_is_told_apart),
    cmocka_unit_test(an_epoch_that_fails_leaves_no_request),
    cmocka_unit_test(a_fenced_epoch_leaves_no_request),
    cmocka_unit_test(expired_requests_go_in_steps),
};
const size_t contract_requests_tests_count = CONTRACT_COUNT(contract_requests_tests);
