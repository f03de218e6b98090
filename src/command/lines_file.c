/*
 * Lines into a file or standard output, in large writes.
 */
#include "command/lines_file.h"

#include "http/reply.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITE_SIZE ((size_t)256 << 10)
#define LINE_SIZE_MAX ((size_t)8 << 10) /* a key of 512 bytes, each as \u001f, and the rest */

static const char *name_of(const struct lines_file *file)
{
    return file->path == NULL ? "standard output" : file->path;
}

/* A device or a pipe would be replaced by the file. */
static enum sr_result check_path(const char *path, struct sr_err *err)
{
    struct stat found;

    if (lstat(path, &found) == 0 && !S_ISREG(found.st_mode)) {
        return sr_fail(err, SR_INVALID,
                       "--output %.200s: is there and is no plain file; without --output, > "
                       "writes to anything",
                       path);
    }
    return SR_OK;
}

static enum sr_result open_temporary(struct lines_file *file, struct sr_err *err)
{
    enum sr_result result = check_path(file->path, err);

    if (result != SR_OK) {
        return result;
    }
    if (asprintf(&file->temporary, "%s.%d.partial", file->path, (int)getpid()) < 0) {
        file->temporary = NULL;
        return sr_fail(err, SR_NO_MEMORY, "--output: out of memory");
    }
    file->fd = open(file->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file->fd < 0) {
        result =
            sr_fail_errno(err, SR_IO, errno, "--output: cannot make %.200s", file->temporary);
        free(file->temporary);
        file->temporary = NULL; /* nothing to be removed */
    }
    return result;
}

enum sr_result lines_file_open(struct lines_file *file, const char *path, struct sr_err *err)
{
    bool is_file = path != NULL && strcmp(path, "-") != 0;

    *file = (struct lines_file){.fd = STDOUT_FILENO, .path = is_file ? path : NULL};
    sr_buffer_init(&file->out, WRITE_SIZE + LINE_SIZE_MAX);
    return is_file ? open_temporary(file, err) : SR_OK;
}

static enum sr_result write_out(struct lines_file *file, struct sr_err *err)
{
    size_t at = 0;

    while (at < file->out.size) {
        ssize_t wrote = write(file->fd, file->out.data + at, file->out.size - at);

        if (wrote < 0 && errno != EINTR) {
            return sr_fail_errno(err, SR_IO, errno, "writing to %.200s", name_of(file));
        }
        at += wrote > 0 ? (size_t)wrote : 0;
    }
    file->out.size = 0;
    return SR_OK;
}

static enum sr_result append_counter(struct sr_buffer *out, struct sr_span key, int64_t value)
{
    enum sr_result result = sr_buffer_append(out, "{\"key\":", 7);
    char number[24] = ",\"value\":";

    if (result == SR_OK) {
        result = http_json_string(out, key);
    }
    if (result == SR_OK) {
        result = sr_buffer_append(out, number, strlen(number));
    }
    if (result == SR_OK) {
        result = sr_buffer_append(out, number, http_format_i64(value, number));
    }
    if (result == SR_OK) {
        result = sr_buffer_append(out, "}\n", 2);
    }
    return result;
}

enum sr_result lines_file_counter(struct lines_file *file, struct sr_span key, int64_t value,
                                  struct sr_err *err)
{
    enum sr_result result = append_counter(&file->out, key, value);

    if (result != SR_OK) {
        return sr_fail(err, result, "out of memory");
    }
    return file->out.size < WRITE_SIZE ? SR_OK : write_out(file, err);
}

/* The new name must be on the disk too. */
static enum sr_result sync_directory(const struct lines_file *file, struct sr_err *err)
{
    char *copy = strdup(file->path);
    int fd = copy == NULL ? -1 : open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    int why = copy == NULL ? ENOMEM : errno;

    if (fd >= 0) {
        (void)close(fd);
    }
    free(copy);
    return synced
               ? SR_OK
               : sr_fail_errno(err, SR_IO, why, "--output %.200s: its directory", file->path);
}

static enum sr_result give_name(struct lines_file *file, struct sr_err *err)
{
    int fd = file->fd;

    if (fsync(fd) != 0) {
        return sr_fail_errno(err, SR_IO, errno, "--output %.200s", file->path);
    }
    file->fd = -1;
    if (close(fd) != 0 || rename(file->temporary, file->path) != 0) {
        return sr_fail_errno(err, SR_IO, errno, "--output %.200s", file->path);
    }
    free(file->temporary);
    file->temporary = NULL;
    return sync_directory(file, err);
}

enum sr_result lines_file_finish(struct lines_file *file, struct sr_err *err)
{
    enum sr_result result = write_out(file, err);

    return result == SR_OK && file->path != NULL ? give_name(file, err) : result;
}

void lines_file_close(struct lines_file *file)
{
    if (file->path != NULL && file->fd >= 0) {
        (void)close(file->fd);
        file->fd = -1;
    }
    if (file->temporary != NULL) {
        (void)unlink(file->temporary); /* whoever finds it there sees by its name what it is */
        free(file->temporary);
        file->temporary = NULL;
    }
    sr_buffer_done(&file->out);
}
