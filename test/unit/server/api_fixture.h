/*
 * An api over the fake engine, and a way to ask it without sockets.
 */
#ifndef SR_TEST_SERVER_API_FIXTURE_H
#define SR_TEST_SERVER_API_FIXTURE_H

#include "support/unit.h"

#include "fake_engine.h"
#include "server/api.h"
#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct server_options options;
    struct engine *engine;
    struct api api;
    struct sr_buffer out;
    struct http_parser parser;
    struct api_call call;
    enum sr_result render_result;
};

static inline enum sr_result render(void *context, struct sr_span accept, struct sr_buffer *out,
                                    const char **ret_content_type)
{
    struct fixture *f = context;

    *ret_content_type = "application/openmetrics-text";
    if (f->render_result != SR_OK) {
        return f->render_result;
    }
    return sr_buffer_append(out, accept.data, accept.size);
}

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    server_options_default(&f->options);
    f->engine = fake_engine_new(1);
    f->options.engine = f->engine;
    f->options.render_metrics = render;
    f->options.render_context = f;
    assert_int_equal(api_init(&f->api, &f->options, engine_worker(f->engine, 0)), SR_OK);
    f->api.now_ms = 1;
    sr_buffer_init(&f->out, 1 << 20);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;

    (void)api_turn_end(&f->api, true);
    api_done(&f->api);
    sr_buffer_done(&f->out);
    fake_engine_free(f->engine);
    free(f);
    return 0;
}

/* Has the request in `text` answered; what was appended follows as text in f->out. */
static inline enum api_step ask(struct fixture *f, const char *text)
{
    struct http_request request;
    struct http_refusal refusal;
    size_t size = strlen(text);
    size_t consumed;
    uint8_t *region = malloc(size);
    enum api_step step;

    memcpy(region, text, size);
    f->out.size = 0;
    http_parser_init(&f->parser, &f->options.http);
    assert_int_equal(http_parser_feed(&f->parser, region, size, &request, &consumed, &refusal),
                     HTTP_PARSE_REQUEST);
    step = api_begin(&f->api, &request, &f->out, &f->call);
    assert_int_equal(sr_buffer_append(&f->out, "", 1), SR_OK);
    free(region);
    return step;
}

static inline const char *answer(struct fixture *f)
{
    return (const char *)f->out.data;
}

static inline void expect(struct fixture *f, const char *text, int status)
{
    assert_int_equal(ask(f, text), API_ANSWERED);
    if (f->call.status != status) {
        fail_msg("expected %d: %s-> %s", status, text, answer(f));
    }
    assert_int_equal(atoi(answer(f) + 9), status);
}

#define JSON "Host: x\r\nContent-Type: application/json\r\n"
#define FORM "Host: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"

#endif
