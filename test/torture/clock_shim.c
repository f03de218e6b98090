/*
 * Preloaded into the service by test_clock.py: its wall clock is off by what the test writes
 * into a shared file while it runs, its monotonic clock starts from wherever the test says, as
 * after a boot. Waits with an absolute deadline mean the same clocks.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define SLICE (SECOND / 100) /* a jump ends or lengthens a wait by the wall clock */
#define WALL_LEAST (SECOND * 1000000000LL) /* deadlines beyond 2001 are of the wall clock */

static struct {
    int64_t wall;      /* nanoseconds added to CLOCK_REALTIME; may change at any time */
    int64_t monotonic; /* to CLOCK_MONOTONIC; fixed for a process */
} * offsets;

__attribute__((constructor)) static void map_offsets(void)
{
    const char *path = getenv("CLOCK_SHIM_FILE");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = mmap(NULL, sizeof(*offsets), PROT_READ, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED) {
        _exit(99);
    }
    offsets = at;
    (void)close(fd);
}

static int64_t real_ns(clockid_t clock)
{
    struct timespec now;

    (void)syscall(SYS_clock_gettime, clock, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

static struct timespec timespec_of(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};
}

static int64_t wall_ns(void)
{
    return real_ns(CLOCK_REALTIME) + __atomic_load_n(&offsets->wall, __ATOMIC_RELAXED);
}

int clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) {
        *ret_now = timespec_of(wall_ns());
        return 0;
    }
    if (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE ||
        clock == CLOCK_BOOTTIME) {
        *ret_now = timespec_of(real_ns(clock) + offsets->monotonic);
        return 0;
    }
    return (int)syscall(SYS_clock_gettime, clock, ret_now);
}

time_t time(time_t *ret_now)
{
    time_t now = (time_t)(wall_ns() / SECOND);

    if (ret_now != NULL) {
        *ret_now = now;
    }
    return now;
}

int gettimeofday(struct timeval *restrict ret_now, void *restrict zone)
{
    int64_t now = wall_ns();

    (void)zone;
    *ret_now = (struct timeval){.tv_sec = now / SECOND, .tv_usec = now % SECOND / 1000};
    return 0;
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict lock,
                           const struct timespec *restrict deadline)
{
    int64_t until = deadline->tv_sec * SECOND + deadline->tv_nsec;
    struct timespec slice;
    int why = ETIMEDOUT;

    if (until < WALL_LEAST) {
        slice = timespec_of(until > offsets->monotonic ? until - offsets->monotonic : 0);
        return pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &slice);
    }
    while (why == ETIMEDOUT && wall_ns() < until) {
        slice = timespec_of(real_ns(CLOCK_MONOTONIC) + SLICE);
        why = pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &slice);
    }
    return why;
}
