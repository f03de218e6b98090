/*
 * SipHash-1-3.
 */
#include "base/siphash.h"

#include "base/bytes.h"

struct sip_state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64U - bits));
}

static inline void sip_round(struct sip_state *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32) + s->v3;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
}

static inline void sip_absorb(struct sip_state *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

/* The last 0 to 7 bytes, with the length in the top byte. */
static inline uint64_t last_word(struct sr_span bytes)
{
    uint64_t word = (uint64_t)bytes.size << 56;
    size_t tail = bytes.size & ~(size_t)7;

    for (size_t i = tail; i < bytes.size; i++) {
        word |= (uint64_t)bytes.data[i] << (8 * (i - tail));
    }
    return word;
}

uint64_t sr_siphash13(const struct sr_siphash_key *key, struct sr_span bytes)
{
    struct sip_state s = {
        .v0 = key->k0 ^ 0x736f6d6570736575U,
        .v1 = key->k1 ^ 0x646f72616e646f6dU,
        .v2 = key->k0 ^ 0x6c7967656e657261U,
        .v3 = key->k1 ^ 0x7465646279746573U,
    };

    for (size_t i = 0; i + 8 <= bytes.size; i += 8) {
        sip_absorb(&s, sr_get_u64(bytes.data + i));
    }
    sip_absorb(&s, last_word(bytes));
    s.v2 ^= 0xffU;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
