/*
 * Origins are compared as bytes: browsers send them in one form, lower case, without a path.
 */
#include "server/cors.h"

#include <stdio.h>
#include <string.h>

/* The next origin of the list; moves *list behind it. data NULL at the end. */
static struct sr_span next_origin(const char **list)
{
    struct sr_span origin = {0};
    const char *at = *list;

    if (at == NULL) {
        return origin;
    }
    at += strspn(at, " ");
    origin = (struct sr_span){.data = (const uint8_t *)at, .size = strcspn(at, ",")};
    *list = at[origin.size] == ',' ? at + origin.size + 1 : NULL;
    while (origin.size > 0 && origin.data[origin.size - 1] == ' ') {
        origin.size--;
    }
    return origin;
}

static size_t scheme_size(struct sr_span origin)
{
    static const char *const schemes[] = {"https://", "http://"};

    for (size_t i = 0; i < 2; i++) {
        size_t size = strlen(schemes[i]);

        if (origin.size > size && memcmp(origin.data, schemes[i], size) == 0) {
            return size;
        }
    }
    return 0;
}

static bool is_origin(struct sr_span origin)
{
    size_t from = scheme_size(origin);

    if (from == 0 || origin.size > CORS_ORIGIN_MAX) {
        return false;
    }
    for (size_t i = from; i < origin.size; i++) {
        uint8_t byte = origin.data[i];

        if (!(byte >= 'a' && byte <= 'z') && !(byte >= '0' && byte <= '9') &&
            (byte == '\0' || strchr("-._:[]", byte) == NULL)) {
            return false;
        }
    }
    return true;
}

enum sr_result cors_check(const char *origins, struct sr_err *err)
{
    const char *list = origins;
    struct sr_span origin;

    while ((origin = next_origin(&list)).data != NULL) {
        if (!is_origin(origin)) {
            return sr_fail(err, SR_INVALID,
                           "'%.*s' is no origin: expected scheme, host and port as browsers "
                           "send them, in lower case and without a path: https://app.example",
                           (int)(origin.size < 64 ? origin.size : 64),
                           (const char *)origin.data);
        }
    }
    return SR_OK;
}

static bool is_listed(const char *origins, struct sr_span wanted)
{
    struct sr_span origin;

    while ((origin = next_origin(&origins)).data != NULL) {
        if (sr_span_equal(origin, wanted)) {
            return true;
        }
    }
    return false;
}

void cors_lines(const char *origins, struct sr_span origin, bool preflight,
                char ret_lines[CORS_LINES_MAX])
{
    static const char exposed[] =
        "Access-Control-Expose-Headers: Idempotency-Replayed, Preference-Applied, RateLimit, "
        "RateLimit-Policy, Retry-After, X-Request-Id\r\n";
    static const char asked[] =
        "Access-Control-Allow-Methods: GET, HEAD, POST, PUT, DELETE\r\n"
        "Access-Control-Allow-Headers: Authorization, Content-Type, Idempotency-Key, Prefer, "
        "traceparent, X-Request-Id\r\n"
        "Access-Control-Max-Age: 600\r\n";

    /* A cache must not give one origin what was said to another, or to none. */
    if (origin.data == NULL || !is_listed(origins, origin)) {
        (void)snprintf(ret_lines, CORS_LINES_MAX, "Vary: Origin\r\n");
        return;
    }
    (void)snprintf(ret_lines, CORS_LINES_MAX,
                   "Access-Control-Allow-Origin: %.*s\r\nVary: Origin\r\n%s", (int)origin.size,
                   (const char *)origin.data, preflight ? asked : exposed);
}
