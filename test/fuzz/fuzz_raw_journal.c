/*
 * A start on one raw file of any bytes: the journal opens, and what it then holds can be read
 * again, or it refuses.
 */
#include "base/check.h"
#include "journal/journal.h"
#include "journal/state.h"
#include "sparse.h"
#include "unit/support/flat_disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore_progress(void *context)
{
    (void)context;
}

/* What recovery wrote is valid whatever it read. */
static void check_states(struct disk *disk, struct journal *journal)
{
    struct journal_state state = {0};

    while (journal_state_after(journal, state.epoch, &state)) {
        struct state_reader *reader = NULL;
        struct sr_change change;
        uint64_t count = 0;
        struct sr_err err;

        SR_CHECK(state_reader_open(disk, state.name, &reader, &err) == SR_OK);
        while (state_reader_next(reader, &change, &err) == SR_OK) {
            count++;
        }
        SR_CHECK(count == state.changes);
        state_reader_close(&reader);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[SPARSE_BYTES];
    struct flat_disk *flat = flat_disk_new();
    struct journal_options options = {.disk = flat_disk_base(flat),
                                      .durability = JOURNAL_FSYNC,
                                      .limit_bytes = 64U << 20,
                                      .file_bytes = SPARSE_BYTES,
                                      .progress = ignore_progress};
    struct journal_recovery recovery;
    struct journal *journal = NULL;
    struct sr_err err;

    sparse_expand(data, size, file);
    /* The instance is what the file says: another one is refused at once. */
    memcpy(options.instance.bytes, file + JOURNAL_BLOCK + 40, sizeof(options.instance.bytes));
    flat_disk_put(flat, "raw-0000000000000001", file, sizeof(file));
    if (journal_open(&options, &journal, &recovery, &err) == SR_OK) {
        check_states(options.disk, journal);
        SR_CHECK(recovery.torn_bytes <= SPARSE_BYTES);
    }
    journal_close(&journal);
    flat_disk_free(&flat);
    return 0;
}
