/*
 * What a crash may leave, computed from what was counted, handed over and shown.
 */
#include "judge.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void model_change(struct model *model, enum sr_change_kind kind, sr_wide value)
{
    if (kind == SR_CHANGE_ADD) {
        value += model->exists ? model->value : 0;
    }
    model->exists = kind != SR_CHANGE_DELETE;
    model->value = model->exists ? value : 0;
}

uint64_t judge_now(const struct judge *judge)
{
    return judge->first + judge->count;
}

void judge_counted(struct judge *judge, const struct operation *operation)
{
    struct operation *at = &judge->operations[judge->count];

    SR_CHECK(judge->count < OPERATIONS_MAX);
    *at = *operation;
    at->turn = TURN_OPEN;
    at->shown = false;
    judge->count++;
    model_change(&judge->live[at->key], (enum sr_change_kind)at->kind, at->value);
}

void judge_hand_over(struct judge *judge, const uint64_t *numbers, size_t count)
{
    judge->turns += count > 0;
    for (size_t i = 0; i < count; i++) {
        SR_CHECK(numbers[i] >= judge->first && numbers[i] < judge_now(judge));
        judge->operations[numbers[i] - judge->first].turn = judge->turns;
    }
}

/* Drops what no crash can take from the front of the list. */
static void prune(struct judge *judge, enum judge_promise promise, uint64_t settled_epoch)
{
    size_t done = 0;

    while (done < judge->count) {
        const struct operation *o = &judge->operations[done];
        bool settled = promise == PROMISE_EPOCHS
                           ? o->epoch <= settled_epoch && o->turn != TURN_OPEN
                           : o->turn <= judge->settled_turn;

        if (!settled) {
            break;
        }
        model_change(&judge->settled[o->key], (enum sr_change_kind)o->kind, o->value);
        done++;
    }
    if (done > 0) {
        judge->count -= done;
        judge->first += done;
        memmove(judge->operations, judge->operations + done,
                judge->count * sizeof(judge->operations[0]));
    }
}

void judge_shown(struct judge *judge, unsigned key, uint64_t number)
{
    for (size_t i = 0; i < judge->count && judge->first + i < number; i++) {
        if (judge->operations[i].key == key) {
            judge->operations[i].shown = true;
        }
    }
}

/* The lowest number of turns that includes all that was shown; false where something was shown
 * that is not even handed over. */
static bool turns_shown(const struct judge *judge, uint64_t *ret_turns)
{
    uint64_t turns = judge->settled_turn;

    for (size_t i = 0; i < judge->count; i++) {
        const struct operation *o = &judge->operations[i];

        if (o->shown && o->turn == TURN_OPEN) {
            return false;
        }
        if (o->shown && o->turn > turns) {
            turns = o->turn;
        }
    }
    *ret_turns = turns;
    return true;
}

void judge_flushed(struct judge *judge, enum judge_promise promise, uint64_t epoch)
{
    uint64_t shown = 0;

    if (promise == PROMISE_SHOWN && turns_shown(judge, &shown)) {
        judge->settled_turn = shown;
    }
    for (size_t i = 0; i < judge->count; i++) {
        const struct operation *o = &judge->operations[i];

        if (o->epoch <= epoch && o->turn != TURN_OPEN && o->turn > judge->settled_turn) {
            judge->settled_turn = o->turn;
        }
    }
    prune(judge, promise, epoch);
}

static void fold(const struct judge *judge, enum judge_promise promise, uint64_t last,
                 struct model *ret_models)
{
    memcpy(ret_models, judge->settled, sizeof(judge->settled));
    for (size_t i = 0; i < judge->count; i++) {
        const struct operation *o = &judge->operations[i];

        if ((promise == PROMISE_EPOCHS ? o->epoch : o->turn) <= last) {
            model_change(&ret_models[o->key], (enum sr_change_kind)o->kind, o->value);
        }
    }
}

static bool same(const struct judge *judge, const struct model *a, const struct model *b)
{
    for (unsigned key = 0; key < KEYS; key++) {
        if (a[key].value != b[key].value ||
            (judge->rows_known[key] && a[key].exists != b[key].exists)) {
            return false;
        }
    }
    return true;
}

static uint64_t newest_epoch(const struct judge *judge)
{
    uint64_t newest = 0;

    for (size_t i = 0; i < judge->count; i++) {
        newest = judge->operations[i].epoch > newest ? judge->operations[i].epoch : newest;
    }
    return newest;
}

static uint64_t oldest_epoch(const struct judge *judge)
{
    uint64_t oldest = newest_epoch(judge);

    for (size_t i = 0; i < judge->count; i++) {
        oldest = judge->operations[i].epoch < oldest ? judge->operations[i].epoch : oldest;
    }
    return oldest;
}

bool judge_allows(const struct judge *judge, enum judge_promise promise,
                  const struct model *found)
{
    uint64_t from = judge->settled_turn;
    uint64_t to = judge->turns;
    struct model models[KEYS];

    if (promise == PROMISE_SHOWN && !turns_shown(judge, &from)) {
        return false;
    }
    if (promise == PROMISE_EPOCHS) {
        to = newest_epoch(judge);
        from = judge->count > 0 ? oldest_epoch(judge) - 1 : to;
    }
    for (uint64_t last = from; last <= to; last++) {
        fold(judge, promise, last, models);
        if (same(judge, models, found)) {
            return true;
        }
    }
    return false;
}

void judge_restart(struct judge *judge, const struct model *found)
{
    for (unsigned key = 0; key < KEYS; key++) {
        struct model model = found[key];

        if (!judge->rows_known[key]) {
            model.exists = true; /* nobody asks */
        }
        judge->settled[key] = model;
        judge->live[key] = model;
    }
    judge->first += judge->count;
    judge->count = 0;
    judge->settled_turn = judge->turns;
}

void judge_explain(const struct judge *judge, const struct model *found)
{
    uint64_t from = judge->settled_turn;
    bool handed = turns_shown(judge, &from);
    struct model least[KEYS];

    if (!handed) {
        (void)fprintf(stderr, "a reply has shown what is not handed over yet\n");
    }
    for (uint64_t last = judge->settled_turn; last <= judge->turns; last++) {
        fold(judge, PROMISE_SHOWN, last, least);
        (void)fprintf(stderr, "after turn %" PRIu64 " differs:", last);
        for (unsigned key = 0; key < KEYS; key++) {
            if (least[key].value != found[key].value) {
                (void)fprintf(stderr, " %u (%" PRId64 ")", key,
                              (int64_t)(found[key].value - least[key].value));
            }
        }
        (void)fprintf(stderr, "\n");
    }
    fold(judge, PROMISE_SHOWN, from, least);
    for (unsigned key = 0; key < KEYS; key++) {
        (void)fprintf(stderr,
                      "key %u: found %" PRId64 "%s, shown %" PRId64 "%s, counted %" PRId64
                      "%s\n",
                      key, (int64_t)found[key].value, found[key].exists ? "" : " (absent)",
                      (int64_t)least[key].value, least[key].exists ? "" : " (absent)",
                      (int64_t)judge->live[key].value,
                      judge->live[key].exists ? "" : " (absent)");
    }
    for (size_t i = 0; i < judge->count; i++) {
        const struct operation *o = &judge->operations[i];

        (void)fprintf(stderr,
                      "  %s key %u kind %u value %" PRId64 " epoch %" PRIu64 " turn %" PRId64
                      "\n",
                      o->shown ? "shown  " : "counted", o->key, o->kind, o->value, o->epoch,
                      (int64_t)o->turn);
    }
}
