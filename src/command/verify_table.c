/*
 * verify's look at the table. What is there cannot be recomputed (other instances add, users
 * update), but a key of the newest applied epoch must have its row, and a deleted one none: a
 * table that was emptied, or restored from another moment than counter_writers, shows here.
 */
#include "command/verify.h"

#include "journal/state.h"

#define BATCH 1000U

struct batch {
    struct sr_span keys[BATCH];
    enum sr_change_kind kinds[BATCH];
    struct store_value values[BATCH];
    size_t count;
};

static enum sr_result check_batch(struct store *store, struct batch *b,
                                  struct verify_table *table, struct sr_err *err)
{
    uint64_t epoch = 0;
    enum sr_result result;

    if (b->count == 0) {
        return SR_OK;
    }
    result = store->ops->load(store, b->keys, b->count, b->values, &epoch, err);
    for (size_t i = 0; result == SR_OK && i < b->count; i++) {
        bool deleted = b->kinds[i] == SR_CHANGE_DELETE;

        table->missing += !deleted && !b->values[i].exists;
        table->left += deleted && b->values[i].exists;
    }
    table->checked += b->count;
    b->count = 0;
    return result;
}

/* A sum beyond 64 bits is several changes of the same key, which follow each other. */
static bool is_same_key(const struct batch *b, struct sr_span key)
{
    return b->count > 0 && sr_span_equal(b->keys[b->count - 1], key);
}

static enum sr_result check_all(struct state_reader *reader, struct store *store,
                                struct verify_table *table, struct sr_err *err)
{
    struct batch b = {.count = 0};
    struct sr_change change;
    enum sr_result result;

    while ((result = state_reader_next(reader, &change, err)) == SR_OK) {
        if (is_same_key(&b, change.key)) {
            continue;
        }
        b.keys[b.count] = change.key;
        b.kinds[b.count++] = change.kind;
        if (b.count == BATCH && (result = check_batch(store, &b, table, err)) != SR_OK) {
            return result;
        }
    }
    return result == SR_NOT_FOUND ? check_batch(store, &b, table, err) : result;
}

enum sr_result verify_table_check(struct disk *disk, const char *state, struct store *store,
                                  struct verify_table *ret_table, struct sr_err *err)
{
    struct verify_table table = {0};
    struct state_reader *reader = NULL;
    enum sr_result result = state_reader_open(disk, state, &reader, err);

    if (result == SR_OK) {
        result = check_all(reader, store, &table, err);
    }
    state_reader_close(&reader);
    if (result == SR_OK) {
        *ret_table = table;
    }
    return result;
}
