/*
 * The identity file's bytes: magic, checksum, version, flags, count, instance, tokens.
 */
#include "journal/identity.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"

#define IDENTITY_MAGIC 0x31495253U /* "SRI1" */
#define IDENTITY_VERSION 1U
#define FLAG_FENCED 0x01U
#define FLAG_CONFIRMED 0x02U

size_t identity_encode(const struct identity *identity, uint8_t *ret_bytes)
{
    size_t size = IDENTITY_HEADER_SIZE + identity->token_count * sizeof(struct sr_uuid);

    SR_CHECK(identity->token_count <= DATADIR_TOKENS_MAX);
    memset(ret_bytes, 0, IDENTITY_HEADER_SIZE);
    sr_put_u32(ret_bytes, IDENTITY_MAGIC);
    sr_put_u32(ret_bytes + 8, IDENTITY_VERSION);
    sr_put_u32(ret_bytes + 12, (identity->fenced ? FLAG_FENCED : 0) |
                                   (identity->newest_confirmed ? FLAG_CONFIRMED : 0));
    sr_put_u32(ret_bytes + 16, identity->token_count);
    sr_put_u32(ret_bytes + 20, identity->revision);
    memcpy(ret_bytes + 24, identity->instance.bytes, 16);
    memcpy(ret_bytes + IDENTITY_HEADER_SIZE, identity->tokens, size - IDENTITY_HEADER_SIZE);
    sr_put_u32(ret_bytes + 4, sr_crc32c(0, ret_bytes + 8, size - 8));
    return size;
}

enum sr_result identity_decode(struct sr_span bytes, struct identity *ret_identity)
{
    uint32_t count;
    size_t size;

    if (bytes.size < IDENTITY_HEADER_SIZE || sr_get_u32(bytes.data) != IDENTITY_MAGIC ||
        sr_get_u32(bytes.data + 8) != IDENTITY_VERSION) {
        return SR_DAMAGED;
    }
    count = sr_get_u32(bytes.data + 16);
    size = IDENTITY_HEADER_SIZE + (size_t)count * sizeof(struct sr_uuid);
    if (count > DATADIR_TOKENS_MAX || bytes.size < size ||
        sr_get_u32(bytes.data + 4) != sr_crc32c(0, bytes.data + 8, size - 8)) {
        return SR_DAMAGED;
    }
    ret_identity->fenced = (sr_get_u32(bytes.data + 12) & FLAG_FENCED) != 0;
    ret_identity->newest_confirmed = (sr_get_u32(bytes.data + 12) & FLAG_CONFIRMED) != 0;
    ret_identity->token_count = count;
    ret_identity->revision = sr_get_u32(bytes.data + 20);
    memcpy(ret_identity->instance.bytes, bytes.data + 24, 16);
    memcpy(ret_identity->tokens, bytes.data + IDENTITY_HEADER_SIZE,
           size - IDENTITY_HEADER_SIZE);
    return SR_OK;
}
