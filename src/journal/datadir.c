/*
 * The data directory: lock, UUID, owner tokens.
 */
#include "journal/datadir.h"

#include "base/check.h"
#include "journal/identity_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME "lock"
#define RETIRED_NAME "retired"

struct datadir {
    struct disk *disk;
    bool owns_disk;
    int lock_fd; /* -1: read only */
    bool is_retired;
    char path[PATH_MAX];
    struct identity identity;
    uint64_t confirmed_ms[DATADIR_TOKENS_MAX]; /* 0: not known to be confirmed */
    uint32_t own_count;                        /* tokens that this process drew: the last */
};

/* A directory's name is durable only when its parent was synced. `path` ends before the new
 * name. */
static enum sr_result sync_parent(const char *path, struct sr_err *err)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - path);
    enum sr_result result = SR_OK;
    int fd;

    (void)snprintf(parent, sizeof(parent), "%.*s", (int)size, path);
    fd = open(slash == NULL ? "." : (size == 0 ? "/" : parent),
              O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        result = sr_fail_errno(err, SR_IO, errno, "cannot sync the directory above %s", path);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return result;
}

static enum sr_result make_directory(const char *part, struct sr_err *err)
{
    if (mkdir(part, 0700) == 0) {
        return sync_parent(part, err);
    }
    if (errno == EEXIST) {
        return SR_OK;
    }
    return sr_fail_errno(err, SR_IO, errno,
                         "cannot create the data directory %s (choose another by --data-dir)",
                         part);
}

static enum sr_result make_directories(const char *path, struct sr_err *err)
{
    enum sr_result result;
    char part[PATH_MAX];
    int size = snprintf(part, sizeof(part), "%s", path);

    if (size <= 0 || (size_t)size >= sizeof(part)) {
        return sr_fail(err, SR_INVALID, "the data directory's path is empty or too long");
    }
    for (char *at = part + 1;; at++) {
        char saved = *at;

        if (saved != '/' && saved != '\0') {
            continue;
        }
        *at = '\0';
        result = make_directory(part, err);
        *at = saved;
        if (result != SR_OK || saved == '\0') {
            return result;
        }
    }
}

/* The process that holds the lock wrote its id into the file. */
static enum sr_result fail_locked(struct datadir *d, struct sr_err *err)
{
    char pid[24] = "";
    ssize_t size = pread(d->lock_fd, pid, sizeof(pid) - 1, 0);

    pid[size > 0 ? size : 0] = '\0';
    pid[strcspn(pid, "\n")] = '\0';
    return sr_fail(
        err, SR_EXISTS,
        "the data directory %s is in use by another simple-request (process %s): stop "
        "it, or choose another directory by --data-dir",
        d->path, pid[0] != '\0' ? pid : "unknown");
}

static enum sr_result take_lock(struct datadir *d, struct sr_err *err)
{
    char path[PATH_MAX + sizeof(LOCK_NAME) + 1];
    char pid[24];
    int size;

    (void)snprintf(path, sizeof(path), "%s/%s", d->path, LOCK_NAME);
    d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0) {
        return sr_fail_errno(err, SR_IO, errno, "cannot open the lock file %s", path);
    }
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? fail_locked(d, err)
                                    : sr_fail_errno(err, SR_IO, errno, "cannot lock %s", path);
    }
    size = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (ftruncate(d->lock_fd, 0) != 0 || pwrite(d->lock_fd, pid, (size_t)size, 0) != size) {
        return sr_fail_errno(err, SR_IO, errno, "cannot write the lock file %s", path);
    }
    return SR_OK;
}

static enum sr_result load_identity(struct datadir *d, bool read_only, struct sr_err *err)
{
    uint64_t now = d->disk->now_ms(d->disk);
    enum sr_result result = identity_file_load(d->disk, &d->identity, err);

