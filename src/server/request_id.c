/*
 * Request ids and traces.
 */
#include "server/request_id.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool request_id_sane(struct sr_span id)
{
    if (id.size == 0 || id.size > REQUEST_ID_SIZE_MAX) {
        return false;
    }
    for (size_t i = 0; i < id.size; i++) {
        uint8_t byte = id.data[i];
        bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';

        if (!letter && !(byte >= '0' && byte <= '9') &&
            (byte == '\0' || strchr("-._:/+=~@", byte) == NULL)) {
            return false;
        }
    }
    return true;
}

void request_id_draw(struct request_ids *ids, char ret_id[REQUEST_ID_DRAWN_SIZE + 1])
{
    uint64_t numbers[2] = {ids->drawn++, 0};
    struct sr_span bytes = {.data = (const uint8_t *)numbers, .size = sizeof(numbers)};
    uint64_t high = sr_siphash13(&ids->key, bytes);

    numbers[1] = 1;
    (void)snprintf(ret_id, REQUEST_ID_DRAWN_SIZE + 1, "%016" PRIx64 "%016" PRIx64, high,
                   sr_siphash13(&ids->key, bytes));
}

/* ---- W3C Trace Context, section 3.2: 00-<trace id>-<parent id>-<flags> ---- */

#define TRACEPARENT_SIZE 55
#define TRACE_AT 3
#define PARENT_AT 36
#define FLAGS_AT 53

/* Lower-case hexadecimal digits. */
static bool is_hex(const uint8_t *digits, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!(digits[i] >= '0' && digits[i] <= '9') &&
            !(digits[i] >= 'a' && digits[i] <= 'f')) {
            return false;
        }
    }
    return true;
}

static bool is_zero(const uint8_t *digits, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (digits[i] != '0') {
            return false;
        }
    }
    return true;
}

/* Version 00 ends with its flags; a later one may go on behind a dash; ff is none. */
static bool version_fits(struct sr_span text)
{
    if (memcmp(text.data, "00", 2) == 0) {
        return text.size == TRACEPARENT_SIZE;
    }
    return is_hex(text.data, 2) && memcmp(text.data, "ff", 2) != 0 &&
           (text.size == TRACEPARENT_SIZE || text.data[TRACEPARENT_SIZE] == '-');
}

bool trace_parse(struct sr_span traceparent, struct trace *ret_trace)
{
    const uint8_t *at = traceparent.data;

    if (traceparent.size < TRACEPARENT_SIZE || !version_fits(traceparent) ||
        at[TRACE_AT - 1] != '-' || at[PARENT_AT - 1] != '-' || at[FLAGS_AT - 1] != '-') {
        return false;
    }
    if (!is_hex(at + TRACE_AT, TRACE_ID_SIZE) || is_zero(at + TRACE_AT, TRACE_ID_SIZE) ||
        !is_hex(at + PARENT_AT, TRACE_PARENT_SIZE) ||
        is_zero(at + PARENT_AT, TRACE_PARENT_SIZE) || !is_hex(at + FLAGS_AT, 2)) {
        return false;
    }
    *ret_trace = (struct trace){0};
    memcpy(ret_trace->id, at + TRACE_AT, TRACE_ID_SIZE);
    memcpy(ret_trace->parent, at + PARENT_AT, TRACE_PARENT_SIZE);
    return true;
}
