/*
 * A strict reader of both text formats for the tests.
 */
#include "metrics/page.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(bool holds, const char *what, const char *line)
{
    if (!holds) {
        fail_msg("%s: %.200s", what, line);
    }
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);

    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

/* Copies size bytes and a NUL. */
static void copy(char *to, size_t to_size, const char *from, size_t size)
{
    expect(size < to_size, "too long for the reader", from);
    memcpy(to, from, size);
    to[size] = '\0';
}

static size_t name_size(const char *text, bool label)
{
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    size_t size = strspn(text, label ? letters : "abcdefghijklmnopqrstuvwxyz_:");

    return size == 0 ? 0 : size + strspn(text + size, "abcdefghijklmnopqrstuvwxyz_0123456789");
}

/* The family under way; an empty one before the first. */
static struct page_family *last_family(struct page *page)
{
    return &page->families[page->family_count == 0 ? 0 : page->family_count - 1];
}

/* "# HELP name text": begins a family. */
static void read_help(struct page *page, const char *line)
{
    size_t size = name_size(line + 7, false);
    struct page_family *family = &page->families[page->family_count++];

    expect(page->family_count <= PAGE_FAMILIES_MAX, "too many families", line);
    expect(size > 0 && line[7 + size] == ' ' && line[8 + size] != '\0', "bad HELP", line);
    copy(family->name, sizeof(family->name), line + 7, size);
    for (size_t i = 0; i + 1 < page->family_count; i++) {
        expect(strcmp(page->families[i].name, family->name) != 0, "second HELP", line);
    }
}

/* The rest of "# TYPE name rest" of the family under way. */
static const char *comment_of(struct page *page, const char *line, size_t keyword_size)
{
    const struct page_family *family = last_family(page);
    size_t size;

    expect(page->family_count > 0, "comment before any HELP", line);
    size = strlen(family->name);
    expect(strncmp(line + keyword_size, family->name, size) == 0 &&
               line[keyword_size + size] == ' ',
           "comment of another family", line);
    expect(page->sample_count == 0 || page->samples[page->sample_count - 1].family != family,
           "comment behind samples", line);
    return line + keyword_size + size + 1;
}

static void read_type(struct page *page, const char *line)
{
    static const char *const types[] = {"counter", "gauge", "histogram", "info"};
    const char *type = comment_of(page, line, 7);
    struct page_family *family = last_family(page);
    bool known = false;

    expect(!family->typed, "second TYPE", line);
    for (size_t i = 0; i < 4; i++) {
        known |= strcmp(types[i], type) == 0;
    }
    expect(known && (page->openmetrics || strcmp(type, "info") != 0), "unknown type", line);
    copy(family->type, sizeof(family->type), type, strlen(type));
    family->typed = true;
    expect((strcmp(type, "counter") == 0 && !page->openmetrics) ==
               ends_with(family->name, "_total"),
           "counters and only they are called _total", line);
}

static void read_unit(struct page *page, const char *line)
{
    const char *unit = comment_of(page, line, 7);
    struct page_family *family = last_family(page);
    char end[64] = "_";

    expect(page->openmetrics && !family->has_unit && *unit != '\0', "bad UNIT", line);
    copy(end + 1, sizeof(end) - 1, unit, strlen(unit));
    expect(ends_with(family->name, end), "name does not end with its unit", line);
    family->has_unit = true;
}

/* One label at `at`; returns where it ends (at ',' or '}'). */
static const char *read_label(struct page_sample *sample, const char *at, const char *line)
{
    size_t size = name_size(at, true);
    const char *end = at + size;
    size_t used = strlen(sample->labels);

    expect(size > 0 && strncmp(end, "=\"", 2) == 0, "bad label", line);
    for (end += 2; *end != '"'; end++) {
        expect(*end != '\0', "label without end", line);
        if (*end == '\\') {
            end++;
            expect(*end == '\\' || *end == '"' || *end == 'n', "unknown escape", line);
        }
    }
    end++;
    if (size == 2 && strncmp(at, "le", 2) == 0) {
        copy(sample->le, sizeof(sample->le), at + 4, (size_t)(end - at) - 5);
        return end;
    }
    if (used > 0) {
        sample->labels[used++] = ',';
    }
    copy(sample->labels + used, sizeof(sample->labels) - used, at, (size_t)(end - at));
    return end;
}

static bool belongs(const struct page *page, const struct page_sample *sample)
{
    static const char *const suffixes[] = {"_bucket", "_sum", "_count"};
    const struct page_family *family = sample->family;
    size_t size = strlen(family->name);
    const char *rest = sample->name + size;

    if (strncmp(sample->name, family->name, size) != 0) {
        return false;
    }
    if (strcmp(family->type, "histogram") == 0) {
        for (size_t i = 0; i < 3; i++) {
            if (strcmp(rest, suffixes[i]) == 0) {
                return (i == 0) == (sample->le[0] != '\0');
            }
        }
        return false;
    }
    if (!page->openmetrics || strcmp(family->type, "gauge") == 0) {
        return *rest == '\0';
    }
    return strcmp(rest, strcmp(family->type, "counter") == 0 ? "_total" : "_info") == 0;
}

