/*
 * Files of lines, and temporary ones that are filled at once.
 */
#include "transfer/source.h"

#include "base/buffer.h"
#include "http/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPOOL_SIZE ((size_t)1 << 20) /* written at once */

struct source {
    const char *name;
    int fd;
    struct stat status; /* when it was opened, or filled */
};

struct spool {
    int fd;
    const char *folder;
    struct sr_buffer waiting;
};

static enum sr_result make_source(const char *name, int fd, struct source **ret_source,
                                  struct sr_err *err)
{
    struct source *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "%.200s: out of memory", name);
    }
    if (fstat(fd, &s->status) != 0) {
        int code = errno;

        free(s);
        return sr_fail_errno(err, SR_IO, code, "%.200s", name);
    }
    s->name = name;
    s->fd = fd;
    *ret_source = s;
    return SR_OK;
}

void source_close(struct source **source)
{
    if (*source != NULL) {
        (void)close((*source)->fd); /* only read from, or without a name */
        free(*source);
        *source = NULL;
    }
}

const char *source_name(const struct source *s)
{
    return s->name;
}

int source_descriptor(const struct source *s)
{
    return s->fd;
}

uint64_t source_size(const struct source *s)
{
    return (uint64_t)s->status.st_size;
}

enum sr_result source_check(const struct source *s, struct sr_err *err)
{
    struct stat now;

    if (fstat(s->fd, &now) != 0) {
        return sr_fail_errno(err, SR_IO, errno, "%.200s", s->name);
    }
    if (now.st_size != s->status.st_size || now.st_mtim.tv_sec != s->status.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != s->status.st_mtim.tv_nsec) {
        return sr_fail(err, SR_INVALID,
                       "%.200s: was changed while it was imported; import a file that nobody "
                       "writes to",
                       s->name);
    }
    return SR_OK;
}

/* ---- temporary files ---- */

static int open_unnamed(const char *folder)
{
    char path[4096];
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    /* Not every file system has such files. */
    if (fd >= 0 ||
        snprintf(path, sizeof(path), "%s/simple-request-XXXXXX", folder) >= (int)sizeof(path)) {
        return fd;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) {
        (void)unlink(path); /* left behind it would only take space */
    }
    return fd;
}

static enum sr_result spool_flush(struct spool *spool, struct sr_err *err)
{
    size_t done = 0;

    while (done < spool->waiting.size) {
        ssize_t size = write(spool->fd, spool->waiting.data + done, spool->waiting.size - done);

        if (size < 0 && errno != EINTR) {
            return sr_fail_errno(err, SR_IO, errno,
                                 "temporary file in %.200s (TMPDIR names another place)",
                                 spool->folder);
        }
        done += size < 0 ? 0 : (size_t)size;
    }
    spool->waiting.size = 0;
    return SR_OK;
}

/* Room for `size` bytes at the end of what waits. */
static enum sr_result make_room(struct spool *spool, size_t size, struct sr_err *err)
{
    if (spool->waiting.size + size > SPOOL_SIZE && spool_flush(spool, err) != SR_OK) {
        return err->code;
    }
    return sr_buffer_reserve(&spool->waiting, size) == SR_OK
               ? SR_OK
               : sr_fail(err, SR_NO_MEMORY, "out of memory for %zu bytes", size);
}

enum sr_result spool_write(struct spool *spool, struct sr_span bytes, struct sr_err *err)
{
    enum sr_result result = SR_OK;

    while (bytes.size > 0 && result == SR_OK) {
        size_t size = bytes.size < SPOOL_SIZE ? bytes.size : SPOOL_SIZE;

        result = make_room(spool, size, err);
        if (result == SR_OK) {
            result = sr_buffer_append(&spool->waiting, bytes.data, size);
            bytes.data += size;
            bytes.size -= size;
        }
    }
    return result;
}

enum sr_result spool_pair(struct spool *spool, struct sr_span key, int64_t value,
                          struct sr_err *err)
{
    enum sr_result result = make_room(spool, 8 + http_escaped_size(key) + 64, err);
    uint8_t *at;

    if (result != SR_OK) {
        return result;
    }
    at = spool->waiting.data + spool->waiting.size;
    at += snprintf((char *)at, 64, "{\"key\":\"");
    at = http_put_escaped(at, key);
    at += snprintf((char *)at, 64, "\",\"value\":%" PRId64 "}\n", value);
    spool->waiting.size = (size_t)(at - spool->waiting.data);
    return SR_OK;
}

static enum sr_result fill_spool(struct spool *spool, source_fill_fn *fill, void *context,
                                 struct sr_err *err)
{
    enum sr_result result;

    sr_buffer_init(&spool->waiting, 2 * SPOOL_SIZE);
    result = fill(context, spool, err);
    if (result == SR_OK) {
        result = spool_flush(spool, err);
    }
    sr_buffer_done(&spool->waiting);
    return result;
}

enum sr_result source_spool(const char *name, source_fill_fn *fill, void *context,
                            struct source **ret_source, struct sr_err *err)
{
    const char *given = getenv("TMPDIR");
    struct spool spool = {.folder = given == NULL || *given == '\0' ? "/var/tmp" : given};
    enum sr_result result;

    spool.fd = open_unnamed(spool.folder);
    if (spool.fd < 0) {
        return sr_fail_errno(err, SR_IO, errno,
                             "temporary file in %.200s (TMPDIR names another place)",
                             spool.folder);
    }
    result = fill_spool(&spool, fill, context, err);
    if (result == SR_OK) {
        result = make_source(name, spool.fd, ret_source, err);
    }
    if (result != SR_OK) {
        (void)close(spool.fd); /* given up */
    }
    return result;
}

/* ---- files ---- */

static enum sr_result copy_input(void *context, struct spool *spool, struct sr_err *err)
{
    static uint8_t bytes[65536];
    ssize_t size;

    (void)context;
    do {
        size = read(STDIN_FILENO, bytes, sizeof(bytes));
        if (size < 0 && errno != EINTR) {
            return sr_fail_errno(err, SR_IO, errno, "standard input");
        }
        if (size > 0 &&
            spool_write(spool, (struct sr_span){.data = bytes, .size = (size_t)size}, err) !=
                SR_OK) {
            return err->code;
        }
    } while (size != 0);
    return SR_OK;
}

enum sr_result source_open_file(const char *path, struct source **ret_source,
                                struct sr_err *err)
{
    enum sr_result result;
    int fd;

    if (strcmp(path, "-") == 0) {
        return source_spool("standard input", copy_input, NULL, ret_source, err);
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return sr_fail_errno(err, SR_INVALID, errno, "%.200s", path);
    }
    result = make_source(path, fd, ret_source, err);
    if (result == SR_OK && !S_ISREG((*ret_source)->status.st_mode)) {
        result = sr_fail(err, SR_INVALID, "%.200s: is no regular file; - reads standard input",
                         path);
        free(*ret_source);
        *ret_source = NULL;
    }
    if (result != SR_OK) {
        (void)close(fd); /* only read from */
    }
    return result;
}
