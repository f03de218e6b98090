/*
 * The journal's two threads: commit (frames) and keeper (spare files, so that zero-filling
 * never delays a commit).
 */
#include "journal/journal_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/condition.h"
#include "base/thread.h"

#include <time.h>

#define RETRY_FIRST_MS 20U
#define RETRY_LAST_MS 1000U
#define IDLE_MS 250U       /* JOURNAL_WRITE looks that often whether a second has passed */
#define START_CALM_MS 200U /* the first spare file is made that long after a start */
#define START_LOOK_MS 10U  /* or when a look shows that room is short */
#define STOP_PATIENCE_MS                                                                       \
    5000U /* a journal that cannot be mended is given up that long after the stop */

/* Waits until something was handed over; true when the journal is to stop. */
static bool wait_for_work(struct journal *j)
{
    bool stopping;

    (void)pthread_mutex_lock(&j->queue_lock);
    if (!j->stopping && j->sides[j->gathering].size == 0) {
        if (j->options.durability == JOURNAL_WRITE) {
            (void)sr_condition_wait_until(&j->queue_filled, &j->queue_lock,
                                          sr_clock_monotonic_ms() + IDLE_MS);
        } else {
            (void)pthread_cond_wait(&j->queue_filled, &j->queue_lock);
        }
    }
    stopping = j->stopping;
    (void)pthread_mutex_unlock(&j->queue_lock);
    return stopping;
}

static bool is_stopping(struct journal *j)
{
    bool stopping;

    (void)pthread_mutex_lock(&j->queue_lock);
    stopping = j->stopping;
    (void)pthread_mutex_unlock(&j->queue_lock);
    return stopping;
}

/* A hand-over during the back-off must not shorten it to nothing: an error is retried at most
 * that often. Nor is one waited for: while the journal is failed nothing is handed over. */
static void back_off(uint64_t *retry_ms)
{
    struct timespec pause = {.tv_sec = (time_t)(*retry_ms / 1000),
                             .tv_nsec = (long)(*retry_ms % 1000) * 1000000L};

    (void)nanosleep(&pause, NULL);
    *retry_ms = *retry_ms * 2 > RETRY_LAST_MS ? RETRY_LAST_MS : *retry_ms * 2;
}

static void *commit_main(void *context)
{
    struct journal *j = context;
    uint64_t retry_ms = RETRY_FIRST_MS;
    uint64_t give_up_ms = 0;
    bool stopping = false;

    while (!stopping || journal_has_work(j)) {
        struct sr_err err = {.text = ""};
        enum sr_result result = journal_commit(j, &err);

        if (result == SR_OK) {
            retry_ms = RETRY_FIRST_MS;
            continue;
        }
        if (result == SR_NOT_FOUND) {
            stopping = wait_for_work(j);
            if (stopping) {
                (void)pthread_mutex_lock(&j->queue_lock);
                j->seal_waits =
                    true; /* JOURNAL_WRITE: the last sync does not wait for its second */
                (void)pthread_mutex_unlock(&j->queue_lock);
            }
            continue;
        }
        back_off(&retry_ms);
        stopping = is_stopping(j);
        if (stopping && give_up_ms == 0) {
            give_up_ms = sr_clock_monotonic_ms() + STOP_PATIENCE_MS;
        }
        if (stopping && sr_clock_monotonic_ms() > give_up_ms) {
            break;
        }
    }
    journal_finish_file(j);
    return NULL;
}

/* Spare files are 48 MiB of zeros: whatever a start syncs beside them, the store's file and the
 * owner token, would wait until they are on the disk. The first one has its room meanwhile. A
 * start with little room, or with clients that use it up, does not wait. */
static void let_the_start_pass(struct journal *j)
{
    uint64_t until_ms = sr_clock_monotonic_ms() + START_CALM_MS;
    uint64_t enough = journal_frame_bytes(j->queue_max) / 4 * 3;

    (void)pthread_mutex_lock(&j->files_lock);
    while (!j->keeper_stops && sr_clock_monotonic_ms() < until_ms &&
           atomic_load(&j->disk_room) > atomic_load(&j->claimed) + enough) {
        (void)sr_condition_wait_until(&j->spare_wanted, &j->files_lock,
                                      sr_clock_monotonic_ms() + START_LOOK_MS);
    }
    (void)pthread_mutex_unlock(&j->files_lock);
}

static void *keeper_main(void *context)
{
    struct journal *j = context;
    bool stopping = false;

    let_the_start_pass(j);

    while (!stopping) {
        enum sr_result result = journal_keep(j, NULL);

        (void)pthread_mutex_lock(&j->files_lock);
        if (result != SR_OK && !j->keeper_stops) {
            (void)sr_condition_wait_until(&j->spare_wanted, &j->files_lock,
                                          sr_clock_monotonic_ms() + RETRY_LAST_MS);
        }
        stopping = j->keeper_stops;
        (void)pthread_mutex_unlock(&j->files_lock);
    }
    return NULL;
}

static void stop_commits(struct journal *j)
{
    (void)pthread_mutex_lock(&j->queue_lock);
    j->stopping = true;
    (void)pthread_cond_signal(&j->queue_filled);
    (void)pthread_mutex_unlock(&j->queue_lock);
    (void)pthread_join(j->commit_thread, NULL);
}

static void stop_keeper(struct journal *j)
{
    (void)pthread_mutex_lock(&j->files_lock);
    j->keeper_stops = true;
    (void)pthread_cond_signal(&j->spare_wanted);
    (void)pthread_mutex_unlock(&j->files_lock);
    (void)pthread_join(j->keeper_thread, NULL);
}

/* The journal moves on from a file only to another one: the first acknowledgement waits for the
 * room of that. */
static void reserve_second_file(struct journal *j)
{
    if (j->spares.count == 0 && !journal_at_limit(j)) {
        raw_file_reserve(j);
    }
}

enum sr_result journal_start(struct journal *j, struct sr_err *err)
{
    int why;

    reserve_second_file(j);
    why = sr_thread_start(&j->commit_thread, "journal", commit_main, j);

    if (why != 0) {
        return sr_fail_errno(err, SR_NO_MEMORY, why, "cannot start the journal thread");
    }
    why = sr_thread_start(&j->keeper_thread, "journal-keeper", keeper_main, j);
    if (why != 0) {
        stop_commits(j);
        return sr_fail_errno(err, SR_NO_MEMORY, why,
                             "cannot start the thread that prepares journal files");
    }
    j->threads_running = true;
    return SR_OK;
}

void journal_stop(struct journal *j)
{
    if (!j->threads_running) {
        return;
    }
    stop_commits(j);
    stop_keeper(j);
    j->threads_running = false;
}
