/*
 * An engine of which the test decides when turns are released and loads are in.
 */
#include "fake_engine.h"

#include "base/check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 512
#define WORKERS_MAX 4

struct engine_worker {
    struct engine *engine;
    void (*wake)(void *context);
    void *context;
    uint64_t turn; /* the last one that ended */
    uint64_t released;
    bool open;
};

struct fake_key {
    char text[SR_KEY_SIZE_MAX + 1];
    size_t size;
    int64_t total;
    uint64_t turn_tried; /* "turn...": of the first attempt */
    bool counted;
};

struct engine {
    pthread_mutex_t lock;
    struct engine_worker workers[WORKERS_MAX];
    uint32_t worker_count;
    struct fake_key keys[KEYS_MAX];
    uint32_t key_count;
    bool holding, loaded;
    const char *unready;
    struct fake_engine_seen seen;
};

static void lock(struct engine *e)
{
    SR_CHECK(pthread_mutex_lock(&e->lock) == 0);
}

static void unlock(struct engine *e)
{
    SR_CHECK(pthread_mutex_unlock(&e->lock) == 0);
}

struct engine *fake_engine_new(uint32_t worker_count)
{
    struct engine *e = calloc(1, sizeof(*e));

    SR_CHECK(e != NULL && worker_count <= WORKERS_MAX);
    SR_CHECK(pthread_mutex_init(&e->lock, NULL) == 0);
    e->worker_count = worker_count;
    for (uint32_t i = 0; i < worker_count; i++) {
        e->workers[i].engine = e;
    }
    return e;
}

void fake_engine_free(struct engine *e)
{
    SR_CHECK(pthread_mutex_destroy(&e->lock) == 0);
    free(e);
}

static void wake_all(struct engine *e)
{
    for (uint32_t i = 0; i < e->worker_count; i++) {
        if (e->workers[i].wake != NULL) {
            e->workers[i].wake(e->workers[i].context);
        }
    }
}

void fake_engine_hold(struct engine *e)
{
    lock(e);
    e->holding = true;
    unlock(e);
}

void fake_engine_release(struct engine *e)
{
    lock(e);
    e->holding = false;
    for (uint32_t i = 0; i < e->worker_count; i++) {
        e->workers[i].released = e->workers[i].turn;
    }
    unlock(e);
    wake_all(e);
}

void fake_engine_load(struct engine *e)
{
    lock(e);
    e->loaded = true;
    unlock(e);
    wake_all(e);
}

void fake_engine_unload(struct engine *e)
{
    lock(e);
    e->loaded = false;
    unlock(e);
}

void fake_engine_unready(struct engine *e, const char *reason)
{
    lock(e);
    e->unready = reason;
    unlock(e);
}

static struct fake_key *find(struct engine *e, struct sr_span key)
{
    struct fake_key *found;

    for (uint32_t i = 0; i < e->key_count; i++) {
        if (e->keys[i].size == key.size && memcmp(e->keys[i].text, key.data, key.size) == 0) {
            return &e->keys[i];
        }
    }
    SR_CHECK(e->key_count < KEYS_MAX);
    found = &e->keys[e->key_count++];
    memcpy(found->text, key.data, key.size);
    found->size = key.size;
    return found;
}

int64_t fake_engine_total(struct engine *e, const char *key)
{
    int64_t total;

    lock(e);
    total = find(e, sr_span_text(key))->total;
    unlock(e);
    return total;
}

struct fake_engine_seen fake_engine_seen(struct engine *e)
{
    struct fake_engine_seen seen;

    lock(e);
    seen = e->seen;
    unlock(e);
    return seen;
}

const char *engine_rejection_label(enum engine_rejection rejection)
{
    return rejection == ENGINE_REJECT_NONE ? "none" : "rejected";
}

const char *engine_rejection_message(enum engine_rejection rejection)
{
    return rejection == ENGINE_REJECT_TABLE_FULL ? "The table is full." : "Rejected.";
}

struct engine_worker *engine_worker(struct engine *e, uint32_t index)
{
    SR_CHECK(index < e->worker_count);
    return &e->workers[index];
}

void engine_worker_on_wake(struct engine_worker *w, void (*wake)(void *context), void *context)
{
    w->wake = wake;
    w->context = context;
}

