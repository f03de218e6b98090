/*
 * Batches and requests with a token, and what must be found of them.
 */
#include "calls.h"

#include "base/bytes.h"
#include "base/check.h"
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGIT 2 /* bits: 0 to 3 times */
#define TOKENS_A_PAIR (TOKENS_MAX / 2)

static unsigned first_key(unsigned number)
{
    return TOKEN_KEY_FIRST + number / TOKENS_A_PAIR * 2;
}

static bool is_batch(unsigned number)
{
    return number % 2 == 1;
}

static unsigned times(sr_wide value, unsigned number)
{
    return (unsigned)((uint64_t)value >> DIGIT * (number % TOKENS_A_PAIR)) & 3U;
}

/* ---- calls ---- */

struct call *call_plain(void)
{
    struct call *call = calloc(1, sizeof(*call));

    SR_CHECK(call != NULL);
    call->number = CALL_PLAIN;
    counters_batch_init(&call->batch);
    return call;
}

static void add_item(const struct world *w, struct call *call, unsigned key, int64_t value)
{
    char name[KEY_NAME_SIZE];

    key_name(w, key, name, sizeof(name));
    SR_CHECK(counters_batch_add(&call->batch, sr_span_text(name), value) == SR_OK);
}

void call_add(struct instance *i, struct call *call, unsigned key, int64_t value)
{
    add_item(i->world, call, key, (int64_t)((uint64_t)value << (DIGIT_BITS * i->index)));
}

struct call *call_with_token(struct world *w)
{
    bool fresh = w->tokens.sent == 0 || (w->tokens.sent < TOKENS_MAX && world_draw(w, 4) == 0);
    unsigned number =
        fresh ? w->tokens.sent++ : (unsigned)world_draw(w, (uint64_t)w->tokens.sent);
    int64_t value = (int64_t)1 << DIGIT * (number % TOKENS_A_PAIR);
    struct call *call = call_plain();

    call->number = number;
    add_item(w, call, first_key(number), value);
    if (is_batch(number)) {
        add_item(w, call, first_key(number) + 1, value);
    }
    (void)snprintf(call->text, sizeof(call->text), "token%u", number);
    memset(call->hash, (int)number, sizeof(call->hash));
    call->token.request =
        (struct dedup_request){.token = sr_span_text(call->text),
                               .request_hash = {.data = call->hash, .size = sizeof(call->hash)},
                               .totals_count = call->batch.count};
    return call;
}

void call_free(struct call **call)
{
    if (*call != NULL) {
        counters_batch_done(&(*call)->batch);
        free(*call);
        *call = NULL;
    }
}

/* ---- giving them to the engine ---- */

static void judge_token_total(struct world *w, unsigned number, int64_t total)
{
    /* Elsewhere, or in what a fallback took, it may be counted as well until a flush tells. */
    if (w->instance_count == 1 && !w->fallbacks && times(total, number) != 1) {
        world_fail(w, "a total does not hold its token once", (int)number, total, 1);
    }
}

static enum engine_status replay(struct world *w, const struct call *call,
                                 const struct dedup_answer *first)
{
    w->figures.replays++;
    for (uint32_t n = 0; first->totals_known && n < call->batch.count; n++) {
        judge_token_total(w, call->number, (int64_t)sr_get_u64(first->totals.data + 8 * n));
    }
    return first->totals_known ? ENGINE_DONE : ENGINE_DONE_UNKNOWN;
}

static enum engine_status count_token(struct instance *i, struct engine_worker *engine,
                                      struct call *call, struct engine_answer *ret_answer)
{
    struct counters_batch *batch = &call->batch;
    enum engine_status status;

