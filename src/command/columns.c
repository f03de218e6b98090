/*
 * Tables for people.
 */
#include "command/columns.h"

#include "base/check.h"

#include <string.h>

#define CELLS_SIZE_MAX ((size_t)64 << 20)
#define GAP 2

/* C0 and C1 of Unicode, at the text's next byte: NUL ends it and is none. */
static bool is_control(const unsigned char *at)
{
    return (at[0] < 0x20 && at[0] != 0) || at[0] == 0x7f ||
           (at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0);
}

static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xC0) != 0x80; /* not within a character */
    }
    return width;
}

static enum sr_result add_text(struct sr_buffer *cells, const char *text)
{
    enum sr_result result = SR_OK;

    for (; *text != '\0' && result == SR_OK; text++) {
        const unsigned char *at = (const unsigned char *)text;

        if (is_control(at)) {
            text += at[0] == 0xC2;
            result = sr_buffer_printf(cells, "\\x%02x", at[at[0] == 0xC2]);
        } else {
            result = sr_buffer_append(cells, text, 1);
        }
    }
    return result == SR_OK ? sr_buffer_append(cells, "", 1) : result;
}

enum sr_result columns_init(struct columns *c, const char *const *heads)
{
    enum sr_result result = SR_OK;

    *c = (struct columns){0};
    sr_buffer_init(&c->cells, CELLS_SIZE_MAX);
    for (; heads[c->count] != NULL; c->count++) {
        SR_CHECK(c->count < COLUMNS_MAX);
        c->numeric[c->count] = heads[c->count][0] == '>';
    }
    for (size_t i = 0; i < c->count && result == SR_OK; i++) {
        result = columns_add(c, heads[i] + c->numeric[i]);
    }
    return result;
}

void columns_done(struct columns *c)
{
    sr_buffer_done(&c->cells);
}

enum sr_result columns_add(struct columns *c, const char *text)
{
    size_t at = c->cells.size;
    enum sr_result result = add_text(&c->cells, text);
    size_t width;

    if (result != SR_OK) {
        c->cells.size = at;
        return result;
    }
    width = width_of((const char *)c->cells.data + at);
    if (width > c->widths[c->next]) {
        c->widths[c->next] = width;
    }
    c->next = (c->next + 1) % c->count;
    return SR_OK;
}

static void print_cell(const struct columns *c, size_t column, const char *text, FILE *out)
{
    bool last = column + 1 == c->count;
    int space = (int)(c->widths[column] - width_of(text));

    if (c->numeric[column]) {
        (void)fprintf(out, "%*s%s", space, "", text);
        space = 0;
    } else {
        (void)fputs(text, out);
    }
    if (last) {
        (void)fputc('\n', out);
    } else {
        (void)fprintf(out, "%*s", space + GAP, "");
    }
}

void columns_print(struct columns *c, FILE *out)
{
    const char *at = (const char *)c->cells.data;
    const char *end = at + c->cells.size;

    SR_CHECK(c->next == 0);
    for (size_t column = 0; at < end; column = (column + 1) % c->count) {
        print_cell(c, column, at, out);
        at += strlen(at) + 1;
    }
    c->cells.size = 0;
}
