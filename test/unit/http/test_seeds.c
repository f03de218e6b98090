/*
 * Every seed of the fuzz target: read the same whatever way it is cut, alone and pipelined.
 */
#include "http/parser.h"

#include "bytes.h"
#include "transcript.h"

#include <dirent.h>
#include <stdio.h>

static const struct http_limits limits = {8192, 16384, 100, 8 << 20};

/* Small enough that every seed meets some of them. */
static const struct http_limits tight = {40, 90, 4, 20};

/* Fields are too long well before a request line would be. */
static const struct http_limits uneven = {8192, 30, 4, 20};

struct seed {
    char name[64];
    struct sr_buffer bytes;
};

static struct seed seeds[256];
static size_t seeds_count;

static void read_seed(const char *name)
{
    struct seed *seed = &seeds[seeds_count++];
    char path[512];
    FILE *file;

    assert_true(seeds_count < COUNT_OF(seeds) && strlen(name) < sizeof(seed->name));
    (void)snprintf(seed->name, sizeof(seed->name), "%s", name);
    (void)snprintf(path, sizeof(path), HTTP_CORPUS "/http_request/%s", name);
    file = fopen(path, "rb");
    assert_non_null(file);
    sr_buffer_init(&seed->bytes, 1 << 20);
    assert_int_equal(sr_buffer_reserve(&seed->bytes, 1 << 16), SR_OK);
    seed->bytes.size = fread(seed->bytes.data, 1, 1 << 16, file);
    assert_true(fclose(file) == 0 && seed->bytes.size < 1 << 16);
}

static int read_seeds(void **state)
{
    DIR *folder = opendir(HTTP_CORPUS "/http_request");
    struct dirent *entry;

    (void)state;
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.') {
            read_seed(entry->d_name);
        }
    }
    (void)closedir(folder);
    assert_true(seeds_count >= 60);
    return 0;
}

static int free_seeds(void **state)
{
    (void)state;
    while (seeds_count > 0) {
        sr_buffer_done(&seeds[--seeds_count].bytes);
    }
    return 0;
}

static void check_cut(const struct seed *seed, const struct http_limits *allowed,
                      const struct transcript *whole, size_t at)
{
    struct sr_span bytes = sr_buffer_span(&seed->bytes);
    struct transcript pieces =
        transcript_of(bytes, allowed, at > 0 ? transcript_cut_at : transcript_cut_each_byte,
                      &at);

    if (!transcript_equal(whole, &pieces)) {
        fail_msg("%s cut at %zu: %zu requests and %u %s instead of %zu and %u %s", seed->name,
                 at, pieces.requests_count, pieces.refused, pieces.detail,
                 whole->requests_count, whole->refused, whole->detail);
    }
    transcript_done(&pieces);
}

static void check_all_cuts(const struct http_limits *allowed)
{
    for (size_t i = 0; i < seeds_count; i++) {
        struct transcript whole =
            transcript_of(sr_buffer_span(&seeds[i].bytes), allowed, NULL, NULL);

        for (size_t at = 0; at < seeds[i].bytes.size; at++) {
            check_cut(&seeds[i], allowed, &whole, at);
        }
        transcript_done(&whole);
    }
}

static void seeds_are_read_the_same_however_they_are_cut(void **state)
{
    (void)state;
    check_all_cuts(&limits);
}

static void limits_are_met_at_the_same_byte_however_seeds_are_cut(void **state)
{
    (void)state;
    check_all_cuts(&tight);
    check_all_cuts(&uneven);
}

/* What is read of a and b sent together is what is read of each. */
static void check_pair(const struct seed *a, const struct seed *b)
{
    struct sr_buffer both;
    struct transcript first, second, together;

    sr_buffer_init(&both, 1 << 20);
    assert_int_equal(sr_buffer_append(&both, a->bytes.data, a->bytes.size), SR_OK);
    assert_int_equal(sr_buffer_append(&both, b->bytes.data, b->bytes.size), SR_OK);
    first = transcript_of(sr_buffer_span(&a->bytes), &limits, NULL, NULL);
    second = transcript_of(sr_buffer_span(&b->bytes), &limits, NULL, NULL);
    together = transcript_of(sr_buffer_span(&both), &limits, NULL, NULL);
    if (first.refused == 0 && first.left_at_end == 0) {
        transcript_put(&first, second.text.data, second.text.size);
        if (!sr_span_equal(sr_buffer_span(&first.text), sr_buffer_span(&together.text))) {
            fail_msg("%s and %s", a->name, b->name);
        }
    }
    transcript_done(&first);
    transcript_done(&second);
    transcript_done(&together);
    sr_buffer_done(&both);
}

static void pipelined_seeds_are_read_as_each_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < seeds_count; i++) {
        for (size_t j = 0; j < seeds_count; j++) {
            check_pair(&seeds[i], &seeds[j]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_are_read_the_same_however_they_are_cut),
        cmocka_unit_test(limits_are_met_at_the_same_byte_however_seeds_are_cut),
        cmocka_unit_test(pipelined_seeds_are_read_as_each_alone),
    };

    return cmocka_run_group_tests(tests, read_seeds, free_seeds);
}
