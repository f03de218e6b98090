/*
 * The guard: one test after the other, and the header lines that tell what was found.
 */
#include "server/guard.h"

#include "base/check.h"
#include "base/random.h"
#include "core/limiter.h"
#include "http/field.h"
#include "server/cors.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS ((uint64_t)1000000000U)

struct guard {
    struct guard_options options;
    struct limiter *limiter; /* NULL: no limit */
    struct tokens *tokens;   /* NULL: open to everybody */
};

bool guard_options_in_force(const struct guard_options *options)
{
    return options->rate_interval_ns != 0 || options->tokens_path != NULL ||
           options->cors_origins != NULL || options->access_log_sample != 0 ||
           options->request_ids;
}

static enum sr_result open_limiter(struct guard *guard, struct sr_err *err)
{
    struct limiter_options options = {.interval_ns = guard->options.rate_interval_ns,
                                      .burst = guard->options.rate_burst,
                                      .sets = LIMITER_SETS};
    enum sr_result result;

    if (options.interval_ns == 0) {
        return SR_OK;
    }
    result = sr_random_bytes(&options.hash_key, sizeof(options.hash_key), err);
    return result == SR_OK ? limiter_open(&options, &guard->limiter, err) : result;
}

enum sr_result guard_open(const struct guard_options *options, struct guard **ret_guard,
                          struct sr_err *err)
{
    struct guard *guard = calloc(1, sizeof(*guard));
    enum sr_result result;

    if (guard == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for the guard");
    }
    guard->options = *options;
    result = open_limiter(guard, err);
    if (result == SR_OK && options->tokens_path != NULL) {
        result = tokens_open(options->tokens_path, &guard->tokens, err);
    }
    if (result != SR_OK) {
        guard_close(&guard);
        return result;
    }
    *ret_guard = guard;
    return SR_OK;
}

void guard_close(struct guard **guard)
{
    if (*guard == NULL) {
        return;
    }
    limiter_close(&(*guard)->limiter);
    tokens_close(&(*guard)->tokens);
    free(*guard);
    *guard = NULL;
}

enum sr_result guard_reload(struct guard *guard, uint32_t *ret_count, struct sr_err *err)
{
    enum sr_result result = SR_OK;

    *ret_count = 0;
    if (guard_asks_for_tokens(guard)) {
        result = tokens_reload(guard->tokens, err);
        *ret_count = tokens_count(guard->tokens);
    }
    return result;
}

bool guard_asks_for_tokens(const struct guard *guard)
{
    return guard != NULL && guard->tokens != NULL;
}

struct guard_peer guard_peer_of(const struct guard *guard,
                                const struct sockaddr_storage *address)
{
    struct guard_peer peer = {0};

    if (guard == NULL) {
        return peer;
    }
    peer.has_address = ip_address_of(address, &peer.address);
    peer.is_proxy = peer.has_address
                        ? networks_hold(&guard->options.trusted_proxies, &peer.address)
                        : guard->options.trusted_proxies.unix_sockets;
    return peer;
}

enum sr_result guard_worker_init(struct guard_worker *g, struct guard *guard)
{
    struct sr_err err;

    memset(g, 0, sizeof(*g));
    g->guard = guard;
    return guard == NULL ? SR_OK : sr_random_bytes(&g->ids.key, sizeof(g->ids.key), &err);
}

void guard_worker_done(struct guard_worker *g)
{
    tokens_view_done(g->guard != NULL ? g->guard->tokens : NULL, &g->tokens);
}

/* Appends to the lines that the answer will carry; their length is bounded by what is put in.
 */
__attribute__((format(printf, 2, 3))) static void add_line(struct guard_worker *g,
                                                           const char *format, ...)
{
    size_t room = sizeof(g->facts.lines) - g->lines_size;
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(g->facts.lines + g->lines_size, room, format, arguments);
    va_end(arguments);
    SR_CHECK(size >= 0 && (size_t)size < room);
    g->lines_size += (size_t)size;
}

static void find_client(struct guard_worker *g, const struct http_request *request,
                        const struct guard_peer *peer)
{
    const struct guard_options *options = &g->guard->options;
    enum http_field field = options->proxy_header == FORWARDED_FORWARDED
                                ? HTTP_FIELD_FORWARDED
                                : HTTP_FIELD_X_FORWARDED_FOR;

    g->client = peer->address;
    g->has_client = peer->has_address;
    if (peer->is_proxy && forwarded_client(options->proxy_header, request->fields[field],
                                           &options->trusted_proxies, &g->client)) {
        g->has_client = true;
    }
}

