/*
 * Accept-Encoding and If-None-Match.
 */
#include "http/cached.h"

#include "http/field.h"

/* The weight of a coding's parameters: zero refuses it. */
static bool is_refused(struct sr_span parameters)
{
    struct sr_span name = http_trimmed(http_cut(&parameters, '='));

    parameters = http_trimmed(parameters);
    if (!http_same_text(name, "q") || parameters.size == 0) {
        return false;
    }
    for (size_t i = 0; i < parameters.size; i++) {
        if (parameters.data[i] != '0' && parameters.data[i] != '.') {
            return false;
        }
    }
    return true;
}

bool http_accepts_gzip(struct sr_span accept_encoding)
{
    while (accept_encoding.size > 0) {
        struct sr_span parameters = http_cut(&accept_encoding, ',');
        struct sr_span coding = http_trimmed(http_cut(&parameters, ';'));

        if (http_same_text(coding, "gzip")) {
            return !is_refused(parameters);
        }
    }
    return false;
}

bool http_matches_etag(struct sr_span if_none_match, const char *etag)
{
    struct sr_span wanted = sr_span_text(etag);

    while (if_none_match.size > 0) {
        struct sr_span tag = http_trimmed(http_cut(&if_none_match, ','));

        if (tag.size > 2 && memcmp(tag.data, "W/", 2) == 0) {
            tag.data += 2;
            tag.size -= 2;
        }
        if (sr_span_equal(tag, wanted) || sr_span_equal(tag, sr_span_text("*"))) {
            return true;
        }
    }
    return false;
}
