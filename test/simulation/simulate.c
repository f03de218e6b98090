/*
 * simulate SEEDS [FIRST [JOBS]]: that many histories from FIRST on (0: from the time), by JOBS
 * processes (0: one a core), for at most SIMULATE_SECONDS where that is in the environment.
 * Prints the seed of a violation, how to see it again, and exits 1.
 */
#include "world.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX 64

/* Shared by the processes. */
struct progress {
    _Atomic uint64_t next;
    _Atomic bool stop;
    struct job {
        uint64_t seed;
        struct figures figures;
    } jobs[JOBS_MAX];
};

static void add(struct figures *to, const struct figures *more)
{
#define FIGURE_ADD(name, text) to->name += more->name;
    FIGURES(FIGURE_ADD)
#undef FIGURE_ADD
}

static void run(struct progress *progress, unsigned job, uint64_t end)
{
    const char *seconds = getenv("SIMULATE_SECONDS");
    time_t until = seconds == NULL ? 0 : time(NULL) + (time_t)strtoull(seconds, NULL, 10);
    struct world *w = malloc(sizeof(*w));

    SR_CHECK(w != NULL);
    while (!progress->stop && (until == 0 || time(NULL) < until)) {
        uint64_t seed = progress->next++;

        if (seed >= end) {
            break;
        }
        progress->jobs[job].seed = seed;
        world_history(seed, w);
        add(&progress->jobs[job].figures, &w->figures);
    }
    free(w);
}

/* Waits for a process; false where its history ended in a violation. */
static bool reap(struct progress *progress, const pid_t *jobs, unsigned count)
{
    int status = 0;
    pid_t pid = wait(&status);
    unsigned job = 0;

    while (job < count && jobs[job] != pid) {
        job++;
    }
    SR_CHECK(job < count);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return true;
    }
    progress->stop = true;
    if (WIFSIGNALED(status)) {
        (void)fprintf(stderr, "VIOLATION seed %" PRIu64 ": ended by signal %d (%s)\n",
                      progress->jobs[job].seed, WTERMSIG(status), strsignal(WTERMSIG(status)));
    }
    (void)fprintf(stderr, "again: make simulate SEEDS=1 FIRST=%" PRIu64 "\n",
                  progress->jobs[job].seed);
    return false;
}

static void print(const struct progress *progress, unsigned count, time_t started)
{
    struct figures sum = {0};

    for (unsigned job = 0; job < count; job++) {
        add(&sum, &progress->jobs[job].figures);
    }
#define FIGURE_PRINT(name, text) (void)printf("%12" PRIu64 " %s\n", sum.name, text);
    FIGURES(FIGURE_PRINT)
#undef FIGURE_PRINT
    (void)printf("%12" PRIu64 " seconds\n", (uint64_t)(time(NULL) - started));
}

static uint64_t argument(int argc, char **argv, int n, uint64_t otherwise)
{
    uint64_t value = argc > n ? strtoull(argv[n], NULL, 10) : 0;

    return value == 0 ? otherwise : value;
}

int main(int argc, char **argv)
{
    time_t started = time(NULL);
    uint64_t seeds = argument(argc, argv, 1, 100);
    uint64_t first = argument(argc, argv, 2, (uint64_t)started * 1000000U);
    uint64_t count = argument(argc, argv, 3, (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
    struct progress *progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
                                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t jobs[JOBS_MAX];
    bool clean = true;

    SR_CHECK(progress != MAP_FAILED);
    count = count > JOBS_MAX ? JOBS_MAX : count;
    progress->next = first;
    (void)printf("%" PRIu64 " histories from FIRST=%" PRIu64 "\n", seeds, first);
    (void)fflush(stdout);
    for (unsigned job = 0; job < count; job++) {
        jobs[job] = fork();
        SR_CHECK(jobs[job] >= 0);
        if (jobs[job] == 0) {
            run(progress, job, first + seeds);
            _exit(0);
        }
    }
    for (unsigned job = 0; job < count; job++) {
        clean = reap(progress, jobs, (unsigned)count) && clean;
    }
    print(progress, (unsigned)count, started);
    (void)printf("%s\n", clean ? "no violation" : "VIOLATION");
    return clean ? 0 : 1;
}
