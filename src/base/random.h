/*
 * Random bytes from the kernel, and UUIDs made of them.
 */
#ifndef SR_BASE_RANDOM_H
#define SR_BASE_RANDOM_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A UUID as its 16 bytes (RFC 9562). */
struct sr_uuid {
    uint8_t bytes[16];
};

#define SR_UUID_TEXT_SIZE 37 /* 36 characters and a NUL */

/* Fills data from getrandom(2). SR_IO where the kernel has none to give. */
enum sr_result sr_random_bytes(void *data, size_t size, struct sr_err *err) SR_MUST_USE;

/* Draws a UUID of version 4. */
enum sr_result sr_uuid_draw(struct sr_uuid *ret_uuid, struct sr_err *err) SR_MUST_USE;

/* Writes the 36 lower-case characters and a NUL. */
void sr_uuid_text(const struct sr_uuid *uuid, char ret_text[SR_UUID_TEXT_SIZE]);

/* Reads what sr_uuid_text writes; false for anything else. */
bool sr_uuid_parse(const char *text, struct sr_uuid *ret_uuid);

#endif
