/*
 * The process's signals.
 */
#include "command/signals.h"

#include "base/check.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static sigset_t ending_signals(void)
{
    sigset_t set;

    SR_CHECK(sigemptyset(&set) == 0);
    SR_CHECK(sigaddset(&set, SIGTERM) == 0);
    SR_CHECK(sigaddset(&set, SIGINT) == 0);
    return set;
}

/* And the one that has files read again. */
static sigset_t awaited_signals(void)
{
    sigset_t set = ending_signals();

    SR_CHECK(sigaddset(&set, SIGHUP) == 0);
    return set;
}

void signals_prepare(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set = awaited_signals();

    SR_CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0);
    SR_CHECK(sigaction(SIGXFSZ, &ignore, NULL) == 0);
    SR_CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
}

/* The journal holds what was acknowledged: nothing is left to be done. */
static void end_at_once(int number)
{
    static const char text[] = "simple-request: second signal, ending at once\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);

    (void)number;
    (void)written; /* nobody is left to be told */
    _exit(1);
}

static void let_the_next_one_end_the_process(void)
{
    struct sigaction end = {.sa_handler = end_at_once};
    sigset_t set = ending_signals();

    SR_CHECK(sigaction(SIGTERM, &end, NULL) == 0);
    SR_CHECK(sigaction(SIGINT, &end, NULL) == 0);
    SR_CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
}

bool signals_come_within(uint32_t ms)
{
    const struct timespec wait = {.tv_sec = ms / 1000U,
                                  .tv_nsec = (long)(ms % 1000U) * 1000000};
    sigset_t set = ending_signals();

    return sigtimedwait(&set, NULL, &wait) > 0;
}

const char *signals_wait(const struct signals_tasks *tasks)
{
    const struct timespec second = {.tv_sec = 1};
    sigset_t set = awaited_signals();
    int number;

    while ((number = sigtimedwait(&set, NULL, &second)) < 0 || number == SIGHUP) {
        SR_CHECK(number == SIGHUP || errno == EAGAIN || errno == EINTR);
        if (number == SIGHUP) {
            tasks->reload(tasks->context);
        }
        tasks->each_second(tasks->context);
    }
    let_the_next_one_end_the_process();
    return number == SIGINT ? "SIGINT" : "SIGTERM";
}
