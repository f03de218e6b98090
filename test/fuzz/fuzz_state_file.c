/*
 * A state file of any bytes: read to its end or refused, and read the same a second time.
 */
#include "base/check.h"
#include "journal/state.h"
#include "sparse.h"
#include "unit/support/flat_disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
    uint64_t changes, bytes;
    enum sr_result end;
};

static struct sum read_all(struct state_reader *reader)
{
    struct sum sum = {.end = SR_OK};
    struct sr_change change;
    struct sr_err err;

    while ((sum.end = state_reader_next(reader, &change, &err)) == SR_OK) {
        SR_CHECK(change.key.size > 0 && change.key.size <= SR_KEY_SIZE_MAX);
        SR_CHECK(change.kind >= SR_CHANGE_ADD && change.kind <= SR_CHANGE_DELETE);
        sum.changes++;
        for (size_t i = 0; i < change.key.size; i++) {
            sum.bytes += change.key.data[i];
        }
    }
    return sum;
}

static void check_reading(struct state_reader *reader)
{
    struct sum first = read_all(reader);
    struct sum second;

    SR_CHECK(first.end == SR_NOT_FOUND || first.end == SR_DAMAGED);
    SR_CHECK(first.end == SR_DAMAGED ||
             first.changes == state_reader_header(reader)->change_count);
    state_reader_rewind(reader);
    second = read_all(reader);
    SR_CHECK(first.end == second.end && first.changes == second.changes &&
             first.bytes == second.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[SPARSE_BYTES];
    struct flat_disk *flat = flat_disk_new();
    struct state_reader *reader = NULL;
    uint64_t bytes = SPARSE_BYTES;
    struct sr_err err;

    sparse_expand(data, size, file);
    /* As long as its header says, where that is possible: else it is refused at once. */
    if (sr_get_u64(file + 32) <= SPARSE_BYTES) {
        bytes = sr_get_u64(file + 32);
    }
    flat_disk_put(flat, "state-1", file, bytes);
    if (state_reader_open(flat_disk_base(flat), "state-1", &reader, &err) == SR_OK) {
        check_reading(reader);
    }
    state_reader_close(&reader);
    flat_disk_free(&flat);
    return 0;
}
