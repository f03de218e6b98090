/*
 * Sources: files, what is spooled, and that a change is noticed.
 */
#include "transfer/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <yyjson.h>

static void read_all(const struct source *source, char *text, size_t size)
{
    ssize_t got = pread(source_descriptor(source), text, size - 1, 0);

    assert_true(got >= 0 && (uint64_t)got == source_size(source));
    text[got] = '\0';
}

static void a_file_that_changes_is_noticed(void **state)
{
    char path[] = "/tmp/test-source-XXXXXX";
    struct source *source;
    struct sr_err err;
    int fd = mkstemp(path);

    (void)state;
    assert_int_equal(write(fd, "a\n", 2), 2);
    assert_int_equal(source_open_file(path, &source, &err), SR_OK);
    assert_string_equal(source_name(source), path);
    assert_int_equal(source_size(source), 2);
    assert_int_equal(source_check(source, &err), SR_OK);
    assert_int_equal(write(fd, "b\n", 2), 2);
    assert_int_equal(source_check(source, &err), SR_INVALID);
    assert_non_null(strstr(err.text, "was changed"));
    source_close(&source);
    assert_null(source);
    source_close(&source);
    (void)close(fd);
    (void)unlink(path);
}

static void what_is_no_file_is_refused(void **state)
{
    struct source *source;
    struct sr_err err;

    (void)state;
    assert_int_equal(source_open_file("/nowhere/at-all", &source, &err), SR_INVALID);
    assert_int_equal(source_open_file("/tmp", &source, &err), SR_INVALID);
    assert_non_null(strstr(err.text, "no regular file"));
}

static enum sr_result fill_pairs(void *context, struct spool *spool, struct sr_err *err)
{
    enum sr_result result = spool_pair(spool, sr_span_text("a\"\\\n\x01ü"), INT64_MIN, err);

    (void)context;
    return result == SR_OK ? spool_pair(spool, sr_span_text(""), 0, err) : result;
}

static void pairs_are_lines_of_json(void **state)
{
    struct source *source;
    char text[512];
    struct sr_err err;
    yyjson_doc *doc;
    yyjson_val *root;

    (void)state;
    assert_int_equal(source_spool("pairs", fill_pairs, NULL, &source, &err), SR_OK);
    read_all(source, text, sizeof(text));
    assert_non_null(strstr(text, "}\n{\"key\":\"\",\"value\":0}\n"));
    doc = yyjson_read_opts(text, strlen(text), YYJSON_READ_STOP_WHEN_DONE, NULL, NULL);
    root = yyjson_doc_get_root(doc);
    assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "key")), "a\"\\\n\x01ü");
    assert_true(yyjson_get_sint(yyjson_obj_get(root, "value")) == INT64_MIN);
    yyjson_doc_free(doc);
    source_close(&source);
}

#define LARGE ((size_t)5 << 20)

static enum sr_result fill_large(void *context, struct spool *spool, struct sr_err *err)
{
    static uint8_t bytes[LARGE / 2];

    (void)context;
    memset(bytes, 'x', sizeof(bytes));
    if (spool_write(spool, (struct sr_span){.data = bytes, .size = sizeof(bytes)}, err) !=
        SR_OK) {
        return err->code;
    }
    return spool_write(spool, (struct sr_span){.data = bytes, .size = sizeof(bytes)}, err);
}

static void much_is_spooled_whole(void **state)
{
    struct source *source;
    struct sr_err err;

    (void)state;
    assert_int_equal(source_spool("much", fill_large, NULL, &source, &err), SR_OK);
    assert_int_equal(source_size(source), LARGE);
    assert_int_equal(source_check(source, &err), SR_OK);
    source_close(&source);
}

static enum sr_result fill_nothing(void *context, struct spool *spool, struct sr_err *err)
{
    (void)context;
    (void)spool;
    return sr_fail(err, SR_UNAVAILABLE, "nobody answers");
}

static void who_fills_may_fail(void **state)
{
    struct source *source = NULL;
    struct sr_err err;

    (void)state;
    assert_int_equal(source_spool("rows", fill_nothing, NULL, &source, &err), SR_UNAVAILABLE);
    assert_string_equal(err.text, "nobody answers");
    assert_null(source);
}

static void a_folder_for_temporary_files_that_is_none_is_named(void **state)
{
    struct source *source;
    struct sr_err err;

    (void)state;
    assert_int_equal(setenv("TMPDIR", "/nowhere", 1), 0);
    assert_int_equal(source_spool("pairs", fill_pairs, NULL, &source, &err), SR_IO);
    assert_non_null(strstr(err.text, "/nowhere"));
    assert_non_null(strstr(err.text, "TMPDIR"));
    assert_int_equal(unsetenv("TMPDIR"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_changes_is_noticed),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(pairs_are_lines_of_json),
        cmocka_unit_test(much_is_spooled_whole),
        cmocka_unit_test(who_fills_may_fail),
        cmocka_unit_test(a_folder_for_temporary_files_that_is_none_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
