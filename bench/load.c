/*
 * A load generator for POST /increment: many connections, pipelining, hot or random keys,
 * batches, latencies, a ledger for tests. `load --help` lists the options.
 */
#include "load/client.h"
#include "load/ledger.h"
#include "load/options.h"
#include "load/report.h"

#include <signal.h>
#include <stdio.h>

/* Also a run whose connections broke is reported and its ledger written: tests break them. */
static enum sr_result run(const struct load_options *options, struct load_counts *ret_counts,
                          struct sr_err *err)
{
    struct load_ledger ledger;
    enum sr_result result = load_ledger_init(&ledger, options, err);

    if (result == SR_OK) {
        result = load_client_run(options, &ledger, ret_counts, err);
    }
    if (result == SR_OK) {
        load_report(options, ret_counts);
        result = load_ledger_write(&ledger, options, err);
    }
    load_ledger_done(&ledger);
    return result;
}

static void block_stop_signals(void)
{
    sigset_t stop;

    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGINT);
    (void)sigaddset(&stop, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &stop, NULL); /* fails only for a wrong first argument */
}

int main(int argc, char **argv)
{
    static struct load_counts counts;
    struct load_options options;
    struct sr_err err = {0};

    if (load_options_read(argc, argv, &options, &err) != SR_OK) {
        fprintf(stderr, "load: %s\n", err.text);
        return 2;
    }
    if (options.help) {
        load_options_help();
        return 0;
    }
    block_stop_signals();
    if (run(&options, &counts, &err) != SR_OK) {
        fprintf(stderr, "load: %s\n", err.text);
        return 1;
    }
    return counts.broken > 0 ? 1 : 0;
}
