/*
 * The calls of a disk on shared pages.
 */
#include "disk_internal.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sim_disk *of(struct disk *disk)
{
    return (struct sim_disk *)disk;
}

/* ---- names ---- */

static struct name *find(struct sim_disk *disk, const char *text)
{
    for (unsigned i = 0; i < disk->name_count; i++) {
        if (strcmp(disk->names[i].text, text) == 0) {
            return &disk->names[i];
        }
    }
    return NULL;
}

static struct name *find_or_add(struct sim_disk *disk, const char *text)
{
    struct name *name = find(disk, text);

    for (unsigned i = 0; i < disk->name_count && name == NULL; i++) {
        if (disk->names[i].now == NULL && disk->names[i].durable == NULL) {
            name = &disk->names[i];
        }
    }
    if (name == NULL) {
        SR_CHECK(disk->name_count < NAMES_MAX);
        name = &disk->names[disk->name_count++];
    }
    (void)snprintf(name->text, sizeof(name->text), "%s", text);
    return name;
}

/* ---- the table of calls ---- */

static enum sr_result begin(struct sim_disk *disk, struct sr_err *err)
{
    if (disk->dead) {
        return sr_fail(err, SR_IO, "the machine is off");
    }
    if (disk->fail_at == 0 || --disk->fail_at > 0) {
        return SR_OK;
    }
    return sr_fail(err, disk->fail_with, "injected failure");
}

/* The effect is there, not durable yet. False: the machine went off meanwhile. */
static enum sr_result changed(struct sim_disk *disk, struct sr_err *err)
{
    disk->version++;
    if (disk->options.moment != NULL) {
        disk->options.moment(disk->options.context);
    }
    return disk->dead ? sr_fail(err, SR_IO, "the machine went off") : SR_OK;
}

static enum sr_result sim_open(struct disk *base, const char *text, bool create, bool direct,
                               struct disk_file **ret_file, struct sr_err *err)
{
    struct sim_disk *disk = of(base);
    struct name *name = find(disk, text);
    bool exists = name != NULL && name->now != NULL;
    enum sr_result result = begin(disk, err);
    struct disk_file *file;

    if (result == SR_OK && create == exists) {
        result = sr_fail(err, create ? SR_EXISTS : SR_NOT_FOUND, "%s %s", text,
                         create ? "exists" : "does not exist");
    }
    if (result == SR_OK && create) {
        name = find_or_add(disk, text);
        sim_inode_set(&name->now, sim_inode_new());
        result = changed(disk, err);
    }
    if (result != SR_OK) {
        return result;
    }
    file = calloc(1, sizeof(*file));
    SR_CHECK(file != NULL);
    sim_inode_set(&file->inode, name->now);
    file->direct = direct && disk->options.direct;
    *ret_file = file;
    return SR_OK;
}

static void sim_close(struct disk *base, struct disk_file **file)
{
    (void)base;
    if (*file != NULL) {
        sim_inode_set(&(*file)->inode, NULL);
        free(*file);
        *file = NULL;
    }
}

static enum sr_result sim_write(struct disk *base, struct disk_file *file, uint64_t offset,
                                const void *data, size_t size, struct sr_err *err)
{
    struct sim_disk *disk = of(base);
    enum sr_result result = begin(disk, err);

    if (result != SR_OK) {
        if (!disk->dead && size > 0) {
            /* Part of it reached the disk: nobody may rely on either. */
            sim_inode_write(file->inode, offset, data, sim_draw(disk) % size);
        }
        return result;
    }
    sim_inode_write(file->inode, offset, data, size);
    result = changed(disk, err);
    if (result == SR_OK && file->direct) {
        sim_inode_sync(file->inode);
        disk->version++;
    }
    return result;
}

/* This disk is never full. */
static enum sr_result sim_allocate(struct disk *base, struct disk_file *file, uint64_t bytes,
                                   struct sr_err *err)
{
    (void)base;
    (void)file;
    (void)bytes;
    (void)err;
    return SR_OK;
}

static enum sr_result sim_read(struct disk *base, struct disk_file *file, uint64_t offset,
                               void *data, size_t size, size_t *ret_size, struct sr_err *err)
{
    uint64_t left = offset < file->inode->size ? file->inode->size - offset : 0;
    enum sr_result result = begin(of(base), err);
    uint8_t *to = data;

    if (result != SR_OK) {
        return result;
    }
    size = size < left ? size : (size_t)left;
    *ret_size = size;
    while (size > 0) {
        uint64_t at = offset % BLOCK;
        size_t part = size < BLOCK - at ? size : BLOCK - at;

        memcpy(to, sim_page_bytes(file->inode->now[offset / BLOCK]) + at, part);
        offset += part;
        to += part;
        size -= part;
    }
    return SR_OK;
}

static enum sr_result sim_size(struct disk *base, struct disk_file *file, uint64_t *ret_size,
                               struct sr_err *err)
{
    enum sr_result result = begin(of(base), err);

    if (result == SR_OK) {
        *ret_size = file->inode->size;
    }
    return result;
}

static bool sim_durable_writes(struct disk *base, struct disk_file *file)
{
    (void)base;
    return file->direct;
}

static enum sr_result sim_sync(struct disk *base, struct disk_file *file, struct sr_err *err)
{
    struct sim_disk *disk = of(base);
    enum sr_result result = begin(disk, err);