static void read_sample(struct page *page, const char *line)
{
    struct page_sample *sample = &page->samples[page->sample_count++];
    size_t size = name_size(line, false);
    const char *at = line + size;
    char *end;

    expect(page->sample_count <= PAGE_SAMPLES_MAX, "too many samples", line);
    expect(size > 0, "not a sample", line);
    copy(sample->name, sizeof(sample->name), line, size);
    while (*at == '{' || *at == ',') {
        at = read_label(sample, at + 1, line);
    }
    if (at != line + size) {
        expect(*at++ == '}', "labels without end", line);
    }
    expect(*at == ' ' && at[1] != ' ' && at[1] != '\0', "no value", line);
    sample->value = strtod(at + 1, &end);
    expect(*end == '\0' && isfinite(sample->value) && sample->value >= 0, "bad value", line);
    sample->family = last_family(page);
    expect(sample->family->typed, "sample without TYPE", line);
    expect(belongs(page, sample), "sample of another family", line);
}

static void read_line(struct page *page, const char *line)
{
    expect(!page->ended, "line behind the end", line);
    if (strncmp(line, "# HELP ", 7) == 0) {
        read_help(page, line);
    } else if (strncmp(line, "# TYPE ", 7) == 0) {
        read_type(page, line);
    } else if (strncmp(line, "# UNIT ", 7) == 0) {
        read_unit(page, line);
    } else if (strcmp(line, "# EOF") == 0) {
        expect(page->openmetrics, "an end in text 0.0.4", line);
        page->ended = true;
    } else {
        expect(line[0] != '#' && line[0] != '\0', "unknown comment or empty line", line);
        read_sample(page, line);
    }
}

static bool same_series(const struct page_sample *a, const struct page_sample *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->labels, b->labels) == 0 &&
           strcmp(a->le, b->le) == 0;
}

static void check_series(const struct page *page)
{
    for (size_t i = 0; i < page->sample_count; i++) {
        for (size_t j = 0; j < i; j++) {
            expect(!same_series(&page->samples[i], &page->samples[j]), "series twice",
                   page->samples[i].name);
        }
    }
}

/* A bucket follows the one before it in bound and count; the last is +Inf and followed by _sum
 * and an equal _count. */
static void check_bucket(const struct page *page, size_t i)
{
    const struct page_sample *bucket = &page->samples[i];
    const struct page_sample *next = bucket + 1;

    expect(i + 2 < page->sample_count, "histogram without end", bucket->name);
    expect(strcmp(bucket->labels, next->labels) == 0, "labels differ", bucket->labels);
    if (strcmp(bucket->le, "+Inf") != 0) {
        expect(next->le[0] != '\0', "no +Inf", bucket->name);
        expect(strtod(next->le, NULL) > strtod(bucket->le, NULL), "bounds", bucket->name);
        expect(next->value >= bucket->value, "not cumulative", bucket->name);
        expect(strpbrk(bucket->le, ".e") != NULL, "bound is not canonical", bucket->le);
        return;
    }
    expect(ends_with(next->name, "_sum"), "no _sum", bucket->name);
    expect(ends_with(next[1].name, "_count"), "no _count", bucket->name);
    expect(next[1].value == bucket->value, "+Inf is not _count", bucket->name);
    expect(strcmp(next->labels, next[1].labels) == 0, "labels differ", bucket->labels);
}

void page_read(struct page *page, const char *text, bool openmetrics)
{
    *page = (struct page){.openmetrics = openmetrics};
    expect(*text != '\0' && ends_with(text, "\n"), "no line end at the end", "");
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        char *line = strndup(text, size);

        assert_non_null(line);
        read_line(page, line);
        free(line);
        text += size + 1;
    }
    expect(page->ended == openmetrics, "no # EOF", "");
    for (size_t i = 0; i < page->family_count; i++) {
        expect(page->families[i].typed, "no TYPE", page->families[i].name);
    }
    check_series(page);
    for (size_t i = 0; i < page->sample_count; i++) {
        if (page->samples[i].le[0] != '\0') {
            check_bucket(page, i);
        }
    }
}

const struct page_sample *page_find(const struct page *page, const char *name,
                                    const char *labels)
{
    for (size_t i = 0; i < page->sample_count; i++) {
        if (strcmp(page->samples[i].name, name) == 0 &&
            strcmp(page->samples[i].labels, labels) == 0) {
            return &page->samples[i];
        }
    }
    return NULL;
}

double page_value(const struct page *page, const char *name, const char *labels)
{
    const struct page_sample *sample = page_find(page, name, labels);

    if (sample == NULL) {
        fail_msg("no series %s{%s}", name, labels);
    }
    return sample == NULL ? 0 : sample->value;
}
