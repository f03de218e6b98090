/*
 * The narrow waist between the journal and a file system: every call that can fail goes through
 * this table, so that tests and the simulation can stand in for the disk. A disk is one
 * directory. The real one is disk_posix.c.
 */
#ifndef SR_JOURNAL_DISK_H
#define SR_JOURNAL_DISK_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk_file; /* an open file */

struct disk {
    /* Opens name for reading and writing; create: must not exist yet. direct: writes are
     * durable when they return and bypass the page cache where the file system takes it (then
     * addresses, sizes and offsets are multiples of 4096). */
    enum sr_result (*open)(struct disk *disk, const char *name, bool create, bool direct,
                           struct disk_file **ret_file, struct sr_err *err);
    void (*close)(struct disk *disk, struct disk_file **file); /* accepts NULL, leaves NULL */
    /* All size bytes, or an error: short results are continued, EINTR is repeated. SR_FULL for
     * ENOSPC, EDQUOT and EFBIG. */
    enum sr_result (*write)(struct disk *disk, struct disk_file *file, uint64_t offset,
                            const void *data, size_t size, struct sr_err *err);
    /* Takes room for the first `bytes` bytes of a new file, so that writing them does not find
     * the disk full. SR_OK and nothing is taken where the file system cannot. SR_FULL. */
    enum sr_result (*allocate)(struct disk *disk, struct disk_file *file, uint64_t bytes,
                               struct sr_err *err);
    /* Reads up to size bytes; *ret_size is smaller only at the end of the file. */
    enum sr_result (*read)(struct disk *disk, struct disk_file *file, uint64_t offset,
                           void *data, size_t size, size_t *ret_size, struct sr_err *err);
    enum sr_result (*size)(struct disk *disk, struct disk_file *file, uint64_t *ret_size,
                           struct sr_err *err);
    /* True where a write is durable when it returned, so that no sync is needed after it. */
    bool (*durable_writes)(struct disk *disk, struct disk_file *file);
    enum sr_result (*sync)(struct disk *disk, struct disk_file *file, struct sr_err *err);
    enum sr_result (*sync_directory)(struct disk *disk, struct sr_err *err);
    enum sr_result (*rename)(struct disk *disk, const char *from, const char *to,
                             struct sr_err *err); /* replaces `to` */
    enum sr_result (*unlink)(struct disk *disk, const char *name, struct sr_err *err);
    /* Calls `each` with every name in the directory, in any order. */
    enum sr_result (*list)(struct disk *disk, void (*each)(void *context, const char *name),
                           void *context, struct sr_err *err);
    uint64_t (*now_ms)(
        struct disk *disk); /* monotonic: age of retained epochs, syncs each second */
    uint64_t (*now_ns)(struct disk *disk); /* monotonic: for the sync histogram */
};

/* Opens a directory as a disk; *ret_disk is owned by the caller. SR_NOT_FOUND, SR_IO. */
enum sr_result disk_posix_open(const char *directory, struct disk **ret_disk,
                               struct sr_err *err) SR_MUST_USE;
void disk_posix_close(struct disk **disk);

#endif
