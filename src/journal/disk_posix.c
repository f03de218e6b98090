/*
 * The real disk: one directory of a POSIX file system. Any thread; a file is used by one thread
 * at a time.
 */
#include "journal/disk.h"

#include "base/check.h"
#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct disk_file {
    int fd;
    bool direct; /* O_DIRECT|O_DSYNC took: a write is durable when it returns */
    char name[64];
};

struct disk_posix {
    struct disk base;
    int fd; /* the directory */
    char path[256];
};

static struct disk_posix *posix_of(struct disk *disk)
{
    return (struct disk_posix *)disk;
}

static enum sr_result result_of(int errno_value)
{
    switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return SR_FULL;
    case ENOENT:
        return SR_NOT_FOUND;
    case EEXIST:
        return SR_EXISTS;
    default:
        return SR_IO;
    }
}

static enum sr_result fail_on(struct disk *disk, const char *verb, const char *name,
                              struct sr_err *err)
{
    int why = errno;

    return sr_fail_errno(err, result_of(why), why, "cannot %s %s/%s", verb,
                         posix_of(disk)->path, name);
}

static enum sr_result posix_open(struct disk *disk, const char *name, bool create, bool direct,
                                 struct disk_file **ret_file, struct sr_err *err)
{
    int flags = O_RDWR | O_CLOEXEC | (create ? O_CREAT | O_EXCL : 0);
    struct disk_file *file = calloc(1, sizeof(*file));

    if (file == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory opening %s", name);
    }
    (void)snprintf(file->name, sizeof(file->name), "%s", name);
    file->fd = -1;
    if (direct) {
        file->fd = openat(posix_of(disk)->fd, name, flags | O_DIRECT | O_DSYNC, 0600);
        file->direct = file->fd >= 0;
    }
    if (file->fd < 0 && (!direct || errno == EINVAL)) {
        /* Not every file system takes O_DIRECT: then each write is followed by a sync. With
         * O_CREAT the refused attempt may have left the file behind. */
        file->fd = openat(posix_of(disk)->fd, name, direct ? flags & ~O_EXCL : flags, 0600);
    }
    if (file->fd < 0) {
        free(file);
        return fail_on(disk, create ? "create" : "open", name, err);
    }
    *ret_file = file;
    return SR_OK;
}

static void posix_close(struct disk *disk, struct disk_file **file)
{
    (void)disk;
    if (*file == NULL) {
        return;
    }
    /* An error of close is of no use: what mattered was synced before. */
    (void)close((*file)->fd);
    free(*file);
    *file = NULL;
}

static enum sr_result posix_sync(struct disk *disk, struct disk_file *file, struct sr_err *err)
{
    if (fdatasync(file->fd) != 0) {
        return fail_on(disk, "sync", file->name, err);
    }
    return SR_OK;
}

static enum sr_result posix_write(struct disk *disk, struct disk_file *file, uint64_t offset,
                                  const void *data, size_t size, struct sr_err *err)
{
    const uint8_t *at = data;

    while (size > 0) {
        ssize_t done = pwrite(file->fd, at, size, (off_t)offset);

        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            errno = done == 0 ? ENOSPC : errno;
            return fail_on(disk, "write", file->name, err);
        }
        at += done;
        offset += (uint64_t)done;
        size -= (size_t)done;
        if (size > 0 && file->direct && (done & 4095) != 0) {
            /* A short direct write that is not a block's: the rest cannot be continued. */
            errno = EIO;
            return fail_on(disk, "write", file->name, err);
        }
    }
    return SR_OK;
}

static enum sr_result posix_allocate(struct disk *disk, struct disk_file *file, uint64_t bytes,
                                     struct sr_err *err)
{
    int result;

    do {
        result = fallocate(file->fd, 0, 0, (off_t)bytes);
    } while (result != 0 && errno == EINTR);
    /* Not every file system has it, nor every sandbox's kernel. */
    if (result == 0 || errno == EOPNOTSUPP || errno == ENOSYS) {
        return SR_OK;
    }
    return fail_on(disk, "allocate", file->name, err);
}

