/*
 * PostgreSQL's binary format: parameters, arrays of text and bigint, and reading them back.
 * Pure. Integers are big-endian (PostgreSQL documentation, "Message Data Types"; array_send and
 * array_recv in src/backend/utils/adt/arrayfuncs.c).
 */
#ifndef SR_STORE_PG_WIRE_H
#define SR_STORE_PG_WIRE_H

#include "base/buffer.h"
#include "base/random.h"
#include "base/result.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Type numbers, fixed in pg_type.dat. */
#define PG_BOOL 16
#define PG_BYTEA 17
#define PG_NAME 19
#define PG_INT8 20
#define PG_INT2 21
#define PG_INT4 23
#define PG_TEXT 25
#define PG_BPCHAR 1042
#define PG_VARCHAR 1043
#define PG_NUMERIC 1700
#define PG_BYTEA_ARRAY 1001
#define PG_TEXT_ARRAY 1009
#define PG_INT8_ARRAY 1016
#define PG_UUID 2950
#define PG_UUID_ARRAY 2951

#define PG_PARAMS_MAX 8

/* Parameters of one statement, all binary, in the arrays that libpq wants. Bytes are borrowed.
 */
struct pg_params {
    int count;
    unsigned types[PG_PARAMS_MAX]; /* libpq's Oid */
    const char *values[PG_PARAMS_MAX];
    int sizes[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
    uint8_t numbers[PG_PARAMS_MAX][8]; /* where integers are encoded */
};

/* Appends a parameter; its bytes must outlive the statement's sending. NULL data is SQL's NULL.
 */
void pg_param_bytes(struct pg_params *params, unsigned type, const void *data, size_t size);
void pg_param_text(struct pg_params *params, const char *text);
void pg_param_uuid(struct pg_params *params, const struct sr_uuid *uuid);
void pg_param_int8(struct pg_params *params, int64_t value);
void pg_param_bool(struct pg_params *params, bool value);

/*
 * An array of one dimension:
 *
 *   | dimensions 1 | has NULL 0 | element type | count | lower bound 1 | size, bytes | ...
 *   |<-------------------- 4 bytes each, 20 in all ------------------->|
 */
#define PG_ARRAY_HEADER_SIZE 20

/* Empties the buffer and begins an array; errors of the buffer. */
enum sr_result pg_array_begin(struct sr_buffer *array, unsigned element_type) SR_MUST_USE;

/* Appends an element; errors of the buffer. */
enum sr_result pg_array_bytes(struct sr_buffer *array, const void *data,
                              size_t size) SR_MUST_USE;
enum sr_result pg_array_int8(struct sr_buffer *array, int64_t value) SR_MUST_USE;

/* Writes the number of elements into the header. */
void pg_array_end(struct sr_buffer *array, uint32_t count);

/* The element whose size lies at this offset of the array. */
struct sr_span pg_array_at(const struct sr_buffer *array, uint32_t offset);

/* Which of `count` ascending elements at these offsets is `wanted`; count where none is. */
uint32_t pg_array_find(const struct sr_buffer *array, const uint32_t *offsets, uint32_t count,
                       struct sr_span wanted);

void pg_param_array(struct pg_params *params, unsigned array_type,
                    const struct sr_buffer *array);

int16_t pg_get_int2(const void *at);
uint32_t pg_get_u32(const void *at);
int64_t pg_get_int8(const void *at);

/* A numeric of `size` bytes, where it is a whole number of 64 bits; false for all others, NaN
 * and the infinities included. */
bool pg_get_numeric(const void *at, size_t size, int64_t *ret_value);

#endif
