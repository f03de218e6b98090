/*
 * Removing files whose names count. On ext4 with data=writeback a removed file's blocks serve
 * the next one at once, and after a power loss the old name is back with whatever they hold
 * then: as a raw or state file it would pass for damaged. So first the name goes, durably.
 */
#ifndef SR_JOURNAL_DISCARD_H
#define SR_JOURNAL_DISCARD_H

#include "journal/disk.h"

#define DISCARD_MAX 16U /* files at a time */
#define DISCARD_NAME_SIZE 64

/* Files to be removed together: one directory sync for all. */
struct discard {
    char names[DISCARD_MAX][DISCARD_NAME_SIZE]; /* what they are called now */
    unsigned count;
};

/* Gives the file a name that does not count ("NAME.tmp"). One that cannot be renamed stays, and
 * is as superfluous as it was. At most DISCARD_MAX between two calls of discard_finish. */
void discard_add(struct discard *d, struct disk *disk, const char *name);

/* Removes them. What stays in spite of an error is removed at the next start. */
void discard_finish(struct discard *d, struct disk *disk);

/* Both for one file. */
void discard_file(struct disk *disk, const char *name);

#endif
