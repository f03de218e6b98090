/*
 * A disk in memory for tests.
 */
#include "support/fake_disk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 512
#define BLOCK 4096U

/* One file's contents (an inode): names point to it. */
struct inode {
    uint8_t *now, *durable;
    uint64_t size, durable_size, capacity;
    uint8_t *unsynced; /* one byte a block: written since the last sync */
    unsigned names, durable_names, handles;
};

struct name {
    char text[64];
    struct inode *inode, *durable; /* NULL: no such name now / after a power loss */
};

struct disk_file {
    struct inode *inode;
    bool direct;
};

struct fake_disk {
    struct disk base;
    struct name names[FILES_MAX];
    unsigned name_count;
    uint64_t random, now_ms, fail_at, limit;
    enum sr_result fail_with;
    bool failed;
    uint64_t act_at;
    fake_disk_act_fn *act;
    void *act_context;
    bool acted;
};

static struct fake_disk *of(struct disk *disk)
{
    return (struct fake_disk *)disk;
}

static uint64_t draw(struct fake_disk *fake)
{
    fake->random ^= fake->random << 13; /* Marsaglia's xorshift */
    fake->random ^= fake->random >> 7;
    fake->random ^= fake->random << 17;
    return fake->random;
}

static void let_act(struct fake_disk *fake)
{
    if (fake->act_at == 0 || --fake->act_at > 0) {
        return;
    }
    fake->acted = true;
    fake->act(fake->act_context);
}

static bool fails(struct fake_disk *fake, enum sr_result *ret_result, struct sr_err *err)
{
    let_act(fake);
    if (fake->fail_at == 0 || --fake->fail_at > 0) {
        return false;
    }
    fake->failed = true;
    *ret_result = sr_fail(err, fake->fail_with, "injected failure");
    return true;
}

static struct name *find(struct fake_disk *fake, const char *text)
{
    for (unsigned i = 0; i < fake->name_count; i++) {
        if (strcmp(fake->names[i].text, text) == 0) {
            return &fake->names[i];
        }
    }
    return NULL;
}

static struct name *find_or_add(struct fake_disk *fake, const char *text)
{
    struct name *name = find(fake, text);

    if (name != NULL) {
        return name;
    }
    for (unsigned i = 0; i < fake->name_count && name == NULL; i++) {
        if (fake->names[i].inode == NULL && fake->names[i].durable == NULL) {
            name = &fake->names[i];
        }
    }
    if (name == NULL) {
        assert(fake->name_count < FILES_MAX);
        name = &fake->names[fake->name_count++];
    }
    (void)snprintf(name->text, sizeof(name->text), "%s", text);
    return name;
}

static void drop_if_unused(struct inode *inode)
{
    if (inode->names == 0 && inode->durable_names == 0 && inode->handles == 0) {
        free(inode->now);
        free(inode->durable);
        free(inode->unsynced);
        free(inode);
    }
}

static void set_now(struct name *name, struct inode *inode)
{
    struct inode *before = name->inode;

    name->inode = inode;
    if (inode != NULL) {
        inode->names++;
    }
    if (before != NULL) {
        before->names--;
        drop_if_unused(before);
    }
}

static void set_durable(struct name *name, struct inode *inode)
{
    struct inode *before = name->durable;

    name->durable = inode;
    if (inode != NULL) {
        inode->durable_names++;
    }
    if (before != NULL) {
        before->durable_names--;
        drop_if_unused(before);
    }
}

static enum sr_result fake_open(struct disk *disk, const char *text, bool create, bool direct,
                                struct disk_file **ret_file, struct sr_err *err)
{
    struct fake_disk *fake = of(disk);
    struct name *name = find(fake, text);
    enum sr_result result;
    struct disk_file *file;

    if (fails(fake, &result, err)) {
        return result;
    }
    if (create) {
        if (name != NULL && name->inode != NULL) {
            return sr_fail(err, SR_EXISTS, "%s exists", text);
        }
        name = find_or_add(fake, text);
        set_now(name, calloc(1, sizeof(struct inode)));
    } else if (name == NULL || name->inode == NULL) {
        return sr_fail(err, SR_NOT_FOUND, "%s does not exist", text);
    }
    file = calloc(1, sizeof(*file));
    file->inode = name->inode;
    file->direct = direct;
    file->inode->handles++;
    *ret_file = file;
    return SR_OK;
}

