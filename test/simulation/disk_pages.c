/*
 * Files as shared pages, now and as they are durable.
 */
#include "disk_internal.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

static struct page *free_pages;

uint64_t sim_draw(struct sim_disk *disk)
{
    disk->random ^= disk->random << 13; /* Marsaglia's xorshift */
    disk->random ^= disk->random >> 7;
    disk->random ^= disk->random << 17;
    return disk->random >> 11;
}

struct page *sim_page_new(void)
{
    struct page *page = free_pages;

    if (page == NULL) {
        page = malloc(sizeof(*page));
        SR_CHECK(page != NULL);
    } else {
        free_pages = page->next_free;
    }
    page->users = 1;
    return page;
}

struct page *sim_page_share(struct page *page)
{
    if (page != NULL) {
        page->users++;
    }
    return page;
}

void sim_page_drop(struct page *page)
{
    if (page != NULL && --page->users == 0) {
        page->next_free = free_pages;
        free_pages = page;
    }
}

static void page_set(struct page **at, struct page *page)
{
    sim_page_drop(*at);
    *at = page;
}

const uint8_t *sim_page_bytes(const struct page *page)
{
    static const uint8_t zeros[BLOCK];

    return page == NULL ? zeros : page->bytes;
}

unsigned sim_inode_blocks(const struct inode *inode)
{
    uint64_t size = inode->size > inode->durable_size ? inode->size : inode->durable_size;

    return (unsigned)((size + BLOCK - 1) / BLOCK);
}

struct inode *sim_inode_new(void)
{
    struct inode *inode = calloc(1, sizeof(*inode));

    SR_CHECK(inode != NULL);
    return inode;
}

static void inode_drop(struct inode *inode)
{
    if (inode == NULL || --inode->users > 0) {
        return;
    }
    for (unsigned b = 0; b < BLOCKS_MAX; b++) {
        sim_page_drop(inode->now[b]);
        sim_page_drop(inode->durable[b]);
    }
    free(inode);
}

void sim_inode_set(struct inode **at, struct inode *inode)
{
    if (inode != NULL) {
        inode->users++;
    }
    inode_drop(*at);
    *at = inode;
}

static void block_write(struct inode *inode, unsigned block, uint64_t at, const uint8_t *data,
                        size_t size)
{
    struct page *before = inode->now[block];

    inode->lost[block] = false;
    if (size == BLOCK && data[0] == 0 && memcmp(data, data + 1, size - 1) == 0) {
        page_set(&inode->now[block], NULL);
        return;
    }
    if (before == NULL || before->users > 1) {
        struct page *page = sim_page_new();

        memcpy(page->bytes, sim_page_bytes(before), BLOCK);
        page_set(&inode->now[block], page);
    }
    memcpy(inode->now[block]->bytes + at, data, size);
}

void sim_inode_write(struct inode *inode, uint64_t offset, const uint8_t *data, size_t size)
{
    while (size > 0) {
        uint64_t at = offset % BLOCK;
        size_t part = size < BLOCK - at ? size : BLOCK - at;

        SR_CHECK(offset / BLOCK < BLOCKS_MAX);
        block_write(inode, (unsigned)(offset / BLOCK), at, data, part);
        offset += part;
        data += part;
        size -= part;
    }
    inode->size = offset > inode->size ? offset : inode->size;
}

void sim_inode_sync(struct inode *inode)
{
    for (unsigned b = 0; b < sim_inode_blocks(inode); b++) {
        if (inode->now[b] != inode->durable[b] && !inode->lost[b]) {
            page_set(&inode->durable[b], sim_page_share(inode->now[b]));
        }
    }
    inode->durable_size = inode->size;
}

/* Some of it may be there; what is not is never written by a later sync. */
void sim_inode_fail_sync(struct sim_disk *disk, struct inode *inode)
{
    for (unsigned b = 0; b < sim_inode_blocks(inode); b++) {
        if (inode->now[b] != inode->durable[b] && (sim_draw(disk) & 1) != 0) {
            inode->lost[b] = true;
        }
    }
}
