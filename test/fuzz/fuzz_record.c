/*
 * The journal record decoder on arbitrary bytes: what it takes for a record is in range and is
 * encoded to the same bytes again; what follows in the input is decoded as the next record.
 */
#include "base/check.h"
#include "core/record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fields(const struct record *record)
{
    SR_CHECK((record->key.size == 0) == (record->kind == RECORD_SEAL));
    SR_CHECK(record->key.size <= SR_KEY_SIZE_MAX);
    SR_CHECK(record->kind != RECORD_DELETE || record->value == 0);
    SR_CHECK(record->token.token.size <= RECORD_TOKEN_SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sr_span rest = {.data = data, .size = size};
    struct record record;
    size_t taken;

    while (record_decode(rest, &record, &taken) == SR_OK) {
        uint8_t *again;

        SR_CHECK(taken > 0 && taken <= rest.size);
        check_fields(&record);
        SR_CHECK(record_encoded_size(&record) == taken);
        again = malloc(taken);
        SR_CHECK(again != NULL);
        record_encode(&record, again);
        SR_CHECK(memcmp(again, rest.data, taken) == 0);
        free(again);
        rest.data += taken;
        rest.size -= taken;
    }
    return 0;
}