    if (result != SR_OK) {
        if (!disk->dead) {
            sim_inode_fail_sync(disk, file->inode);
        }
        return result;
    }
    result = changed(disk, err);
    if (result == SR_OK) {
        sim_inode_sync(file->inode);
        disk->version++;
    }
    return result;
}

static enum sr_result sim_sync_directory(struct disk *base, struct sr_err *err)
{
    struct sim_disk *disk = of(base);
    enum sr_result result = begin(disk, err);

    if (result == SR_OK) {
        result = changed(disk, err);
    }
    for (unsigned i = 0; i < disk->name_count && result == SR_OK; i++) {
        sim_inode_set(&disk->names[i].durable, disk->names[i].now);
    }
    disk->version++;
    return result;
}

static enum sr_result sim_rename(struct disk *base, const char *from, const char *to,
                                 struct sr_err *err)
{
    struct sim_disk *disk = of(base);
    struct name *source = find(disk, from);
    enum sr_result result = begin(disk, err);

    if (result != SR_OK) {
        return result;
    }
    if (source == NULL || source->now == NULL) {
        return sr_fail(err, SR_NOT_FOUND, "%s does not exist", from);
    }
    sim_inode_set(&find_or_add(disk, to)->now, source->now);
    sim_inode_set(&source->now, NULL);
    disk->removed += strncmp(from, "state-", 6) == 0 && strstr(from, ".tmp") == NULL;
    return changed(disk, err);
}

static enum sr_result sim_unlink(struct disk *base, const char *text, struct sr_err *err)
{
    struct sim_disk *disk = of(base);
    struct name *name = find(disk, text);
    enum sr_result result = begin(disk, err);

    if (result != SR_OK) {
        return result;
    }
    if (name == NULL || name->now == NULL) {
        return sr_fail(err, SR_NOT_FOUND, "%s does not exist", text);
    }
    sim_inode_set(&name->now, NULL);
    return changed(disk, err);
}

static enum sr_result sim_list(struct disk *base, void (*each)(void *context, const char *name),
                               void *context, struct sr_err *err)
{
    struct sim_disk *disk = of(base);
    enum sr_result result = begin(disk, err);

    for (unsigned i = 0; i < disk->name_count && result == SR_OK; i++) {
        if (disk->names[i].now != NULL) {
            each(context, disk->names[i].text);
        }
    }
    return result;
}

static uint64_t sim_now_ms(struct disk *base)
{
    return of(base)->now_ms;
}

static uint64_t sim_now_ns(struct disk *base)
{
    return of(base)->now_ms * 1000000U;
}

/* ---- the disk as the world sees it ---- */

static const struct disk calls = {
    .open = sim_open,
    .close = sim_close,
    .write = sim_write,
    .allocate = sim_allocate,
    .read = sim_read,
    .size = sim_size,
    .durable_writes = sim_durable_writes,
    .sync = sim_sync,
    .sync_directory = sim_sync_directory,
    .rename = sim_rename,
    .unlink = sim_unlink,
    .list = sim_list,
    .now_ms = sim_now_ms,
    .now_ns = sim_now_ns,
};

struct sim_disk *sim_disk_new(const struct sim_disk_options *options)
{
    struct sim_disk *disk = calloc(1, sizeof(*disk));

    SR_CHECK(disk != NULL);
    disk->base = calls;
    disk->options = *options;
    disk->random = options->seed * 0x9E3779B97F4A7C15U + 1;
    disk->now_ms = 1000;
    return disk;
}

static void forget_all(struct sim_disk *disk)
{
    for (unsigned i = 0; i < disk->name_count; i++) {
        sim_inode_set(&disk->names[i].now, NULL);
        sim_inode_set(&disk->names[i].durable, NULL);
    }
    disk->name_count = 0;
}

void sim_disk_free(struct sim_disk **disk)
{
    if (*disk != NULL) {
        forget_all(*disk);
        free(*disk);
        *disk = NULL;
    }
}

struct disk *sim_disk_base(struct sim_disk *disk)
{
    return &disk->base;
}

void sim_disk_take(struct sim_disk *disk, struct sim_disk *image)
{
    forget_all(disk);
    memcpy(disk->names, image->names, sizeof(disk->names));
    disk->name_count = image->name_count;
    image->name_count = 0;
    disk->dead = false;
    disk->fail_at = 0;
    disk->version++;
}

void sim_disk_die(struct sim_disk *disk)
{
    disk->dead = true;
}

void sim_disk_fail_at(struct sim_disk *disk, uint64_t n, enum sr_result result)
{
    disk->fail_at = n;
    disk->fail_with = result;
}

static unsigned inode_unsynced(const struct inode *inode)
{
    unsigned count = inode->size != inode->durable_size;

    for (unsigned b = 0; b < sim_inode_blocks(inode); b++) {
        count += inode->now[b] != inode->durable[b];
    }
    return count;
}

unsigned sim_disk_unsynced(const struct sim_disk *disk)
{
    unsigned count = 0;

    for (unsigned i = 0; i < disk->name_count; i++) {
        const struct name *name = &disk->names[i];

        count += name->now != name->durable;
        count += name->now != NULL ? inode_unsynced(name->now) : 0;
    }
    return count;
}

uint64_t sim_disk_version(const struct sim_disk *disk)
{
    return disk->version;
}

uint64_t sim_disk_removed(const struct sim_disk *disk)
{
    return disk->removed;
}

void sim_disk_advance(struct sim_disk *disk, uint64_t ms)
{
    disk->now_ms += ms;
}
