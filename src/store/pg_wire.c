/*
 * PostgreSQL's binary format. Pure.
 */
#include "store/pg_wire.h"

#include "base/check.h"

#include <endian.h>
#include <limits.h>
#include <string.h>

/* --- parameters ----------------------------------------------------------------------------
 */

void pg_param_bytes(struct pg_params *params, unsigned type, const void *data, size_t size)
{
    int at = params->count++;

    SR_CHECK(at < PG_PARAMS_MAX && size <= INT_MAX);
    params->types[at] = type;
    params->values[at] = data;
    params->sizes[at] = (int)size;
    params->formats[at] = 1;
}

void pg_param_text(struct pg_params *params, const char *text)
{
    pg_param_bytes(params, PG_TEXT, text, strlen(text));
}

void pg_param_uuid(struct pg_params *params, const struct sr_uuid *uuid)
{
    pg_param_bytes(params, PG_UUID, uuid->bytes, sizeof(uuid->bytes));
}

void pg_param_int8(struct pg_params *params, int64_t value)
{
    uint64_t encoded = htobe64((uint64_t)value);
    uint8_t *number;

    SR_CHECK(params->count < PG_PARAMS_MAX);
    number = params->numbers[params->count];
    memcpy(number, &encoded, sizeof(encoded));
    pg_param_bytes(params, PG_INT8, number, sizeof(encoded));
}

void pg_param_bool(struct pg_params *params, bool value)
{
    uint8_t *number;

    SR_CHECK(params->count < PG_PARAMS_MAX);
    number = params->numbers[params->count];
    number[0] = value;
    pg_param_bytes(params, PG_BOOL, number, 1);
}

struct sr_span pg_array_at(const struct sr_buffer *array, uint32_t offset)
{
    const uint8_t *at = array->data + offset;

    return (struct sr_span){.data = at + 4, .size = pg_get_u32(at)};
}

uint32_t pg_array_find(const struct sr_buffer *array, const uint32_t *offsets, uint32_t count,
                       struct sr_span wanted)
{
    uint32_t low = 0;
    uint32_t high = count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = sr_span_compare(pg_array_at(array, offsets[middle]), wanted);

        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return count;
}

void pg_param_array(struct pg_params *params, unsigned array_type,
                    const struct sr_buffer *array)
{
    pg_param_bytes(params, array_type, array->data, array->size);
}

/* --- arrays --------------------------------------------------------------------------------
 */

static void put_u32(uint8_t *at, uint32_t value)
{
    uint32_t encoded = htobe32(value);

    memcpy(at, &encoded, sizeof(encoded));
}

enum sr_result pg_array_begin(struct sr_buffer *array, unsigned element_type)
{
    uint8_t header[PG_ARRAY_HEADER_SIZE] = {0};

    put_u32(header, 1);
    put_u32(header + 8, element_type);
    put_u32(header + 16, 1);
    sr_buffer_consume(array, array->size);
    return sr_buffer_append(array, header, sizeof(header));
}

enum sr_result pg_array_bytes(struct sr_buffer *array, const void *data, size_t size)
{
    uint8_t prefix[4];
    enum sr_result res;

    SR_CHECK(size <= INT_MAX);
    put_u32(prefix, (uint32_t)size);
    res = sr_buffer_append(array, prefix, sizeof(prefix));
    return res != SR_OK ? res : sr_buffer_append(array, data, size);
}

enum sr_result pg_array_int8(struct sr_buffer *array, int64_t value)
{
    uint64_t encoded = htobe64((uint64_t)value);

    return pg_array_bytes(array, &encoded, sizeof(encoded));
}

void pg_array_end(struct sr_buffer *array, uint32_t count)
{
    SR_CHECK(array->size >= PG_ARRAY_HEADER_SIZE);
    put_u32(array->data + 12, count);
}

uint32_t pg_get_u32(const void *at)
{
    uint32_t encoded;

    memcpy(&encoded, at, sizeof(encoded));
    return be32toh(encoded);
}

int64_t pg_get_int8(const void *at)
{
    uint64_t encoded;

    memcpy(&encoded, at, sizeof(encoded));
    return (int64_t)be64toh(encoded);
}

int16_t pg_get_int2(const void *at)
{
    uint16_t encoded;

    memcpy(&encoded, at, sizeof(encoded));
    return (int16_t)be16toh(encoded);
}

/*
 *   | digits | weight | sign | scale | digit | digit ...    2 bytes each, digits from 0 to 9999
 *
 * The first digit counts 10000 to the power of the weight; those behind the power of 0 are the
 * fraction, of which PostgreSQL leaves zeros at the end out (numeric_send in
 * src/backend/utils/adt/numeric.c).
 */
bool pg_get_numeric(const void *at, size_t size, int64_t *ret_value)
{
    enum { HEADER = 8, DIGIT = 2, POSITIVE = 0, NEGATIVE = 0x4000 };
    const uint8_t *bytes = at;
    int64_t value = 0; /* never positive: the least number has no counterpart */
    int digits, weight, sign;

    if (size < HEADER) {
        return false;
    }
    digits = pg_get_int2(bytes);
    weight = pg_get_int2(bytes + 2);
    sign = (uint16_t)pg_get_int2(bytes + 4);
    if (digits < 0 || size != HEADER + (size_t)digits * DIGIT || digits > weight + 1 ||
        (sign != NEGATIVE && sign != POSITIVE)) {
        return false;
    }
    for (int i = 0; i <= weight; i++) {
        int digit = i < digits ? pg_get_int2(bytes + HEADER + i * DIGIT) : 0;

        if (__builtin_mul_overflow(value, 10000, &value) ||
            __builtin_sub_overflow(value, digit, &value)) {
            return false;
        }
    }
    if (sign == POSITIVE && __builtin_sub_overflow(0, value, &value)) {
        return false;
    }
    *ret_value = value;
    return true;
}
