/*
 * Queries. Names are compared as they are sent: nobody needs to encode them.
 */
#include "http/query.h"

#include "http/field.h"
#include "http/media.h"
#include "http/rules.h"

bool http_query_next(struct sr_span *query, struct sr_span *ret_name, struct sr_span *ret_value)
{
    while (query->size > 0) {
        struct sr_span pair = http_cut(query, '&');

        if (pair.size > 0) {
            *ret_name = http_cut(&pair, '=');
            *ret_value = pair;
            return true;
        }
    }
    return false;
}

enum sr_result http_query_integers(struct sr_span query, struct sr_span accept,
                                   bool *ret_as_text, struct http_body_error *ret_error)
{
    bool as_text = http_accepts_parameter(accept, "int64", "string");
    bool is_given = false;
    struct sr_span name, value;

    while (http_query_next(&query, &name, &value)) {
        if (!sr_span_equal(name, sr_span_text("as"))) {
            continue;
        }
        as_text = sr_span_equal(value, sr_span_text("string"));
        if (is_given || (!as_text && !sr_span_equal(value, sr_span_text("number")))) {
            return http_body_fail(ret_error, 422,
                                  "the parameter as must be string or number, once");
        }
        is_given = true;
    }
    *ret_as_text = as_text;
    return SR_OK;
}
