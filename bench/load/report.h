/*
 * What a run of the load generator prints.
 */
#ifndef BENCH_LOAD_REPORT_H
#define BENCH_LOAD_REPORT_H

#include "load/client.h"
#include "load/options.h"

/* Prints the counts, percentiles and this process's own CPU time to standard output, for
 * people or as one line of JSON. */
void load_report(const struct load_options *options, const struct load_counts *counts);

#endif
