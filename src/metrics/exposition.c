/*
 * The text formats that Prometheus reads. Numbers are exact decimals made of integers: no
 * floating point, no rounding.
 */
#include "metrics/exposition.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put(struct exposition *page, const char *text, size_t size)
{
    if (page->result == SR_OK) {
        page->result = sr_buffer_append(page->out, text, size);
    }
}

static void put_text(struct exposition *page, const char *text)
{
    put(page, text, strlen(text));
}

/* Both formats escape backslash and line end; the quote in label values and, in OpenMetrics, in
 * HELP. */
static void put_escaped(struct exposition *page, const char *text, bool quote)
{
    const char *special = quote ? "\n\\\"" : "\n\\";

    for (;;) {
        size_t plain = strcspn(text, special);

        put(page, text, plain);
        text += plain;
        if (*text == '\0') {
            return;
        }
        put(page, "\\", 1);
        put(page, *text == '\n' ? "n" : text, 1);
        text++;
    }
}

#define DECIMAL_SIZE 48

/* "12.5" of 12500 and 3; "12" of 12000 and 3. */
static void format_decimal(struct metric_number number, char ret_text[DECIMAL_SIZE])
{
    uint64_t power = 1;
    int digits;

    SR_CHECK(number.decimals <= 19 && (!number.is_signed || number.decimals == 0));
    if (number.is_signed) {
        (void)snprintf(ret_text, DECIMAL_SIZE, "%" PRId64, (int64_t)number.value);
        return;
    }
    for (unsigned i = 0; i < number.decimals; i++) {
        power *= 10;
    }
    while (power > 1 && number.value % 10 == 0) {
        power /= 10;
        number.value /= 10;
        number.decimals--;
    }
    digits = (int)number.decimals;
    if (digits == 0) {
        (void)snprintf(ret_text, DECIMAL_SIZE, "%" PRIu64, number.value);
        return;
    }
    (void)snprintf(ret_text, DECIMAL_SIZE, "%" PRIu64 ".%0*" PRIu64, number.value / power,
                   digits, number.value % power);
}

/* "1048576" as "1.048576e+06". */
static void format_exponent(const char *digits, char ret_text[DECIMAL_SIZE])
{
    size_t size = strlen(digits);
    size_t kept = size;

    while (kept > 1 && digits[kept - 1] == '0') {
        kept--;
    }
    (void)snprintf(ret_text, DECIMAL_SIZE, "%c%s%.*s", digits[0], kept > 1 ? "." : "",
                   (int)(kept - 1), digits + 1);
    size = strlen(ret_text);
    (void)snprintf(ret_text + size, DECIMAL_SIZE - size, "e+%02zu", strlen(digits) - 1);
}

/* A bucket's bound as OpenMetrics wants it (section "Considerations: Canonical Numbers"), in
 * both formats, so that a series keeps its name whichever is scraped: 1.0, 1e+06. */
static void format_bound(struct metric_number number, char ret_text[DECIMAL_SIZE])
{
    char plain[DECIMAL_SIZE];
    size_t size;

    format_decimal(number, plain);
    size = strlen(plain);
    if (strchr(plain, '.') != NULL) {
        memcpy(ret_text, plain, size + 1);
    } else if (size > 6) {
        format_exponent(plain, ret_text);
    } else {
        (void)snprintf(ret_text, DECIMAL_SIZE, "%.*s.0", (int)size, plain);
    }
}

static const char *suffix_of(enum metric_type type)
{
    return type == METRIC_COUNTER ? "_total" : type == METRIC_INFO ? "_info" : "";
}

/* "# TYPE name ": in text 0.0.4 a family is called as its samples are. */
static void put_comment(struct exposition *page, const char *keyword)
{
    put_text(page, "# ");
    put_text(page, keyword);
    put_text(page, " ");
    put_text(page, page->family->name);
    put_text(page, page->openmetrics ? "" : suffix_of(page->family->type));
    put_text(page, " ");
}

void exposition_family(struct exposition *page, const struct metric_family *family)
{
    static const char *const types[] = {"counter", "gauge", "histogram", "info"};
    bool info_as_gauge = family->type == METRIC_INFO && !page->openmetrics;

    page->family = family;
    put_comment(page, "HELP");
    put_escaped(page, family->help, page->openmetrics);
    put_text(page, "\n");
    put_comment(page, "TYPE");
    put_text(page, info_as_gauge ? "gauge" : types[family->type]);
    put_text(page, "\n");
    if (page->openmetrics && family->unit[0] != '\0') {
        put_comment(page, "UNIT");
        put_text(page, family->unit);
        put_text(page, "\n");
    }
}

/* {a="b",le="1.0"}; le is NULL but for buckets. */
static void put_labels(struct exposition *page, const char *const *values, const char *le)
{
    const char *separator = "{";

    for (size_t i = 0; page->family->labels[i] != NULL; i++) {
        put_text(page, separator);
        put_text(page, page->family->labels[i]);
        put_text(page, "=\"");
        put_escaped(page, values[i], true);
        put_text(page, "\"");
        separator = ",";
    }
    if (le != NULL) {
        put_text(page, separator);
        put_text(page, "le=\"");
        put_text(page, le);
        put_text(page, "\"");
        separator = ",";
    }
    put_text(page, separator[0] == ',' ? "} " : " ");
}

static void put_line(struct exposition *page, const char *suffix, const char *const *values,
                     const char *le, struct metric_number number)
{
    char text[DECIMAL_SIZE];

    put_text(page, page->family->name);
    put_text(page, suffix);
    put_labels(page, values, le);
    format_decimal(number, text);
    put_text(page, text);
    put_text(page, "\n");
}

void exposition_sample(struct exposition *page, const char *const *label_values,
                       struct metric_number number)
{
    SR_CHECK(page->family->type != METRIC_HISTOGRAM);
    put_line(page, suffix_of(page->family->type), label_values, NULL, number);
}

void metric_histogram_add(struct metric_histogram *total, const struct sr_histogram *live)
{
    for (uint32_t i = 0; i <= total->bounds->count; i++) {
        total->buckets[i] += atomic_load_explicit(&live->buckets[i], memory_order_relaxed);
    }
    total->sum += atomic_load_explicit(&live->sum, memory_order_relaxed);
}

void exposition_histogram(struct exposition *page, const char *const *label_values,
                          const struct metric_histogram *histogram, unsigned decimals)
{
    uint64_t count = 0;

    SR_CHECK(page->family->type == METRIC_HISTOGRAM);
    for (uint32_t i = 0; i <= histogram->bounds->count; i++) {
        char le[DECIMAL_SIZE] = "+Inf";
        struct metric_number bound = {.decimals = decimals};

        if (i < histogram->bounds->count) {
            bound.value = histogram->bounds->upper[i];
            format_bound(bound, le);
        }
        count += histogram->buckets[i];
        put_line(page, "_bucket", label_values, le, (struct metric_number){.value = count});
    }
    put_line(page, "_sum", label_values, NULL,
             (struct metric_number){.value = histogram->sum, .decimals = decimals});
    put_line(page, "_count", label_values, NULL, (struct metric_number){.value = count});
}

void exposition_end(struct exposition *page)
{
    if (page->openmetrics) {
        put_text(page, "# EOF\n");
    }
}
