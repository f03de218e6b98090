/*
 * Requests with a token in the fake: its rows of counter_requests, and the calls on them.
 */
#include "store/fake_connection.h"

#include "base/check.h"
#include "store/store_answer.h"

#include <stdlib.h>

#define ANSWER_SIZE_MAX (1U << 20)

/* --- rows --------------------------------------------------------------------------------- */

struct fake_request *fake_state_request(const struct fake_state *state, struct sr_span token)
{
    for (size_t i = 0; i < state->request_count; i++) {
        if (sr_span_equal(state->requests[i].token, token)) {
            return &state->requests[i];
        }
    }
    return NULL;
}

static struct fake_request copy_of(const struct fake_request *request)
{
    return (struct fake_request){.token = fake_span_copy(request->token),
                                 .request_hash = fake_span_copy(request->request_hash),
                                 .answer = fake_span_copy(request->answer),
                                 .expired = request->expired};
}

static void free_request(struct fake_request *request)
{
    fake_span_free(request->token);
    fake_span_free(request->request_hash);
    fake_span_free(request->answer);
}

void fake_state_add_request(struct fake_state *state, const struct fake_request *request)
{
    if (state->request_count == state->request_room) {
        state->request_room = state->request_room * 2 + 16;
        state->requests =
            reallocarray(state->requests, state->request_room, sizeof(*state->requests));
        SR_CHECK(state->requests != NULL);
    }
    state->requests[state->request_count++] = copy_of(request);
}

void fake_state_copy_requests(struct fake_state *copy, const struct fake_state *state)
{
    copy->requests = NULL;
    copy->request_count = 0;
    copy->request_room = 0;
    for (size_t i = 0; i < state->request_count; i++) {
        fake_state_add_request(copy, &state->requests[i]);
    }
}

void fake_state_done_requests(struct fake_state *state)
{
    for (size_t i = 0; i < state->request_count; i++) {
        free_request(&state->requests[i]);
    }
    free(state->requests);
}

void fake_state_expire_requests(struct fake_state *state, uint64_t steps)
{
    size_t kept = 0;

    for (size_t i = 0; i < state->request_count; i++) {
        if (state->requests[i].expired && steps > 0) {
            free_request(&state->requests[i]);
            steps--;
        } else {
            state->requests[kept++] = state->requests[i];
        }
    }
    state->request_count = kept;
}

/* --- calls -------------------------------------------------------------------------------- */

static void bring(struct fake_state *state, const struct store_request *request, uint64_t index,
                  const struct store_sink *sink)
{
    const struct fake_request *row = fake_state_request(state, request->token);
    struct sr_buffer answer;

    if (row != NULL) {
        sink->known(sink->context, index,
                    sr_span_equal(row->request_hash, request->request_hash));
        return;
    }
    sr_buffer_init(&answer, ANSWER_SIZE_MAX);
    SR_CHECK(store_answer_write(&answer, request) == SR_OK);
    fake_state_add_request(state, &(struct fake_request){.token = request->token,
                                                         .request_hash = request->request_hash,
                                                         .answer = sr_buffer_span(&answer)});
    sr_buffer_done(&answer);
}

enum sr_result fake_apply_requests(struct fake_state *state, const struct store_source *source,
                                   const struct store_sink *sink, uint64_t *ret_count,
                                   struct sr_err *err)
{
    struct store_request request;
    uint64_t index = 0;
    enum sr_result res;

    while ((res = source->next_request(source->context, &request, err)) == SR_OK) {
        bring(state, &request, index++, sink);
    }
    *ret_count = index;
    return res == SR_NOT_FOUND ? SR_OK : res;
}

enum sr_result fake_find_requests(struct store *base, const struct sr_span *tokens,
                                  size_t count, store_found_fn *found, void *context,
                                  struct sr_err *err)
{
    struct fake_connection *connection = (struct fake_connection *)base;
    enum sr_result res = fake_begin_call(connection, FAKE_LOAD, err);
    struct sr_buffer totals;

    if (res != SR_OK) {
        return res;
    }
    if (connection->fault != FAKE_NONE && connection->fault != FAKE_RESTART) {
        return fake_lose(connection, SR_UNAVAILABLE, "told to lose the answer", err);
    }
    sr_buffer_init(&totals, ANSWER_SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct fake_request *row =
            fake_state_request(&connection->database->state, tokens[i]);
        struct store_request request;

        if (row == NULL) {
            continue;
        }
        SR_CHECK(store_answer_read(row->answer, &totals, &request) == SR_OK);
        request.token = tokens[i];
        request.request_hash = row->request_hash;
        found(context, i, &request);
    }
    sr_buffer_done(&totals);
    return fake_at_moment(connection, FAKE_AFTER_READ, NULL)
               ? SR_OK
               : fake_lose(connection, SR_UNAVAILABLE, "lost after the read", err);
}

/* --- from outside ------------------------------------------------------------------------- */

size_t fake_database_requests(const struct fake_database *database)
{
    return database->state.request_count;
}

void fake_database_age_requests(struct fake_database *database)
{
    for (size_t i = 0; i < database->state.request_count; i++) {
        database->state.requests[i].expired = true;
    }
}
