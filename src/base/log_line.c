/*
 * A log line from an event. A writer with two limits: content may fill a line up to
 * `content_max`, what closes strings and objects may use the rest.
 */
#include "base/log_line.h"

#include "base/check.h"

#include <stdio.h>
#include <time.h>

/* Room for the longest end of a line: the quote of a cut string, the mark, the braces. */
#define TAIL_MAX 32

struct line {
    char *data;
    size_t size;
    size_t content_max;
    bool truncated;
};

/* All of text or nothing. False, and the line is marked, where it does not fit. */
static bool put(struct line *line, const char *text, size_t size)
{
    if (line->truncated || size > line->content_max - line->size) {
        line->truncated = true;
        return false;
    }
    memcpy(line->data + line->size, text, size);
    line->size += size;
    return true;
}

static bool put_text(struct line *line, const char *text)
{
    return put(line, text, strlen(text));
}

/* For what closes a line: TAIL_MAX keeps its room. */
static void put_end(struct line *line, const char *text)
{
    size_t size = strlen(text);

    SR_CHECK(line->size + size <= SR_LOG_LINE_MAX);
    memcpy(line->data + line->size, text, size);
    line->size += size;
}

/* Bytes a UTF-8 sequence has by its first byte and how its second is bounded (Unicode table
 * 3-7): shortest form, no surrogates, nothing above U+10FFFF. 0: cannot start one. */
static size_t sequence_size(uint8_t first, uint8_t *ret_low, uint8_t *ret_high)
{
    *ret_low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    *ret_high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xC2 || first > 0xF4) {
        return 0;
    }
    return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* Size of the well-formed character at the start of bytes, else 0. */
static size_t character_size(struct sr_span bytes)
{
    uint8_t low, high;
    size_t size = sequence_size(bytes.data[0], &low, &high);

    if (size > bytes.size) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if (bytes.data[i] < low || bytes.data[i] > high) {
            return 0;
        }
        low = 0x80;
        high = 0xBF;
    }
    return size;
}

/* C0 and C1 controls, DEL, and the line and paragraph separators: no line of a log may hold
 * them. */
static bool is_control(const uint8_t *at, size_t size, uint32_t *ret_code)
{
    if (size == 1) {
        *ret_code = at[0];
        return at[0] < 0x20 || at[0] == 0x7F;
    }
    if (size == 2) {
        *ret_code = at[1];
        return at[0] == 0xC2 && at[1] < 0xA0;
    }
    *ret_code = 0x2000U + (at[size - 1] & 0x3FU);
    return size == 3 && at[0] == 0xE2 && at[1] == 0x80 && (at[2] == 0xA8 || at[2] == 0xA9);
}

static bool put_character(struct line *line, const uint8_t *at, size_t size)
{
    uint32_t code;
    char escape[8];

    if (size == 0) {
        return put_text(line, "\xEF\xBF\xBD"); /* U+FFFD */
    }
    if (is_control(at, size, &code)) {
        (void)snprintf(escape, sizeof(escape), "\\u%04x", code & 0xFFFFU);
        return put(line, escape, 6);
    }
    if (size == 1 && (at[0] == '"' || at[0] == '\\')) {
        escape[0] = '\\';
        escape[1] = (char)at[0];
        return put(line, escape, 2);
    }
    return put(line, (const char *)at, size);
}

static void put_escaped(struct line *line, struct sr_span bytes)
{
    size_t at = 0;

    while (at < bytes.size) {
        struct sr_span rest = {.data = bytes.data + at, .size = bytes.size - at};
        size_t size = character_size(rest);

        if (!put_character(line, rest.data, size)) {
            return;
        }
        at += size == 0 ? 1 : size;
    }
}

/* `before` and a string with its quotes, cut where the line is full; false and nothing where
 * not both quotes fit. */
