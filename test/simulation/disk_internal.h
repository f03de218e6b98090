/*
 * What the disk's files share: pages, inodes, names. Included by disk*.c only.
 */
#ifndef SR_TEST_SIMULATION_DISK_INTERNAL_H
#define SR_TEST_SIMULATION_DISK_INTERNAL_H

#include "disk.h"

#define NAMES_MAX 256
#define BLOCKS_MAX 64
#define BLOCK 4096U

/* Contents of a block, shared by files and images; no page at all stands for zeros. */
struct page {
    struct page *next_free;
    uint32_t users;
    uint8_t bytes[BLOCK];
};

struct inode {
    struct page *now[BLOCKS_MAX], *durable[BLOCKS_MAX];
    bool lost[BLOCKS_MAX]; /* a sync of it failed: no later one writes it */
    uint64_t size, durable_size;
    unsigned users; /* names, durable names, open files */
};

struct name {
    char text[64];
    struct inode *now, *durable; /* NULL: no such name now, after a power loss */
};

struct disk_file {
    struct inode *inode;
    bool direct;
};

struct sim_disk {
    struct disk base;
    struct sim_disk_options options;
    struct name names[NAMES_MAX];
    unsigned name_count;
    uint64_t random, now_ms, fail_at, version, removed;
    enum sr_result fail_with;
    bool dead;
};

uint64_t sim_draw(struct sim_disk *disk);

/* Shared pages; NULL is one of zeros. */
struct page *sim_page_new(void);
struct page *sim_page_share(struct page *page);
void sim_page_drop(struct page *page);
const uint8_t *sim_page_bytes(const struct page *page);

/* Inodes, counted by names and open files. */
unsigned sim_inode_blocks(const struct inode *inode);
struct inode *sim_inode_new(void);
void sim_inode_set(struct inode **at, struct inode *inode);
void sim_inode_write(struct inode *inode, uint64_t offset, const uint8_t *data, size_t size);
void sim_inode_sync(struct inode *inode);
void sim_inode_fail_sync(struct sim_disk *disk, struct inode *inode);

#endif
