/*
 * From the texts of options to the guard's numbers and lists.
 */
#include "command/protection.h"

#include "base/units.h"
#include "core/limiter.h"
#include "server/cors.h"

#include <string.h>

#define RATE_COUNT_MAX 1000000U
#define RATE_TEXT_MAX 32

static uint64_t unit_ns(const char *unit)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"s", 1000000000U},
                 {"m", 60 * (uint64_t)1000000000U},
                 {"h", 3600 * (uint64_t)1000000000U},
                 {"d", 86400 * (uint64_t)1000000000U}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(units[i].name, unit) == 0) {
            return units[i].ns;
        }
    }
    return 0;
}

/* "100/s": rounded so that never more passes. */
static bool parse_rate(const char *text, uint64_t *ret_count, uint64_t *ret_interval_ns)
{
    const char *slash = strchr(text, '/');
    char digits[RATE_TEXT_MAX];
    uint64_t count, ns;

    if (slash == NULL || (size_t)(slash - text) >= sizeof(digits)) {
        return false;
    }
    memcpy(digits, text, (size_t)(slash - text));
    digits[slash - text] = '\0';
    ns = unit_ns(slash + 1);
    if (ns == 0 || !sr_parse_u64(digits, &count) || count == 0 || count > RATE_COUNT_MAX) {
        return false;
    }
    *ret_count = count;
    *ret_interval_ns = (ns + count - 1) / count;
    return true;
}

static enum sr_result rate(const struct config *config, struct guard_options *options,
                           struct sr_err *err)
{
    const char *text = config_text(config, CONFIG_RATE_LIMIT);
    uint64_t burst = config_number(config, CONFIG_RATE_LIMIT_BURST);
    uint64_t count;

    if (strcmp(text, "off") == 0) {
        return SR_OK;
    }
    if (!parse_rate(text, &count, &options->rate_interval_ns)) {
        return sr_fail(err, SR_INVALID,
                       "--rate-limit: expected a number from 1 to %u and a unit, as in 100/s, "
                       "600/m, 1000/h or 5000/d, or off",
                       RATE_COUNT_MAX);
    }
    options->rate_burst = (uint32_t)(burst == 0 ? count : burst);
    if (options->rate_interval_ns > LIMITER_BURST_NS_MAX / options->rate_burst) {
        return sr_fail(err, SR_INVALID,
                       "--rate-limit-burst: at this rate a spent burst must be there again "
                       "within 30 days");
    }
    return SR_OK;
}

static enum sr_result proxies(const struct config *config, struct guard_options *options,
                              struct sr_err *err)
{
    const char *text = config_text(config, CONFIG_TRUSTED_PROXIES);
    struct sr_err why;

    options->proxy_header = (enum forwarded_field)config_number(config, CONFIG_PROXY_HEADER);
    if (strcmp(text, "none") == 0) {
        return SR_OK;
    }
    if (networks_parse(text, &options->trusted_proxies, &why) != SR_OK) {
        return sr_fail(err, SR_INVALID, "--trusted-proxies: %s", why.text);
    }
    return SR_OK;
}

static enum sr_result tokens(const struct config *config, struct guard_options *options,
                             struct sr_err *err)
{
    (void)err; /* the file is read when the service starts, not for --help and healthcheck */
    options->tokens_path = config_text(config, CONFIG_TOKENS_FILE);
    return SR_OK;
}

static enum sr_result cors(const struct config *config, struct guard_options *options,
                           struct sr_err *err)
{
    const char *text = config_text(config, CONFIG_CORS_ORIGINS);
    struct sr_err why;

    if (strcmp(text, "none") == 0) {
        return SR_OK;
    }
    if (cors_check(text, &why) != SR_OK) {
        return sr_fail(err, SR_INVALID, "--cors-origins: %s", why.text);
    }
    options->cors_origins = text;
    return SR_OK;
}

static enum sr_result logging(const struct config *config, struct guard_options *options,
                              struct sr_err *err)
{
    (void)err;
    options->request_ids = config_number(config, CONFIG_REQUEST_IDS) == 1;
    if (config_number(config, CONFIG_ACCESS_LOG) == 1) {
        options->access_log_sample = config_u32(config, CONFIG_ACCESS_LOG_SAMPLE);
    }
    return SR_OK;
}

static enum sr_result tls(const struct config *config, struct guard_options *options,
                          struct sr_err *err)
{
    (void)options;
    if ((config_text(config, CONFIG_TLS_CERTIFICATE) == NULL) !=
        (config_text(config, CONFIG_TLS_KEY) == NULL)) {
        return sr_fail(err, SR_INVALID,
                       "--tls-certificate and --tls-key: one is of no use without the other");
    }
    return SR_OK;
}

enum sr_result protection_options(const struct config *config,
                                  struct guard_options *ret_options, struct sr_err *err)
{
    enum sr_result (*const steps[])(const struct config *, struct guard_options *,
                                    struct sr_err *) = {rate, proxies, tokens,
                                                        cors, logging, tls};
    enum sr_result result = SR_OK;

    *ret_options = (struct guard_options){0};
    for (size_t i = 0; result == SR_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
        result = steps[i](config, ret_options, err);
    }
    return result;
}
