/*
 * An import's words for people and scripts.
 */
#include "command/import_show.h"

#include "base/clock.h"
#include "command/client_print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define REDRAW_MS 200U
#define NUMBER_SIZE 32

void import_show_init(struct import_show *show, const char *name)
{
    *show = (struct import_show){.name = name, .terminal = isatty(STDERR_FILENO) != 0};
}

void import_show_bad(struct import_show *show, uint64_t line, const char *message)
{
    char text[512];

    import_show_clear(show);
    if (++show->bad <= IMPORT_BAD_LINES_TOLD) {
        (void)snprintf(text, sizeof(text), "%.200s: line %" PRIu64 ": %.200s", show->name, line,
                       message);
        command_complain(text);
    }
}

void import_show_begin(struct import_show *show, uint64_t at)
{
    show->begun_ms = sr_clock_monotonic_ms();
    show->shown_ms = show->begun_ms;
    show->begun_at = at;
}

/* 1,234,567 */
static void group_digits(uint64_t number, char ret_text[NUMBER_SIZE])
{
    char digits[NUMBER_SIZE];
    int size = snprintf(digits, sizeof(digits), "%" PRIu64, number);
    size_t at = 0;

    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0) {
            ret_text[at++] = ',';
        }
        ret_text[at++] = digits[i];
    }
    ret_text[at] = '\0';
}

void import_show_progress(struct import_show *show, const char *what, const char *unit,
                          uint64_t done, uint64_t all)
{
    uint64_t now = sr_clock_monotonic_ms();
    uint64_t elapsed_ms = now - show->begun_ms;
    char done_text[NUMBER_SIZE];
    char all_text[NUMBER_SIZE];
    char rate_text[NUMBER_SIZE];

    if (!show->terminal || now - show->shown_ms < REDRAW_MS || all == 0) {
        return;
    }
    show->shown_ms = now;
    show->drawn = true;
    group_digits(done, done_text);
    group_digits(all, all_text);
    group_digits((done - show->begun_at) * 1000U / (elapsed_ms == 0 ? 1 : elapsed_ms),
                 rate_text);
    (void)fprintf(stderr, "\r%s: %s of %s %s, %u %%, %s a second\033[K", what, done_text,
                  all_text, unit, (unsigned)((double)done * 100.0 / (double)all), rate_text);
    (void)fflush(stderr);
}

void import_show_clear(struct import_show *show)
{
    if (show->drawn) {
        (void)fputs("\r\033[K", stderr);
        show->drawn = false;
    }
}

static void print_json(const struct import_show *show, const struct import_summary *s)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    char *text = NULL;

    yyjson_mut_doc_set_root(doc, root);
    if (yyjson_mut_obj_add_str(doc, root, "source", show->name) &&
        yyjson_mut_obj_add_str(doc, root, "mode", s->sets ? "set" : "add") &&
        yyjson_mut_obj_add_str(doc, root, "identity", s->identity) &&
        yyjson_mut_obj_add_uint(doc, root, "counters", s->counters) &&
        yyjson_mut_obj_add_uint(doc, root, "counted", s->now) &&
        yyjson_mut_obj_add_uint(doc, root, "replayed", s->replayed) &&
        yyjson_mut_obj_add_uint(doc, root, "resumed", s->resumed) &&
        yyjson_mut_obj_add_uint(doc, root, "skipped", s->skipped) &&
        yyjson_mut_obj_add_uint(doc, root, "elapsed_ms", s->elapsed_ms)) {
        text = yyjson_mut_write(doc, YYJSON_WRITE_ALLOW_INVALID_UNICODE, NULL);
    }
    yyjson_mut_doc_free(doc);
    if (text != NULL) {
        (void)puts(text);
    }
    free(text);
}

/* ", 5 had been counted before" */
static void print_part(uint64_t count, const char *what)
{
    if (count > 0) {
        (void)printf(", %" PRIu64 " %s", count, what);
    }
}

void import_show_summary(const struct import_show *show, const struct import_summary *s,
                         bool json)
{
    if (json) {
        print_json(show, s);
        return;
    }
    (void)printf("%s: %" PRIu64 " of %" PRIu64 " counters %s", show->name, s->now, s->counters,
                 s->sets ? "set" : "added");
    print_part(s->replayed + s->resumed, "were counted before");
    print_part(s->skipped, "skipped");
    (void)printf(", in %.1f s\n", (double)s->elapsed_ms / 1000.0);
}
