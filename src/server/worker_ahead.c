/*
 * Working on several connections together: their bytes are received first, then the table is
 * told which keys they will most likely ask for, then they are parsed and counted one by one.
 * What finds a key that was not used just now waits for memory three times, one after the
 * other; like this most of these waits are over before it asks (bench/RESULTS.md, rows of
 * random keys).
 *
 *   scratch: | received of one | of the next | ... | room for WORKER_READ_SIZE |
 */
#include "server/worker.h"

#include "base/arith.h"
#include "http/guess.h"

#define LINE 64U /* bytes; what two connections sent shares none */

struct received {
    struct connection *connection;
    uint8_t *at;
    size_t size;
};

/* Receives for those off the front of the list that nothing else is to be done for, as long as
 * there is room in the scratch. *ret_count: how many of them are still open. False where there
 * was not even one. */
static bool receive_all(struct worker *w, struct list_link *ready, struct received *all,
                        uint32_t *ret_count)
{
    struct list_link *link = list_first(ready);
    uint32_t count = 0;
    size_t used = 0;
    bool any = false;

    while (link != NULL && count < ENGINE_PREFETCH_MAX && used <= WORKER_REST_MAX) {
        struct connection *c = LIST_OWNER(link, struct connection, queue_link);
        ssize_t got;

        if (!connection_input_is_fresh(w, c)) {
            break;
        }
        any = true;
        list_remove(link);
        link = list_first(ready);
        got = connection_input_receive(w, c, w->scratch + used);
        if (got >= 0) {
            all[count++] = (struct received){.connection = c,
                                             .at = w->scratch + used,
                                             .size = (size_t)got};
            used += sr_round_up((size_t)got, LINE);
        }
    }
    *ret_count = count;
    return any;
}

static void prefetch(struct worker *w, const struct received *all, uint32_t count)
{
    struct sr_span keys[ENGINE_PREFETCH_MAX];
    uint32_t known = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct sr_span bytes = {.data = all[i].at, .size = all[i].size};

        known += http_guess_key(bytes, &keys[known]);
    }
    engine_prefetch(w->engine_worker, keys, known);
}

bool worker_work_ahead(struct worker *w, struct list_link *ready)
{
    struct received all[ENGINE_PREFETCH_MAX];
    uint32_t count = 0;

    if (!receive_all(w, ready, all, &count)) {
        struct list_link *link = list_take_first(ready);

        if (link != NULL) {
            connection_work(w, LIST_OWNER(link, struct connection, queue_link));
        }
        return link != NULL;
    }
    if (count > 1) {
        prefetch(w, all, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        connection_work_received(w, all[i].connection, all[i].at, all[i].size);
    }
    return true;
}
