/*
 * What Prometheus expects of every process: /proc/self/stat (proc(5)), the CPU clock, limits.
 */
#include "metrics/process.h"

#include "base/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A whole small file as text; "" where it cannot be read. */
static void read_file(const char *path, char *ret_text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, ret_text, size - 1);

    if (fd >= 0) {
        (void)close(fd); /* only read from */
    }
    ret_text[got > 0 ? got : 0] = '\0';
}

static pthread_once_t boot_once = PTHREAD_ONCE_INIT;
static uint64_t boot_seconds; /* since 1970, when the machine started; 0 where unknown */

/* Reading it takes as long as all else here: the kernel counts every interrupt for the file. */
static void find_boot_time(void)
{
    char line[256];
    unsigned long long seconds = 0;
    FILE *file = fopen("/proc/stat", "re");

    if (file == NULL) {
        return;
    }
    while (seconds == 0 && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "btime ", 6) == 0) {
            seconds = strtoull(line + 6, NULL, 10);
        }
    }
    (void)fclose(file); /* only read from */
    boot_seconds = seconds;
}

/* Fields 20, 22, 23 and 24 of proc(5)'s stat; the second field may hold anything, so they are
 * counted from its ')'. */
static void read_stat(struct process_stats *stats)
{
    char text[1024];
    const char *at;
    unsigned long long threads, start, size, pages;

    read_file("/proc/self/stat", text, sizeof(text));
    at = strrchr(text, ')');
    if (at == NULL || sscanf(at + 1,
                             " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                             "%*s %llu %*s %llu %llu %llu",
                             &threads, &start, &size, &pages) != 4) {
        return;
    }
    SR_CHECK(pthread_once(&boot_once, find_boot_time) == 0);
    stats->threads = threads;
    stats->virtual_bytes = size;
    stats->resident_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    stats->start_time_ms =
        boot_seconds == 0 ? 0
                          : boot_seconds * 1000 + start * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

static uint64_t count_names(const char *path)
{
    uint64_t count = 0;
    DIR *directory = opendir(path);

    if (directory == NULL) {
        return 0;
    }
    while (readdir(directory) != NULL) {
        count++;
    }
    (void)closedir(directory); /* only read from */
    /* Less ".", ".." and the descriptor that counted. */
    return count > 3 ? count - 3 : 0;
}

/* Linux 6.2 tells the number as the directory's size; before, each descriptor's name is read.
 */
static uint64_t open_descriptors(void)
{
    struct stat status;

    if (stat("/proc/self/fd", &status) == 0 && status.st_size > 0) {
        return (uint64_t)status.st_size;
    }
    return count_names("/proc/self/fd");
}

void process_stats_read(struct process_stats *ret_stats)
{
    struct process_stats stats = {0};
    struct timespec cpu;
    struct rlimit limit;
    struct rusage usage;
    struct mallinfo2 heap = mallinfo2();

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) {
        stats.cpu_ns = (uint64_t)cpu.tv_sec * 1000000000U + (uint64_t)cpu.tv_nsec;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        stats.max_fds = limit.rlim_cur;
    }
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        stats.voluntary_switches = (uint64_t)usage.ru_nvcsw;
        stats.involuntary_switches = (uint64_t)usage.ru_nivcsw;
        stats.major_faults = (uint64_t)usage.ru_majflt;
    }
    stats.heap_bytes = heap.uordblks + heap.hblkhd;
    stats.open_fds = open_descriptors();
    read_stat(&stats);
    *ret_stats = stats;
}
