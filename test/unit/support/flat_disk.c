/*
 * A disk of a few files in memory. Files of the first content are read in place and copied when
 * they are first written to, so that a reset copies nothing.
 */
#include "support/flat_disk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct original {
    char name[64];
    uint8_t *bytes; /* owned */
    uint64_t size, cut;
};

struct file {
    char name[64];                   /* empty: no such file */
    const struct original *original; /* its bytes are the original's still; NULL: its own */
    uint8_t *own;                    /* FLAT_DISK_FILE_BYTES once needed, kept over resets */
    uint64_t size;
};

struct disk_file {
    struct file *file;
};

struct flat_disk {
    struct disk base;
    struct original originals[FLAT_DISK_FILES];
    unsigned count;
    struct file files[FLAT_DISK_FILES];
};

static struct flat_disk *of(struct disk *disk)
{
    return (struct flat_disk *)disk;
}

/* The file of that name; "" finds a free slot. */
static struct file *find(struct flat_disk *flat, const char *name)
{
    for (unsigned i = 0; i < FLAT_DISK_FILES; i++) {
        if (strcmp(flat->files[i].name, name) == 0) {
            return &flat->files[i];
        }
    }
    return NULL;
}

static enum sr_result flat_open(struct disk *disk, const char *name, bool create, bool direct,
                                struct disk_file **ret_file, struct sr_err *err)
{
    struct file *file = find(of(disk), name);

    (void)direct;
    if (create) {
        if (file != NULL) {
            return sr_fail(err, SR_EXISTS, "%s exists", name);
        }
        file = find(of(disk), "");
        assert(file != NULL);
        (void)snprintf(file->name, sizeof(file->name), "%s", name);
        file->original = NULL;
        file->size = 0;
    } else if (file == NULL) {
        return sr_fail(err, SR_NOT_FOUND, "%s does not exist", name);
    }
    *ret_file = malloc(sizeof(**ret_file));
    assert(*ret_file != NULL);
    (*ret_file)->file = file;
    return SR_OK;
}

static void flat_close(struct disk *disk, struct disk_file **file)
{
    (void)disk;
    free(*file);
    *file = NULL;
}

static void make_own(struct file *file)
{
    if (file->own == NULL) {
        file->own = malloc(FLAT_DISK_FILE_BYTES);
        assert(file->own != NULL);
    }
    if (file->original != NULL) {
        memcpy(file->own, file->original->bytes, file->size);
        file->original = NULL;
    }
}

static enum sr_result flat_write(struct disk *disk, struct disk_file *handle, uint64_t offset,
                                 const void *data, size_t size, struct sr_err *err)
{
    struct file *file = handle->file;

    (void)disk;
    if (offset + size > FLAT_DISK_FILE_BYTES) {
        return sr_fail(err, SR_FULL, "a file of the test's disk is bounded");
    }
    make_own(file);
    if (offset > file->size) {
        memset(file->own + file->size, 0, offset - file->size);
    }
    memcpy(file->own + offset, data, size);
    file->size = offset + size > file->size ? offset + size : file->size;
    return SR_OK;
}

static enum sr_result flat_allocate(struct disk *disk, struct disk_file *file, uint64_t bytes,
                                    struct sr_err *err)
{
    (void)disk;
    (void)file;
    (void)bytes;
    (void)err;
    return SR_OK;
}

static enum sr_result flat_read(struct disk *disk, struct disk_file *handle, uint64_t offset,
                                void *data, size_t size, size_t *ret_size, struct sr_err *err)
{
    const struct file *file = handle->file;
    uint64_t left = offset < file->size ? file->size - offset : 0;

    (void)disk;
    (void)err;
    *ret_size = size < left ? size : left;
    if (*ret_size > 0) {
        memcpy(data, (file->original != NULL ? file->original->bytes : file->own) + offset,
               *ret_size);
    }
    return SR_OK;
}

static enum sr_result flat_size(struct disk *disk, struct disk_file *handle, uint64_t *ret_size,
                                struct sr_err *err)
{
    (void)disk;
    (void)err;
    *ret_size = handle->file->size;
    return SR_OK;
}

static bool flat_durable_writes(struct disk *disk, struct disk_file *file)
{
    (void)disk;
    (void)file;
    return true;
}

