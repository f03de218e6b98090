/*
 * simple-request healthcheck: one GET /readyz at the configured address, with a deadline; for
 * container health checks.
 */
#include "client/client.h"
#include "command/address.h"
#include "command/command.h"

#include <stdio.h>
#include <string.h>

#define DEADLINE_MS 5000U
#define ANSWER_SIZE_MAX 4096U

static enum sr_result judge(const struct client_answer *answer, struct sr_err *err)
{
    if (answer->status == 200) {
        return SR_OK;
    }
    return sr_fail(err, SR_UNAVAILABLE, "not ready: status %u, %.200s", answer->status,
                   (const char *)answer->body.data);
}

/* The peer is this machine's own service: its certificate is not looked at. */
static enum sr_result check(const char *url, struct sr_err *err)
{
    const struct client_request request = {.method = "GET", .target = "/readyz"};
    struct client_options options = {.url = url,
                                     .unverified = true,
                                     .timeout_ms = DEADLINE_MS,
                                     .answer_size_max = ANSWER_SIZE_MAX};
    struct client *client = NULL;
    struct client_answer answer;
    enum sr_result result = client_open(&options, &client, err);

    if (result == SR_OK) {
        result = client_ask(client, &request, &answer, err);
    }
    if (result == SR_OK) {
        result = judge(&answer, err);
    }
    client_close(&client);
    return result;
}

int command_healthcheck(const struct config *config)
{
    uint16_t port = (uint16_t)config_number(config, CONFIG_PORT);
    bool tls = config_text(config, CONFIG_TLS_CERTIFICATE) != NULL;
    char url[ADDRESS_URL_SIZE] = "";
    char text[512];
    struct sr_err err;
    enum sr_result result =
        address_url(config_text(config, CONFIG_LISTEN), port, tls, url, &err);

    if (result == SR_OK && port == 0 && strncmp(url, "unix:", 5) != 0) {
        command_complain("healthcheck: --port 0 does not tell where the service listens");
        return COMMAND_USAGE;
    }
    if (result == SR_OK) {
        result = check(url, &err);
    }
    if (result != SR_OK) {
        (void)snprintf(text, sizeof(text), "healthcheck at %.120s: %s", url, err.text);
        command_complain(text);
        return COMMAND_FAILED;
    }
    (void)puts("ready");
    return COMMAND_OK;
}