static bool put_string(struct line *line, const char *before, struct sr_span bytes)
{
    if (line->truncated || strlen(before) + 2 > line->content_max - line->size) {
        line->truncated = true;
        return false;
    }
    (void)put_text(line, before);
    (void)put_text(line, "\"");
    put_escaped(line, bytes);
    put_end(line, "\"");
    /* The closing quote may lie in the room of the tail: then the line is full. */
    line->truncated |= line->size > line->content_max;
    return true;
}

static void put_time(struct line *line, uint64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    char text[64];

    (void)gmtime_r(&seconds, &parts); /* fails for years beyond int only */
    (void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ",
                   parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                   parts.tm_min, parts.tm_sec, (unsigned)(wall_ms % 1000));
    (void)put_text(line, text);
}

static const char *level_text(enum sr_log_level level)
{
    static const char *const texts[] = {"DEBUG", "INFO", "WARN", "ERROR"};

    SR_CHECK(level <= SR_LOG_ERROR);
    return texts[level];
}

/* SeverityNumber of OpenTelemetry's log data model. */
static const char *level_number(enum sr_log_level level)
{
    static const char *const numbers[] = {"5", "9", "13", "17"};

    SR_CHECK(level <= SR_LOG_ERROR);
    return numbers[level];
}

static bool put_value(struct line *line, const char *assign, const struct sr_log_field *field)
{
    char number[32];

    if (!field->is_number) {
        return put_string(line, assign, field->text);
    }
    (void)snprintf(number, sizeof(number), "%s%lld", assign, (long long)field->number);
    return put_text(line, number);
}

/* A field with its separator: all of it (a long text cut) or nothing. */
static void put_json_field(struct line *line, const char *separator,
                           const struct sr_log_field *field)
{
    size_t before = line->size;

    (void)put_string(line, separator, sr_span_text(field->name));
    if (!put_value(line, ":", field)) {
        line->size = before;
    }
}

static void put_text_field(struct line *line, const struct sr_log_field *field)
{
    size_t before = line->size;

    (void)put_text(line, " ");
    put_escaped(line, sr_span_text(field->name));
    if (!put_value(line, "=", field)) {
        line->size = before;
    }
}

static void put_json_fields(struct line *line, const struct sr_log_field *fields)
{
    const char *separator = "";

    for (const struct sr_log_field *f = fields; f->name != NULL && !line->truncated; f++) {
        put_json_field(line, separator, f);
        separator = ",";
    }
    put_end(line, "}");
}

static void json_line(struct line *line, const struct sr_log_record *record)
{
    (void)put_text(line, "{\"timestamp\":\"");
    put_time(line, record->wall_ms);
    (void)put_text(line, "\"");
    (void)put_string(line, ",\"severity_text\":", sr_span_text(level_text(record->level)));
    (void)put_text(line, ",\"severity_number\":");
    (void)put_text(line, level_number(record->level));
    (void)put_string(line, ",\"event_name\":", sr_span_text(record->event));
    (void)put_string(line, ",\"body\":", sr_span_text(record->message));
    if (record->fields->name != NULL && put_text(line, ",\"attributes\":{")) {
        put_json_fields(line, record->fields);
    }
    put_end(line, line->truncated ? ",\"truncated\":true}\n" : "}\n");
}

static void text_line(struct line *line, const struct sr_log_record *record)
{
    put_time(line, record->wall_ms);
    (void)put_text(line, " ");
    (void)put_text(line, level_text(record->level));
    (void)put_text(line, " ");
    put_escaped(line, sr_span_text(record->event));
    (void)put_text(line, ": ");
    put_escaped(line, sr_span_text(record->message));
    for (const struct sr_log_field *f = record->fields; f->name != NULL && !line->truncated;
         f++) {
        put_text_field(line, f);
    }
    put_end(line, line->truncated ? " (truncated)\n" : "\n");
}

size_t sr_log_line(enum sr_log_format format, const struct sr_log_record *record,
                   char ret_line[SR_LOG_LINE_MAX])
{
    struct line line = {.data = ret_line, .content_max = SR_LOG_LINE_MAX - TAIL_MAX};

    if (format == SR_LOG_JSON) {
        json_line(&line, record);
    } else {
        text_line(&line, record);
    }
    return line.size;
}
