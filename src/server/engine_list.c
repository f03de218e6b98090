/*
 * Lists: made by the lister's thread, while the request waits like one for a load.
 */
#include "server/engine_internal.h"

void engine_attach_lister(struct engine *e, struct lister *lister)
{
    e->options.lister = lister;
}

static enum engine_status ask(struct engine_worker *w, const struct lister_request *request,
                              struct lister_job **job, struct engine_answer *ret_answer)
{
    if (!w->counters_turn.may_wait) {
        return engine_reject(w, ENGINE_REJECT_STORE_DOWN, ret_answer);
    }
    if (lister_ask(w->engine->options.lister, request, job) != SR_OK) {
        return engine_reject(w, ENGINE_REJECT_LISTER_FULL, ret_answer);
    }
    engine_bump(&w->waits, 1);
    ret_answer->wait = (struct engine_wait){.job = *job};
    return ENGINE_WAIT;
}

enum engine_status engine_list(struct engine_worker *w, const struct lister_request *request,
                               struct lister_job **job, struct engine_answer *ret_answer)
{
    struct lister_page page;

    if (*job == NULL) {
        return ask(w, request, job, ret_answer);
    }
    if (!lister_is_done(*job)) {
        ret_answer->wait = (struct engine_wait){.job = *job};
        return ENGINE_WAIT;
    }
    if (!lister_page(*job, &page)) {
        return engine_reject(w, ENGINE_REJECT_STORE_DOWN, ret_answer);
    }
    return ENGINE_DONE;
}

void engine_list_drop(struct engine_worker *w, struct lister_job **job)
{
    if (*job != NULL) {
        lister_drop(w->engine->options.lister, job);
    }
}