    if (is_batch(call->number)) {
        status = engine_increment_all(engine, batch, ret_answer);
        status = engine_token_end_all(engine, &call->token, status, batch);
    } else {
        status = engine_increment(engine, counters_batch_key(batch, 0), batch->items[0].value,
                                  ret_answer);
        batch->items[0].total = ret_answer->total;
        status = engine_token_end(engine, &call->token, status, ret_answer->total);
    }
    for (uint32_t n = 0; status == ENGINE_DONE && n < batch->count; n++) {
        judge_token_total(i->world, call->number, batch->items[n].total);
    }
    return status;
}

static enum engine_status run_token(struct instance *i, struct engine_worker *engine,
                                    struct call *call, struct engine_wait *wait,
                                    struct engine_answer *ret_answer)
{
    struct dedup_answer first = {.status = 0};
    enum engine_token_status status;

    status = engine_token_begin(engine, &call->token, counters_batch_record_bytes(&call->batch),
                                ret_answer, &first);
    if (status == ENGINE_TOKEN_COUNT) {
        enum engine_status counted = count_token(i, engine, call, ret_answer);

        if (wait->batch == NULL) { /* a batch keeps its pins, or gave them back itself */
            engine_wait_end(engine, wait);
        }
        return counted;
    }
    engine_wait_end(engine, wait);
    switch (status) {
    case ENGINE_TOKEN_KNOWN:
        return replay(i->world, call, &first);
    case ENGINE_TOKEN_WAIT:
        return ENGINE_WAIT;
    case ENGINE_TOKEN_MISMATCH:
        world_fail(i->world, "the same request is taken for another", (int)call->number, 0, 0);
    default:
        return ENGINE_REJECTED;
    }
}

enum engine_status call_run(struct instance *i, struct worker *worker, struct call *call,
                            struct engine_wait *wait, struct engine_answer *ret_answer)
{
    return call->number == CALL_PLAIN
               ? engine_increment_all(worker->engine, &call->batch, ret_answer)
               : run_token(i, worker->engine, call, wait, ret_answer);
}

void call_answered(struct instance *i, const struct call *call, uint64_t now)
{
    struct world *w = i->world;

    if (call->number != CALL_PLAIN) {
        w->tokens.answered[call->number] = true;
        w->figures.tokens++;
        return;
    }
    w->figures.batches++;
    for (uint32_t n = 0; n < call->batch.count; n++) {
        judge_shown(&i->judge, key_number(counters_batch_key(&call->batch, n)), now);
    }
}

/* ---- judging ---- */

unsigned token_number(struct sr_span text)
{
    unsigned number = 0;

    for (size_t at = strlen("token"); at < text.size; at++) {
        number = number * 10 + (text.data[at] - (unsigned)'0');
    }
    SR_CHECK(number < TOKENS_MAX);
    return number;
}

static void judge_one(const struct world *w, unsigned number, bool must, unsigned a, unsigned b)
{
    if (a > 1 || b > 1) {
        world_fail(w, "a token is counted twice", (int)number, a, b);
    }
    if (b != (is_batch(number) ? a : 0)) {
        world_fail(w, "a batch is torn", (int)number, a, b);
    }
    if (number >= w->tokens.sent && a > 0) {
        world_fail(w, "a token that nobody sent is counted", (int)number, a, b);
    }
    if (must && w->tokens.answered[number] && a == 0) {
        world_fail(w, "a token that was answered is not counted", (int)number, a, b);
    }
}

void tokens_judge(struct instance *i, enum judge_promise promise, bool all, struct model *found)
{
    bool must = all || (promise == PROMISE_SHOWN && i->world->instance_count == 1);

    for (unsigned number = 0; number < TOKENS_MAX; number++) {
        unsigned key = first_key(number);

        judge_one(i->world, number, must, times(found[key].value, number),
                  times(found[key + 1].value, number));
    }
    for (unsigned key = TOKEN_KEY_FIRST; key < KEYS; key++) {
        found[key] = (struct model){.exists = i->judge.settled[key].exists};
    }
}

void tokens_forget_answers(struct world *w)
{
    memset(w->tokens.answered, 0, sizeof(w->tokens.answered));
}
