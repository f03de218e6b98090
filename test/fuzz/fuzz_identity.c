/*
 * The identity file's slot of any bytes, its checksum made right: what is taken for an identity
 * says the same when it is written again.
 */
#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "journal/identity.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *bytes, size_t size)
{
    uint32_t count = sr_get_u32(bytes + 16);
    size_t used = IDENTITY_HEADER_SIZE + (size_t)count * sizeof(struct sr_uuid);

    if (count <= DATADIR_TOKENS_MAX && used <= size) {
        sr_put_u32(bytes + 4, sr_crc32c(0, bytes + 8, used - 8));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[IDENTITY_SLOT_SIZE], again[IDENTITY_SLOT_SIZE];
    static struct identity identity, second;
    struct sr_span span = {.data = bytes, .size = size};

    if (size > sizeof(bytes)) {
        return 0;
    }
    memcpy(bytes, data, size);
    if (size >= IDENTITY_HEADER_SIZE) {
        mend(bytes, size);
    }
    if (identity_decode(span, &identity) != SR_OK) {
        return 0;
    }
    span = (struct sr_span){.data = again, .size = identity_encode(&identity, again)};
    SR_CHECK(span.size <= size);
    SR_CHECK(identity_decode(span, &second) == SR_OK);
    SR_CHECK(second.revision == identity.revision && second.fenced == identity.fenced);
    SR_CHECK(second.newest_confirmed == identity.newest_confirmed);
    SR_CHECK(memcmp(&second.instance, &identity.instance, sizeof(second.instance)) == 0);
    SR_CHECK(second.token_count == identity.token_count);
    SR_CHECK(memcmp(second.tokens, identity.tokens,
                    identity.token_count * sizeof(identity.tokens[0])) == 0);
    return 0;
}