static enum sr_result flat_sync(struct disk *disk, struct disk_file *file, struct sr_err *err)
{
    (void)disk;
    (void)file;
    (void)err;
    return SR_OK;
}

static enum sr_result flat_sync_directory(struct disk *disk, struct sr_err *err)
{
    (void)disk;
    (void)err;
    return SR_OK;
}

static enum sr_result flat_unlink(struct disk *disk, const char *name, struct sr_err *err)
{
    struct file *file = find(of(disk), name);

    if (file == NULL) {
        return sr_fail(err, SR_NOT_FOUND, "%s does not exist", name);
    }
    file->name[0] = '\0';
    return SR_OK;
}

static enum sr_result flat_rename(struct disk *disk, const char *from, const char *to,
                                  struct sr_err *err)
{
    struct file *file = find(of(disk), from);

    if (file == NULL) {
        return sr_fail(err, SR_NOT_FOUND, "%s does not exist", from);
    }
    (void)flat_unlink(disk, to, NULL); /* nothing to replace is fine */
    (void)snprintf(file->name, sizeof(file->name), "%s", to);
    return SR_OK;
}

static enum sr_result flat_list(struct disk *disk,
                                void (*each)(void *context, const char *name), void *context,
                                struct sr_err *err)
{
    struct flat_disk *flat = of(disk);

    (void)err;
    for (unsigned i = 0; i < FLAT_DISK_FILES; i++) {
        if (flat->files[i].name[0] != '\0') {
            each(context, flat->files[i].name);
        }
    }
    return SR_OK;
}

static uint64_t flat_now(struct disk *disk)
{
    (void)disk;
    return 1000;
}

struct flat_disk *flat_disk_new(void)
{
    static const struct disk calls = {
        .open = flat_open,
        .close = flat_close,
        .write = flat_write,
        .allocate = flat_allocate,
        .read = flat_read,
        .size = flat_size,
        .durable_writes = flat_durable_writes,
        .sync = flat_sync,
        .sync_directory = flat_sync_directory,
        .rename = flat_rename,
        .unlink = flat_unlink,
        .list = flat_list,
        .now_ms = flat_now,
        .now_ns = flat_now,
    };
    struct flat_disk *flat = calloc(1, sizeof(*flat));

    assert(flat != NULL);
    flat->base = calls;
    return flat;
}

void flat_disk_free(struct flat_disk **flat)
{
    for (unsigned i = 0; i < FLAT_DISK_FILES; i++) {
        free((*flat)->originals[i].bytes);
        free((*flat)->files[i].own);
    }
    free(*flat);
    *flat = NULL;
}

struct disk *flat_disk_base(struct flat_disk *flat)
{
    return &flat->base;
}

void flat_disk_put(struct flat_disk *flat, const char *name, const void *bytes, uint64_t size)
{
    struct original *original = &flat->originals[flat->count];

    assert(flat->count < FLAT_DISK_FILES && size <= FLAT_DISK_FILE_BYTES);
    (void)snprintf(original->name, sizeof(original->name), "%s", name);
    original->bytes = malloc(size + 1); /* an empty file has bytes as well */
    assert(original->bytes != NULL);
    memcpy(original->bytes, bytes, size);
    original->size = size;
    original->cut = UINT64_MAX;
    flat->count++;
    flat_disk_reset(flat);
}

unsigned flat_disk_count(const struct flat_disk *flat)
{
    return flat->count;
}

const char *flat_disk_name(const struct flat_disk *flat, unsigned i)
{
    return flat->originals[i].name;
}

uint8_t *flat_disk_bytes(struct flat_disk *flat, unsigned i, uint64_t *ret_size)
{
    *ret_size = flat->originals[i].size;
    return flat->originals[i].bytes;
}

void flat_disk_cut(struct flat_disk *flat, unsigned i, uint64_t size)
{
    flat->originals[i].cut = size;
}

void flat_disk_reset(struct flat_disk *flat)
{
    for (unsigned i = 0; i < FLAT_DISK_FILES; i++) {
        const struct original *original = &flat->originals[i];
        struct file *file = &flat->files[i];

        memcpy(file->name, original->name, sizeof(file->name));
        file->original = i < flat->count ? original : NULL;
        file->size = original->size < original->cut ? original->size : original->cut;
    }
}
