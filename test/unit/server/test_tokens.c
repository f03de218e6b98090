/*
 * The tokens file, and tokens that are replaced while threads check them.
 */
#include "support/unit.h"

#include "server/tokens.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* SHA-256 of "abc", FIPS 180-2 appendix B.1, and of nothing. */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void a_digest_is_sha_256(void **state)
{
    static const uint8_t abc[4] = {0xba, 0x78, 0x16, 0xbf};
    uint8_t digest[TOKEN_DIGEST_SIZE];

    (void)state;
    token_digest(sr_span_text("abc"), digest);
    assert_memory_equal(digest, abc, sizeof(abc));
    assert_int_equal(digest[31], 0xad);
}

static void a_file_is_lines_comments_and_blanks(void **state)
{
    struct token_set *set;
    struct sr_err err;

    (void)state;
    assert_int_equal(token_set_parse(sr_span_text("# who\n\n  \t\n  # indented\n"
                                                  "bot-1  write,read\t" ABC "\r\n"
                                                  "  ops.x admin " EMPTY),
                                     &set, &err),
                     SR_OK);
    assert_int_equal(set->count, 2);
    assert_string_equal(set->items[0].name, "bot-1");
    assert_int_equal(set->items[0].scopes, TOKEN_READ | TOKEN_WRITE);
    assert_int_equal(set->items[0].digest[0], 0xba);
    assert_string_equal(set->items[1].name, "ops.x");
    assert_int_equal(set->items[1].scopes, TOKEN_ADMIN);
    free(set);
    assert_int_equal(token_set_parse(sr_span_text(""), &set, &err), SR_OK);
    assert_int_equal(set->count, 0);
    free(set);
}

static void a_bad_line_is_named_and_nothing_is_taken(void **state)
{
    static const char *const lines[] = {
        "bot",
        "bot write",
        "bot write 12",
        "bot write " ABC "0",
        "bot write " ABC " more",
        "bot write x" EMPTY,
        "bot write,write " ABC,
        "bot write, " ABC,
        "bot ,write " ABC,
        "bot all " ABC,
        "bot Read " ABC,
        "b/t write " ABC,
        "b\"t write " ABC,
        "\x1b[31m write " ABC,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa read " ABC,
        "good read " ABC,
        "other read " EMPTY,
    };
    struct token_set *set = NULL;
    struct sr_err err;
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        (void)snprintf(text, sizeof(text), "good read " EMPTY "\n%s\n", lines[i]);
        if (token_set_parse(sr_span_text(text), &set, &err) != SR_INVALID) {
            fail_msg("taken: %s", lines[i]);
        }
        assert_memory_equal(err.text, "line 2: ", 8);
        assert_null(strstr(err.text, "\x1b"));
    }
    assert_null(set);
}

static void there_are_at_most_1024(void **state)
{
    char *text = malloc(TOKENS_MAX * 100);
    struct token_set *set;
    struct sr_err err;
    size_t size = 0;

    (void)state;
    for (int i = 0; i < TOKENS_MAX; i++) {
        size += (size_t)sprintf(text + size, "t%d read %064x\n", i, (unsigned)i);
    }
    assert_int_equal(token_set_parse(sr_span_text(text), &set, &err), SR_OK);
    assert_int_equal(set->count, TOKENS_MAX);
    free(set);
    (void)sprintf(text + size, "one-more read " ABC "\n");
    assert_int_equal(token_set_parse(sr_span_text(text), &set, &err), SR_INVALID);
    free(text);
}

/* ---- a file that changes ---- */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void what_a_reload_brings_holds_from_then_on(void **state)
{
    char path[] = "/tmp/sr-tokens-XXXXXX";
    int fd = mkstemp(path);
    struct tokens_view view = {0};
    struct tokens *tokens = NULL;
    struct sr_err err;

    (void)state;
    assert_int_equal(close(fd), 0);
    write_file(path, "first read " ABC "\n");
    assert_int_equal(tokens_open(path, &tokens, &err), SR_OK);
    assert_string_equal(tokens_find(tokens, &view, sr_span_text("abc"))->name, "first");
    assert_null(tokens_find(tokens, &view, sr_span_text("abd")));
    assert_null(tokens_find(tokens, &view, (struct sr_span){0}));

    write_file(path, "second write " ABC "\nthird read " EMPTY "\n");
    assert_int_equal(tokens_reload(tokens, &err), SR_OK);
    assert_int_equal(tokens_count(tokens), 2);
    assert_string_equal(tokens_find(tokens, &view, sr_span_text("abc"))->name, "second");

    write_file(path, "fourth write\n");
    assert_int_equal(tokens_reload(tokens, &err), SR_INVALID);
    assert_non_null(strstr(err.text, path));
    assert_string_equal(tokens_find(tokens, &view, sr_span_text("abc"))->name, "second");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(tokens_reload(tokens, &err), SR_IO);
    assert_string_equal(tokens_find(tokens, &view, sr_span_text("abc"))->name, "second");
    tokens_view_done(tokens, &view);
    tokens_close(&tokens);
    assert_null(tokens);
}

#define THREADS 4

struct checker {
    struct tokens *tokens;
    _Atomic bool *done;
    uint64_t checks;
    pthread_t thread;
};

/* The token is in every version of the file: it must never be missed. */
static void *check_until_done(void *argument)
{
    struct checker *checker = argument;
    struct tokens_view view = {0};

    while (!atomic_load(checker->done)) {
        const struct token *token = tokens_find(checker->tokens, &view, sr_span_text("abc"));

        if (token == NULL || token->scopes != TOKEN_READ) {
            return NULL;
        }
        checker->checks++;
    }
    tokens_view_done(checker->tokens, &view);
    return checker;
}

static void tokens_are_replaced_under_the_eyes_of_threads(void **state)
{
    char path[] = "/tmp/sr-tokens-XXXXXX";
    int fd = mkstemp(path);
    struct checker checkers[THREADS] = {0};
    _Atomic bool done = false;
    struct tokens *tokens;
    struct sr_err err;

    (void)state;
    assert_int_equal(close(fd), 0);
    write_file(path, "t read " ABC "\n");
    assert_int_equal(tokens_open(path, &tokens, &err), SR_OK);
    for (int i = 0; i < THREADS; i++) {
        checkers[i].tokens = tokens;
        checkers[i].done = &done;
        assert_int_equal(pthread_create(&checkers[i].thread, NULL, check_until_done,
                                        &checkers[i]),
                         0);
    }
    for (int i = 0; i < 300; i++) {
        assert_int_equal(tokens_reload(tokens, &err), SR_OK);
    }
    atomic_store(&done, true);
    for (int i = 0; i < THREADS; i++) {
        void *result;

        assert_int_equal(pthread_join(checkers[i].thread, &result), 0);
        assert_ptr_equal(result, &checkers[i]);
    }
    tokens_close(&tokens);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_digest_is_sha_256),
        cmocka_unit_test(a_file_is_lines_comments_and_blanks),
        cmocka_unit_test(a_bad_line_is_named_and_nothing_is_taken),
        cmocka_unit_test(there_are_at_most_1024),
        cmocka_unit_test(what_a_reload_brings_holds_from_then_on),
        cmocka_unit_test(tokens_are_replaced_under_the_eyes_of_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