static void fake_close(struct disk *disk, struct disk_file **file)
{
    (void)disk;
    if (*file == NULL) {
        return;
    }
    (*file)->inode->handles--;
    drop_if_unused((*file)->inode);
    free(*file);
    *file = NULL;
}

static void grow(struct inode *inode, uint64_t size)
{
    uint64_t capacity = (size + BLOCK - 1) / BLOCK * BLOCK;

    if (capacity > inode->capacity) {
        inode->now = realloc(inode->now, capacity);
        inode->durable = realloc(inode->durable, capacity);
        inode->unsynced = realloc(inode->unsynced, capacity / BLOCK);
        memset(inode->now + inode->capacity, 0, capacity - inode->capacity);
        memset(inode->durable + inode->capacity, 0, capacity - inode->capacity);
        memset(inode->unsynced + inode->capacity / BLOCK, 0,
               (capacity - inode->capacity) / BLOCK);
        inode->capacity = capacity;
    }
    if (size > inode->size) {
        inode->size = size;
    }
}

static void sync_inode(struct inode *inode)
{
    for (uint64_t block = 0; block < inode->capacity / BLOCK; block++) {
        if (inode->unsynced[block]) {
            memcpy(inode->durable + block * BLOCK, inode->now + block * BLOCK, BLOCK);
            inode->unsynced[block] = 0;
        }
    }
    inode->durable_size = inode->size;
}

static uint64_t total_bytes(const struct fake_disk *fake)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < fake->name_count; i++) {
        total += fake->names[i].inode != NULL ? fake->names[i].inode->size : 0;
    }
    return total;
}

static enum sr_result full_at(const struct fake_disk *fake, const struct disk_file *file,
                              uint64_t end, struct sr_err *err)
{
    if (fake->limit != 0 && end > file->inode->size &&
        total_bytes(fake) + (end - file->inode->size) > fake->limit) {
        return sr_fail(err, SR_FULL, "no space left");
    }
    return SR_OK;
}

static enum sr_result fake_allocate(struct disk *disk, struct disk_file *file, uint64_t bytes,
                                    struct sr_err *err)
{
    struct fake_disk *fake = of(disk);
    enum sr_result result;

    if (fails(fake, &result, err)) {
        return result;
    }
    result = full_at(fake, file, bytes, err);
    if (result == SR_OK) {
        grow(file->inode, bytes);
    }
    return result;
}

static enum sr_result fake_write(struct disk *disk, struct disk_file *file, uint64_t offset,
                                 const void *data, size_t size, struct sr_err *err)
{
    struct fake_disk *fake = of(disk);
    uint64_t end = offset + size;
    enum sr_result result;

    if (fails(fake, &result, err)) {
        if (file->inode->size >= end && size > 0) {
            /* Part of it reached the disk: nobody may rely on either. */
            uint64_t part = draw(fake) % size;

            memcpy(file->inode->now + offset, data, part);
            file->inode->unsynced[offset / BLOCK] = 1;
        }
        return result;
    }
    if (full_at(fake, file, end, err) != SR_OK) {
        return SR_FULL;
    }
    grow(file->inode, end);
    memcpy(file->inode->now + offset, data, size);
    for (uint64_t block = offset / BLOCK; block * BLOCK < end; block++) {
        file->inode->unsynced[block] = 1;
    }
    if (file->direct) {
        sync_inode(file->inode);
    }
    return SR_OK;
}

static enum sr_result fake_read(struct disk *disk, struct disk_file *file, uint64_t offset,
                                void *data, size_t size, size_t *ret_size, struct sr_err *err)
{
    enum sr_result result;
    uint64_t left = offset < file->inode->size ? file->inode->size - offset : 0;

    if (fails(of(disk), &result, err)) {
        return result;
    }
    *ret_size = size < left ? size : left;
    if (*ret_size > 0) {
        memcpy(data, file->inode->now + offset, *ret_size);
    }
    return SR_OK;
}