void engine_turn_begin(struct engine_worker *w, uint64_t now_ms)
{
    lock(w->engine);
    SR_CHECK(!w->open && now_ms > 0);
    w->open = true;
    w->engine->seen.turns_begun++;
    unlock(w->engine);
}

/* Tokens say what happens: "known..." was answered with 77 each, "null..." with no total,
 * "other..." is another request's, "runs..." has no answer yet, "full..." is rejected,
 * "asks..." waits for fake_engine_load, "blind..." is counted without a total, all others are
 * counted. */
enum engine_token_status engine_token_begin(struct engine_worker *w, struct engine_token *token,
                                            size_t record_bytes,
                                            struct engine_answer *ret_answer,
                                            struct dedup_answer *ret_first)
{
    static const struct {
        const char *text;
        enum engine_token_status status;
    } meanings[] = {{"known", ENGINE_TOKEN_KNOWN},    {"null", ENGINE_TOKEN_KNOWN},
                    {"other", ENGINE_TOKEN_MISMATCH}, {"runs", ENGINE_TOKEN_RUNNING},
                    {"full", ENGINE_TOKEN_REJECTED},  {"asks", ENGINE_TOKEN_WAIT}};
    static uint8_t totals[8 * SR_BATCH_ITEMS_MAX];
    enum engine_token_status status = ENGINE_TOKEN_COUNT;
    bool known = false;

    SR_CHECK(record_bytes > 0 && token->request.totals_count > 0);
    SR_CHECK(token->request.request_hash.size == RECORD_REQUEST_HASH_SIZE);
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (token->request.token.size >= strlen(meanings[i].text) &&
            memcmp(token->request.token.data, meanings[i].text, strlen(meanings[i].text)) ==
                0) {
            status = meanings[i].status;
            known = i == 0;
        }
    }
    lock(w->engine);
    SR_CHECK(w->open);
    if (status == ENGINE_TOKEN_WAIT && w->engine->loaded) {
        status = ENGINE_TOKEN_COUNT;
    }
    w->engine->seen.tokens +=
        status == ENGINE_TOKEN_COUNT || status == ENGINE_TOKEN_WAIT ? token->ref.index == 0 : 0;
    unlock(w->engine);
    if (status == ENGINE_TOKEN_COUNT || status == ENGINE_TOKEN_WAIT) {
        token->ref.index = 1;
    }
    for (size_t i = 0; i < SR_BATCH_ITEMS_MAX; i++) {
        totals[8 * i] = 77;
    }
    *ret_first =
        (struct dedup_answer){.totals_known = known,
                              .totals = {.data = totals,
                                         .size = 8 * (size_t)token->request.totals_count}};
    ret_answer->wait = (struct engine_wait){.for_token = true};
    ret_answer->rejection = ENGINE_REJECT_TABLE_FULL;
    return status;
}

enum engine_status engine_token_end(struct engine_worker *w, struct engine_token *token,
                                    enum engine_status status, int64_t total)
{
    (void)total;
    if (status != ENGINE_WAIT) {
        engine_token_drop(w, token);
    }
    return status == ENGINE_DONE && token->request.token.data[0] == 'b' ? ENGINE_DONE_UNKNOWN
                                                                        : status;
}

enum engine_status engine_token_end_all(struct engine_worker *w, struct engine_token *token,
                                        enum engine_status status, struct counters_batch *batch)
{
    return engine_token_end(w, token, status, batch->items[0].total);
}

void engine_token_drop(struct engine_worker *w, struct engine_token *token)
{
    lock(w->engine);
    w->engine->seen.tokens -= token->ref.index;
    unlock(w->engine);
    token->ref.index = 0;
}

uint64_t engine_turn_end(struct engine_worker *w, bool held)
{
    struct engine *e = w->engine;
    uint64_t turn;

    lock(e);
    SR_CHECK(w->open);
    w->open = false;
    turn = ++w->turn;
    if (!e->holding || (!held && w->released == turn - 1)) {
        w->released = turn;
    }
    e->seen.turns_ended++;
    e->seen.turns_held += held;
    unlock(e);
    return turn;
}

uint64_t engine_released(struct engine_worker *w)
{
    uint64_t released;

    lock(w->engine);
    released = w->released;
    unlock(w->engine);
    return released;
}

