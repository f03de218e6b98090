/*
 * The simulation's disk: what was written but not synced is kept apart from what is durable, in
 * shared pages, so that an image of what a crash could leave costs next to nothing. After a
 * failed sync nobody knows what of it is on the disk, and no later sync of the same writes
 * brings it there, as with a real page cache.
 */
#ifndef SR_TEST_SIMULATION_DISK_H
#define SR_TEST_SIMULATION_DISK_H

#include "journal/disk.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_disk;

/* What a crash leaves of what was not synced. */
enum sim_loss {
    SIM_KEEP,  /* the process dies, the machine lives: everything written stays */
    SIM_DROP,  /* power loss, nothing of it */
    SIM_NAMES, /* power loss: all names, no contents */
    SIM_MIX    /* power loss: each name and block kept, lost, torn or spoilt by chance */
};

struct sim_disk_options {
    uint64_t seed;
    bool direct; /* direct writes are taken, and durable when they return */
    /* Called within every call that changes something, when its effect is there and not yet
     * durable. NULL: nobody looks. */
    void (*moment)(void *context);
    void *context;
};

struct sim_disk *sim_disk_new(const struct sim_disk_options *options);
void sim_disk_free(struct sim_disk **disk);
struct disk *sim_disk_base(struct sim_disk *disk);

/* A disk of its own with what a crash at this moment could leave; it has no moments. */
struct sim_disk *sim_disk_image(const struct sim_disk *disk, enum sim_loss loss, uint64_t seed);

/* Becomes what the image holds (which is left empty) and works again. Files must be closed. */
void sim_disk_take(struct sim_disk *disk, struct sim_disk *image);

/* From now on every call fails and nothing changes: the machine is off. */
void sim_disk_die(struct sim_disk *disk);

/* The call number n from now on (1: the next) fails once with result; 0: none. */
void sim_disk_fail_at(struct sim_disk *disk, uint64_t n, enum sr_result result);

/* Names and blocks that a power loss could take: 0 where all crashes leave the same. */
unsigned sim_disk_unsynced(const struct sim_disk *disk);

/* Changes whenever anything on the disk does. */
uint64_t sim_disk_version(const struct sim_disk *disk);

/* State files that were unlinked. */
uint64_t sim_disk_removed(const struct sim_disk *disk);

void sim_disk_advance(struct sim_disk *disk, uint64_t ms);

#endif
