/*
 * Finds status and length of one reply.
 */
#include "load/reply.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEAD_SIZE_MIN (sizeof("HTTP/1.1 200\r\n\r\n") - 1)

static enum sr_result read_status(const char *head, unsigned *ret_status)
{
    unsigned status = 0;

    if (memcmp(head, "HTTP/1.", 7) != 0 || head[8] != ' ') {
        return SR_INVALID;
    }
    for (size_t i = 9; i < 12; i++) {
        if (head[i] < '0' || head[i] > '9') {
            return SR_INVALID;
        }
        status = status * 10 + (unsigned)(head[i] - '0');
    }
    if (status < 100 || status >= LOAD_STATUS_MAX) {
        return SR_INVALID;
    }
    *ret_status = status;
    return SR_OK;
}

/* The value of Content-Length; 0 where none stands in the head, which ends with an empty line
 * (so that every scan below stops at a line's end). */
static enum sr_result read_length(const char *head, const char *end, size_t *ret_size)
{
    static const char length_name[] = "content-length:";
    static const char coding_name[] = "transfer-encoding:";

    for (const char *line = head; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));

        if (strncasecmp(line, length_name, sizeof(length_name) - 1) == 0) {
            char *digits_end = NULL;
            size_t length = strtoul(line + sizeof(length_name) - 1, &digits_end, 10);

            if (*digits_end != '\r' || length > SIZE_MAX / 2) {
                return SR_INVALID;
            }
            *ret_size = length;
            return SR_OK;
        }
        if (strncasecmp(line, coding_name, sizeof(coding_name) - 1) == 0) {
            return SR_INVALID;
        }
        line = next == NULL ? end : next + 1;
    }
    *ret_size = 0;
    return SR_OK;
}

enum sr_result load_reply_read(const char *data, size_t size, struct load_reply_head *ret_head)
{
    struct load_reply_head head = {0};
    const char *end = memmem(data, size, "\r\n\r\n", 4);

    if (end == NULL) {
        return SR_AGAIN;
    }
    head.size = (size_t)(end + 4 - data);
    if (head.size < HEAD_SIZE_MIN || read_status(data, &head.status) != SR_OK ||
        read_length(data, end + 4, &head.body_size) != SR_OK) {
        return SR_INVALID;
    }
    *ret_head = head;
    return SR_OK;
}
