/*
 * Two counts for each key.
 */
#include "load/ledger.h"

#include "base/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum sr_result load_ledger_init(struct load_ledger *ledger, const struct load_options *options,
                                struct sr_err *err)
{
    ledger->entries = NULL;
    ledger->size = options->keys * sizeof(*ledger->entries);
    if (options->ledger == NULL) {
        return SR_OK;
    }
    ledger->entries = sr_pages_alloc(ledger->size);
    if (ledger->entries == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "ledger of %" PRIu64 " keys", options->keys);
    }
    return SR_OK;
}

void load_ledger_done(struct load_ledger *ledger)
{
    sr_pages_free(ledger->entries, ledger->size);
    ledger->entries = NULL;
}

void load_ledger_acknowledge(struct load_ledger *ledger, const uint32_t *indexes, size_t items)
{
    for (size_t i = 0; ledger->entries != NULL && i < items; i++) {
        ledger->entries[indexes[i]].acknowledged++;
    }
}

void load_ledger_lose(struct load_ledger *ledger, const uint32_t *indexes, size_t items)
{
    for (size_t i = 0; ledger->entries != NULL && i < items; i++) {
        ledger->entries[indexes[i]].unanswered++;
    }
}

static void write_entries(const struct load_ledger *ledger, const struct load_options *options,
                          FILE *file)
{
    for (uint64_t i = 0; i < options->keys; i++) {
        const struct load_ledger_entry *entry = &ledger->entries[i];

        if (entry->acknowledged != 0 || entry->unanswered != 0) {
            (void)fprintf(file, "%s%0*" PRIu64 " %" PRIu32 " %" PRIu32 "\n", /* see fclose */
                          options->key_prefix, (int)LOAD_KEY_DIGITS, options->first_key + i,
                          entry->acknowledged, entry->unanswered);
        }
    }
}

enum sr_result load_ledger_write(const struct load_ledger *ledger,
                                 const struct load_options *options, struct sr_err *err)
{
    FILE *file;
    int failed;

    if (ledger->entries == NULL) {
        return SR_OK;
    }
    file = fopen(options->ledger, "we");
    if (file == NULL) {
        return sr_fail_errno(err, SR_IO, errno, "opening ledger %s", options->ledger);
    }
    write_entries(ledger, options, file);
    failed = ferror(file);
    if (fclose(file) != 0 || failed) {
        return sr_fail_errno(err, SR_IO, errno, "writing ledger %s", options->ledger);
    }
    return SR_OK;
}
