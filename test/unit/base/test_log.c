/*
 * The log: lines that nothing in a value can break, cut at their bound as whole JSON, and the
 * limit on repeats.
 */
#include "base/log.h"

#include "base/log_limit.h"
#include "base/log_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yyjson.h>

#include <cmocka.h>

#define WALL_MS 1700000000007U /* 2023-11-14T22:13:20.007Z */

static struct sr_span bytes_of(const char *data, size_t size)
{
    return (struct sr_span){.data = (const uint8_t *)data, .size = size};
}

/* A line of one text field and checks that hold for every line; returns its size. */
static size_t line_of(enum sr_log_format format, const char *message,
                      const struct sr_log_field *fields, char ret_line[SR_LOG_LINE_MAX + 1])
{
    struct sr_log_record record = {.wall_ms = WALL_MS,
                                   .level = SR_LOG_WARN,
                                   .event = "test.event",
                                   .message = message,
                                   .fields = fields};
    size_t size = sr_log_line(format, &record, ret_line);

    assert_in_range(size, 1, SR_LOG_LINE_MAX);
    assert_int_equal(ret_line[size - 1], '\n');
    ret_line[size] = '\0';
    assert_int_equal(strlen(ret_line), size);
    for (size_t i = 0; i + 1 < size; i++) {
        assert_true((unsigned char)ret_line[i] >= 0x20 && ret_line[i] != 0x7F);
    }
    return size;
}

static yyjson_doc *json_of(const char *message, const struct sr_log_field *fields)
{
    char line[SR_LOG_LINE_MAX + 1];
    size_t size = line_of(SR_LOG_JSON, message, fields, line);
    yyjson_doc *document = yyjson_read(line, size, 0);

    if (document == NULL) {
        print_message("%s", line);
    }
    assert_non_null(document);
    return document;
}

static const char *text_at(yyjson_doc *document, const char *name)
{
    return yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(document), name));
}

static yyjson_val *attribute(yyjson_doc *document, const char *name)
{
    return yyjson_obj_get(yyjson_obj_get(yyjson_doc_get_root(document), "attributes"), name);
}

static bool truncated(yyjson_doc *document)
{
    return yyjson_get_bool(yyjson_obj_get(yyjson_doc_get_root(document), "truncated"));
}

static void a_json_line_has_the_names_of_opentelemetry(void **state)
{
    const struct sr_log_field fields[] = {sr_log_text("url", "http://127.0.0.1:3333"),
                                          sr_log_number("rows", INT64_MIN),
                                          {0}};
    yyjson_doc *document = json_of("listening", fields);

    (void)state;
    assert_string_equal(text_at(document, "timestamp"), "2023-11-14T22:13:20.007Z");
    assert_string_equal(text_at(document, "severity_text"), "WARN");
    assert_int_equal(yyjson_get_int(
                         yyjson_obj_get(yyjson_doc_get_root(document), "severity_number")),
                     13);
    assert_string_equal(text_at(document, "event_name"), "test.event");
    assert_string_equal(text_at(document, "body"), "listening");
    assert_string_equal(yyjson_get_str(attribute(document, "url")), "http://127.0.0.1:3333");
    assert_true(yyjson_get_sint(attribute(document, "rows")) == INT64_MIN);
    assert_false(truncated(document));
    yyjson_doc_free(document);
}

static void a_text_line_reads_from_left_to_right(void **state)
{
    const struct sr_log_field fields[] = {sr_log_text("why", "a \"b\""),
                                          sr_log_number("rows", 3),
                                          {0}};
    char line[SR_LOG_LINE_MAX + 1];

    (void)state;
    (void)line_of(SR_LOG_TEXT, "flushed", fields, line);
    assert_string_equal(line, "2023-11-14T22:13:20.007Z WARN test.event: flushed "
                              "why=\"a \\\"b\\\"\" rows=3\n");
}

static void a_line_without_fields_has_no_attributes(void **state)
{
    const struct sr_log_field none[] = {{0}};
    yyjson_doc *document = json_of("x", none);

    (void)state;
    assert_null(yyjson_obj_get(yyjson_doc_get_root(document), "attributes"));
    yyjson_doc_free(document);
}

static void every_byte_in_a_value_comes_back_or_as_a_replacement(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        const char data[] = {'<', (char)byte, '>'};
        const struct sr_log_field fields[] = {sr_log_span("key", bytes_of(data, 3)), {0}};
        yyjson_doc *document = json_of(byte == 0 ? "" : "x", fields);
        yyjson_val *value = attribute(document, "key");
        const char *expected = byte < 0x80 ? data : "<\xEF\xBF\xBD>";
        size_t size = byte < 0x80 ? 3 : 5;

        assert_int_equal(yyjson_get_len(value), size);
        assert_memory_equal(yyjson_get_str(value), expected, size);
        yyjson_doc_free(document);
    }
}