/* The request's own id if it is sane, else one of ours where that is asked for. */
static void identify(struct guard_worker *g, const struct http_request *request)
{
    const struct guard_options *options = g->guard == NULL ? NULL : &g->guard->options;
    struct sr_span own = request->fields[HTTP_FIELD_X_REQUEST_ID];
    char drawn[REQUEST_ID_DRAWN_SIZE + 1];

    if (!request_id_sane(own)) {
        if (options == NULL || (!options->request_ids && options->access_log_sample == 0)) {
            return;
        }
        request_id_draw(&g->ids, drawn);
        own = sr_span_text(drawn);
    }
    add_line(g, "X-Request-Id: %.*s\r\n", (int)own.size, (const char *)own.data);
    if (g->facts.record.wanted) {
        memcpy(g->facts.record.request_id, own.data, own.size);
        g->facts.record.request_id[own.size] = '\0';
    }
}

static void add_cors(struct guard_worker *g, const struct http_request *request)
{
    char lines[CORS_LINES_MAX];

    cors_lines(g->guard->options.cors_origins, request->fields[HTTP_FIELD_ORIGIN],
               request->method == HTTP_METHOD_OPTIONS, lines);
    add_line(g, "%s", lines);
}

/* Begins a record for one of so many requests. */
static void sample(struct guard_worker *g, const struct http_request *request)
{
    struct access_record *record = &g->facts.record;

    record->wanted = false;
    if (g->guard->options.access_log_sample == 0 || g->until_logged-- > 0) {
        return;
    }
    g->until_logged = g->guard->options.access_log_sample - 1;
    access_record_begin(record, request);
    record->has_client = g->has_client;
    record->client = g->client;
    record->has_trace = trace_parse(request->fields[HTTP_FIELD_TRACEPARENT], &record->trace);
}

static void meet(struct guard_worker *g, const struct http_request *request,
                 const struct guard_peer *peer)
{
    g->authorization = request->fields[HTTP_FIELD_AUTHORIZATION];
    g->authorization_repeated = request->field_repeated[HTTP_FIELD_AUTHORIZATION];
    find_client(g, request, peer);
    sample(g, request);
    if (g->guard->options.cors_origins != NULL) {
        add_cors(g, request);
    }
}

void guard_meet(struct guard_worker *g, const struct http_request *request,
                const struct guard_peer *peer)
{
    g->lines_size = 0;
    g->facts.lines[0] = '\0';
    if (g->guard != NULL) {
        meet(g, request, peer);
    }
    identify(g, request);
    g->rate_at = g->lines_size;
}

void guard_log(struct guard_worker *g, const struct guard_facts *facts, enum http_method method,
               uint16_t status, uint64_t duration_ns)
{
    if (!access_log_write(&facts->record, method, status, duration_ns)) {
        http_metrics_add(&g->metrics->access_lines_lost, 1);
    }
}

static void count_declined(struct guard_worker *g, enum http_metrics_decline why)
{
    if (g->metrics != NULL) {
        http_metrics_declined(g->metrics, why);
    }
}

/* ---- tokens: RFC 6750 ---- */

/* What stands behind "Bearer "; empty where the field says something else. */
static struct sr_span bearer_token(struct sr_span field)
{
    static const size_t scheme_size = sizeof("bearer ") - 1;
    struct sr_span scheme = {.data = field.data, .size = scheme_size};

    if (field.size <= scheme_size || !http_same_text(scheme, "bearer ")) {
        return (struct sr_span){0};
    }
    field.data += scheme_size;
    field.size -= scheme_size;
    return http_trimmed(field);
}

static struct refusal unauthorized(struct guard_worker *g)
{
    if (g->authorization.data == NULL) {
        count_declined(g, HTTP_DECLINED_NO_TOKEN);
        return (struct refusal){401, "this needs a token: send Authorization: Bearer TOKEN",
                                "WWW-Authenticate: Bearer realm=\"simple-request\"\r\n"};
    }
    count_declined(g, HTTP_DECLINED_BAD_TOKEN);
    return (struct refusal){401, "the token is not one that this server knows",
                            "WWW-Authenticate: Bearer realm=\"simple-request\", "
                            "error=\"invalid_token\"\r\n"};
}

static struct refusal forbidden(struct guard_worker *g, unsigned scope)
{
#define CHALLENGE(name)                                                                        \
    "WWW-Authenticate: Bearer realm=\"simple-request\", error=\"insufficient_scope\", "        \
    "scope=\"" name "\"\r\n"
    const char *challenge = scope == TOKEN_READ    ? CHALLENGE("read")
                            : scope == TOKEN_WRITE ? CHALLENGE("write")
                                                   : CHALLENGE("admin");
#undef CHALLENGE

