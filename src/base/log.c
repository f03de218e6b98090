/*
 * The log: level, limit on repeats, one write(2) a line. Any thread; the lock is held for the
 * limiter alone, so that a slow reader of standard error blocks only who logs.
 */
#include "base/log.h"

#include "base/clock.h"
#include "base/log_limit.h"
#include "base/log_line.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

_Static_assert(SR_LOG_LINE_MAX <= PIPE_BUF, "a pipe that can be written takes a whole line");

/* Set before threads run, read-only after. */
static enum sr_log_level level_min = SR_LOG_INFO;
static enum sr_log_format line_format = SR_LOG_TEXT;

static pthread_mutex_t limit_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sr_log_limit limit; /* under limit_lock */

static pthread_mutex_t offer_lock = PTHREAD_MUTEX_INITIALIZER; /* outermost */

void sr_log_setup(enum sr_log_level level, enum sr_log_format format)
{
    level_min = level;
    line_format = format;
}

static void write_line(enum sr_log_level level, const char *event, const char *message,
                       const struct sr_log_field *fields)
{
    char line[SR_LOG_LINE_MAX];
    struct sr_log_record record = {.wall_ms = sr_clock_wall_ms(),
                                   .level = level,
                                   .event = event,
                                   .message = message,
                                   .fields = fields};
    size_t size = sr_log_line(line_format, &record, line);

    /* Nobody is left to be told that standard error takes no more. */
    ssize_t written = write(STDERR_FILENO, line, size);
    (void)written;
}

bool sr_log_offer(enum sr_log_level level, const char *event, const char *message,
                  const struct sr_log_field *fields)
{
    struct pollfd output = {.fd = STDERR_FILENO, .events = POLLOUT};
    bool ready;

    if (level < level_min) {
        return true;
    }
    /* A pipe that can be written takes a line whole (SR_LOG_LINE_MAX is less than PIPE_BUF),
     * and under the lock no other thread offers one in between. */
    (void)pthread_mutex_lock(&offer_lock);
    ready = poll(&output, 1, 0) == 1 && (output.revents & POLLOUT) != 0;
    if (ready) {
        write_line(level, event, message, fields);
    }
    (void)pthread_mutex_unlock(&offer_lock);
    return ready;
}

static bool next_summary(uint64_t now_ms, bool all, const char **ret_event,
                         uint64_t *ret_suppressed)
{
    bool found;

    (void)pthread_mutex_lock(&limit_lock); /* a static default mutex: cannot fail */
    found = sr_log_limit_summary(&limit, now_ms, all, ret_event, ret_suppressed);
    (void)pthread_mutex_unlock(&limit_lock);
    return found;
}

static void write_summaries(uint64_t now_ms, bool all)
{
    const char *event;
    uint64_t suppressed;

    while (next_summary(now_ms, all, &event, &suppressed)) {
        const struct sr_log_field fields[] = {sr_log_text("event", event),
                                              sr_log_number("count", (int64_t)suppressed),
                                              {0}};

        write_line(SR_LOG_WARN, "log.suppressed", "repeated events were left out", fields);
    }
}

void sr_log_event(enum sr_log_level level, const char *event, const char *message,
                  const struct sr_log_field *fields)
{
    uint64_t now_ms = sr_clock_monotonic_ms();
    bool taken;

    if (level < level_min) {
        return;
    }
    (void)pthread_mutex_lock(&limit_lock);
    taken = sr_log_limit_take(&limit, event, now_ms);
    (void)pthread_mutex_unlock(&limit_lock);
    write_summaries(now_ms, false);
    if (taken) {
        write_line(level, event, message, fields);
    }
}

void sr_log_flush(void)
{
    write_summaries(sr_clock_monotonic_ms(), true);
}
