/*
 * The same figures twice: as lines and as JSON.
 */
#include "load/report.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>

struct percentile {
    const char *name;
    double share;
};

static const struct percentile percentiles[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1.0}};

#define PERCENTILE_COUNT (sizeof(percentiles) / sizeof(percentiles[0]))

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double per_second(uint64_t count, uint64_t elapsed_ns)
{
    return elapsed_ns == 0 ? 0.0 : (double)count * 1e9 / (double)elapsed_ns;
}

static double percentile_us(const struct load_counts *counts, size_t index)
{
    return (double)latency_percentile_ns(&counts->latency, percentiles[index].share) / 1e3;
}

static void print_statuses(const struct load_counts *counts, bool json)
{
    const char *separator = "";

    for (unsigned i = 0; i < LOAD_STATUS_MAX; i++) {
        if (counts->statuses[i] != 0) {
            printf(json ? "%s\"%u\":%" PRIu64 : "%s%u: %" PRIu64, separator, i,
                   counts->statuses[i]);
            separator = json ? "," : ", ";
        }
    }
}

static void print_json(const struct load_options *options, const struct load_counts *counts,
                       const struct rusage *usage)
{
    printf("{\"answered\":%" PRIu64 ",\"successful\":%" PRIu64 ",\"unanswered\":%" PRIu64
           ",\"broken\":%" PRIu64 ",\"items\":%" PRIu64 ",\"seconds\":%.6f,\"per_second\":%.1f",
           counts->answered, counts->successful, counts->unanswered, counts->broken,
           counts->successful * options->batch, (double)counts->elapsed_ns / 1e9,
           per_second(counts->answered, counts->elapsed_ns));
    printf(",\"cpu_user\":%.6f,\"cpu_system\":%.6f,\"statuses\":{", seconds(usage->ru_utime),
           seconds(usage->ru_stime));
    print_statuses(counts, true);
    printf("},\"latency_us\":{");
    for (size_t i = 0; i < PERCENTILE_COUNT; i++) {
        printf("%s\"%s\":%.1f", i == 0 ? "" : ",", percentiles[i].name,
               percentile_us(counts, i));
    }
    printf("}}\n");
}

static void print_lines(const struct load_options *options, const struct load_counts *counts,
                        const struct rusage *usage)
{
    double elapsed_s = (double)counts->elapsed_ns / 1e9;
    double cpu_s = seconds(usage->ru_utime) + seconds(usage->ru_stime);

    printf("requests    %" PRIu64 " answered, %" PRIu64 " successful, %" PRIu64
           " unanswered, %" PRIu64 " connections broken\n",
           counts->answered, counts->successful, counts->unanswered, counts->broken);
    printf("statuses    ");
    print_statuses(counts, false);
    printf("\nrate        %.0f requests/s, %.0f items/s, for %.3f s\n",
           per_second(counts->answered, counts->elapsed_ns),
           per_second(counts->successful * options->batch, counts->elapsed_ns), elapsed_s);
    printf("latency us ");
    for (size_t i = 0; i < PERCENTILE_COUNT; i++) {
        printf(" %s %.1f", percentiles[i].name, percentile_us(counts, i));
    }
    printf("\nown CPU     %.2f s (%.2f user, %.2f system), %.0f %% of a core\n", cpu_s,
           seconds(usage->ru_utime), seconds(usage->ru_stime),
           elapsed_s > 0 ? 100.0 * cpu_s / elapsed_s : 0.0);
}

void load_report(const struct load_options *options, const struct load_counts *counts)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage); /* cannot fail for this process and a valid pointer */
    if (options->json) {
        print_json(options, counts, &usage);
    } else {
        print_lines(options, counts, &usage);
    }
}
