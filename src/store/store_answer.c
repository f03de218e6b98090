/*
 * First answers as text.
 */
#include "store/store_answer.h"

#include "base/bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define NUMBER_SIZE_MAX 20 /* of a signed 64-bit number */

enum sr_result store_answer_write(struct sr_buffer *out, const struct store_request *request)
{
    enum sr_result result = sr_buffer_printf(out, "%u", (unsigned)request->status);

    if (result == SR_OK && !request->totals_known) {
        return sr_buffer_printf(out, " null");
    }
    for (size_t at = 0; result == SR_OK && at < request->totals.size; at += 8) {
        result =
            sr_buffer_printf(out, " %" PRId64, (int64_t)sr_get_u64(request->totals.data + at));
    }
    return result;
}

/* Takes a decimal number off the front of a text. */
static bool take_number(struct sr_span *text, int64_t *ret_number)
{
    char digits[NUMBER_SIZE_MAX + 1] = "";
    size_t size = 0;
    char *end = NULL;

    while (size < text->size && text->data[size] != ' ' && size < NUMBER_SIZE_MAX) {
        digits[size] = (char)text->data[size];
        size++;
    }
    errno = 0;
    *ret_number = strtoll(digits, &end, 10);
    if (size == 0 || errno != 0 || *end != '\0' || digits[0] == ' ' || digits[0] == '+') {
        return false;
    }
    text->data += size;
    text->size -= size;
    return true;
}

static bool take_space(struct sr_span *text)
{
    if (text->size == 0 || text->data[0] != ' ') {
        return false;
    }
    text->data++;
    text->size--;
    return true;
}

static enum sr_result take_totals(struct sr_span text, struct sr_buffer *totals)
{
    while (take_space(&text)) {
        int64_t total = 0;

        if (!take_number(&text, &total)) {
            return SR_DAMAGED;
        }
        if (sr_buffer_reserve(totals, 8) != SR_OK) {
            return SR_NO_MEMORY;
        }
        sr_put_u64(totals->data + totals->size, (uint64_t)total);
        totals->size += 8;
    }
    return text.size == 0 ? SR_OK : SR_DAMAGED;
}

enum sr_result store_answer_read(struct sr_span text, struct sr_buffer *totals,
                                 struct store_request *ret_request)
{
    enum sr_result result = SR_OK;
    int64_t status = 0;
    bool known;

    totals->size = 0;
    if (!take_number(&text, &status) || status < 100 || status > 599) {
        return SR_DAMAGED;
    }
    known = !sr_span_equal(text, sr_span_text(" null"));
    if (known) {
        result = take_totals(text, totals);
    }
    if (result != SR_OK) {
        return result;
    }
    ret_request->status = (uint16_t)status;
    ret_request->totals_known = known;
    ret_request->totals = sr_buffer_span(totals);
    return SR_OK;
}
