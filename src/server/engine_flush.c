/*
 * Flushes that are asked for: the flusher's thread makes them, the request waits like one for a
 * load.
 */
#include "server/engine_internal.h"

/* Whether waiting on makes sense. */
static bool may_wait(struct engine *e, const struct engine_flush *flush, uint64_t now_ms)
{
    return flusher_store_up(e->options.flusher) && now_ms - flush->asked_ms < ENGINE_FLUSH_MS;
}

bool engine_flush_over(struct engine *e, const struct engine_flush *flush, uint64_t now_ms)
{
    struct flusher_flushed ignored;

    return flusher_flush_done(e->options.flusher, &flush->ticket, &ignored) ||
           !may_wait(e, flush, now_ms);
}

enum engine_status engine_flush(struct engine_worker *w, struct engine_flush *flush,
                                struct flusher_flushed *ret_flushed,
                                struct engine_answer *ret_answer)
{
    struct engine *e = w->engine;

    if (flush->ticket.number == 0) {
        flush->asked_ms = w->now_ms;
        flusher_flush(e->options.flusher, &flush->ticket);
        engine_bump(&w->waits, 1);
    }
    if (flusher_flush_done(e->options.flusher, &flush->ticket, ret_flushed)) {
        return ENGINE_DONE;
    }
    if (!may_wait(e, flush, w->now_ms)) {
        return engine_reject(w, ENGINE_REJECT_STORE_DOWN, ret_answer);
    }
    ret_answer->wait = (struct engine_wait){.flush = *flush};
    return ENGINE_WAIT;
}
