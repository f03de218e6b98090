/*
 * Database URLs as text. Pure.
 */
#include "store/store_url.h"

#include "base/span.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Settings of Ecto, DBConnection and Postgrex that tell nothing about where the database is.
 * connect_timeout is theirs in milliseconds; ours is store_options.timeout_ms. */
static const char *const ecto_settings[] = {
    "after_connect_timeout",
    "backoff_max",
    "backoff_min",
    "backoff_type",
    "charset",
    "connect_timeout",
    "handshake_timeout",
    "idle_interval",
    "idle_limit",
    "log",
    "max_restarts",
    "max_seconds",
    "migration_lock",
    "ownership_timeout",
    "ping_timeout",
    "pool",
    "pool_count",
    "pool_size",
    "pool_timeout",
    "prepare",
    "queue_interval",
    "queue_target",
    "show_sensitive_data_on_connection_error",
    "ssl",
    "timeout",
    "transactions",
};

bool store_url_has_scheme(const char *url, const char *scheme)
{
    return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

static bool is_named(struct sr_span parameter, const char *name)
{
    size_t size = strlen(name);

    return parameter.size >= size && memcmp(parameter.data, name, size) == 0 &&
           (parameter.size == size || parameter.data[size] == '=');
}

static bool is_ecto_setting(struct sr_span parameter)
{
    for (size_t i = 0; i < sizeof(ecto_settings) / sizeof(ecto_settings[0]); i++) {
        if (is_named(parameter, ecto_settings[i])) {
            return true;
        }
    }
    return false;
}

/* Takes the next part of *rest up to '&'; false at the end. */
static bool next_parameter(const char **rest, struct sr_span *ret_parameter)
{
    size_t size;

    if (**rest == '\0') {
        return false;
    }
    size = strcspn(*rest, "&");
    *ret_parameter = (struct sr_span){.data = (const uint8_t *)*rest, .size = size};
    *rest += size + ((*rest)[size] == '&');
    return true;
}

static bool query_names(const char *query, const char *name)
{
    struct sr_span parameter;

    while (next_parameter(&query, &parameter)) {
        if (is_named(parameter, name)) {
            return true;
        }
    }
    return false;
}

static enum sr_result append_parameter(struct sr_buffer *text, bool *first,
                                       struct sr_span parameter)
{
    enum sr_result res = sr_buffer_append(text, *first ? "?" : "&", 1);

    *first = false;
    return res != SR_OK ? res : sr_buffer_append(text, parameter.data, parameter.size);
}

static struct sr_span translated(struct sr_span parameter, const char *query)
{
    if (sr_span_equal(parameter, sr_span_text("ssl=true")) && !query_names(query, "sslmode")) {
        return sr_span_text("sslmode=require");
    }
    return is_ecto_setting(parameter) ? sr_span_text("") : parameter;
}

static enum sr_result append_ecto_query(struct sr_buffer *text, const char *query)
{
    const char *rest = query;
    struct sr_span parameter;
    bool first = true;

    while (next_parameter(&rest, &parameter)) {
        enum sr_result res = SR_OK;

        if (is_named(parameter, "socket_dir")) {
            res = append_parameter(text, &first, sr_span_text("host"));
            parameter.data += strlen("socket_dir");
            parameter.size -= strlen("socket_dir");
            res = res != SR_OK ? res : sr_buffer_append(text, parameter.data, parameter.size);
        } else if (translated(parameter, query).size > 0) {
            res = append_parameter(text, &first, translated(parameter, query));
        }
        if (res != SR_OK) {
            return res;
        }
    }
    return SR_OK;
}

enum sr_result store_url_for_libpq(const char *url, struct sr_buffer *text)
{
    static const char ecto[] = "ecto://";
    enum sr_result res;
    size_t size;

    if (!store_url_has_scheme(url, ecto)) {
        return sr_buffer_append(text, url, strlen(url) + 1);
    }
    url += sizeof(ecto) - 1;
    size = strcspn(url, "?");
    res = sr_buffer_printf(text, "postgresql://%.*s", (int)size, url);
    if (res == SR_OK && url[size] == '?') {
        res = append_ecto_query(text, url + size + 1);
    }
    return res != SR_OK ? res : sr_buffer_append(text, "", 1);
}

/* --- redaction ---------------------------------------------------------------------------- */

/* Appends what fits and keeps the text terminated. */
static void put(char *text, size_t size, const char *from, size_t count)
{
    size_t used = strlen(text);

    if (used + 1 < size) {
        size_t room = size - used - 1;

        count = count < room ? count : room;
        memcpy(text + used, from, count);
        text[used + count] = '\0';
    }
}

/* Copies rest; what follows "password=" is hidden up to the next '&'. */
static void redact_parameters(const char *rest, char *text, size_t size)
{
    static const char name[] = "password";

    for (const char *at; (at = strcasestr(rest, name)) != NULL;) {
        const char *value = at + sizeof(name) - 1;

        value += strspn(value, " ");
        if (*value != '=') {
            put(text, size, rest, (size_t)(value - rest));
            rest = value;
            continue;
        }
        put(text, size, rest, (size_t)(value + 1 - rest));
        put(text, size, "***", 3);
        rest = value + strcspn(value, "&");
    }
    put(text, size, rest, strlen(rest));
}

/*
 * The user's part is taken to end at the last '@'. Wider than libpq's reading on purpose: a
 * password with an unencoded '@', '/' or '?' is refused later, but must not be printed then. A
 * parameter with an '@' hides the host; that is seldom, and safe.
 */
void store_url_redact(const char *url, char *ret_text, size_t size)
{
    const char *authority = strstr(url, "://");
    const char *end;
    const char *colon;

    if (size == 0) {
        return;
    }
    ret_text[0] = '\0';
    end = authority == NULL ? NULL : strrchr(authority + 3, '@');
    colon = end == NULL ? NULL : memchr(authority + 3, ':', (size_t)(end - authority - 3));
    if (colon != NULL) {
        put(ret_text, size, url, (size_t)(colon + 1 - url));
        put(ret_text, size, "***", 3);
        url = end;
    }
    redact_parameters(url, ret_text, size);
}
