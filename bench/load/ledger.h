/*
 * What became of each key's items: acknowledged by a 2xx, or unanswered because the connection
 * broke after they were sent. For tests that hold totals against it. One thread.
 */
#ifndef BENCH_LOAD_LEDGER_H
#define BENCH_LOAD_LEDGER_H

#include "base/result.h"
#include "load/options.h"

#include <stddef.h>
#include <stdint.h>

struct load_ledger_entry {
    uint32_t acknowledged; /* items */
    uint32_t unanswered;   /* items */
};

struct load_ledger {
    struct load_ledger_entry *entries; /* owned, by key index; NULL: nothing is kept */
    size_t size;                       /* bytes of entries */
};

/* Takes memory where the options name a ledger file. SR_NO_MEMORY. */
enum sr_result load_ledger_init(struct load_ledger *ledger, const struct load_options *options,
                                struct sr_err *err) SR_MUST_USE;

void load_ledger_done(struct load_ledger *ledger);

/* Counts one request's items as acknowledged. */
void load_ledger_acknowledge(struct load_ledger *ledger, const uint32_t *indexes, size_t items);

/* Counts one request's items as sent and never answered. */
void load_ledger_lose(struct load_ledger *ledger, const uint32_t *indexes, size_t items);

/* Writes `KEY ACKNOWLEDGED UNANSWERED` for each key that was sent. SR_IO. */
enum sr_result load_ledger_write(const struct load_ledger *ledger,
                                 const struct load_options *options,
                                 struct sr_err *err) SR_MUST_USE;

#endif
