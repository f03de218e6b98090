/*
 * Random bytes from the kernel, and UUIDs made of them.
 */
#include "base/random.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum sr_result sr_random_bytes(void *data, size_t size, struct sr_err *err)
{
    uint8_t *at = data;

    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return sr_fail_errno(err, SR_IO, errno, "cannot read %zu random bytes", size);
        }
        at += got;
        size -= (size_t)got;
    }
    return SR_OK;
}

enum sr_result sr_uuid_draw(struct sr_uuid *ret_uuid, struct sr_err *err)
{
    struct sr_uuid uuid;
    enum sr_result result = sr_random_bytes(uuid.bytes, sizeof(uuid.bytes), err);

    if (result != SR_OK) {
        return result;
    }
    uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0fU) | 0x40U); /* version 4 */
    uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3fU) | 0x80U); /* variant of RFC 9562 */
    *ret_uuid = uuid;
    return SR_OK;
}

void sr_uuid_text(const struct sr_uuid *uuid, char ret_text[SR_UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    char *at = ret_text;

    for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *at++ = '-';
        }
        *at++ = digits[uuid->bytes[i] >> 4];
        *at++ = digits[uuid->bytes[i] & 0x0fU];
    }
    *at = '\0';
}

bool sr_uuid_parse(const char *text, struct sr_uuid *ret_uuid)
{
    struct sr_uuid uuid = {{0}};
    char again[SR_UUID_TEXT_SIZE];
    size_t digits = 0;

    for (const char *at = text; *at != '\0' && digits < 2 * sizeof(uuid.bytes); at++) {
        unsigned digit = *at >= '0' && *at <= '9'   ? (unsigned)(*at - '0')
                         : *at >= 'a' && *at <= 'f' ? (unsigned)(*at - 'a') + 10
                                                    : 16;

        if (digit < 16) {
            uuid.bytes[digits / 2] = (uint8_t)((unsigned)uuid.bytes[digits / 2] << 4 | digit);
            digits++;
        }
    }
    sr_uuid_text(&uuid, again); /* whatever else stood between the digits shows now */
    if (strcmp(again, text) != 0) {
        return false;
    }
    *ret_uuid = uuid;
    return true;
}
