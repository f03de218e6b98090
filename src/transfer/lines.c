/*
 * A window over the file, which moves when what is left in it holds no line break.
 */
#include "transfer/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW ((size_t)1 << 20)

_Static_assert(WINDOW > LINE_SIZE_MAX, "a line fits the window");

enum sr_result lines_init(struct lines *l, int fd, uint64_t offset, uint64_t before)
{
    *l = (struct lines){.fd = fd, .offset = offset, .number = before};
    l->bytes = malloc(WINDOW);
    return l->bytes == NULL ? SR_NO_MEMORY : SR_OK;
}

void lines_done(struct lines *l)
{
    free(l->bytes);
    l->bytes = NULL;
}

/* Fills the window, what is left in it first. */
static enum sr_result move_window(struct lines *l, struct sr_err *err)
{
    l->size -= l->at;
    memmove(l->bytes, l->bytes + l->at, l->size);
    l->at = 0;
    while (l->size < WINDOW && !l->ended) {
        ssize_t got =
            pread(l->fd, l->bytes + l->size, WINDOW - l->size, (off_t)(l->offset + l->size));

        if (got < 0 && errno != EINTR) {
            return sr_fail_errno(err, SR_IO, errno, "reading at byte %llu",
                                 (unsigned long long)l->offset + l->size);
        }
        l->ended = got == 0;
        l->size += got < 0 ? 0 : (size_t)got;
    }
    return SR_OK;
}

static struct sr_span rest_of(const struct lines *l)
{
    return (struct sr_span){.data = l->bytes + l->at, .size = l->size - l->at};
}

static void step(struct lines *l, size_t size)
{
    l->at += size;
    l->offset += size;
}

/* Moves behind the line that is too long for the window. */
static enum sr_result skip_line(struct lines *l, struct sr_err *err)
{
    for (;;) {
        struct sr_span rest = rest_of(l);
        const uint8_t *stop = rest.size == 0 ? NULL : memchr(rest.data, '\n', rest.size);

        step(l, stop == NULL ? rest.size : (size_t)(stop - rest.data) + 1);
        if (stop != NULL || l->ended) {
            return SR_OK;
        }
        if (move_window(l, err) != SR_OK) {
            return SR_IO;
        }
    }
}

/* Any line, blank ones too. */
static enum sr_result take_line(struct lines *l, struct line *ret_line, struct sr_err *err)
{
    struct sr_span rest = rest_of(l);
    const uint8_t *stop = rest.size == 0 ? NULL : memchr(rest.data, '\n', rest.size);

    if (stop == NULL && !l->ended) {
        if (move_window(l, err) != SR_OK) {
            return SR_IO;
        }
        rest = rest_of(l);
        stop = rest.size == 0 ? NULL : memchr(rest.data, '\n', rest.size);
    }
    if (rest.size == 0) {
        return SR_CLOSED;
    }
    *ret_line = (struct line){.text = rest, .number = ++l->number};
    if (stop == NULL && !l->ended) {
        ret_line->too_long = true; /* its front is overwritten: nobody looks at it */
        return skip_line(l, err);
    }
    ret_line->text.size = stop == NULL ? rest.size : (size_t)(stop - rest.data);
    ret_line->too_long = ret_line->text.size > LINE_SIZE_MAX;
    step(l, ret_line->text.size + (stop == NULL ? 0 : 1));
    return SR_OK;
}

static bool is_blank(struct sr_span text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != ' ' && text.data[i] != '\t' && text.data[i] != '\r') {
            return false;
        }
    }
    return true;
}

enum sr_result lines_next(struct lines *l, struct line *ret_line, struct sr_err *err)
{
    enum sr_result result;

    do {
        result = take_line(l, ret_line, err);
    } while (result == SR_OK && !ret_line->too_long && is_blank(ret_line->text));
    return result;
}
