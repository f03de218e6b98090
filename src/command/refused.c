/*
 * simple-request refused list, replay and drop: the changes that the database refused, which
 * wait in counter_refused. They may be asked for while the service runs.
 */
#include "base/limits.h"
#include "command/command.h"
#include "command/journal_print.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A page of rows, with their keys: what is done to a row needs the connection that reads it. */
struct page {
    struct store_refused rows[STORE_REFUSED_PAGE];
    uint8_t keys[STORE_REFUSED_PAGE][SR_KEY_SIZE_MAX];
    size_t count;
};

struct refused {
    struct store *store;
    struct page page;
    uint64_t done, left;
    struct sr_err err;
};

/* What is done to a row. SR_OK: it is done, or stays and is counted as left; else it ends all.
 */
typedef enum sr_result row_fn(struct refused *r, const struct store_refused *row);

static enum sr_result take_row(void *context, const struct store_refused *row)
{
    struct page *page = context;
    struct store_refused *copy = &page->rows[page->count];

    if (page->count == STORE_REFUSED_PAGE || row->key.size > SR_KEY_SIZE_MAX) {
        return SR_FULL;
    }
    *copy = *row;
    memcpy(page->keys[page->count], row->key.data, row->key.size);
    copy->key.data = page->keys[page->count++];
    return SR_OK;
}

static enum sr_result print_row(struct refused *r, const struct store_refused *row)
{
    const char *kind = !row->is_set ? "add" : row->has_value ? "set" : "delete";
    enum sr_result result;

    (void)printf("{\"kind\":\"%s\"", kind);
    result = journal_print_key(row->key, &r->err);
    if (row->has_value) {
        (void)printf(",\"value\":%" PRId64, row->value);
    }
    (void)printf(",\"sqlstate\":\"%s\",\"instance\":\"%s\",\"epoch\":%" PRIu64
                 ",\"at\":%" PRId64 "}\n",
                 row->sqlstate, row->instance, row->epoch, row->at_s);
    return result;
}

static enum sr_result list_row(struct refused *r, const struct store_refused *row)
{
    r->done++;
    return print_row(r, row);
}

/* Tells which key's row stays, and why. */
static enum sr_result leave(struct refused *r, const struct store_refused *row, const char *why)
{
    char text[sizeof(r->err.text) + SR_KEY_SIZE_MAX + 32];
    int size = (int)row->key.size;

    (void)snprintf(text, sizeof(text), "%.*s: stays refused: %s", size,
                   (const char *)row->key.data, why);
    for (char *at = text; *at != '\0'; at++) {
        *at = (unsigned char)*at < ' ' || *at == 0x7f ? '?' : *at; /* for a terminal */
    }
    command_complain(text);
    r->left++;
    return SR_OK;
}

static enum sr_result replay_row(struct refused *r, const struct store_refused *row)
{
    int64_t value = 0;
    enum sr_result result;

    if (row->is_set || !row->has_value) {
        return leave(r, row,
                     "it is a set or a delete, and what was counted since would be lost; set "
                     "the counter yourself, then `simple-request refused drop` it");
    }
    result = r->store->ops->replay_refused(r->store, row, &value, &r->err);
    if (result == SR_INVALID) {
        return leave(r, row, r->err.text);
    }
    if (result == SR_NOT_FOUND) { /* another replay or drop was first */
        return SR_OK;
    }
    if (result == SR_OK) {
        r->done++;
        return print_row(r, row);
    }
    return result;
}

static enum sr_result drop_row(struct refused *r, const struct store_refused *row)
{
    enum sr_result result = r->store->ops->drop_refused(r->store, row, &r->err);

    if (result == SR_NOT_FOUND) {
        return SR_OK;
    }
    r->done += result == SR_OK;
    return result == SR_OK ? print_row(r, row) : result;
}

/* Page by page; a row that stays is passed once. */
static enum sr_result for_all_rows(struct refused *r, struct sr_span key, row_fn *row)
{
    char after[STORE_REFUSED_ID_SIZE] = "";
    enum sr_result result;

    do {
        r->page.count = 0;
        result = r->store->ops->list_refused(r->store, key, after, take_row, &r->page, &r->err);
        for (size_t i = 0; result == SR_OK && i < r->page.count; i++) {
            result = row(r, &r->page.rows[i]);
            (void)snprintf(after, sizeof(after), "%s", r->page.rows[i].id);
        }
    } while (result == SR_OK && r->page.count == STORE_REFUSED_PAGE);
    return result;
}

static int end(struct refused *r, enum sr_result result, const char *what)
{
    char text[sizeof(r->err.text) + 80];

    if (result == SR_NOT_FOUND) { /* no tables: nothing was ever refused */
        result = SR_OK;
    }
    if (result != SR_OK) {
        (void)snprintf(text, sizeof(text), "%s; what is not printed stays: repeat the command",
                       r->err.text);
        command_complain(text);
    }
    (void)fprintf(stderr, "simple-request: %" PRIu64 " %s", r->done, what);
    if (r->left > 0) {
        (void)fprintf(stderr, ", %" PRIu64 " stay", r->left);
    }
    (void)fputc('\n', stderr);
    return result == SR_OK && r->left == 0 && fflush(stdout) == 0 ? COMMAND_OK : COMMAND_FAILED;
}

static int run(const struct config *config, row_fn *row, const char *what)
{
    static struct refused r; /* with a page of rows: not on the stack */
    const char *word = config->parts.words[0];
    enum sr_result result;

    if (config->parts.word_count > 1) {
        command_complain("refused: one key at most");
        return COMMAND_USAGE;
    }
    if (config_check_store(config, &r.err) != SR_OK) {
        command_complain(r.err.text);
        return COMMAND_USAGE;
    }
    /* Whoever is killed has printed what is done, but for one row. */
    (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    result = config_open_store(config, NULL, &r.store, &r.err);
    if (result == SR_OK) {
        result = for_all_rows(&r, sr_span_text(word == NULL ? "" : word), row);
    }
    store_close(&r.store);
    return end(&r, result, what);
}

int command_refused_list(const struct config *config)
{
    return run(config, list_row, "refused changes");
}

int command_refused_replay(const struct config *config)
{
    return run(config, replay_row, "counted");
}

int command_refused_drop(const struct config *config)
{
    if (config->parts.word_count != 1) {
        command_complain("usage: simple-request refused drop KEY [OPTION...]; `refused list` "
                         "shows them");
        return COMMAND_USAGE;
    }
    return run(config, drop_row, "dropped");
}
