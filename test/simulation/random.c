/*
 * Stands in for base/random.c: chance that comes from the history's seed, so that it replays
 * exactly.
 */
#include "base/random.h"

#include "world.h"

static uint64_t state;

void simulation_random(uint64_t seed)
{
    state = seed;
}

enum sr_result sr_random_bytes(void *data, size_t size, struct sr_err *err)
{
    uint8_t *at = data;

    (void)err;
    for (size_t i = 0; i < size; i++) {
        state = state * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
        at[i] = (uint8_t)(state >> 56);
    }
    return SR_OK;
}

enum sr_result sr_uuid_draw(struct sr_uuid *ret_uuid, struct sr_err *err)
{
    return sr_random_bytes(ret_uuid->bytes, sizeof(ret_uuid->bytes), err);
}

void sr_uuid_text(const struct sr_uuid *uuid, char ret_text[SR_UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;

    for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            ret_text[at++] = '-';
        }
        ret_text[at++] = digits[uuid->bytes[i] >> 4];
        ret_text[at++] = digits[uuid->bytes[i] & 15];
    }
    ret_text[at] = '\0';
}
