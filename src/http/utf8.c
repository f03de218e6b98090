/*
 * UTF-8 by the table of well-formed byte sequences (Unicode standard, table 3-7).
 */
#include "http/utf8.h"

#include "base/bytes.h"

static bool begin(struct http_utf8 *utf8, uint8_t outstanding, uint8_t low, uint8_t high)
{
    *utf8 = (struct http_utf8){.outstanding = outstanding, .low = low, .high = high};
    return true;
}

static bool lead(struct http_utf8 *utf8, uint8_t byte)
{
    if (byte < 0x80) {
        return true;
    }
    if (byte < 0xc2 || byte > 0xf4) {
        return false;
    }
    if (byte < 0xe0) {
        return begin(utf8, 1, 0x80, 0xbf);
    }
    if (byte < 0xf0) {
        return begin(utf8, 2, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf);
    }
    return begin(utf8, 3, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf);
}

bool http_utf8_step(struct http_utf8 *utf8, uint8_t byte)
{
    if (utf8->outstanding == 0) {
        return lead(utf8, byte);
    }
    if (byte < utf8->low || byte > utf8->high) {
        return false;
    }
    utf8->outstanding--;
    utf8->low = 0x80;
    utf8->high = 0xbf;
    return true;
}

static const uint64_t high_bits = 0x8080808080808080U;

bool http_utf8_valid(struct sr_span text)
{
    struct http_utf8 utf8 = {0};
    size_t i = 0;

    while (i < text.size) {
        if (utf8.outstanding == 0 && text.size - i >= sizeof(uint64_t) &&
            (sr_get_u64(text.data + i) & high_bits) == 0) {
            i += sizeof(uint64_t);
            continue;
        }
        if (!http_utf8_step(&utf8, text.data[i++])) {
            return false;
        }
    }
    return utf8.outstanding == 0;
}
