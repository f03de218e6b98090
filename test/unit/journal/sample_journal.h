/*
 * Data directories in the states that a start may find, made by the journal itself on a fake
 * disk, and what a start must make of them. Shared by the flips and the golden files.
 */
#ifndef SR_TEST_JOURNAL_SAMPLE_JOURNAL_H
#define SR_TEST_JOURNAL_SAMPLE_JOURNAL_H

#include "core/change.h"
#include "journal/journal.h"
#include "support/fake_disk.h"
#include "support/flat_disk.h"
#include "support/unit.h"

#include <stdbool.h>
#include <stdint.h>

#define SAMPLE_FILE_BYTES (64U * 1024U)
#define SAMPLE_FACTS_MAX 512U
#define SAMPLE_KEY_SIZE 16U

/* What one epoch did to one key. */
struct sample_fact {
    uint64_t epoch;
    char key[SAMPLE_KEY_SIZE];
    enum sr_change_kind kind;
    uint32_t generation;
    int64_t value;
};

/* By epoch, then key. */
struct sample_facts {
    struct sample_fact list[SAMPLE_FACTS_MAX];
    size_t count;
};

enum sample_kind {
    SAMPLE_CLOSED, /* files ended properly: a state, a retired file, a full one, one written
                      over an earlier life, which is the last */
    SAMPLE_OPEN,   /* the same, but the process was killed after its last frame */
    SAMPLE_FIRST,  /* one raw file in its first life, killed */
    SAMPLE_ENDED,  /* the same, ended properly, with a state of its first epoch */
    SAMPLE_OUTAGE, /* closed files compacted into a state of the open epoch, killed */
};

struct sample {
    struct fake_disk *fake;
    struct journal *journal; /* NULL once it is built */
    struct journal_options options;
    struct sr_err err;
    uint64_t random;
    struct sample_facts facts;   /* what a start must find */
    struct sample_facts earlier; /* the same without the last frame */
    uint64_t open_epoch;         /* the epoch that a start must open */
    char last_name[48];          /* the file of the last frame, where it begins and ends */
    uint64_t last_offset, last_end;
};

/* Builds one; freed by sample_free. */
struct sample *sample_new(enum sample_kind kind);
void sample_free(struct sample **sample);

/* The sample's files as a disk that is quickly put back; owned by the caller. */
struct flat_disk *sample_flatten(const struct sample *sample);

/* A start on that disk: everything that it and its state files say. SR_OK, or what a start or a
 * reader refused with. */
enum sr_result sample_recover(struct disk *disk, struct sample_facts *ret_facts,
                              struct journal_recovery *ret_recovery, struct sr_err *err);

bool sample_facts_equal(const struct sample_facts *a, const struct sample_facts *b);

/* The instance that wrote all samples. */
struct sr_uuid sample_instance(void);

#endif