static enum sr_result fake_size(struct disk *disk, struct disk_file *file, uint64_t *ret_size,
                                struct sr_err *err)
{
    enum sr_result result;

    if (fails(of(disk), &result, err)) {
        return result;
    }
    *ret_size = file->inode->size;
    return SR_OK;
}

static bool fake_durable_writes(struct disk *disk, struct disk_file *file)
{
    (void)disk;
    return file->direct;
}

static enum sr_result fake_sync(struct disk *disk, struct disk_file *file, struct sr_err *err)
{
    enum sr_result result;

    if (fails(of(disk), &result, err)) {
        return result;
    }
    sync_inode(file->inode);
    return SR_OK;
}

static enum sr_result fake_sync_directory(struct disk *disk, struct sr_err *err)
{
    struct fake_disk *fake = of(disk);
    enum sr_result result;

    if (fails(fake, &result, err)) {
        return result;
    }
    for (unsigned i = 0; i < fake->name_count; i++) {
        set_durable(&fake->names[i], fake->names[i].inode);
    }
    return SR_OK;
}

static enum sr_result fake_rename(struct disk *disk, const char *from, const char *to,
                                  struct sr_err *err)
{
    struct fake_disk *fake = of(disk);
    struct name *source = find(fake, from);
    enum sr_result result;

    if (fails(fake, &result, err)) {
        return result;
    }
    if (source == NULL || source->inode == NULL) {
        return sr_fail(err, SR_NOT_FOUND, "%s does not exist", from);
    }
    set_now(find_or_add(fake, to), source->inode);
    set_now(find(fake, from), NULL);
    return SR_OK;
}

static enum sr_result fake_unlink(struct disk *disk, const char *text, struct sr_err *err)
{
    struct fake_disk *fake = of(disk);
    struct name *name = find(fake, text);
    enum sr_result result;

    if (fails(fake, &result, err)) {
        return result;
    }
    if (name == NULL || name->inode == NULL) {
        return sr_fail(err, SR_NOT_FOUND, "%s does not exist", text);
    }
    set_now(name, NULL);
    return SR_OK;
}

static enum sr_result fake_list(struct disk *disk,
                                void (*each)(void *context, const char *name), void *context,
                                struct sr_err *err)
{
    struct fake_disk *fake = of(disk);
    enum sr_result result;

    if (fails(fake, &result, err)) {
        return result;
    }
    for (unsigned i = 0; i < fake->name_count; i++) {
        if (fake->names[i].inode != NULL) {
            each(context, fake->names[i].text);
        }
    }
    return SR_OK;
}

static uint64_t fake_now_ms(struct disk *disk)
{
    return of(disk)->now_ms;
}

static uint64_t fake_now_ns(struct disk *disk)
{
    return of(disk)->now_ms * 1000000U;
}

struct fake_disk *fake_disk_new(uint64_t seed)
{
    static const struct disk calls = {
        .open = fake_open,
        .close = fake_close,
        .write = fake_write,
        .allocate = fake_allocate,
        .read = fake_read,
        .size = fake_size,
        .durable_writes = fake_durable_writes,
        .sync = fake_sync,
        .sync_directory = fake_sync_directory,
        .rename = fake_rename,
        .unlink = fake_unlink,
        .list = fake_list,
        .now_ms = fake_now_ms,
        .now_ns = fake_now_ns,
    };
    struct fake_disk *fake = calloc(1, sizeof(*fake));

    fake->base = calls;
    fake->random = seed * 2 + 1;
    fake->now_ms = 1000;
    return fake;
}

void fake_disk_free(struct fake_disk **fake)
{
    for (unsigned i = 0; i < (*fake)->name_count; i++) {
        set_now(&(*fake)->names[i], NULL);
        set_durable(&(*fake)->names[i], NULL);
    }
    free(*fake);
    *fake = NULL;
}

struct disk *fake_disk_base(struct fake_disk *fake)
{
    return &fake->base;
}

