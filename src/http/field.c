/*
 * Header fields by length and first byte, hosts and transfer codings. Depends on base/ only.
 */
#include "http/field.h"

#define NAME_SIZE_MAX 17

struct known_name {
    const char *lower; /* NULL behind the last one of a length */
    uint8_t field;
};

#define NAMES_PER_SIZE_MAX 4

/* Indexed by the length of the name; no two of a length share their first letter. */
static const struct known_name known_names[NAME_SIZE_MAX + 1][NAMES_PER_SIZE_MAX] = {
    [4] = {{"host", HTTP_FIELD_HOST}},
    [6] = {{"accept", HTTP_FIELD_ACCEPT},
           {"expect", HTTP_FIELD_EXPECT},
           {"prefer", HTTP_FIELD_PREFER},
           {"origin", HTTP_FIELD_ORIGIN}},
    [9] = {{"forwarded", HTTP_FIELD_FORWARDED}},
    [11] = {{"traceparent", HTTP_FIELD_TRACEPARENT}},
    [12] = {{"content-type", HTTP_FIELD_CONTENT_TYPE},
            {"x-request-id", HTTP_FIELD_X_REQUEST_ID}},
    [13] = {{"authorization", HTTP_FIELD_AUTHORIZATION},
            {"if-none-match", HTTP_FIELD_IF_NONE_MATCH}},
    [14] = {{"content-length", HTTP_FIELD_CONTENT_LENGTH}},
    [15] = {{"accept-encoding", HTTP_FIELD_ACCEPT_ENCODING},
            {"idempotency-key", HTTP_FIELD_IDEMPOTENCY_KEY},
            {"x-forwarded-for", HTTP_FIELD_X_FORWARDED_FOR}},
    [17] = {{"transfer-encoding", HTTP_FIELD_TRANSFER_ENCODING}},
};

static uint8_t lower_case(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(uint8_t byte)
{
    return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

static bool is_hex(uint8_t byte)
{
    return is_digit(byte) || (lower_case(byte) >= 'a' && lower_case(byte) <= 'f');
}

static bool is_one_of(uint8_t byte, const char *bytes)
{
    return byte != '\0' && strchr(bytes, byte) != NULL;
}

bool http_same_text(struct sr_span text, const char *lower)
{
    for (size_t i = 0; i < text.size; i++) {
        if (lower[i] == '\0' || lower_case(text.data[i]) != (uint8_t)lower[i]) {
            return false;
        }
    }
    return lower[text.size] == '\0';
}

/* Of a name of the same length. Only letters and, not allowed in names, control bytes become
 * what is compared with by setting the bit that makes letters small. */
static bool is_name(struct sr_span name, const char *lower)
{
    uint8_t difference = 0;

    for (size_t i = 0; i < name.size; i++) {
        difference |= (name.data[i] | 0x20) ^ (uint8_t)lower[i];
    }
    return difference == 0;
}

unsigned http_field_of(struct sr_span name)
{
    if (name.size == 0 || name.size > NAME_SIZE_MAX) {
        return HTTP_FIELD_UNKNOWN;
    }
    for (const struct known_name *known = known_names[name.size]; known->lower != NULL;
         known++) {
        if (lower_case(name.data[0]) == (uint8_t)known->lower[0]) {
            return is_name(name, known->lower) ? known->field : HTTP_FIELD_UNKNOWN;
        }
    }
    return HTTP_FIELD_UNKNOWN;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

struct sr_span http_cut(struct sr_span *text, uint8_t end)
{
    const uint8_t *at = text->size > 0 ? memchr(text->data, end, text->size) : NULL;
    struct sr_span piece = *text;
    size_t gone = text->size;

    if (at != NULL) {
        piece.size = (size_t)(at - text->data);
        gone = piece.size + 1;
    }
    if (gone > 0) {
        text->data += gone;
        text->size -= gone;
    }
    return piece;
}

struct sr_span http_trimmed(struct sr_span text)
{
    while (text.size > 0 && is_blank(text.data[text.size - 1])) {
        text.size--;
    }
    while (text.size > 0 && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    return text;
}

bool http_is_token_byte(uint8_t byte)
{
    return is_letter(byte) || is_digit(byte) || is_one_of(byte, "!#$%&'*+-.^_`|~");
}

/* reg-name of RFC 3986: unreserved, sub-delims and percent-encoded bytes; IPv4 is one too. */
static size_t name_size(struct sr_span host)
{
    size_t i = 0;

    while (i < host.size) {
        uint8_t byte = host.data[i];

        if (is_letter(byte) || is_digit(byte) || is_one_of(byte, "-._~!$&'()*+,;=")) {
            i++;
        } else if (byte == '%' && host.size - i > 2 && is_hex(host.data[i + 1]) &&
                   is_hex(host.data[i + 2])) {
            i += 3;
        } else {
            break;
        }
    }
    return i;
}

/* "[" IPv6address "]"; what is between is not looked at closely, nothing is connected to. */
static size_t literal_size(struct sr_span host)
{
    size_t i = 1;

    while (i < host.size && (is_hex(host.data[i]) || is_one_of(host.data[i], ":."))) {
        i++;
    }
    return i >= 3 && i < host.size && host.data[i] == ']' ? i + 1 : 0;
}

#define PORT_DIGITS_MAX 5

bool http_host_valid(struct sr_span host)
{
    size_t end;

    if (host.size == 0) {
        return false;
    }
    end = host.data[0] == '[' ? literal_size(host) : name_size(host);
    if (end == 0 || end == host.size) {
        return end != 0;
    }
    if (host.data[end] != ':' || host.size - end - 1 > PORT_DIGITS_MAX) {
        return false;
    }
    for (size_t i = end + 1; i < host.size; i++) {
        if (!is_digit(host.data[i])) {
            return false;
        }
    }
    return true;
}

/* Cuts the piece up to the next comma off the front of *list. */
static struct sr_span next_listed(struct sr_span *list)
{
    const uint8_t *comma = memchr(list->data, ',', list->size);
    struct sr_span piece = *list;

    if (comma == NULL) {
        list->size = 0;
        return piece;
    }
    piece.size = (size_t)(comma - list->data);
    list->data += piece.size + 1;
    list->size -= piece.size + 1;
    return piece;
}

static bool is_token(struct sr_span text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!http_is_token_byte(text.data[i])) {
            return false;
        }
    }
    return text.size > 0;
}

enum http_coding http_transfer_coding(struct sr_span value)
{
    struct sr_span list = value;

    if (http_same_text(value, "chunked")) {
        return HTTP_CODING_CHUNKED;
    }
    while (list.size > 0) {
        struct sr_span coding = http_trimmed(next_listed(&list));
        const uint8_t *parameters = memchr(coding.data, ';', coding.size);

        if (parameters != NULL) {
            coding.size = (size_t)(parameters - coding.data);
        }
        if (is_token(coding) && !http_same_text(coding, "chunked")) {
            return HTTP_CODING_UNKNOWN;
        }
    }
    return HTTP_CODING_BAD;
}
