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

enum sr_result journal_print_key(struct sr_span key, struct sr_err *err)
{
    struct sr_buffer text;
    enum sr_result result;

    sr_buffer_init(&text, 8 * SR_KEY_SIZE_MAX);
    result = http_json_string(&text, key);
    if (result == SR_OK) {
        (void)printf(",\"key\":%.*s", (int)text.size, (const char *)text.data);
    } else {
        (void)sr_fail(err, result, "out of memory printing a key");
    }
    sr_buffer_done(&text);
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
