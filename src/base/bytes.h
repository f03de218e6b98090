/*
 * Little-endian integers at unaligned addresses: the byte order of everything on disk. Pure.
 */
#ifndef SR_BASE_BYTES_H
#define SR_BASE_BYTES_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the on-disk codec is written for little-endian machines"
#endif

static inline uint16_t sr_get_u16(const uint8_t *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static inline uint32_t sr_get_u32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static inline uint64_t sr_get_u64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static inline void sr_put_u16(uint8_t *at, uint16_t value)
{
    memcpy(at, &value, sizeof(value));
}

static inline void sr_put_u32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof(value));
}

static inline void sr_put_u64(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, sizeof(value));
}

#endif
