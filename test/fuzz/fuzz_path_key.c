/*
 * A percent-encoded key of a path, any bytes: what is taken is a key, and is read again when
 * each of its bytes is encoded.
 */
#include "base/check.h"
#include "http/body.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t encode_all(const uint8_t *key, size_t size, uint8_t *at)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        at[3 * i] = '%';
        at[3 * i + 1] = (uint8_t)digits[key[i] >> 4];
        at[3 * i + 2] = (uint8_t)digits[key[i] & 15];
    }
    return 3 * size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t key[SR_KEY_SIZE_MAX];
    uint8_t again[SR_KEY_SIZE_MAX];
    uint8_t encoded[3 * SR_KEY_SIZE_MAX];
    struct http_body_error error;
    struct sr_span segment = {.data = data, .size = size};
    size_t key_size = 0;
    size_t again_size = 0;

    if (http_path_key(segment, key, &key_size, &error) != SR_OK) {
        SR_CHECK(error.status == 400 || error.status == 422);
        SR_CHECK(strnlen(error.message, sizeof(error.message)) < sizeof(error.message));
        return 0;
    }
    SR_CHECK(key_size > 0 && key_size <= sizeof(key) && memchr(key, 0, key_size) == NULL);
    segment = (struct sr_span){.data = encoded, .size = encode_all(key, key_size, encoded)};
    SR_CHECK(http_path_key(segment, again, &again_size, &error) == SR_OK);
    SR_CHECK(again_size == key_size && memcmp(again, key, key_size) == 0);
    return 0;
}
