/*
 * Any bytes as a form body and as a key in a path. A key that was accepted is accepted again,
 * and is the same, when it is percent-encoded byte by byte.
 */
#include "increment.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_encoded(const struct http_increment *increment)
{
    static char text[3 * SR_KEY_SIZE_MAX + 1];
    uint8_t key[SR_KEY_SIZE_MAX];
    struct http_body_error error;
    size_t size = 0;

    for (size_t i = 0; i < increment->key.size; i++) {
        (void)snprintf(text + 3 * i, 4, "%%%02x", increment->key.data[i]);
    }
    SR_CHECK(http_path_key(sr_span_text(text), key, &size, &error) == SR_OK);
    SR_CHECK(sr_span_equal((struct sr_span){.data = key, .size = size}, increment->key));
}

static void check_form(struct http_body_scratch *scratch, struct sr_span body)
{
    struct http_increment increment;
    struct http_body_error error = {0};

    if (http_body_form(scratch, body, &increment, &error) == SR_OK) {
        check_increment(&increment);
        check_encoded(&increment);
    } else {
        check_body_error(&error);
    }
}

static void check_path(struct sr_span segment)
{
    uint8_t key[SR_KEY_SIZE_MAX];
    struct http_increment increment = {.key.data = key, .value = INT64_MIN};
    struct http_body_error error = {0};

    if (http_path_key(segment, key, &increment.key.size, &error) == SR_OK) {
        check_increment(&increment);
    } else {
        check_body_error(&error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_body_scratch scratch;
    struct sr_span body = {.data = data, .size = size};

    SR_CHECK(scratch.pool != NULL || http_body_scratch_init(&scratch) == SR_OK);
    check_form(&scratch, body);
    check_path(body);
    return 0;
}
