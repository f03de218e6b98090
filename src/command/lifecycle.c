/*
 * The thread that tells Grafana, and the two moments that wait for it.
 */
#include "command/lifecycle.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/condition.h"
#include "base/log.h"
#include "base/thread.h"
#include "build_info.h"
#include "command/grafana.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct lifecycle {
    pthread_t thread;
    struct grafana_options options;
    char host[HOST_NAME_MAX + 1];
    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    uint64_t told_ms[LIFECYCLE_MOMENT_COUNT]; /* since 1970; 0: not told, or sent already */
    bool ending;                              /* nothing more will be told */
    bool done;                                /* the thread touches nothing any more */
};

static struct grafana_options options_of(const struct config *config)
{
    return (struct grafana_options){
        .url = config_text(config, CONFIG_GRAFANA_URL),
        .token_file = config_text(config, CONFIG_GRAFANA_TOKEN_FILE),
        .dashboard_uid = config_text(config, CONFIG_GRAFANA_DASHBOARD_UID),
        .folder_uid = config_text(config, CONFIG_GRAFANA_FOLDER_UID),
    };
}

enum sr_result lifecycle_check(const struct config *config, struct sr_err *err)
{
    struct grafana_options options = options_of(config);

    return grafana_check(&options, err);
}

/* ---- the thread ---- */

static void send_moment(const struct lifecycle *l, enum lifecycle_moment moment,
                        uint64_t time_ms)
{
    static const char *const words[] = {[LIFECYCLE_START] = "start", [LIFECYCLE_STOP] = "stop"};
    static const char *const texts[] = {
        [LIFECYCLE_START] = "started", [LIFECYCLE_STOP] = "is stopping"};
    char host[sizeof(l->host) + 8];
    char text[sizeof(l->host) + 256];
    const char *const tags[] = {
        "simple-request",        words[moment], "version:" SR_BUILD_VERSION,
        "sha:" SR_BUILD_GIT_SHA, host,          NULL};
    const struct grafana_annotation annotation = {.time_ms = time_ms,
                                                  .text = text,
                                                  .tags = tags};
    struct sr_err err;

    (void)snprintf(host, sizeof(host), "host:%s", l->host);
    (void)snprintf(text, sizeof(text), "simple-request %s (%s) %s on %s", SR_BUILD_VERSION,
                   SR_BUILD_GIT_SHA, texts[moment], l->host);
    if (grafana_annotate(&l->options, &annotation, &err) != SR_OK) {
        sr_log(SR_LOG_WARN, "annotation.failed", "Grafana was not told",
               sr_log_text("moment", words[moment]), sr_log_text("reason", err.text));
        return;
    }
    sr_log(SR_LOG_INFO, "annotation.sent", "Grafana was told",
           sr_log_text("moment", words[moment]));
}

/* Takes the next moment that was told; false at the end. With the lock held. */
static bool take(struct lifecycle *l, enum lifecycle_moment *ret_moment, uint64_t *ret_time_ms)
{
    for (;;) {
        for (int i = 0; i < LIFECYCLE_MOMENT_COUNT; i++) {
            if (l->told_ms[i] != 0) {
                *ret_moment = (enum lifecycle_moment)i;
                *ret_time_ms = l->told_ms[i];
                l->told_ms[i] = 0;
                return true;
            }
        }
        if (l->ending) {
            return false;
        }
        SR_CHECK(pthread_cond_wait(&l->changed, &l->lock) == 0);
    }
}

static void *run(void *context)
{
    struct lifecycle *l = context;
    enum lifecycle_moment moment;
    uint64_t time_ms;

    SR_CHECK(pthread_mutex_lock(&l->lock) == 0);
    while (take(l, &moment, &time_ms)) {
        SR_CHECK(pthread_mutex_unlock(&l->lock) == 0);
        send_moment(l, moment, time_ms);
        SR_CHECK(pthread_mutex_lock(&l->lock) == 0);
    }
    l->done = true;
    SR_CHECK(pthread_cond_signal(&l->changed) == 0);
    SR_CHECK(pthread_mutex_unlock(&l->lock) == 0);
    return NULL;
}

/* ---- its callers ---- */

static void destroy(struct lifecycle *l)
{
    (void)pthread_cond_destroy(&l->changed); /* fails only where somebody waits for it */
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}

struct lifecycle *lifecycle_open(const struct config *config)
{
    struct lifecycle *l =
        config_text(config, CONFIG_GRAFANA_URL) == NULL ? NULL : calloc(1, sizeof(*l));

    if (l == NULL) {
        return NULL;
    }
    l->options = options_of(config);
    if (gethostname(l->host, sizeof(l->host) - 1) != 0) {
        (void)snprintf(l->host, sizeof(l->host), "unknown");
    }
    SR_CHECK(pthread_mutex_init(&l->lock, NULL) == 0);
    sr_condition_init(&l->changed);
    if (sr_thread_start(&l->thread, "annotations", run, l) != 0) {
        sr_log(SR_LOG_WARN, "annotation.failed", "Grafana will not be told",
               sr_log_text("reason", "cannot start the thread that would"));
        destroy(l);
        return NULL;
    }
    return l;
}

void lifecycle_tell(struct lifecycle *l, enum lifecycle_moment moment)
{
    if (l == NULL) {
        return;
    }
    SR_CHECK(pthread_mutex_lock(&l->lock) == 0);
    l->told_ms[moment] = sr_clock_wall_ms();
    SR_CHECK(pthread_cond_signal(&l->changed) == 0);
    SR_CHECK(pthread_mutex_unlock(&l->lock) == 0);
}

/* Nothing more comes: whether the thread is through before the time is over. */
static bool await_end(struct lifecycle *l)
{
    uint64_t deadline_ms = sr_clock_monotonic_ms() + LIFECYCLE_PATIENCE_MS;
    bool done;

    SR_CHECK(pthread_mutex_lock(&l->lock) == 0);
    l->ending = true;
    SR_CHECK(pthread_cond_signal(&l->changed) == 0);
    while (!l->done && sr_condition_wait_until(&l->changed, &l->lock, deadline_ms)) {
    }
    done = l->done;
    SR_CHECK(pthread_mutex_unlock(&l->lock) == 0);
    return done;
}

bool lifecycle_close(struct lifecycle **lifecycle)
{
    struct lifecycle *l = *lifecycle;

    *lifecycle = NULL;
    if (l == NULL) {
        return true;
    }
    if (!await_end(l)) {
        sr_log(SR_LOG_WARN, "annotation.failed", "Grafana was not told",
               sr_log_text("reason", "it does not answer, and this process ends"));
        return false;
    }
    SR_CHECK(pthread_join(l->thread, NULL) == 0);
    destroy(l);
    return true;
}