/* What a power loss leaves of an inode's unsynced blocks. */
static void lose_power(struct fake_disk *fake, struct inode *inode, enum fake_crash how)
{
    for (uint64_t block = 0; block < inode->capacity / BLOCK; block++) {
        uint8_t *durable = inode->durable + block * BLOCK;
        const uint8_t *now = inode->now + block * BLOCK;
        uint64_t chance = draw(fake) % 3;

        if (!inode->unsynced[block] || how == FAKE_CRASH_DROP || chance == 0) {
            continue;
        }
        if (chance == 1) {
            memcpy(durable, now, BLOCK);
        } else {
            uint64_t cut = draw(fake) % BLOCK; /* torn at any byte, either half first */

            if (draw(fake) & 1) {
                memcpy(durable, now, cut);
            } else {
                memcpy(durable + cut, now + cut, BLOCK - cut);
            }
        }
    }
    if (inode->capacity > 0) {
        memcpy(inode->now, inode->durable, inode->capacity);
        memset(inode->unsynced, 0, inode->capacity / BLOCK);
    }
    if (how == FAKE_CRASH_RANDOM && inode->size > inode->durable_size) {
        inode->durable_size += draw(fake) % (inode->size - inode->durable_size + 1);
    }
    inode->size = inode->durable_size;
}

void fake_disk_crash(struct fake_disk *fake, enum fake_crash how)
{
    fake->fail_at = 0;
    if (how == FAKE_CRASH_KEEP) {
        return;
    }
    for (unsigned i = 0; i < fake->name_count; i++) {
        struct name *name = &fake->names[i];

        /* A name that was not synced may have reached the disk all the same. */
        if (how == FAKE_CRASH_RANDOM && (draw(fake) & 1)) {
            set_durable(name, name->inode);
        }
    }
    for (unsigned i = 0; i < fake->name_count; i++) {
        set_now(&fake->names[i], fake->names[i].durable);
    }
    for (unsigned i = 0; i < fake->name_count; i++) {
        if (fake->names[i].inode != NULL) {
            lose_power(fake, fake->names[i].inode, how);
        }
    }
}

void fake_disk_fail_at(struct fake_disk *fake, uint64_t n, enum sr_result result)
{
    fake->fail_at = n;
    fake->fail_with = result;
    fake->failed = false;
}

void fake_disk_act_before(struct fake_disk *fake, uint64_t n, fake_disk_act_fn *act,
                          void *context)
{
    fake->act_at = n;
    fake->act = act;
    fake->act_context = context;
    fake->acted = false;
}

bool fake_disk_acted(const struct fake_disk *fake)
{
    return fake->acted;
}

bool fake_disk_failed(const struct fake_disk *fake)
{
    return fake->failed;
}

void fake_disk_limit(struct fake_disk *fake, uint64_t bytes)
{
    fake->limit = bytes;
}

void fake_disk_advance(struct fake_disk *fake, uint64_t ms)
{
    fake->now_ms += ms;
}

const char *fake_disk_name(const struct fake_disk *fake, const char *prefix, unsigned i)
{
    for (unsigned at = 0; at < fake->name_count; at++) {
        if (fake->names[at].inode != NULL &&
            strncmp(fake->names[at].text, prefix, strlen(prefix)) == 0 && i-- == 0) {
            return fake->names[at].text;
        }
    }
    return NULL;
}

unsigned fake_disk_count(const struct fake_disk *fake, const char *prefix)
{
    unsigned count = 0;

    while (fake_disk_name(fake, prefix, count) != NULL) {
        count++;
    }
    return count;
}

uint8_t *fake_disk_bytes(struct fake_disk *fake, const char *text, uint64_t *ret_size)
{
    struct name *name = find(fake, text);

    if (name == NULL || name->inode == NULL) {
        return NULL;
    }
    *ret_size = name->inode->size;
    return name->inode->now;
}

void fake_disk_remove(struct fake_disk *fake, const char *text)
{
    struct name *name = find(fake, text);

    if (name != NULL) {
        set_now(name, NULL);
        set_durable(name, NULL);
    }
}
