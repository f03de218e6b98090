/*
 * The golden files of on-disk version 1 are read as they were meant. A change of format that
 * fails here would leave a user's acknowledged increments unreadable: make a new version.
 */
#include "golden.h"

#include "base/bytes.h"
#include "journal/identity_file.h"
#include "journal/scan.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static size_t read_file(const char *directory, const char *name, uint8_t *bytes, size_t max)
{
    char path[512];
    size_t size;
    FILE *file;

    (void)snprintf(path, sizeof(path), GOLDEN "/%s/%s", directory, name);
    file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("%s: no such golden file", path);
    }
    size = fread(bytes, 1, max, file);
    assert_int_equal(fclose(file), 0);
    return size;
}

/* A golden directory as a disk; raw files get back the zeros behind them. */
static struct flat_disk *load(const char *directory)
{
    static uint8_t bytes[SAMPLE_FILE_BYTES];
    struct flat_disk *flat = flat_disk_new();
    const struct dirent *entry;
    char path[512];
    DIR *folder;

    (void)snprintf(path, sizeof(path), GOLDEN "/%s", directory);
    folder = opendir(path);
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        size_t size;

        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "expected") == 0) {
            continue;
        }
        memset(bytes, 0, sizeof(bytes));
        size = read_file(directory, entry->d_name, bytes, sizeof(bytes));
        flat_disk_put(flat, entry->d_name, bytes,
                      strncmp(entry->d_name, "raw-", 4) == 0 ? sizeof(bytes) : size);
    }
    (void)closedir(folder);
    assert_true(flat_disk_count(flat) > 0);
    return flat;
}

static void parse_fact(const char *line, struct sample_facts *facts)
{
    struct sample_fact *fact = &facts->list[facts->count++];
    int kind = 0;

    assert_true(facts->count <= SAMPLE_FACTS_MAX);
    *fact = (struct sample_fact){0};
    assert_int_equal(sscanf(line,
                            "epoch %" SCNu64 " key %15s kind %d generation %" SCNu32
                            " value %" SCNd64,
                            &fact->epoch, fact->key, &kind, &fact->generation, &fact->value),
                     5);
    fact->kind = (enum sr_change_kind)kind;
}

static void parse_expected(const char *directory, struct sample_facts *facts,
                           uint64_t *ret_open_epoch, uint64_t *ret_torn_bytes)
{
    static char text[32768];
    size_t size = read_file(directory, "expected", (uint8_t *)text, sizeof(text) - 1);
    char *rest = text;
    const char *line;

    text[size] = '\0';
    facts->count = 0;
    assert_int_equal(sscanf(strsep(&rest, "\n"), "open_epoch %" SCNu64, ret_open_epoch), 1);
    assert_int_equal(sscanf(strsep(&rest, "\n"), "torn_bytes %" SCNu64, ret_torn_bytes), 1);
    while ((line = strsep(&rest, "\n")) != NULL && line[0] != '\0') {
        parse_fact(line, facts);
    }
    assert_true(facts->count > 0);
}

static void recovers_as_expected(const char *directory)
{
    static struct sample_facts expected, found;
    struct flat_disk *flat = load(directory);
    struct journal_recovery recovery;
    uint64_t open_epoch = 0;
    uint64_t torn_bytes = 0;
    struct sr_err err = {0};

    parse_expected(directory, &expected, &open_epoch, &torn_bytes);
    if (sample_recover(flat_disk_base(flat), &found, &recovery, &err) != SR_OK) {
        fail_msg("%s: %s", directory, err.text);
    }
    assert_true(sample_facts_equal(&found, &expected));
    assert_int_equal(recovery.open_epoch, open_epoch);
    assert_int_equal(recovery.torn_bytes, torn_bytes);
    flat_disk_free(&flat);
}

static void an_open_raw_file_is_read(void **state)
{
    (void)state;
    recovers_as_expected("open");
}

