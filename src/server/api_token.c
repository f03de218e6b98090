/*
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): read, compared by method, target
 * and body, and its first answer given again.
 */
#include "server/api_internal.h"

#include "base/bytes.h"
#include "base/check.h"

#include <openssl/evp.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert(API_TOKEN_SIZE_MAX == RECORD_TOKEN_SIZE_MAX, "what the journal takes");
static_assert(API_HASH_SIZE == RECORD_REQUEST_HASH_SIZE, "what the journal takes");

/* ---- the header ---- */

static bool is_plain(uint8_t byte)
{
    return byte > 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* A bare key: visible ASCII without quotes and backslashes. */
static bool take_bare(struct sr_span value, struct api_token *token)
{
    size_t size = 0;

    for (; size < value.size && size < API_TOKEN_SIZE_MAX; size++) {
        if (!is_plain(value.data[size])) {
            return false;
        }
        token->text[size] = value.data[size];
    }
    token->engine.request.token.size = size;
    return size == value.size && size > 0;
}

/* A structured field's string (RFC 8941 section 3.3.3): printable ASCII in quotes, in which a
 * backslash stands before quotes and backslashes and before nothing else. */
static bool take_quoted(struct sr_span value, struct api_token *token)
{
    size_t size = 0;
    size_t at = 1;

    if (value.size < 3 || value.data[value.size - 1] != '"') {
        return false;
    }
    for (; at + 1 < value.size && size < API_TOKEN_SIZE_MAX; at++) {
        uint8_t byte = value.data[at];

        if (byte == '\\') {
            byte = value.data[++at];
            if (at + 1 == value.size || (byte != '"' && byte != '\\')) {
                return false;
            }
        } else if (byte < 0x20 || byte > 0x7e || byte == '"') {
            return false;
        }
        token->text[size++] = byte;
    }
    token->engine.request.token.size = size;
    return at + 1 == value.size;
}

static bool take_text(const struct http_request *request, struct api_token *token)
{
    struct sr_span value = request->fields[HTTP_FIELD_IDEMPOTENCY_KEY];

    if (request->field_repeated[HTTP_FIELD_IDEMPOTENCY_KEY] || value.size == 0) {
        return false;
    }
    return value.data[0] == '"' ? take_quoted(value, token) : take_bare(value, token);
}

/* ---- what it is compared by ---- */

static bool feed(EVP_MD_CTX *context, struct sr_span bytes)
{
    return EVP_DigestUpdate(context, bytes.data == NULL ? (const uint8_t *)"" : bytes.data,
                            bytes.size) == 1;
}

/* Of "POST", path, query and body, with what cannot be in any of them between. */
static bool hash_request(const struct http_request *request, uint8_t hash[API_HASH_SIZE])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                feed(context, sr_span_text("POST ")) && feed(context, request->path) &&
                feed(context, sr_span_text("?")) && feed(context, request->query) &&
                feed(context, sr_span_text("\n")) && feed(context, request->body) &&
                EVP_DigestFinal_ex(context, hash, NULL) == 1;

    EVP_MD_CTX_free(context);
    return good;
}

static void point_to_itself(struct api_token *token)
{
    token->engine.request.token.data = token->text;
    token->engine.request.request_hash =
        (struct sr_span){.data = token->hash, .size = sizeof(token->hash)};
}

struct api_token *api_token_copy(const struct api_token *token)
{
    struct api_token *copy = malloc(sizeof(*copy));

    if (copy != NULL) {
        *copy = *token;
        point_to_itself(copy);
    }
    return copy;
}

bool api_token_take(struct api *api, const struct http_request *request, struct api_call *call,
                    struct sr_buffer *out, enum api_step *ret_step)
{
    if (api->token == NULL) {
        api->token = malloc(sizeof(*api->token));
    }
    if (api->token == NULL) {
        *ret_step = api_answer_error(call, 503, "out of memory", out);
        return false;
    }
    memset(&api->token->engine, 0, sizeof(api->token->engine));
    point_to_itself(api->token);
    if (!take_text(request, api->token)) {
        *ret_step = api_answer_error(
            call, 400,
            "Idempotency-Key must be sent once: 1 to 255 characters of ASCII, bare or as a "
            "string in quotes",
            out);
        return false;
    }
    if (!hash_request(request, api->token->hash)) {
        *ret_step = api_answer_error(call, 503, "out of memory", out);
        return false;
    }
    call->token = api->token;
    return true;
}

/* ---- before counting ---- */

static enum api_step refuse(struct api_call *call, enum engine_token_status status,
                            const struct engine_answer *answer, struct sr_buffer *out)
{
    switch (status) {
    case ENGINE_TOKEN_WAIT:
        call->wait = answer->wait;
        return API_WAITS;
    case ENGINE_TOKEN_MISMATCH:
        return api_answer_error(
            call, 422,
            "this Idempotency-Key was used with another request: nothing was counted", out);
    case ENGINE_TOKEN_RUNNING:
        return api_answer_error(
            call, 409,
            "the first request with this Idempotency-Key has no answer yet: please retry", out);
    default:
        return api_answer_error(call, 503, engine_rejection_message(answer->rejection), out);
    }
}

enum api_token_next api_token_begin(struct api *api, struct api_call *call, uint32_t items,
                                    size_t record_bytes, struct dedup_answer *ret_first,
                                    struct sr_buffer *out, enum api_step *ret_step)
{
    struct engine_answer answer = {.total = 0};
    enum engine_token_status status;

    call->token->engine.request.totals_count = items;
    status = engine_token_begin(api->engine_worker, &call->token->engine, record_bytes, &answer,
                                ret_first);
    if (status == ENGINE_TOKEN_COUNT) {
        return API_TOKEN_COUNT;
    }
    engine_wait_end(api->engine_worker, &call->wait);
    call->wait = (struct engine_wait){0};
    if (status == ENGINE_TOKEN_KNOWN) {
        call->replayed = true;
        return API_TOKEN_REPLAY;
    }
    *ret_step = refuse(call, status, &answer, out);
    return API_TOKEN_STOP;
}
