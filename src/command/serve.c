/*
 * simple-request serve: start, wait for the end, end.
 */
#include "base/clock.h"
#include "base/log.h"
#include "build_info.h"
#include "command/banner.h"
#include "command/command.h"
#include "command/lifecycle.h"
#include "command/notify.h"
#include "command/pulse.h"
#include "command/service.h"
#include "command/signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Connections are bounded by --connections-max; the soft limit is for programs that use
 * select(2). */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            sr_log(SR_LOG_WARN, "process.descriptors",
                   "cannot raise the limit of open files to its maximum");
        }
    }
}

static void log_start(const struct service *s)
{
    const struct journal_recovery *r = &s->recovery;
    char store[SR_OPTION_SHOWN_SIZE];
    const char *url;

    store_url_redact(config_text(s->config, CONFIG_DATABASE_URL), store, sizeof(store));
    sr_log(r->torn_bytes == 0 ? SR_LOG_INFO : SR_LOG_WARN, "journal.recovered",
           r->torn_bytes == 0
               ? "the journal is read"
               : "the journal is read; its torn tail, never acknowledged, is cut",
           sr_log_number("files", (int64_t)r->files),
           sr_log_number("records", (int64_t)r->replayed_records),
           sr_log_number("torn_bytes", (int64_t)r->torn_bytes),
           sr_log_number("open_epoch", (int64_t)r->open_epoch));
    for (size_t i = 0; (url = server_url(s->server, i)) != NULL; i++) {
        sr_log(SR_LOG_INFO, "server.listening", "listening", sr_log_text("url", url),
               sr_log_text("data_dir", datadir_path(s->datadir)), sr_log_text("store", store),
               sr_log_text("version", SR_BUILD_VERSION));
    }
}

static int failed(const char *event, const struct sr_err *err)
{
    sr_log(SR_LOG_ERROR, event, err->text);
    sr_log_flush();
    return COMMAND_FAILED;
}

static int end(struct service *s, const char *why)
{
    uint64_t begin = sr_clock_monotonic_ms();
    struct sr_err err;
    enum sr_result result;

    notify_stopping(&s->notify);
    sr_log(SR_LOG_INFO, "server.draining", "ending: answering and flushing what is in flight",
           sr_log_text("signal", why));
    result = service_stop(s, begin + config_number(s->config, CONFIG_DRAIN_TIMEOUT), &err);
    if (result != SR_OK && result != SR_TIMEOUT) {
        return failed("server.ended_badly", &err);
    }
    if (result == SR_TIMEOUT) {
        sr_log(SR_LOG_WARN, "server.unsynced",
               "the next start brings into the database what the journal keeps",
               sr_log_text("reason", err.text));
    }
    sr_log(SR_LOG_INFO, "server.ended", "ended",
           sr_log_number("elapsed_ms", (int64_t)(sr_clock_monotonic_ms() - begin)));
    sr_log_flush();
    return COMMAND_OK;
}

static bool is_local(const char *url)
{
    const char *host = strstr(url, "://");

    return host == NULL || strncmp(host, "://127.", 7) == 0 ||
           strncmp(host, "://[::1]", 8) == 0; /* unix:PATH has no host */
}

static void warn_if_open(const struct service *s)
{
    const char *url;

    for (size_t i = 0; (url = server_url(s->server, i)) != NULL; i++) {
        if (!is_local(url) && !guard_asks_for_tokens(s->guard)) {
            sr_log(SR_LOG_WARN, "server.open",
                   "whoever reaches this address may read and change every counter: see "
                   "--tokens-file",
                   sr_log_text("url", url));
        }
    }
}

static void read_files_again(struct service *s)
{
    struct sr_err err;
    uint32_t tokens;

    enum sr_result result = guard_reload(s->guard, &tokens, &err);

    if (result == SR_OK && s->tls != NULL) {
        result = tls_reload(s->tls, &err);
    }
    if (result != SR_OK) {
        sr_log(SR_LOG_ERROR, "server.reload_failed", "what was in force before stays so",
               sr_log_text("reason", err.text), sr_log_number("tokens", tokens));
        return;
    }
    sr_log(SR_LOG_INFO, "server.reloaded", "files are read again",
           sr_log_number("tokens", tokens));
}

static void tell_ready(struct service *s)
{
    notify_ready(&s->notify, server_url(s->server, 0));
}

/* SIGHUP. */
static void reload(void *context)
{
    struct service *s = context;

    notify_reloading(&s->notify, sr_clock_monotonic_ns() / 1000);
    read_files_again(s);
    tell_ready(s);
}

static void each_second(void *context)
{
    struct service *s = context;

    pulse_beat(s);
    notify_alive(&s->notify);
    sr_log_flush();
}

static const char *environment(const char *variable)
{
    return getenv(variable);
}

static void find_manager(struct service *s)
{
    struct sr_err err;

    if (notify_open(&s->notify, environment, (long)getpid(), &err) != SR_OK) {
        sr_log(SR_LOG_WARN, "server.not_notifying", "the service manager is told nothing",
               sr_log_text("reason", err.text));
    }
}

static int run(struct service *s, struct lifecycle *lifecycle)
{
    const struct signals_tasks tasks = {.each_second = each_second,
                                        .reload = reload,
                                        .context = s};
    const char *why;
    struct sr_err err;
    enum sr_result result;

    find_manager(s);
    result = service_start(s, &err);
    if (result != SR_OK) {
        struct sr_err ignored; /* the start's failure is the one to tell */
        int code = failed("server.start_failed", &err);

        (void)!service_stop(s, 0, &ignored);
        return code;
    }
    pulse_beat(s); /* what it counts from */
    log_start(s);
    warn_if_open(s);
    banner_print(s, stdout);
    tell_ready(s);
    lifecycle_tell(lifecycle, LIFECYCLE_START);
    why = signals_wait(&tasks);
    lifecycle_tell(lifecycle, LIFECYCLE_STOP);
    return end(s, why);
}

int command_serve(const struct config *config)
{
    static struct service service;
    struct lifecycle *lifecycle;
    struct sr_err err;
    int code;

    if (config_check_store(config, &err) != SR_OK) {
        command_complain(err.text);
        return COMMAND_USAGE;
    }
    sr_log_setup((enum sr_log_level)config_number(config, CONFIG_LOG_LEVEL),
                 (enum sr_log_format)config_number(config, CONFIG_LOG_FORMAT));
    signals_prepare();
    raise_descriptor_limit();
    lifecycle = lifecycle_open(config);
    switch (service_open(&service, config, &err)) {
    case SR_OK:
        code = run(&service, lifecycle);
        notify_close(&service.notify);
        break;
    case SR_CLOSED:
        sr_log(SR_LOG_INFO, "server.ended", err.text);
        sr_log_flush();
        code = COMMAND_OK;
        break;
    default:
        code = failed("server.start_failed", &err);
        break;
    }
    service_close(&service);
    if (!lifecycle_close(&lifecycle)) {
        sr_log_flush();
        _exit(code); /* its thread still waits for Grafana */
    }
    return code;
}
