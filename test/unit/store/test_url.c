/*
 * store/store_url.c and store_open: what is a database URL, how Ecto's becomes libpq's, what
 * is shown of it.
 */
#include "store/store_url.h"

#include "store/store.h"

/* cmocka needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void assert_rewritten(const char *url, const char *wanted)
{
    struct sr_buffer text;

    sr_buffer_init(&text, 4096);
    assert_int_equal(store_url_for_libpq(url, &text), SR_OK);
    assert_string_equal((const char *)text.data, wanted);
    sr_buffer_done(&text);
}

static void postgres_urls_stay_as_they_are(void **state)
{
    (void)state;
    assert_rewritten("postgres://u:p@h:1/d?pool_size=5&ssl=true",
                     "postgres://u:p@h:1/d?pool_size=5&ssl=true");
    assert_rewritten("postgresql://a,b/d?target_session_attrs=any",
                     "postgresql://a,b/d?target_session_attrs=any");
}

static void ecto_urls_lose_what_only_ecto_knows(void **state)
{
    (void)state;
    assert_rewritten("ecto://u:p@h:5433/d", "postgresql://u:p@h:5433/d");
    assert_rewritten("ECTO://h/d?", "postgresql://h/d");
    assert_rewritten("ecto://h/d?pool_size=10", "postgresql://h/d");
    assert_rewritten("ecto://h/d?pool_size=10&application_name=x&timeout=15000&prepare=unnamed",
                     "postgresql://h/d?application_name=x");
    assert_rewritten("ecto://h/d?pool_sizes=1", "postgresql://h/d?pool_sizes=1");
    assert_rewritten("ecto://h/d?ssl", "postgresql://h/d");
}

static void ectos_ssl_and_socket_dir_are_translated(void **state)
{
    (void)state;
    assert_rewritten("ecto://h/d?ssl=true&pool_size=2", "postgresql://h/d?sslmode=require");
    assert_rewritten("ecto://h/d?ssl=false", "postgresql://h/d");
    assert_rewritten("ecto://h/d?ssl=true&sslmode=verify-full",
                     "postgresql://h/d?sslmode=verify-full");
    assert_rewritten("ecto://u@/d?socket_dir=%2Frun%2Fpg",
                     "postgresql://u@/d?host=%2Frun%2Fpg");
}

static void percent_encoding_is_left_alone(void **state)
{
    (void)state;
    assert_rewritten(
        "ecto://us%40er:p%3Fw%26%2F@[::1]:5432/d%20b?application_name=a%26b",
        "postgresql://us%40er:p%3Fw%26%2F@[::1]:5432/d%20b?application_name=a%26b");
}

static void assert_shown(const char *url, const char *wanted)
{
    char text[256];

    store_url_redact(url, text, sizeof(text));
    assert_string_equal(text, wanted);
}

static void passwords_are_not_shown(void **state)
{
    (void)state;
    assert_shown("postgres://u:secret@h:1/d", "postgres://u:***@h:1/d");
    assert_shown("postgres://u:@h/d", "postgres://u:***@h/d");
    assert_shown("ecto://u:s%40@h1:1,h2:2/d?x=y", "ecto://u:***@h1:1,h2:2/d?x=y");
    assert_shown("postgres://h/d?user=u&password=secret&x=y",
                 "postgres://h/d?user=u&password=***&x=y");
    assert_shown("postgres://h/d?sslpassword=a&PASSWORD=b",
                 "postgres://h/d?sslpassword=***&PASSWORD=***");
    assert_shown("host=h password = 'sec ret' user=u", "host=h password =***");
}

static void passwords_with_raw_special_characters_are_not_shown(void **state)
{
    (void)state;
    assert_shown("postgres://u:p@ss@h/d", "postgres://u:***@h/d");
    assert_shown("postgres://u:p/s@h/d", "postgres://u:***@h/d");
    assert_shown("postgres://u:p?s@h/d", "postgres://u:***@h/d");
    assert_shown("postgres://u:p/s?x@h/d", "postgres://u:***@h/d");
    assert_shown("postgres://u:a@b?c@h/d", "postgres://u:***@h/d");
    assert_shown("postgres://u:a?b@c/d@h/d", "postgres://u:***@h/d");
    assert_shown("mysql://u:secret@h/d", "mysql://u:***@h/d");
}

static void what_has_no_password_is_shown_whole(void **state)
{
    (void)state;
    assert_shown("sqlite:/var/lib/x.db", "sqlite:/var/lib/x.db");
    assert_shown("postgres://h:5432/d", "postgres://h:5432/d");
    assert_shown("postgres://u@h/d?passwordless=1", "postgres://u@h/d?passwordless=1");
    assert_shown("", "");
}

static void what_does_not_fit_is_cut(void **state)
{
    char text[14];

    (void)state;
    store_url_redact("postgres://u:secret@h/d", text, sizeof(text));
    assert_string_equal(text, "postgres://u:");
    store_url_redact("postgres://u:secret@h/d", text, 1);
    assert_string_equal(text, "");
}

static void assert_invalid(const char *url, const char *hint)
{
    struct store_options options = {.timeout_ms = 1000};
    struct store *store = NULL;
    struct sr_err err;

    assert_int_equal(store_open(url, &options, &store, &err), SR_INVALID);
    assert_null(store);
    assert_non_null(strstr(err.text, hint));
    assert_null(strstr(err.text, "secret"));
}

static void unknown_schemes_and_paths_are_refused_with_what_would_be_right(void **state)
{
    (void)state;
    assert_invalid("mysql://u:secret@h/d", "sqlite:PATH");
    assert_invalid("/var/lib/x.db", "sqlite:PATH");
    assert_invalid("", "sqlite:PATH");
    assert_invalid("sqlite:", "name a file");
    assert_invalid("sqlite::memory:", "name a file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(postgres_urls_stay_as_they_are),
        cmocka_unit_test(ecto_urls_lose_what_only_ecto_knows),
        cmocka_unit_test(ectos_ssl_and_socket_dir_are_translated),
        cmocka_unit_test(percent_encoding_is_left_alone),
        cmocka_unit_test(passwords_are_not_shown),
        cmocka_unit_test(passwords_with_raw_special_characters_are_not_shown),
        cmocka_unit_test(what_has_no_password_is_shown_whole),
        cmocka_unit_test(what_does_not_fit_is_cut),
        cmocka_unit_test(unknown_schemes_and_paths_are_refused_with_what_would_be_right),
    };

    return cmocka_run_group_tests_name("store/url", tests, NULL, NULL);
}