    if (result == SR_NOT_FOUND && !read_only) {
        result = sr_uuid_draw(&d->identity.instance, err);
        return result == SR_OK ? identity_file_create(d->disk, &d->identity, err) : result;
    }
    /* How long ago is not known across a stop: the time starts over. Before a newest one that
     * is not confirmed there may be others that are not: then none is known to be. */
    for (uint32_t i = 0; result == SR_OK && i < d->identity.token_count; i++) {
        d->confirmed_ms[i] = d->identity.newest_confirmed ? now : 0;
    }
    return result;
}

/* Looks for the mark of datadir_retire. */
static enum sr_result look_for_retirement(struct datadir *d, bool read_only, struct sr_err *err)
{
    struct disk_file *file = NULL;
    enum sr_result result = d->disk->open(d->disk, RETIRED_NAME, false, false, &file, err);

    d->disk->close(d->disk, &file);
    if (result != SR_OK) {
        return result == SR_NOT_FOUND ? SR_OK : result;
    }
    d->is_retired = true;
    return read_only ? SR_OK
                     : sr_fail(err, SR_REFUSED,
                               "the data directory %s was retired: everything it counted is in "
                               "the database, and it is never used again. Choose another by "
                               "--data-dir; this one may be removed",
                               d->path);
}

static enum sr_result open_in(struct datadir *d, const char *path, bool read_only,
                              struct sr_err *err)
{
    enum sr_result result = read_only ? SR_OK : make_directories(path, err);

    if (result != SR_OK) {
        return result;
    }
    if (realpath(path, d->path) == NULL) {
        return sr_fail_errno(err, errno == ENOENT ? SR_NOT_FOUND : SR_IO, errno,
                             "cannot find the data directory %s", path);
    }
    if (!read_only) {
        result = take_lock(d, err);
    }
    if (result == SR_OK) {
        result = disk_posix_open(d->path, &d->disk, err);
        d->owns_disk = result == SR_OK;
    }
    if (result == SR_OK) {
        result = look_for_retirement(d, read_only, err);
    }
    return result == SR_OK ? load_identity(d, read_only, err) : result;
}

enum sr_result datadir_open(const char *path, bool read_only, struct datadir **ret_datadir,
                            struct sr_err *err)
{
    struct datadir *d = calloc(1, sizeof(*d));
    enum sr_result result;

    if (d == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory opening the data directory");
    }
    d->lock_fd = -1;
    result = open_in(d, path, read_only, err);
    if (result != SR_OK) {
        datadir_close(&d);
        return result;
    }
    *ret_datadir = d;
    return SR_OK;
}

enum sr_result datadir_open_on(struct disk *disk, struct datadir **ret_datadir,
                               struct sr_err *err)
{
    struct datadir *d = calloc(1, sizeof(*d));
    enum sr_result result;

    if (d == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory opening the data directory");
    }
    d->lock_fd = -1;
    d->disk = disk;
    result = load_identity(d, false, err);
    if (result != SR_OK) {
        datadir_close(&d);
        return result;
    }
    *ret_datadir = d;
    return SR_OK;
}

void datadir_close(struct datadir **datadir)
{
    struct datadir *d = *datadir;

    if (d == NULL) {
        return;
    }
    if (d->owns_disk) {
        disk_posix_close(&d->disk);
    }
    if (d->lock_fd >= 0) {
        (void)close(d->lock_fd); /* gives the lock back */
    }
    free(d);
    *datadir = NULL;
}

bool datadir_retired(const struct datadir *d)
{
    return d->is_retired;
}

enum sr_result datadir_retire(struct datadir *d, struct sr_err *err)
{
    struct disk_file *file = NULL;
    enum sr_result result = d->disk->open(d->disk, RETIRED_NAME, true, false, &file, err);

    if (result == SR_OK) {
        result = d->disk->sync(d->disk, file, err);
    }
    d->disk->close(d->disk, &file);
    if (result == SR_OK) {
        result = d->disk->sync_directory(d->disk, err);
    }
    d->is_retired = result == SR_OK;
    return result;
}

