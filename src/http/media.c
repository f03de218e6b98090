/*
 * Media types and media ranges: type "/" subtype and parameters.
 */
#include "http/media.h"

#include "http/field.h"

static bool skip_byte(struct sr_span *text, uint8_t byte)
{
    if (text->size == 0 || text->data[0] != byte) {
        return false;
    }
    text->data++;
    text->size--;
    return true;
}

static struct sr_span take_token(struct sr_span *text)
{
    struct sr_span token = {.data = text->data};

    while (token.size < text->size && http_is_token_byte(text->data[token.size])) {
        token.size++;
    }
    text->data += token.size;
    text->size -= token.size;
    return token;
}

/* A quoted string's inside; escapes stay as they are. False where it does not end. */
static bool take_quoted(struct sr_span *text, struct sr_span *ret_inside)
{
    size_t i = 1;

    while (i < text->size && text->data[i] != '"') {
        i += text->data[i] == '\\' ? 2 : 1;
    }
    if (i >= text->size) {
        return false;
    }
    *ret_inside = (struct sr_span){.data = text->data + 1, .size = i - 1};
    text->data += i + 1;
    text->size -= i + 1;
    return true;
}

/* The value of a parameter: a token or a quoted string. */
static bool take_value(struct sr_span *text, struct sr_span *ret_value)
{
    if (text->size > 0 && text->data[0] == '"') {
        return take_quoted(text, ret_value);
    }
    *ret_value = take_token(text);
    return ret_value->size > 0;
}

/* OWS ";" OWS [ name "=" value ]: false, with nothing taken, where something else follows. An
 * empty parameter, as in "text/html;", has an empty name. */
static bool take_parameter(struct sr_span *text, struct sr_span *ret_name,
                           struct sr_span *ret_value)
{
    struct sr_span rest = http_trimmed(*text);

    if (!skip_byte(&rest, ';')) {
        return false;
    }
    rest = http_trimmed(rest);
    *ret_name = take_token(&rest);
    *ret_value = (struct sr_span){.data = rest.data};
    if (ret_name->size > 0 && (!skip_byte(&rest, '=') || !take_value(&rest, ret_value))) {
        return false;
    }
    *text = rest;
    return true;
}

static bool take_type(struct sr_span *text, struct sr_span *ret_type,
                      struct sr_span *ret_subtype)
{
    *text = http_trimmed(*text);
    *ret_type = take_token(text);
    if (ret_type->size == 0 || !skip_byte(text, '/')) {
        return false;
    }
    *ret_subtype = take_token(text);
    return ret_subtype->size > 0;
}

/* Only parameters follow, and a charset among them is UTF-8. */
static bool parameters_acceptable(struct sr_span text)
{
    struct sr_span name, value;

    while (take_parameter(&text, &name, &value)) {
        if (http_same_text(name, "charset") && !http_same_text(value, "utf-8")) {
            return false;
        }
    }
    return http_trimmed(text).size == 0;
}

static enum http_media application_type(struct sr_span subtype)
{
    if (http_same_text(subtype, "json")) {
        return HTTP_MEDIA_JSON;
    }
    if (http_same_text(subtype, "x-www-form-urlencoded")) {
        return HTTP_MEDIA_FORM;
    }
    if (http_same_text(subtype, "x-ndjson")) {
        return HTTP_MEDIA_NDJSON;
    }
    return HTTP_MEDIA_OTHER;
}

enum http_media http_media_type(struct sr_span content_type)
{
    static const char usual[] = "application/json";
    struct sr_span type, subtype;

    if (content_type.size == sizeof(usual) - 1 &&
        memcmp(content_type.data, usual, sizeof(usual) - 1) == 0) {
        return HTTP_MEDIA_JSON;
    }
    if (content_type.size == 0) {
        return HTTP_MEDIA_ABSENT;
    }
    if (!take_type(&content_type, &type, &subtype) || !http_same_text(type, "application") ||
        !parameters_acceptable(content_type)) {
        return HTTP_MEDIA_OTHER;
    }
    return application_type(subtype);
}

/* Cuts the element up to the next comma that is not within quotes off the front of *list. */
static struct sr_span next_range(struct sr_span *list)
{
    struct sr_span range = *list;
    bool quoted = false;
    size_t i = 0;

    for (; i < list->size && (quoted || list->data[i] != ','); i++) {
        if (list->data[i] == '"') {
            quoted = !quoted;
        } else if (quoted && list->data[i] == '\\') {
            i++;
        }
    }
    if (i >= list->size) {
        list->data += list->size;
        list->size = 0;
        return range;
    }
    range.size = i;
    list->data += i + 1;
    list->size -= i + 1;
    return range;
}

/* 3 for the type itself, 2 for type slash star, 1 for the range of all, 0 for no match. */
static int specificity(struct sr_span type, struct sr_span subtype, const char *wanted_type,
                       const char *wanted_subtype)
{
    if (http_same_text(type, "*")) {
        return http_same_text(subtype, "*");
    }
    if (!http_same_text(type, wanted_type)) {
        return 0;
    }
    if (http_same_text(subtype, "*")) {
        return 2;
    }
    return http_same_text(subtype, wanted_subtype) ? 3 : 0;
}

/* q=0, q=0. or q=0.000: not acceptable (RFC 9110 section 12.4.2). */
static bool is_zero_weight(struct sr_span value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] != '0' && !(i == 1 && value.data[i] == '.')) {
            return false;
        }
    }
    return true;
}

/* Whether the range's parameters leave it acceptable; the weight is the one named q. */
static bool is_wanted(struct sr_span parameters)
{
    struct sr_span name, value;

    while (take_parameter(&parameters, &name, &value)) {
        if (http_same_text(name, "q")) {
            return !is_zero_weight(value);
        }
    }
    return true;
}

bool http_accepts(struct sr_span accept, const char *type, const char *subtype)
{
    static const char usual[] = "*/*";
    int best = 0;
    bool accepted = false;

    if (accept.size == sizeof(usual) - 1 && memcmp(accept.data, usual, accept.size) == 0) {
        return true;
    }
    if (http_trimmed(accept).size == 0) {
        return true;
    }
    while (accept.size > 0) {
        struct sr_span range = next_range(&accept);
        struct sr_span range_type, range_subtype;
        int match;

        if (!take_type(&range, &range_type, &range_subtype)) {
            continue;
        }
        match = specificity(range_type, range_subtype, type, subtype);
        if (match > best || (match == best && match > 0 && !accepted)) {
            best = match;
            accepted = is_wanted(range);
        }
    }
    return accepted;
}

/* Whether a range's parameters hold the wanted one, and no weight of zero. */
static bool has_parameter(struct sr_span parameters, const char *wanted, const char *value)
{
    struct sr_span name, found;
    bool is_there = false;

    while (take_parameter(&parameters, &name, &found)) {
        if (http_same_text(name, "q") && is_zero_weight(found)) {
            return false;
        }
        is_there = is_there || (http_same_text(name, wanted) && http_same_text(found, value));
    }
    return is_there;
}

bool http_accepts_parameter(struct sr_span accept, const char *name, const char *value)
{
    while (accept.size > 0) {
        struct sr_span range = next_range(&accept);
        struct sr_span type, subtype;

        if (take_type(&range, &type, &subtype) &&
            specificity(type, subtype, "application", "json") == 3 &&
            has_parameter(range, name, value)) {
            return true;
        }
    }
    return false;
}