    count_declined(g, HTTP_DECLINED_SCOPE);
    return (struct refusal){403, "the token lacks the scope that this needs", challenge};
}

static struct refusal check_token(struct guard_worker *g, unsigned scope)
{
    struct sr_span presented = bearer_token(g->authorization);
    const struct token *token;

    if (presented.size == 0 || g->authorization_repeated) {
        return unauthorized(g);
    }
    token = tokens_find(g->guard->tokens, &g->tokens, presented);
    if (token == NULL) {
        return unauthorized(g);
    }
    if (g->facts.record.wanted) {
        memcpy(g->facts.record.token, token->name, sizeof(token->name));
    }
    return (token->scopes & scope) != 0 ? (struct refusal){0} : forbidden(g, scope);
}

/* ---- the rate ---- */

static uint64_t seconds_up(uint64_t ns)
{
    return ns / SECOND_NS + (ns % SECOND_NS != 0);
}

/* draft-ietf-httpapi-ratelimit-headers-10: what may come at once (q) in the time that gives it
 * back (w), what is left of it (r), and in how many seconds more of it is there (t). */
static void add_rate_lines(struct guard_worker *g, const struct limiter_verdict *verdict)
{
    const struct guard_options *options = &g->guard->options;
    uint64_t window = seconds_up(options->rate_interval_ns * options->rate_burst);
    uint64_t more_ns = verdict->passed ? verdict->restored_ns : verdict->retry_ns;

    add_line(g, "RateLimit-Policy: \"address\";q=%" PRIu32 ";w=%" PRIu64 "\r\n",
             options->rate_burst, window);
    add_line(g, "RateLimit: \"address\";r=%" PRIu32 ";t=%" PRIu64 "\r\n", verdict->remaining,
             more_ns == UINT64_MAX ? window : seconds_up(more_ns));
}

static struct refusal limited(struct guard_worker *g, const struct limiter_verdict *verdict)
{
    g->lines_size = g->rate_at; /* what guard_admit said of the rate no longer holds */
    add_rate_lines(g, verdict);
    count_declined(g, verdict->crowded ? HTTP_DECLINED_RATE_CROWDED : HTTP_DECLINED_RATE);
    if (verdict->retry_ns == UINT64_MAX) {
        return (struct refusal){429,
                                "the batch has more items than this server lets an address "
                                "send at once; nothing was counted",
                                NULL};
    }
    add_line(g, "Retry-After: %" PRIu64 "\r\n", seconds_up(verdict->retry_ns));
    return (struct refusal){
        429, "this address sends requests faster than allowed; nothing was counted", NULL};
}

static struct refusal check_rate(struct guard_worker *g, const struct guard_demand *demand,
                                 uint64_t now_ns)
{
    struct limiter *limiter = g->guard->limiter;
    struct limiter_verdict verdict;
    uint64_t client;

    if (limiter == NULL || !demand->limited || !g->has_client) {
        return (struct refusal){0};
    }
    client = ip_address_client(&g->client);
    verdict = demand->takes ? limiter_take(limiter, client, 1, now_ns)
                            : limiter_look(limiter, client, 1, now_ns);
    if (!verdict.passed) {
        return limited(g, &verdict);
    }
    g->rate_crowded = verdict.crowded;
    add_rate_lines(g, &verdict);
    return (struct refusal){0};
}

struct refusal guard_admit(struct guard_worker *g, const struct guard_demand *demand,
                           uint64_t now_ns)
{
    struct refusal refusal = {0};

    if (g->guard->tokens != NULL && demand->scope != 0) {
        refusal = check_token(g, demand->scope);
    }
    return refusal.status == 0 ? check_rate(g, demand, now_ns) : refusal;
}

struct refusal guard_charge(struct guard_worker *g, uint32_t more, uint64_t now_ns)
{
    struct limiter_verdict verdict;
    uint64_t client;

    if (g->guard == NULL || g->guard->limiter == NULL || !g->has_client || more == 0) {
        return (struct refusal){0};
    }
    client = ip_address_client(&g->client);
    limiter_give(g->guard->limiter, client, 1, g->rate_crowded, now_ns);
    verdict = limiter_take(g->guard->limiter, client, 1 + more, now_ns);
    if (!verdict.passed) {
        return limited(g, &verdict);
    }
    g->lines_size = g->rate_at;
    add_rate_lines(g, &verdict);
    return (struct refusal){0};
}