struct disk *datadir_disk(struct datadir *d)
{
    return d->disk;
}

const char *datadir_path(const struct datadir *d)
{
    return d->path;
}

struct sr_uuid datadir_instance(const struct datadir *d)
{
    return d->identity.instance;
}

const struct sr_uuid *datadir_tokens(const struct datadir *d, size_t *ret_count)
{
    *ret_count = d->identity.token_count;
    return d->identity.tokens;
}

size_t datadir_tokens_own(const struct datadir *d)
{
    return d->own_count;
}

/* Drops the first `count` tokens, in memory only: the next save forgets them on disk. */
static void drop_oldest(struct datadir *d, uint32_t count)
{
    uint32_t rest = d->identity.token_count - count;

    memmove(d->identity.tokens, d->identity.tokens + count,
            rest * sizeof(d->identity.tokens[0]));
    memmove(d->confirmed_ms, d->confirmed_ms + count, rest * sizeof(d->confirmed_ms[0]));
    d->identity.token_count = rest;
    d->own_count = d->own_count < rest ? d->own_count : rest;
}

/* Whether the newest token, which nobody confirmed, is to be tried again. One that another
 * process drew may be in a copy of this directory as well, and two processes with one token
 * would take each other's flushes for their own. Only where it would displace the token that
 * the row carries, after a thousand starts without an answer, it is used all the same. */
static bool tries_again(const struct datadir *d)
{
    return d->identity.token_count > 0 && !d->identity.newest_confirmed &&
           (d->own_count > 0 || d->identity.token_count == DATADIR_TOKENS_MAX);
}

enum sr_result datadir_token_draw(struct datadir *d, struct sr_uuid *ret_token,
                                  struct sr_err *err)
{
    struct identity *identity = &d->identity;
    bool confirmed_before = identity->newest_confirmed;
    enum sr_result result;
    struct sr_uuid token;

    if (tries_again(d)) {
        *ret_token = identity->tokens[identity->token_count - 1];
        return SR_OK;
    }
    result = sr_uuid_draw(&token, err);
    if (result != SR_OK) {
        return result;
    }
    if (identity->token_count == DATADIR_TOKENS_MAX) {
        drop_oldest(d, 1);
    }
    identity->tokens[identity->token_count] = token;
    d->confirmed_ms[identity->token_count] = 0;
    identity->token_count++;
    identity->newest_confirmed = false;
    result = identity_file_save(d->disk, &d->identity, err);
    if (result != SR_OK) {
        /* Not known to be on the disk: it must not be used. */
        identity->token_count--;
        identity->newest_confirmed = confirmed_before;
        return result;
    }
    d->own_count++;
    *ret_token = token;
    return SR_OK;
}

enum sr_result datadir_token_confirmed(struct datadir *d, uint64_t now_ms, uint64_t keep_ms,
                                       struct sr_err *err)
{
    uint32_t keep_from = 0;
    enum sr_result result;

    SR_CHECK(d->identity.token_count > 0);
    d->identity.newest_confirmed = true;
    d->confirmed_ms[d->identity.token_count - 1] = now_ms;
    for (uint32_t i = 0; i < d->identity.token_count; i++) {
        if (d->confirmed_ms[i] != 0 && now_ms - d->confirmed_ms[i] > keep_ms) {
            keep_from = i;
        }
    }
    drop_oldest(d, keep_from);
    result = identity_file_save(d->disk, &d->identity, err);
    if (result != SR_OK) {
        d->identity.newest_confirmed = false;
    }
    return result;
}

bool datadir_fenced(const struct datadir *d)
{
    return d->identity.fenced;
}

enum sr_result datadir_mark_fenced(struct datadir *d, struct sr_err *err)
{
    enum sr_result result;

    if (d->identity.fenced) {
        return SR_OK;
    }
    d->identity.fenced = true;
    result = identity_file_save(d->disk, &d->identity, err);
    if (result != SR_OK) {
        d->identity.fenced = false;
    }
    return result;
}
