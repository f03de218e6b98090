/*
 * Where a service answers, from its URL: http://HOST[:PORT], https://HOST[:PORT], unix:PATH.
 */
#ifndef SR_CLIENT_ENDPOINT_H
#define SR_CLIENT_ENDPOINT_H

#include "base/result.h"

#include <stdbool.h>

#define ENDPOINT_URL_EXAMPLES                                                                  \
    "http://127.0.0.1:3333, https://counter.example and unix:/run/simple-request.sock are "    \
    "such"

struct endpoint {
    bool tls;
    bool is_unix;
    char host[256];      /* a name or an address without brackets; of unix: the socket's path */
    char port[6];        /* digits; "" of unix */
    char authority[272]; /* what the Host header says */
};

/* SR_INVALID says what is wrong with the URL. A path other than "/", a user or a query is
 * refused: nothing of them would be sent. */
enum sr_result endpoint_parse(const char *url, struct endpoint *ret_endpoint,
                              struct sr_err *err) SR_MUST_USE;

#endif