static void what_a_reader_takes_for_a_line_end_is_escaped(void **state)
{
    const char *const ends[] = {"\n",           "\r\n",    "\xC2\x85", "\xE2\x80\xA8",
                                "\xE2\x80\xA9", "\x1B[2J", "\xC2\x9B"};
    const enum sr_log_format formats[] = {SR_LOG_TEXT, SR_LOG_JSON};

    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        for (size_t f = 0; f < 2; f++) {
            const struct sr_log_field fields[] = {sr_log_text("key", ends[i]), {0}};
            char line[SR_LOG_LINE_MAX + 1];

            (void)line_of(formats[f], ends[i], fields, line);
            assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
            assert_null(strstr(line, ends[i][0] == '\n' ? "\n{" : ends[i]));
        }
    }
}

static void well_formed_characters_stay_as_they_are(void **state)
{
    const char *text = "\xC3\xA9 \xE2\x82\xAC \xED\x9F\xBF \xEF\xBF\xBF \xF0\x9F\x98\x80 "
                       "\xF4\x8F\xBF\xBF";
    const struct sr_log_field fields[] = {sr_log_text("key", text), {0}};
    yyjson_doc *document = json_of(text, fields);

    (void)state;
    assert_string_equal(text_at(document, "body"), text);
    assert_string_equal(yyjson_get_str(attribute(document, "key")), text);
    yyjson_doc_free(document);
}

static void ill_formed_sequences_become_replacements(void **state)
{
    const char *const bad[] = {"\xC0\x80",         "\xE0\x80\x80", "\xED\xA0\x80",
                               "\xF0\x80\x80\x80", "\xF5\x80",     "\xF4\x90\x80\x80",
                               "\xE2\x82",         "\xF0\x9F\x98"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct sr_log_field fields[] = {sr_log_text("key", bad[i]), {0}};
        yyjson_doc *document = json_of(bad[i], fields);
        const char *text = text_at(document, "body");

        assert_int_equal(strlen(text), 3 * strlen(bad[i]));
        assert_memory_equal(text, "\xEF\xBF\xBD", 3);
        yyjson_doc_free(document);
    }
}

/* Whole JSON at every length of message and value around the bound, of characters of one byte,
 * of two, and escaped ones. */
static void a_line_that_is_too_long_is_cut_and_stays_json(void **state)
{
    const char *const units[] = {"a", "\xC3\xA9", "\n", "\""};
    static char text[3 * SR_LOG_LINE_MAX];

    (void)state;
    for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
        size_t unit_size = strlen(units[u]);

        for (size_t n = 250; n < SR_LOG_LINE_MAX + 64; n++) {
            const struct sr_log_field fields[] = {sr_log_span("key",
                                                              bytes_of(text, n * unit_size)),
                                                  sr_log_number("rows", 12345),
                                                  {0}};
            const struct sr_log_field short_fields[] = {sr_log_text("key", "value"),
                                                        sr_log_number("rows", 12345),
                                                        {0}};
            char line[SR_LOG_LINE_MAX + 1];
            yyjson_doc *document;

            for (size_t i = 0; i < n; i++) {
                memcpy(text + i * unit_size, units[u], unit_size);
            }
            text[n * unit_size] = '\0';
            document = json_of("x", fields);
            assert_true(attribute(document, "rows") != NULL || truncated(document));
            yyjson_doc_free(document);
            document = json_of(text, short_fields);
            assert_true(attribute(document, "rows") != NULL || truncated(document));
            yyjson_doc_free(document);
            (void)line_of(SR_LOG_TEXT, text, short_fields, line);
        }
    }
}

static void a_cut_value_keeps_its_beginning(void **state)
{
    static char text[5000];
    const struct sr_log_field fields[] = {sr_log_span("key", bytes_of(text, sizeof(text))),
                                          {0}};
    yyjson_doc *document;

    (void)state;
    memset(text, 'k', sizeof(text));
    document = json_of("x", fields);
    assert_true(truncated(document));
    assert_in_range(yyjson_get_len(attribute(document, "key")), 1800, SR_LOG_LINE_MAX);
    yyjson_doc_free(document);
}

static void a_repeated_event_is_limited_and_then_summed_up(void **state)
{
    struct sr_log_limit limit = {0};
    const char *event = NULL;
    uint64_t suppressed = 0;
    int written = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        written += sr_log_limit_take(&limit, "storm", 5000 + (uint64_t)i / 2);
    }
    assert_int_equal(written, SR_LOG_LIMIT_PER_SECOND);
    assert_false(sr_log_limit_summary(&limit, 5999, false, &event, &suppressed));
    assert_true(sr_log_limit_summary(&limit, 6000, false, &event, &suppressed));
    assert_string_equal(event, "storm");
    assert_int_equal(suppressed, 1000 - SR_LOG_LIMIT_PER_SECOND);
    assert_false(sr_log_limit_summary(&limit, 6000, false, &event, &suppressed));
    assert_true(sr_log_limit_take(&limit, "storm", 6000));
}