static enum sr_result posix_read(struct disk *disk, struct disk_file *file, uint64_t offset,
                                 void *data, size_t size, size_t *ret_size, struct sr_err *err)
{
    uint8_t *at = data;
    size_t total = 0;

    while (total < size) {
        ssize_t done = pread(file->fd, at + total, size - total, (off_t)(offset + total));

        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return fail_on(disk, "read", file->name, err);
        }
        if (done == 0) {
            break;
        }
        total += (size_t)done;
    }
    *ret_size = total;
    return SR_OK;
}

static enum sr_result posix_size(struct disk *disk, struct disk_file *file, uint64_t *ret_size,
                                 struct sr_err *err)
{
    struct stat status;

    if (fstat(file->fd, &status) != 0) {
        return fail_on(disk, "stat", file->name, err);
    }
    *ret_size = (uint64_t)status.st_size;
    return SR_OK;
}

static bool posix_durable_writes(struct disk *disk, struct disk_file *file)
{
    (void)disk;
    return file->direct;
}

static enum sr_result posix_sync_directory(struct disk *disk, struct sr_err *err)
{
    if (fsync(posix_of(disk)->fd) != 0) {
        return fail_on(disk, "sync directory", ".", err);
    }
    return SR_OK;
}

static enum sr_result posix_rename(struct disk *disk, const char *from, const char *to,
                                   struct sr_err *err)
{
    if (renameat(posix_of(disk)->fd, from, posix_of(disk)->fd, to) != 0) {
        return fail_on(disk, "rename", from, err);
    }
    return SR_OK;
}

static enum sr_result posix_unlink(struct disk *disk, const char *name, struct sr_err *err)
{
    if (unlinkat(posix_of(disk)->fd, name, 0) != 0) {
        return fail_on(disk, "remove", name, err);
    }
    return SR_OK;
}

static enum sr_result posix_list(struct disk *disk,
                                 void (*each)(void *context, const char *name), void *context,
                                 struct sr_err *err)
{
    int fd = openat(posix_of(disk)->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    if (directory == NULL) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return fail_on(disk, "list", ".", err);
    }
    errno = 0;
    while ((entry = readdir(directory)) != NULL) {
        each(context, entry->d_name);
        errno = 0;
    }
    if (errno != 0) {
        enum sr_result result = fail_on(disk, "list", ".", err);

        (void)closedir(directory);
        return result;
    }
    (void)closedir(directory);
    return SR_OK;
}

static uint64_t posix_now_ms(struct disk *disk)
{
    (void)disk;
    return sr_clock_monotonic_ms();
}

static uint64_t posix_now_ns(struct disk *disk)
{
    (void)disk;
    return sr_clock_monotonic_ns();
}

enum sr_result disk_posix_open(const char *directory, struct disk **ret_disk,
                               struct sr_err *err)
{
    static const struct disk calls = {
        .open = posix_open,
        .close = posix_close,
        .write = posix_write,
        .allocate = posix_allocate,
        .read = posix_read,
        .size = posix_size,
        .durable_writes = posix_durable_writes,
        .sync = posix_sync,
        .sync_directory = posix_sync_directory,
        .rename = posix_rename,
        .unlink = posix_unlink,
        .list = posix_list,
        .now_ms = posix_now_ms,
        .now_ns = posix_now_ns,
    };
    struct disk_posix *disk = calloc(1, sizeof(*disk));

    if (disk == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "out of memory opening %s", directory);
    }
    disk->base = calls;
    (void)snprintf(disk->path, sizeof(disk->path), "%s", directory);
    disk->fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (disk->fd < 0) {
        int why = errno;

        free(disk);
        return sr_fail_errno(err, result_of(why), why, "cannot open directory %s", directory);
    }
    *ret_disk = &disk->base;
    return SR_OK;
}

void disk_posix_close(struct disk **disk)
{
    if (*disk == NULL) {
        return;
    }
    (void)close(posix_of(*disk)->fd);
    free(*disk);
    *disk = NULL;
}
