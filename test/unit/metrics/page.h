/*
 * A strict reader of both text formats for the tests: any departure fails the test that reads.
 */
#ifndef TEST_METRICS_PAGE_H
#define TEST_METRICS_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#define PAGE_FAMILIES_MAX 192
#define PAGE_SAMPLES_MAX 4096

struct page_family {
    char name[96]; /* as in its comments */
    char type[16];
    bool typed, has_unit;
};

struct page_sample {
    char name[128];
    char labels[512]; /* between the braces, le taken out; "" without */
    char le[32];      /* of a bucket */
    double value;
    const struct page_family *family;
};

struct page {
    bool openmetrics, ended;
    struct page_family families[PAGE_FAMILIES_MAX];
    size_t family_count;
    struct page_sample samples[PAGE_SAMPLES_MAX];
    size_t sample_count;
};

/* Reads a whole page, checking: HELP and TYPE once a family and before its samples, families in
 * one piece, names and labels well-formed, no series twice, counters called _total and not
 * negative, buckets ascending and cumulative with +Inf equal to _count, units at the end of
 * names, the end of OpenMetrics. The text is NUL-terminated. */
void page_read(struct page *page, const char *text, bool openmetrics);

/* The value of one series by name and labels as they stand on the page ("a=\"b\",c=\"d\"");
 * fails where it is not there. */
double page_value(const struct page *page, const char *name, const char *labels);

/* NULL where no such series is on the page. */
const struct page_sample *page_find(const struct page *page, const char *name,
                                    const char *labels);

#endif