static void a_torn_tail_is_cut(void **state)
{
    (void)state;
    recovers_as_expected("torn");
}

static void closed_files_and_a_sealed_state_are_read(void **state)
{
    (void)state;
    recovers_as_expected("closed");
}

static void frames_behind_those_of_a_reused_file_do_not_count(void **state)
{
    (void)state;
    recovers_as_expected("reused");
}

static void a_state_of_an_open_epoch_is_read(void **state)
{
    (void)state;
    recovers_as_expected("outage");
}

static void the_newer_slot_of_the_identity_is_read(void **state)
{
    struct flat_disk *flat = load("identity");
    static struct identity identity;
    struct sr_uuid instance = sample_instance();
    struct sr_err err;

    (void)state;
    assert_int_equal(identity_file_load(flat_disk_base(flat), &identity, &err), SR_OK);
    assert_memory_equal(&identity.instance, &instance, sizeof(instance));
    assert_true(identity.fenced && identity.newest_confirmed);
    assert_int_equal(identity.token_count, 2);
    assert_int_equal(identity.revision, 2);
    assert_int_equal(identity.tokens[0].bytes[0], 0xA1);
    assert_int_equal(identity.tokens[1].bytes[0], 0xB2);
    flat_disk_free(&flat);
}

static void check_token(const struct record_token *token, const struct golden_token *golden)
{
    uint8_t hash[RECORD_REQUEST_HASH_SIZE];

    golden_request_hash(hash);
    assert_true(sr_span_equal(token->token, sr_span_text(golden->token)));
    assert_int_equal(token->answer_kind, golden->answer_kind);
    assert_int_equal(token->status, golden->status);
    assert_int_equal(token->records, golden->records);
    assert_memory_equal(token->request_hash.data, hash, sizeof(hash));
    if (golden->answer_kind == RECORD_ANSWER_UNKNOWN) {
        assert_int_equal(token->totals.size, 0);
        return;
    }
    assert_int_equal(token->totals.size, 8 * (golden->records + 1));
    for (uint32_t i = 0; i <= golden->records; i++) {
        assert_int_equal((int64_t)sr_get_u64(token->totals.data + 8 * (size_t)i),
                         golden->totals[i]);
    }
}

static enum sr_result check_record(void *context, const struct scan_record *in,
                                   struct sr_err *err)
{
    unsigned *count = context;
    const struct golden_token *golden = &golden_tokens[*count];

    (void)err;
    assert_true(*count < GOLDEN_TOKEN_RECORDS);
    assert_int_equal(in->record->kind, golden->kind);
    assert_int_equal(in->record->epoch, golden->epoch);
    assert_int_equal(in->record->value, golden->value);
    assert_true(sr_span_equal(in->record->key, sr_span_text(golden->key)));
    if (golden->token == NULL) {
        assert_int_equal(in->record->token.token.size, 0);
    } else {
        check_token(&in->record->token, golden);
    }
    (*count)++;
    return SR_OK;
}

static void records_with_tokens_are_read(void **state)
{
    struct flat_disk *flat = load("tokens");
    struct scan scan;
    struct sr_err err;
    unsigned count = 0;

    (void)state;
    assert_int_equal(scan_open(flat_disk_base(flat), &scan, &err), SR_OK);
    assert_int_equal(scan_raw(flat_disk_base(flat), &scan, check_record, &count, &err), SR_OK);
    assert_int_equal(count, GOLDEN_TOKEN_RECORDS);
    scan_done(&scan);
    flat_disk_free(&flat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_raw_file_is_read),
        cmocka_unit_test(a_torn_tail_is_cut),
        cmocka_unit_test(closed_files_and_a_sealed_state_are_read),
        cmocka_unit_test(frames_behind_those_of_a_reused_file_do_not_count),
        cmocka_unit_test(a_state_of_an_open_epoch_is_read),
        cmocka_unit_test(the_newer_slot_of_the_identity_is_read),
        cmocka_unit_test(records_with_tokens_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
