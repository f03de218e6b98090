/*
 * Removing files whose names count.
 */
#include "journal/discard.h"

#include "base/check.h"

#include <stdio.h>

void discard_add(struct discard *d, struct disk *disk, const char *name)
{
    char *hidden = d->names[d->count];
    int size;

    SR_CHECK(d->count < DISCARD_MAX);
    size = snprintf(hidden, DISCARD_NAME_SIZE, "%s.tmp", name);
    SR_CHECK(size < DISCARD_NAME_SIZE);
    if (disk->rename(disk, name, hidden, NULL) == SR_OK) {
        d->count++;
    }
}

void discard_finish(struct discard *d, struct disk *disk)
{
    bool durable = d->count > 0 && disk->sync_directory(disk, NULL) == SR_OK;

    for (unsigned i = 0; durable && i < d->count; i++) {
        (void)disk->unlink(disk, d->names[i], NULL); /* else at the next start */
    }
    d->count = 0;
}

void discard_file(struct disk *disk, const char *name)
{
    struct discard d = {.count = 0};

    discard_add(&d, disk, name);
    discard_finish(&d, disk);
}
