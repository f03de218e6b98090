/*
 * The merger's way out: sorted changes of the same key become one, or as few as may be.
 */
#include "journal/merge_output.h"

#include <string.h>

int merge_compare(const struct sr_change *a, const struct sr_change *b)
{
    int order = sr_span_compare(a->key, b->key);

    return order != 0 ? order
                      : (a->generation < b->generation) - (a->generation > b->generation);
}

/* Hands out a merged change in pieces that fit 64 bits: one in all but absurd cases. */
static enum sr_result hand_out(const struct merge_output *out, struct sr_err *err)
{
    const struct sr_change *change = &out->now;
    struct sr_change piece = *change;
    sr_wide rest = change->value;

    do {
        enum sr_result result;

        piece.value = rest > INT64_MAX ? INT64_MAX : rest < INT64_MIN ? INT64_MIN : rest;
        rest -= piece.value;
        result = out->take(out->context, &piece, err);
        if (result != SR_OK) {
            return result;
        }
        piece.kind = SR_CHANGE_ADD; /* what is left of a set is added over it */
    } while (rest != 0);
    return SR_OK;
}

/*
 * A set or delete hides all lower generations. An add whose generation has none lies over one
 * that was not handed over yet: where that may still come the add stays apart; where it is lost
 * the add lies over what is there, since what was acknowledged below must not go with the set.
 */
static bool joins(struct merge_output *out, const struct sr_change *change)
{
    if (change->generation != out->now.generation) {
        if (out->now.kind != SR_CHANGE_ADD) {
            return true; /* hidden */
        }
        if (!out->whole) {
            return false;
        }
        out->now.generation = change->generation;
    }
    sr_change_merge(&out->now, change);
    return true;
}

enum sr_result merge_output_end(struct merge_output *out, struct sr_err *err)
{
    enum sr_result result = out->any ? hand_out(out, err) : SR_OK;

    out->any = false;
    return result;
}

enum sr_result merge_output_add(struct merge_output *out, const struct sr_change *change,
                                struct sr_err *err)
{
    enum sr_result result;

    if (out->any && sr_span_equal(out->now.key, change->key) && joins(out, change)) {
        return SR_OK;
    }
    result = merge_output_end(out, err);
    /* A reader's bytes may go while others of the same key come: the key is kept. */
    memcpy(out->key, change->key.data, change->key.size);
    out->now = *change;
    out->now.key.data = out->key;
    out->any = true;
    return result;
}
