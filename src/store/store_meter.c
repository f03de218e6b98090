/*
 * A store around a store.
 */
#include "store/store_meter.h"

#include "base/clock.h"

#include <stdlib.h>

struct metered {
    struct store base; /* first */
    struct store *inner;
};

const char *store_operation_name(enum store_operation operation)
{
    static const char *const names[] = {
#define STORE_OPERATION_NAME(name, label, table) [name] = (label),
        STORE_OPERATIONS(STORE_OPERATION_NAME)
#undef STORE_OPERATION_NAME
    };

    return names[operation];
}

const char *store_operation_table(enum store_operation operation)
{
    static const char *const tables[] = {
#define STORE_OPERATION_TABLE(name, label, table) [name] = (table),
        STORE_OPERATIONS(STORE_OPERATION_TABLE)
#undef STORE_OPERATION_TABLE
    };

    return tables[operation];
}

static struct store *inner_of(const struct store *store)
{
    return ((const struct metered *)store)->inner;
}

/* Returns when the operation began. */
static uint64_t begin(struct store_meter *meter)
{
    uint64_t now_ns = sr_clock_monotonic_ns();

    sr_histogram_add(&meter->idle, now_ns - meter->ended_ns);
    atomic_store_explicit(&meter->in_use, true, memory_order_relaxed);
    return now_ns;
}

static enum sr_result end(struct store_meter *meter, enum store_operation operation,
                          uint64_t begin_ns, enum sr_result result)
{
    uint64_t now_ns = sr_clock_monotonic_ns();

    atomic_store_explicit(&meter->in_use, false, memory_order_relaxed);
    sr_histogram_add(&meter->operations[operation], now_ns - begin_ns);
    sr_histogram_add(&meter->use, now_ns - begin_ns);
    if (result != SR_OK && result != SR_NOT_FOUND) {
        atomic_fetch_add_explicit(&meter->failures[operation], 1, memory_order_relaxed);
    }
    meter->ended_ns = now_ns;
    return result;
}

static enum sr_result metered_claim(struct store *store, const struct store_claim *claim,
                                    uint64_t *ret_epoch, struct sr_err *err)
{
    struct store *inner = inner_of(store);
    uint64_t begin_ns = begin(store->meter);

    return end(store->meter, STORE_CLAIM, begin_ns,
               inner->ops->claim(inner, claim, ret_epoch, err));
}

static enum sr_result metered_apply(struct store *store, const struct store_epoch *epoch,
                                    const struct store_source *source,
                                    const struct store_sink *sink, struct sr_err *err)
{
    struct store *inner = inner_of(store);
    uint64_t begin_ns = begin(store->meter);

    return end(store->meter, STORE_APPLY, begin_ns,
               inner->ops->apply(inner, epoch, source, sink, err));
}

static enum sr_result metered_load(struct store *store, const struct sr_span *keys,
                                   size_t count, struct store_value *ret_values,
                                   uint64_t *ret_epoch, struct sr_err *err)
{
    struct store *inner = inner_of(store);
    uint64_t begin_ns = begin(store->meter);

    return end(store->meter, STORE_LOAD, begin_ns,
               inner->ops->load(inner, keys, count, ret_values, ret_epoch, err));
}

static enum sr_result metered_find_requests(struct store *store, const struct sr_span *tokens,
                                            size_t count, store_found_fn *found, void *context,
                                            struct sr_err *err)
{
    struct store *inner = inner_of(store);
    uint64_t begin_ns = begin(store->meter);

    return end(store->meter, STORE_FIND_REQUESTS, begin_ns,
               inner->ops->find_requests(inner, tokens, count, found, context, err));
}

static enum sr_result metered_list(struct store *store, const struct store_range *range,
                                   const struct store_rows *rows, uint64_t *ret_epoch,
                                   struct sr_err *err)
{
    struct store *inner = inner_of(store);
    uint64_t begin_ns = begin(store->meter);

    return end(store->meter, STORE_LIST, begin_ns,
               inner->ops->list(inner, range, rows, ret_epoch, err));
}