static bool starts(const struct fake_key *key, const char *word)
{
    return strncmp(key->text, word, strlen(word)) == 0;
}

/* What is the same for increments and reads: true where the key's name settles the answer. */
static bool settled(struct engine_worker *w, struct fake_key *key,
                    enum engine_status *ret_status, struct engine_answer *ret_answer)
{
    struct engine *e = w->engine;

    SR_CHECK(w->open);
    e->seen.attempts++;
    memset(ret_answer, 0, sizeof(*ret_answer));
    *ret_status = ENGINE_WAIT;
    if (starts(key, "wait") && !e->loaded) {
        ret_answer->wait.pinned = true;
        e->seen.pins++;
        return true;
    }
    if (starts(key, "turn") && (key->turn_tried == 0 || key->turn_tried == w->turn + 1)) {
        key->turn_tried = w->turn + 1;
        ret_answer->wait.for_turn = true;
        return true;
    }
    if (starts(key, "full")) {
        ret_answer->rejection = ENGINE_REJECT_TABLE_FULL;
        *ret_status = ENGINE_REJECTED;
        return true;
    }
    return false;
}

static enum engine_status increment(struct engine_worker *w, struct fake_key *key,
                                    int64_t value, struct engine_answer *ret_answer)
{
    enum engine_status status;

    if (settled(w, key, &status, ret_answer)) {
        return status;
    }
    if (starts(key, "over") || __builtin_add_overflow(key->total, value, &key->total)) {
        return ENGINE_OVERFLOW;
    }
    key->counted = true;
    ret_answer->total = key->total;
    w->engine->seen.increments++;
    return starts(key, "unknown") ? ENGINE_DONE_UNKNOWN : ENGINE_DONE;
}

/* Counts them, so that a test can tell that hints came at all. */
void engine_prefetch(struct engine_worker *w, const struct sr_span *keys, uint32_t count)
{
    SR_CHECK(count <= ENGINE_PREFETCH_MAX);
    lock(w->engine);
    for (uint32_t i = 0; i < count; i++) {
        SR_CHECK(keys[i].size > 0);
        w->engine->seen.prefetched++;
    }
    unlock(w->engine);
}

enum engine_status engine_increment(struct engine_worker *w, struct sr_span key, int64_t value,
                                    struct engine_answer *ret_answer)
{
    enum engine_status status;

    lock(w->engine);
    status = increment(w, find(w->engine, key), value, ret_answer);
    unlock(w->engine);
    return status;
}

static void release_pins(struct engine *e, struct counters_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        e->seen.pins -= batch->items[i].pinned;
        batch->items[i].pinned = false;
    }
}

/* Whether all of the batch can be counted: ENGINE_DONE. */
static enum engine_status check_all(struct engine_worker *w, struct counters_batch *batch,
                                    struct engine_answer *ret_answer)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        struct counters_batch_item *item = &batch->items[i];
        struct fake_key *key = find(w->engine, counters_batch_key(batch, i));
        enum engine_status status;

        if (settled(w, key, &status, ret_answer)) {
            w->engine->seen.pins -= item->pinned && ret_answer->wait.pinned;
            item->pinned = item->pinned || ret_answer->wait.pinned;
            ret_answer->wait.pinned = false;
            ret_answer->wait.batch = status == ENGINE_WAIT ? batch : NULL;
            return status;
        }
        if (starts(key, "over")) {
            ret_answer->item = i;
            return ENGINE_OVERFLOW;
        }
    }
    return ENGINE_DONE;
}

static enum engine_status increment_all(struct engine_worker *w, struct counters_batch *batch,
                                        struct engine_answer *ret_answer)
{
    enum engine_status status = check_all(w, batch, ret_answer);

    for (uint32_t i = 0; i < batch->count && status != ENGINE_WAIT; i++) {
        struct counters_batch_item *item = &batch->items[i];
        struct fake_key *key = find(w->engine, counters_batch_key(batch, i));

        if (status != ENGINE_DONE && status != ENGINE_DONE_UNKNOWN) {
            break;
        }
        key->total += item->value;
        key->counted = true;
        item->total = key->total;
        item->total_known = !starts(key, "unknown");
        status = item->total_known ? status : ENGINE_DONE_UNKNOWN;
        w->engine->seen.increments++;
    }
    if (status != ENGINE_WAIT) {
        release_pins(w->engine, batch);
    }
    return status;
}

