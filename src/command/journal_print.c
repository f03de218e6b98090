/*
 * The JSON lines of `journal dump` and `journal salvage`.
 */
#include "command/journal_print.h"

#include "base/buffer.h"
#include "http/reply.h"

#include <inttypes.h>
#include <stdio.h>

const char *journal_print_kind(unsigned kind)
{
    static const char *const names[] = {"?", "add", "set", "delete", "seal"};

    return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : names[0];
}

/* `,"NAME":"..."`. No text here is longer than a key. */
static enum sr_result print_text(const char *name, struct sr_span value, struct sr_err *err)
{
    struct sr_buffer text;
    enum sr_result result;

    sr_buffer_init(&text, 8 * SR_KEY_SIZE_MAX);
    result = http_json_string(&text, value);
    if (result == SR_OK) {
        (void)printf(",\"%s\":%.*s", name, (int)text.size, (const char *)text.data);
    } else {
        (void)sr_fail(err, result, "out of memory printing a %s", name);
    }
    sr_buffer_done(&text);
    return result;
}

enum sr_result journal_print_key(struct sr_span key, struct sr_err *err)
{
    return print_text("key", key, err);
}

enum sr_result journal_print_token(const struct record_token *token, struct sr_err *err)
{
    enum sr_result result;

    if (token->token.size == 0) {
        return SR_OK;
    }
    result = print_text("token", token->token, err);
    (void)printf(",\"status\":%u,\"records\":%" PRIu64, token->status,
                 (uint64_t)token->records + 1);
    return result;
}

enum sr_result journal_print_change(const char *file, uint64_t epoch,
                                    const struct sr_change *change, struct sr_err *err)
{
    enum sr_result result;

    (void)putchar('{');
    if (file != NULL) {
        (void)printf("\"file\":\"%s\",", file);
    }
    (void)printf("\"epoch\":%" PRIu64 ",\"kind\":\"%s\"", epoch,
                 journal_print_kind(change->kind));
    result = journal_print_key(change->key, err);
    (void)printf(",\"value\":%" PRId64 ",\"generation\":%" PRIu32 "}\n", (int64_t)change->value,
                 change->generation);
    return result;
}
