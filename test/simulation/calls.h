/*
 * Requests of more than one change or with an Idempotency-Key. Clients repeat a request with a
 * token until they have an answer, and some once more, on the same or on another instance.
 *
 * Each token adds a digit of its own to keys that nobody else counts, one key or, as a batch,
 * two: so what is found tells of each token how often it was counted, and whether it was torn.
 */
#ifndef SR_TEST_SIMULATION_CALLS_H
#define SR_TEST_SIMULATION_CALLS_H

#include "judge.h"
#include "server/engine.h"

#define TOKENS_MAX 60
#define CALL_PLAIN TOKENS_MAX /* a batch without a token */

struct instance;
struct worker;
struct world;

/* What the clients know. */
struct tokens {
    unsigned sent; /* numbers below it were in use */
    bool answered[TOKENS_MAX];
};

/* A request on its way; it stays where it is until it is answered. */
struct call {
    unsigned number; /* of its token, or CALL_PLAIN */
    struct engine_token token;
    char text[16];
    uint8_t hash[RECORD_REQUEST_HASH_SIZE];
    struct counters_batch batch;
};

/* The next request with a token: a new one, or one that was sent before. */
struct call *call_with_token(struct world *w);
struct call *call_plain(void);
void call_add(struct instance *i, struct call *call, unsigned key, int64_t value);
void call_free(struct call **call);

/* Gives it to the engine; `wait` is what it waited for. Its changes without a token are counted
 * by the judge if it is done. */
enum engine_status call_run(struct instance *i, struct worker *worker, struct call *call,
                            struct engine_wait *wait, struct engine_answer *ret_answer);

/* Its answer left, about what was computed at this number of the judge. */
void call_answered(struct instance *i, const struct call *call, uint64_t now);

/* Which tokens the database knows, and then each state file on top of it. */
struct tokens_known {
    bool tokens[TOKENS_MAX];
};
unsigned token_number(struct sr_span text);

/* Whether what was found of the tokens' keys may be; takes it out of `found`, which is judged
 * as a whole. `all`: nothing is in other instances any more. */
void tokens_judge(struct instance *i, enum judge_promise promise, bool all,
                  struct model *found);

/* A crash took what had been answered, as it may. */
void tokens_forget_answers(struct world *w);

#endif