enum engine_status engine_increment_all(struct engine_worker *w, struct counters_batch *batch,
                                        struct engine_answer *ret_answer)
{
    enum engine_status status;

    lock(w->engine);
    status = increment_all(w, batch, ret_answer);
    unlock(w->engine);
    return status;
}

/* Keys that overflow or whose totals are unknown are set and deleted like any other. */
static enum engine_status replace(struct engine_worker *w, struct sr_span text, bool exists,
                                  int64_t value, struct engine_answer *ret_answer)
{
    enum engine_status status = ENGINE_DONE;
    struct fake_key *key;

    lock(w->engine);
    key = find(w->engine, text);
    if (!settled(w, key, &status, ret_answer)) {
        key->total = value;
        key->counted = exists;
        ret_answer->total = value;
        status = ENGINE_DONE;
    }
    unlock(w->engine);
    return status;
}

enum engine_status engine_set(struct engine_worker *w, struct sr_span key, int64_t value,
                              struct engine_answer *ret_answer)
{
    return replace(w, key, true, value, ret_answer);
}

enum engine_status engine_delete(struct engine_worker *w, struct sr_span key,
                                 struct engine_answer *ret_answer)
{
    return replace(w, key, false, 0, ret_answer);
}

static enum engine_status read_key(struct engine_worker *w, struct fake_key *key,
                                   struct engine_answer *ret_answer)
{
    enum engine_status status;

    if (settled(w, key, &status, ret_answer)) {
        return status;
    }
    ret_answer->total = key->total;
    ret_answer->synced_known = key->total > 10;
    ret_answer->synced = key->total - 1;
    return key->counted ? ENGINE_DONE : ENGINE_ABSENT;
}

enum engine_status engine_read(struct engine_worker *w, struct sr_span key,
                               struct engine_answer *ret_answer)
{
    enum engine_status status;

    lock(w->engine);
    status = read_key(w, find(w->engine, key), ret_answer);
    unlock(w->engine);
    return status;
}

/* Lists are made by the lister, which this engine has none of: every one is refused. */
enum engine_status engine_list(struct engine_worker *w, const struct lister_request *request,
                               struct lister_job **job, struct engine_answer *ret_answer)
{
    (void)job;
    lock(w->engine);
    SR_CHECK(w->open);
    w->engine->seen.listed = *request;
    w->engine->seen.attempts++;
    memset(ret_answer, 0, sizeof(*ret_answer));
    ret_answer->rejection = ENGINE_REJECT_LISTER_FULL;
    unlock(w->engine);
    return ENGINE_REJECTED;
}

void engine_list_drop(struct engine_worker *w, struct lister_job **job)
{
    (void)w;
    SR_CHECK(*job == NULL);
}

/* Nothing is ever flushed: the database of this engine does not answer. */
enum engine_status engine_flush(struct engine_worker *w, struct engine_flush *flush,
                                struct flusher_flushed *ret_flushed,
                                struct engine_answer *ret_answer)
{
    (void)flush;
    (void)ret_flushed;
    lock(w->engine);
    SR_CHECK(w->open);
    w->engine->seen.attempts++;
    memset(ret_answer, 0, sizeof(*ret_answer));
    ret_answer->rejection = ENGINE_REJECT_STORE_DOWN;
    unlock(w->engine);
    return ENGINE_REJECTED;
}

bool engine_wait_over(struct engine_worker *w, const struct engine_wait *wait, uint64_t now_ms)
{
    bool over;

    (void)now_ms;
    lock(w->engine);
    over = wait->for_turn || w->engine->loaded;
    unlock(w->engine);
    return over;
}

void engine_wait_end(struct engine_worker *w, struct engine_wait *wait)
{
    lock(w->engine);
    if (wait->batch != NULL) {
        release_pins(w->engine, wait->batch);
        wait->batch = NULL;
    }
    w->engine->seen.pins -= wait->pinned;
    wait->pinned = false;
    unlock(w->engine);
}

bool engine_ready(struct engine *e, char *ret_text, size_t size)
{
    bool ready;

    lock(e);
    ready = e->unready == NULL;
    if (!ready) {
        (void)snprintf(ret_text, size, "%s", e->unready);
    }
    unlock(e);
    return ready;
}