static enum sr_result metered_look(struct store *store, const struct sr_uuid *owner,
                                   uint64_t *ret_epoch, bool *ret_owned, struct sr_err *err)
{
    struct store *inner = inner_of(store);
    uint64_t begin_ns = begin(store->meter);

    return end(store->meter, STORE_LOOK, begin_ns,
               inner->ops->look(inner, owner, ret_epoch, ret_owned, err));
}

/* What operators ask for from the command line is not counted: no service runs then. */
static enum sr_result metered_read_all(struct store *store, struct sr_span prefix,
                                       const struct store_rows *rows, struct sr_err *err)
{
    struct store *inner = inner_of(store);

    return inner->ops->read_all(inner, prefix, rows, err);
}

static enum sr_result metered_retire(struct store *store, const struct sr_uuid *owner,
                                     uint64_t epoch, struct sr_err *err)
{
    struct store *inner = inner_of(store);

    return inner->ops->retire(inner, owner, epoch, err);
}

static enum sr_result metered_list_refused(struct store *store, struct sr_span key,
                                           const char *after, store_refused_fn *row,
                                           void *context, struct sr_err *err)
{
    struct store *inner = inner_of(store);

    return inner->ops->list_refused(inner, key, after, row, context, err);
}

static enum sr_result metered_replay_refused(struct store *store,
                                             const struct store_refused *row,
                                             int64_t *ret_value, struct sr_err *err)
{
    struct store *inner = inner_of(store);

    return inner->ops->replay_refused(inner, row, ret_value, err);
}

static enum sr_result metered_drop_refused(struct store *store, const struct store_refused *row,
                                           struct sr_err *err)
{
    struct store *inner = inner_of(store);

    return inner->ops->drop_refused(inner, row, err);
}

static void metered_info(const struct store *store, struct store_info *ret_info)
{
    const struct store *inner = inner_of(store);

    inner->ops->info(inner, ret_info);
}

static void metered_cancel(struct store *store)
{
    struct store *inner = inner_of(store);

    inner->ops->cancel(inner);
}

static void metered_close(struct store *store)
{
    struct store *inner = inner_of(store);

    store_close(&inner);
    free(store);
}

static void init(struct store_meter *meter)
{
    for (int i = 0; i < STORE_OPERATION_COUNT; i++) {
        sr_histogram_init(&meter->operations[i], &sr_bounds_time_ns);
        atomic_init(&meter->failures[i], 0);
    }
    sr_histogram_init(&meter->idle, &sr_bounds_time_ns);
    sr_histogram_init(&meter->wait, &sr_bounds_time_ns);
    sr_histogram_init(&meter->use, &sr_bounds_time_ns);
    sr_histogram_init(&meter->decode, &sr_bounds_time_ns);
    atomic_init(&meter->in_use, false);
    meter->ended_ns = sr_clock_monotonic_ns();
}

enum sr_result store_meter_open(struct store *store, struct store_meter *meter,
                                struct store **ret_store, struct sr_err *err)
{
    static const struct store_ops metered_ops = {
        .name = "metered",
        .close = metered_close,
        .claim = metered_claim,
        .apply = metered_apply,
        .load = metered_load,
        .find_requests = metered_find_requests,
        .list = metered_list,
        .read_all = metered_read_all,
        .look = metered_look,
        .retire = metered_retire,
        .list_refused = metered_list_refused,
        .replay_refused = metered_replay_refused,
        .drop_refused = metered_drop_refused,
        .info = metered_info,
        .cancel = metered_cancel,
    };
    struct metered *metered = calloc(1, sizeof(*metered));

    if (metered == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory for a store's meter");
    }
    init(meter);
    *metered = (struct metered){.base = {.ops = &metered_ops, .meter = meter}, .inner = store};
    *ret_store = &metered->base;
    return SR_OK;
}

void store_meter_waited(struct store *store, uint64_t since_ns)
{
    if (store->meter != NULL) {
        sr_histogram_add(&store->meter->wait, sr_clock_monotonic_ns() - since_ns);
    }
}

void store_meter_decoded(struct store *store)
{
    if (store->meter != NULL) {
        sr_histogram_add(&store->meter->decode,
                         sr_clock_monotonic_ns() - store->meter->ended_ns);
    }
}
