/*
 * What a crash could leave.
 */
#include "disk_internal.h"

#include <string.h>

#define SECTOR 512U

/* A block of which old and new bytes, zeros and garbage are left. */
static struct page *spoilt(struct sim_disk *image, const struct page *before,
                           const struct page *after)
{
    struct page *page = sim_page_new();
    uint64_t cut = sim_draw(image) % BLOCK; /* torn at any byte, either half first */
    bool first = (sim_draw(image) & 1) != 0;
    uint64_t sector = sim_draw(image) % (BLOCK / SECTOR) * SECTOR;

    memcpy(page->bytes, sim_page_bytes(before), BLOCK);
    if (first) {
        memcpy(page->bytes, sim_page_bytes(after), cut);
    } else {
        memcpy(page->bytes + cut, sim_page_bytes(after) + cut, BLOCK - cut);
    }
    switch (sim_draw(image) % 6) {
    case 0:
        memset(page->bytes + sector, 0, SECTOR);
        break;
    case 1:
        memset(page->bytes + sector, (int)sim_draw(image), SECTOR);
        break;
    default:
        break;
    }
    return page;
}

static struct page *block_left(struct sim_disk *image, const struct inode *inode, unsigned b,
                               enum sim_loss loss, uint64_t bias)
{
    uint64_t chance = sim_draw(image) % 8;

    if (inode->now[b] == inode->durable[b]) {
        return sim_page_share(inode->durable[b]);
    }
    if (loss == SIM_DROP || loss == SIM_NAMES || chance < bias) {
        return sim_page_share(inode->durable[b]);
    }
    return chance < 6 ? sim_page_share(inode->now[b])
                      : spoilt(image, inode->durable[b], inode->now[b]);
}

static uint64_t size_left(struct sim_disk *image, const struct inode *inode, enum sim_loss loss)
{
    if (loss == SIM_MIX && inode->size > inode->durable_size) {
        return inode->durable_size + sim_draw(image) % (inode->size - inode->durable_size + 1);
    }
    return inode->durable_size;
}

static struct inode *inode_left(struct sim_disk *image, const struct inode *inode,
                                enum sim_loss loss, uint64_t bias)
{
    struct inode *left = sim_inode_new();

    for (unsigned b = 0; b < sim_inode_blocks(inode); b++) {
        struct page *page = loss == SIM_KEEP ? sim_page_share(inode->now[b])
                                             : block_left(image, inode, b, loss, bias);

        left->now[b] = page;
        left->durable[b] = sim_page_share(page);
    }
    left->size = loss == SIM_KEEP ? inode->size : size_left(image, inode, loss);
    left->durable_size = left->size;
    return left;
}

/* A file without a name is free space, though its unlink may not be durable: ext4 with
 * data=writeback gives its blocks to the next file at once, and after a power loss the name is
 * back with whatever they hold then. */
static bool is_freed(const struct sim_disk *disk, const struct inode *inode)
{
    for (unsigned i = 0; i < disk->name_count; i++) {
        if (disk->names[i].now == inode) {
            return false;
        }
    }
    return true;
}

static void reuse_blocks(struct sim_disk *image, struct inode *inode)
{
    for (unsigned b = 0; b < sim_inode_blocks(inode); b++) {
        struct page *garbage;

        if (sim_draw(image) % 2 == 0) {
            continue;
        }
        garbage = sim_page_new();
        memset(garbage->bytes, (int)(1 + sim_draw(image) % 255), BLOCK);
        sim_page_drop(inode->now[b]);
        sim_page_drop(inode->durable[b]);
        inode->now[b] = garbage;
        inode->durable[b] = sim_page_share(garbage);
    }
}

static const struct inode *name_left(struct sim_disk *image, const struct name *name,
                                     enum sim_loss loss)
{
    if (name->now == name->durable) {
        return name->now;
    }
    switch (loss) {
    case SIM_KEEP:
    case SIM_NAMES:
        return name->now;
    case SIM_DROP:
        return name->durable;
    default:
        return (sim_draw(image) & 1) != 0 ? name->now : name->durable;
    }
}

struct sim_disk *sim_disk_image(const struct sim_disk *disk, enum sim_loss loss, uint64_t seed)
{
    struct sim_disk_options options = {.seed = seed, .direct = disk->options.direct};
    struct sim_disk *image = sim_disk_new(&options);
    uint64_t bias = sim_draw(image) % 6; /* how much of it is lost */

    image->now_ms = disk->now_ms;
    for (unsigned i = 0; i < disk->name_count; i++) {
        const struct inode *inode = name_left(image, &disk->names[i], loss);
        struct name *name;

        if (inode == NULL) {
            continue;
        }
        name = &image->names[image->name_count++];
        memcpy(name->text, disk->names[i].text, sizeof(name->text));
        sim_inode_set(&name->now, inode_left(image, inode, loss, bias));
        if (is_freed(disk, inode)) {
            reuse_blocks(image, name->now);
        }
        sim_inode_set(&name->durable, name->now);
    }
    return image;
}
