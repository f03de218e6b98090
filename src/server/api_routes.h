/*
 * What stands at which path. For api.c and api_*.c only.
 */
#ifndef SR_SERVER_API_ROUTES_H
#define SR_SERVER_API_ROUTES_H

#include "server/api.h"

/* A path, or a path and one more segment: the key. */
struct api_route {
    const char *path;
    bool has_key;
    bool takes_lines; /* bodies of application/x-ndjson */
    bool open;        /* to whoever has no token */
    bool takes_no_body;
    bool administers; /* needs the scope admin, whatever the method */
    bool unlimited;   /* by the rate of the client's address */
    enum http_route route;
    unsigned methods;
    const char *allow;
    const char *media[2]; /* what Accept is asked for: type and subtype; NULL: not asked */
    const char *media_other[2];
    enum api_step (*answer)(struct api *api, const struct http_request *request,
                            struct api_call *call, struct sr_buffer *out);
};

/* NULL where there is nothing at the path. */
const struct api_route *api_find_route(struct sr_span path);

#endif
