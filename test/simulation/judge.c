/*
 * The judge: every acknowledged increment is in the table once, every other at most once,
 * totals that were answered are unique and not above what the table ends with.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOTALS_MAX 100000

void judge_counted(struct world *w, int key)
{
    w->judge.unanswered[key]++;
}

void judge_answered(struct world *w, const struct pending *pending)
{
    struct judge *judge = &w->judge;
    int key = pending->key;

    judge->unanswered[key]--;
    judge->acknowledged[key]++;
    if (!pending->total_known) {
        return;
    }
    if (pending->total > judge->highest[key]) {
        judge->highest[key] = pending->total;
    }
    if (!judge->exact_totals) {
        return;
    }
    if (judge->seen[key] == NULL) {
        judge->seen[key] = calloc(TOTALS_MAX, 1);
    }
    if (pending->total < 1 || pending->total >= TOTALS_MAX) {
        world_fail(w, "a total that cannot be", key, pending->total, 0);
    }
    if (judge->seen[key][pending->total]++) {
        world_fail(w, "the same total was answered twice", key, pending->total, 0);
    }
}

void judge_verdict(struct world *w)
{
    struct judge *judge = &w->judge;

    for (int key = 0; key < KEYS; key++) {
        char name[16];
        int64_t value = 0;

        (void)snprintf(name, sizeof(name), "key%d", key);
        (void)fake_database_value(w->database, sr_span_text(name), &value);
        if (w->durability == JOURNAL_FSYNC && value < judge->acknowledged[key]) {
            world_fail(w, "acknowledged increments were lost", key, value,
                       judge->acknowledged[key]);
        }
        if (value > judge->acknowledged[key] + judge->unanswered[key]) {
            world_fail(w, "increments were counted twice", key, value,
                       judge->acknowledged[key] + judge->unanswered[key]);
        }
        if (judge->exact_totals && judge->highest[key] > value) {
            world_fail(w, "a total above the table's value was answered", key,
                       judge->highest[key], value);
        }
        free(judge->seen[key]);
        judge->seen[key] = NULL;
    }
}
