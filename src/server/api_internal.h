/*
 * What the parts of the api have in common. For api.c and api_*.c only.
 */
#ifndef SR_SERVER_API_INTERNAL_H
#define SR_SERVER_API_INTERNAL_H

#include "http/batch.h"
#include "http/reply.h"
#include "server/api.h"

/* Answers POST /increment. */
enum api_step api_increment(struct api *api, const struct http_request *request,
                            struct api_call *call, struct sr_buffer *out);

/* The same with many increments in the body. */
enum api_step api_increment_many(struct api *api, enum http_batch_format format,
                                 struct sr_span body, struct api_call *call,
                                 struct sr_buffer *out);

/* Reads the Idempotency-Key, which is there, into the call. False: it is malformed, or there is
 * no memory, and the answer was appended as *ret_step says. */
bool api_token_take(struct api *api, const struct http_request *request, struct api_call *call,
                    struct sr_buffer *out, enum api_step *ret_step);

enum api_token_next {
    API_TOKEN_COUNT,  /* the turn is open: count, then engine_token_end */
    API_TOKEN_REPLAY, /* answer with *ret_first */
    API_TOKEN_STOP    /* waits, or was answered: as *ret_step says */
};

/* What is to be done with a call that has a token, `items` increments of record_bytes in all.
 * Ends a wait of the call's. */
enum api_token_next api_token_begin(struct api *api, struct api_call *call, uint32_t items,
                                    size_t record_bytes, struct dedup_answer *ret_first,
                                    struct sr_buffer *out, enum api_step *ret_step);

/* Answers GET, PUT and DELETE /counters/{key}. */
enum api_step api_counter(struct api *api, const struct http_request *request,
                          struct api_call *call, struct sr_buffer *out);

/* Answers GET /counters; and once more for a call that waited. */
enum api_step api_list(struct api *api, const struct http_request *request,
                       struct api_call *call, struct sr_buffer *out);
enum api_step api_list_again(struct api *api, struct api_call *call, struct sr_buffer *out);

/* Answers GET /dashboard and the files below it, GET /dashboard/events, and GET
 * /dashboard/state and /dashboard/configuration. */
enum api_step api_dashboard(struct api *api, const struct http_request *request,
                            struct api_call *call, struct sr_buffer *out);
enum api_step api_events(struct api *api, const struct http_request *request,
                         struct api_call *call, struct sr_buffer *out);
enum api_step api_state(struct api *api, const struct http_request *request,
                        struct api_call *call, struct sr_buffer *out);
enum api_step api_configuration(struct api *api, const struct http_request *request,
                                struct api_call *call, struct sr_buffer *out);

/* Answers GET /top. */
enum api_step api_top(struct api *api, const struct http_request *request,
                      struct api_call *call, struct sr_buffer *out);

/* Reads a parameter `limit` of 1 to `most`; 422. */
enum sr_result api_read_limit(struct sr_span value, uint32_t most, uint32_t *ret_limit,
                              struct http_body_error *ret_error) SR_MUST_USE;

/* Answers POST /flush; and once more for a call that waited. */
enum api_step api_flush(struct api *api, const struct http_request *request,
                        struct api_call *call, struct sr_buffer *out);
enum api_step api_flush_again(struct api *api, struct api_call *call, struct sr_buffer *out);

/* Gives the call's action, with its key and value, to the engine and answers what that says. */
enum api_step api_execute(struct api *api, struct api_call *call, struct sr_buffer *out);

/* The same for a call with a batch. */
enum api_step api_execute_batch(struct api *api, struct api_call *call, struct sr_buffer *out);

void api_batch_free(struct counters_batch **batch);

/* Takes from the budget; false where it is used up. And gives back what was taken. */
bool api_charge(struct api *api, size_t size);
void api_discharge(struct api *api, size_t *charged);

/* Room for an answer of that size, charged where it is large: SR_FULL, SR_NO_MEMORY. */
enum sr_result api_reserve_answer(struct api *api, struct api_call *call, size_t size,
                                  struct sr_buffer *out) SR_MUST_USE;

/* Answers 503 where there is no room. */
enum api_step api_answer_too_much(struct api_call *call, struct sr_buffer *out);

/* Begins the engine's turn, unless it is open. */
void api_open_turn(struct api *api);

/* Answers 202 without a body to who asked for that. */
enum api_step api_answer_minimal(struct api_call *call, struct sr_buffer *out);

/* What a reply to the call, its status being set, says in its head. */
struct http_reply api_reply(struct api_call *call);

/* Answers with an error in the shape of its status. */
enum api_step api_answer_error(struct api_call *call, uint16_t status, const char *message,
                               struct sr_buffer *out);

/* For a request that costs more than one (a batch of N costs N): charges `more` to its client.
 * True: that was refused, nothing may be counted, and the 429 was appended as *ret_step says.
 */
bool api_charge_refused(struct api *api, struct api_call *call, uint32_t more,
                        struct sr_buffer *out, enum api_step *ret_step);

enum api_step api_step_of(enum sr_result result);

#endif