static void other_events_are_not_limited_by_a_storm(void **state)
{
    struct sr_log_limit limit = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        (void)sr_log_limit_take(&limit, "storm", 0);
    }
    assert_true(sr_log_limit_take(&limit, "calm", 0));
}

static void what_is_left_out_can_be_told_at_once(void **state)
{
    struct sr_log_limit limit = {0};
    const char *event = NULL;
    uint64_t suppressed = 0;

    (void)state;
    for (int i = 0; i < SR_LOG_LIMIT_PER_SECOND + 1; i++) {
        (void)sr_log_limit_take(&limit, "storm", 0);
    }
    assert_true(sr_log_limit_summary(&limit, 1, true, &event, &suppressed));
    assert_int_equal(suppressed, 1);
}

static void names_beyond_the_table_are_written_and_nothing_suppressed_is_forgotten(void **state)
{
    static char names[SR_LOG_LIMIT_NAMES + 8][16];
    struct sr_log_limit limit = {0};
    const char *event = NULL;
    uint64_t suppressed = 0, total = 0;

    (void)state;
    for (size_t n = 0; n < SR_LOG_LIMIT_NAMES + 8; n++) {
        (void)snprintf(names[n], sizeof(names[n]), "event%zu", n);
        for (int i = 0; i < SR_LOG_LIMIT_PER_SECOND + 3; i++) {
            bool taken = sr_log_limit_take(&limit, names[n], 0);

            assert_true(taken == (i < SR_LOG_LIMIT_PER_SECOND || n >= SR_LOG_LIMIT_NAMES));
        }
    }
    /* A second later the new names still find no place before the old ones were told. */
    assert_true(sr_log_limit_take(&limit, "another", 1000));
    while (sr_log_limit_summary(&limit, 1000, false, &event, &suppressed)) {
        total += suppressed;
    }
    assert_int_equal(total, 3 * SR_LOG_LIMIT_NAMES);
    assert_true(sr_log_limit_take(&limit, "another", 1000));
}

/* What sr_log writes to standard error while `log_all` runs. */
static size_t captured(void (*log_all)(void), char *ret_text, size_t size)
{
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    size_t got;

    assert_non_null(file);
    assert_true(saved >= 0);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    log_all();
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    rewind(file);
    got = fread(ret_text, 1, size - 1, file);
    ret_text[got] = '\0';
    (void)fclose(file);
    return got;
}

static void log_each_level(void)
{
    sr_log_setup(SR_LOG_WARN, SR_LOG_JSON);
    sr_log(SR_LOG_DEBUG, "level.debug", "no");
    sr_log(SR_LOG_INFO, "level.info", "no");
    sr_log(SR_LOG_WARN, "level.warn", "yes", sr_log_number("n", 1));
    sr_log(SR_LOG_ERROR, "level.error", "yes", sr_log_text("a", "b"), sr_log_number("n", 2));
}

static void only_levels_from_the_chosen_one_on_are_written(void **state)
{
    char text[4096];

    (void)state;
    (void)captured(log_each_level, text, sizeof(text));
    assert_null(strstr(text, "level.debug"));
    assert_null(strstr(text, "level.info"));
    assert_non_null(strstr(text, "level.warn"));
    assert_non_null(strstr(text, "\"attributes\":{\"a\":\"b\",\"n\":2}}\n"));
}

static void log_a_storm(void)
{
    sr_log_setup(SR_LOG_INFO, SR_LOG_TEXT);
    for (int i = 0; i < 200; i++) {
        sr_log(SR_LOG_INFO, "test.storm", "again");
    }
    sr_log_flush();
}

static void a_storm_ends_with_its_summary(void **state)
{
    static char text[65536];

    (void)state;
    (void)captured(log_a_storm, text, sizeof(text));
    assert_non_null(strstr(text, "log.suppressed: repeated events were left out "
                                 "event=\"test.storm\" count="));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_line_has_the_names_of_opentelemetry),
        cmocka_unit_test(a_text_line_reads_from_left_to_right),
        cmocka_unit_test(a_line_without_fields_has_no_attributes),
        cmocka_unit_test(every_byte_in_a_value_comes_back_or_as_a_replacement),
        cmocka_unit_test(what_a_reader_takes_for_a_line_end_is_escaped),
        cmocka_unit_test(well_formed_characters_stay_as_they_are),
        cmocka_unit_test(ill_formed_sequences_become_replacements),
        cmocka_unit_test(a_line_that_is_too_long_is_cut_and_stays_json),
        cmocka_unit_test(a_cut_value_keeps_its_beginning),
        cmocka_unit_test(a_repeated_event_is_limited_and_then_summed_up),
        cmocka_unit_test(other_events_are_not_limited_by_a_storm),
        cmocka_unit_test(what_is_left_out_can_be_told_at_once),
        cmocka_unit_test(
            names_beyond_the_table_are_written_and_nothing_suppressed_is_forgotten),
        cmocka_unit_test(only_levels_from_the_chosen_one_on_are_written),
        cmocka_unit_test(a_storm_ends_with_its_summary),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
