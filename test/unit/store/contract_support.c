/*
 * Sources, sink and shorthands of the contract's tests.
 */
#include "store/contract_support.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

struct sr_uuid contract_uuid(uint8_t number)
{
    struct sr_uuid uuid;

    memset(uuid.bytes, number, sizeof(uuid.bytes));
    return uuid;
}

struct sr_change contract_change(enum sr_change_kind kind, const char *key, int64_t value)
{
    return (struct sr_change){.key = sr_span_text(key), .kind = kind, .value = value};
}

/* --- source ------------------------------------------------------------------------------- */

static enum sr_result source_rewind(void *context, struct sr_err *err)
{
    struct contract_source *source = context;

    source->rewinds++;
    source->at = 0;
    if (source->fail_at == 0 && source->count == 0) {
        return sr_fail(err, SR_DAMAGED, "the source cannot rewind");
    }
    return SR_OK;
}

/* The key's bytes are in the ring, so that a driver that keeps them too long reads another
 * key. */
static enum sr_result source_next(void *context, struct sr_change *ret_change,
                                  struct sr_err *err)
{
    struct contract_source *source = context;
    char *space = source->keys[source->at % CONTRACT_KEYS_VALID];
    struct sr_change change;

    if (source->at == source->fail_at) {
        return sr_fail(err, SR_DAMAGED, "the source fails at %llu",
                       (unsigned long long)source->at);
    }
    if (source->at == source->count) {
        return SR_NOT_FOUND;
    }
    if (source->changes != NULL) {
        change = source->changes[source->at];
        memcpy(space, change.key.data, change.key.size);
        change.key.data = (const uint8_t *)space;
    } else {
        change = source->make(source->at, space);
    }
    source->at++;
    *ret_change = change;
    return SR_OK;
}

void contract_source_init(struct contract_source *source, const struct sr_change *changes,
                          uint64_t count)
{
    *source =
        (struct contract_source){.changes = changes,
                                 .count = count,
                                 .fail_at = UINT64_MAX,
                                 .keys = calloc(CONTRACT_KEYS_VALID, sizeof(*source->keys))};
    SR_CHECK(source->keys != NULL);
    source->source.context = source;
    source->source.rewind = source_rewind;
    source->source.next = source_next;
}

void contract_source_make(struct contract_source *source, uint64_t count,
                          struct sr_change (*make)(uint64_t index, char *key_space))
{
    contract_source_init(source, NULL, count);
    source->make = make;
}

void contract_source_done(struct contract_source *source)
{
    free(source->keys);
}

/* --- sink --------------------------------------------------------------------------------- */

static void sink_restart(void *context)
{
    struct contract_sink *sink = context;

    sink->restarts++;
    sink->count = 0;
}

static void sink_outcome(void *context, const struct store_outcome *outcome)
{
    struct contract_sink *sink = context;

    if (sink->count == sink->room) {
        sink->room = sink->room * 2 + 64;
        sink->outcomes = reallocarray(sink->outcomes, sink->room, sizeof(*sink->outcomes));
        SR_CHECK(sink->outcomes != NULL);
    }
    sink->outcomes[sink->count++] = *outcome;
}

void contract_sink_init(struct contract_sink *sink)
{
    *sink = (struct contract_sink){0};
    sink->sink.context = sink;
    sink->sink.restart = sink_restart;
    sink->sink.outcome = sink_outcome;
}

void contract_sink_done(struct contract_sink *sink)
{
    free(sink->outcomes);
}

/* --- shorthands --------------------------------------------------------------------------- */

enum sr_result contract_claim(struct store *store, const uint8_t *tokens, size_t count,
                              bool insert_row, uint64_t *ret_epoch, struct sr_err *err)
{
    struct sr_uuid mine[256];
    struct store_claim claim = {.mine = mine, .mine_count = count, .insert_row = insert_row};

    SR_CHECK(count <= CONTRACT_COUNT(mine));
    for (size_t i = 0; i < count; i++) {
        mine[i] = contract_uuid(tokens[i]);
    }
    claim.fresh = mine[0];
    return store->ops->claim(store, &claim, ret_epoch, err);
}

void contract_writer_open(struct contract_writer *writer, const struct contract_target *target,
                          uint8_t instance)
{
    uint8_t token = (uint8_t)(instance + 100);
    enum sr_result res;

    *writer = (struct contract_writer){.target = target,
                                       .instance = contract_uuid(instance),
                                       .owner = contract_uuid(token)};
    writer->store = target->open(target->context, &writer->instance);
    res = contract_claim(writer->store, &token, 1, true, &writer->epoch, &writer->err);
    if (res != SR_OK) {
        fail_msg("claim: %s", writer->err.text);
    }
}

void contract_writer_close(struct contract_writer *writer)
{
    store_close(&writer->store);
    assert_null(writer->store);
}

enum sr_result contract_apply(struct contract_writer *writer, struct contract_source *source,
                              struct contract_sink *sink)
{
    struct store_epoch epoch = {.epoch = writer->epoch + 1,
                                .predecessor = writer->epoch,
                                .owner = writer->owner};
    enum sr_result res = writer->store->ops->apply(writer->store, &epoch, &source->source,
                                                   &sink->sink, &writer->err);

    writer->epoch += res == SR_OK;
    return res;
}

void contract_apply_all(struct contract_writer *writer, const struct sr_change *changes,
                        uint64_t count, struct store_outcome *ret_outcomes)
{
    struct contract_source source;
    struct contract_sink sink;
    enum sr_result res;

    contract_source_init(&source, changes, count);
    contract_sink_init(&sink);
    res = contract_apply(writer, &source, &sink);
    if (res != SR_OK) {
        fail_msg("apply: %s", writer->err.text);
    }
    assert_int_equal(sink.count, count);
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(sink.outcomes[i].index, i);
        if (ret_outcomes != NULL) {
            ret_outcomes[i] = sink.outcomes[i];
        }
    }
    contract_sink_done(&sink);
    contract_source_done(&source);
}

static struct store_value load_one(struct contract_writer *writer, const char *key)
{
    struct sr_span span = sr_span_text(key);
    struct store_value value = {0};
    uint64_t epoch = UINT64_MAX;
    enum sr_result res =
        writer->store->ops->load(writer->store, &span, 1, &value, &epoch, &writer->err);

    if (res != SR_OK) {
        fail_msg("load: %s", writer->err.text);
    }
    assert_int_equal(epoch, writer->epoch);
    return value;
}

void contract_assert_value(struct contract_writer *writer, const char *key, int64_t value)
{
    struct store_value found = load_one(writer, key);

    assert_true(found.exists);
    assert_true(found.value == value);
}

void contract_assert_absent(struct contract_writer *writer, const char *key)
{
    assert_false(load_one(writer, key).exists);
}
