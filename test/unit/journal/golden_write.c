/*
 * Wrote the golden files: golden_write DIRECTORY. Kept to tell how they came about, and for the
 * files of a later version, which go beside those of version 1; those are never written again.
 */
#include "golden.h"

#include "base/bytes.h"
#include "journal/frame.h"
#include "journal/identity_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static FILE *create(const char *directory, const char *name)
{
    char path[512];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = fopen(path, "wbx");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

/* Everything up to the last block that is not zero. */
static void write_bytes(const char *directory, const char *name, const uint8_t *bytes,
                        uint64_t size)
{
    FILE *file = create(directory, name);

    while (size > 0 && bytes[size - 1] == 0) {
        size--;
    }
    size = (size + JOURNAL_BLOCK - 1) / JOURNAL_BLOCK * JOURNAL_BLOCK;
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void write_files(const char *directory, struct fake_disk *fake)
{
    const char *name;

    for (unsigned i = 0; (name = fake_disk_name(fake, "", i)) != NULL; i++) {
        uint64_t size = 0;
        const uint8_t *bytes = fake_disk_bytes(fake, name, &size);

        write_bytes(directory, name, bytes, size);
    }
}

static void write_expected(const char *directory, const struct sample_facts *facts,
                           uint64_t open_epoch, uint64_t torn_bytes)
{
    FILE *file = create(directory, "expected");

    (void)fprintf(file, "open_epoch %" PRIu64 "\ntorn_bytes %" PRIu64 "\n", open_epoch,
                  torn_bytes);
    for (size_t i = 0; i < facts->count; i++) {
        const struct sample_fact *fact = &facts->list[i];

        (void)fprintf(file,
                      "epoch %" PRIu64 " key %s kind %d generation %" PRIu32 " value %" PRId64
                      "\n",
                      fact->epoch, fact->key, (int)fact->kind, fact->generation, fact->value);
    }
    assert_int_equal(fclose(file), 0);
}

static const char *make_directory(const char *parent, const char *name, char path[512])
{
    (void)snprintf(path, 512, "%s/%s", parent, name);
    if (mkdir(path, 0755) != 0) {
        perror(path);
        exit(1);
    }
    return path;
}

static void write_sample(const char *parent, const char *name, enum sample_kind kind, bool torn)
{
    struct sample *sample = sample_new(kind);
    char path[512];
    uint64_t size = 0;

    make_directory(parent, name, path);
    if (torn) {
        uint8_t *bytes = fake_disk_bytes(sample->fake, sample->last_name, &size);

        /* In the middle of its second record. */
        memset(bytes + sample->last_offset + 110, 0,
               sample->last_end - sample->last_offset - 110);
    }
    write_files(path, sample->fake);
    write_expected(path, torn ? &sample->earlier : &sample->facts, sample->open_epoch,
                   torn ? sample->last_end - sample->last_offset : 0);
    sample_free(&sample);
}

static void write_identity(const char *parent)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct identity identity = {.instance = sample_instance(), .token_count = 1};
    struct sr_err err;
    char path[512];

    identity.tokens[0].bytes[0] = 0xA1;
    assert_int_equal(identity_file_create(fake_disk_base(fake), &identity, &err), SR_OK);
    identity.fenced = true;
    identity.newest_confirmed = true;
    identity.token_count = 2;
    identity.tokens[1].bytes[0] = 0xB2;
    assert_int_equal(identity_file_save(fake_disk_base(fake), &identity, &err), SR_OK);
    write_files(make_directory(parent, "identity", path), fake);
    fake_disk_free(&fake);
}

static size_t encode_golden(const struct golden_token *golden, uint8_t *at)
{
    uint8_t hash[RECORD_REQUEST_HASH_SIZE];
    uint8_t totals[sizeof(golden->totals)];
    struct record record = {.kind = golden->kind,
                            .epoch = golden->epoch,
                            .value = golden->value,
                            .key = sr_span_text(golden->key)};

    golden_request_hash(hash);
    if (golden->token != NULL) {
        bool known = golden->answer_kind == RECORD_ANSWER_TOTALS;

        sr_put_u64(totals, (uint64_t)golden->totals[0]);
        sr_put_u64(totals + 8, (uint64_t)golden->totals[1]);
        record.token =
            (struct record_token){.token = sr_span_text(golden->token),
                                  .answer_kind = golden->answer_kind,
                                  .status = golden->status,
                                  .records = golden->records,
                                  .request_hash = {.data = hash, .size = sizeof(hash)},
                                  .totals = {.data = totals,
                                             .size = known ? 8 * (golden->records + 1) : 0}};
    }
    record_encode(&record, at);
    return record_encoded_size(&record);
}

/* A raw file by hand: header and one frame. */
static void write_tokens(const char *parent)
{
    uint8_t *bytes = calloc(1, SAMPLE_FILE_BYTES);
    struct journal_header header = {.kind = JOURNAL_FILE_RAW,
                                    .revision = 2,
                                    .file_id = 2,
                                    .file_bytes = SAMPLE_FILE_BYTES,
                                    .instance = sample_instance(),
                                    .first_sequence = 1,
                                    .newest_epoch = 1,
                                    .needed_file_id = 2};
    struct journal_frame frame = {.file_id = 2,
                                  .sequence = 1,
                                  .record_count = GOLDEN_TOKEN_RECORDS};
    char path[512];

    assert_non_null(bytes);
    journal_header_encode(&header, bytes);
    frame.payload.data = bytes + JOURNAL_FRAMES_AT + JOURNAL_FRAME_HEADER;
    for (unsigned i = 0; i < GOLDEN_TOKEN_RECORDS; i++) {
        uint8_t *at = bytes + JOURNAL_FRAMES_AT + JOURNAL_FRAME_HEADER + frame.payload.size;

        frame.payload.size += encode_golden(&golden_tokens[i], at);
    }
    journal_frame_finish(&frame, bytes + JOURNAL_FRAMES_AT);
    write_bytes(make_directory(parent, "tokens", path), "raw-0000000000000001", bytes,
                SAMPLE_FILE_BYTES);
    free(bytes);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fputs("usage: golden_write DIRECTORY\n", stderr);
        return 2;
    }
    write_sample(argv[1], "open", SAMPLE_FIRST, false);
    write_sample(argv[1], "torn", SAMPLE_FIRST, true);
    write_sample(argv[1], "closed", SAMPLE_ENDED, false);
    write_sample(argv[1], "reused", SAMPLE_OPEN, false);
    write_sample(argv[1], "outage", SAMPLE_OUTAGE, false);
    write_identity(argv[1]);
    write_tokens(argv[1]);
    return 0;
}
