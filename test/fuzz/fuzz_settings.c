/*
 * What people write into options, any text: numbers, durations and sizes read back from what is
 * shown of them; database URLs rewritten within bounds, and what is shown of them hides as much
 * when it is shown again.
 */
#include "base/check.h"
#include "base/units.h"
#include "store/store.h"
#include "store/store_url.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN_SIZE 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_units(const char *text)
{
    char shown[SR_UNITS_TEXT_SIZE];
    uint64_t value;
    uint64_t again;

    if (sr_parse_duration(text, &value)) {
        sr_format_duration(value, shown);
        SR_CHECK(sr_parse_duration(shown, &again) && again == value);
    }
    if (sr_parse_size(text, &value)) {
        sr_format_size(value, shown);
        SR_CHECK(sr_parse_size(shown, &again) && again == value);
    }
    if (sr_parse_u64(text, &value)) {
        SR_CHECK(sr_parse_size(text, &again) && again == value);
    }
}

static void check_url(const char *url)
{
    char shown[SHOWN_SIZE];
    char again[SHOWN_SIZE];
    struct sr_buffer text;

    sr_buffer_init(&text, 1 << 20);
    if (store_url_for_libpq(url, &text) == SR_OK) {
        SR_CHECK(text.size > 0 && text.data[text.size - 1] == '\0');
        SR_CHECK(strlen((const char *)text.data) == text.size - 1);
    }
    sr_buffer_done(&text);
    store_url_redact(url, shown, sizeof(shown));
    SR_CHECK(strnlen(shown, sizeof(shown)) < sizeof(shown));
    store_url_redact(shown, again, sizeof(again));
    SR_CHECK(strlen(shown) == sizeof(shown) - 1 || strcmp(shown, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    SR_CHECK(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    check_units(text);
    check_url(text);
    free(text);
    return 0;
}
