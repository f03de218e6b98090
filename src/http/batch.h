/*
 * Bodies of many increments: a JSON array of objects, or one object a line (application/
 * x-ndjson). They are cut into items first, and each item is read as a body of its own: so the
 * same rules hold for it, and no document is larger than one item. Pure.
 */
#ifndef SR_HTTP_BATCH_H
#define SR_HTTP_BATCH_H

#include "http/body.h"

enum http_batch_format {
    HTTP_BATCH_JSON,  /* [{"key":K,"value":N}, ...] */
    HTTP_BATCH_NDJSON /* lines; blank ones are passed over, a carriage return may end them */
};

/* Takes the items in order; the increment's key is valid for the call only. Any result but
 * SR_OK ends the reading. */
struct http_batch_sink {
    void *context;
    enum sr_result (*take)(void *context, const struct http_increment *increment);
};

/* Whether a JSON body is an array, going by its first byte that is not white space. */
bool http_batch_is_array(struct sr_span body);

/*
 * SR_OK, with every item given to the sink; or SR_INVALID with *ret_error filled, as of
 * http_body_json, the message naming the first bad item, counted from 0: 400 where any item or
 * what is between them is malformed, else 422. 422 also for no item at all and for more than
 * SR_BATCH_ITEMS_MAX. SR_NO_MEMORY: *ret_error has 503. What the sink took means nothing then.
 */
enum sr_result http_batch_read(struct http_body_scratch *scratch, enum http_batch_format format,
                               struct sr_span body, const struct http_batch_sink *sink,
                               struct http_body_error *ret_error) SR_MUST_USE;

#endif
