/*
 * Which hop of X-Forwarded-For and Forwarded is the client, and what strangers cannot make of
 * it.
 */
#include "support/unit.h"

#include "server/forwarded.h"

#include <string.h>

/* The client's address as text where the peer is 10.0.0.1, and 10.0.0.0/8 is trusted. */
static const char *client_of(enum forwarded_field field, const char *value)
{
    static char text[IP_ADDRESS_TEXT_SIZE];
    struct ip_address address;
    struct networks trusted;
    struct sr_err err;

    assert_int_equal(networks_parse("10.0.0.0/8,2001:db8:1::/48", &trusted, &err), SR_OK);
    assert_true(ip_address_parse(sr_span_text("10.0.0.1"), &address));
    (void)forwarded_client(field, sr_span_text(value), &trusted, &address);
    ip_address_text(&address, text);
    return text;
}

struct example {
    const char *value, *client;
};

static void check(enum forwarded_field field, const struct example *examples)
{
    for (; examples->value != NULL; examples++) {
        const char *found = client_of(field, examples->value);

        if (strcmp(found, examples->client) != 0) {
            fail_msg("'%s': %s, expected %s", examples->value, found, examples->client);
        }
    }
}

static void the_right_most_untrusted_hop_is_the_client(void **state)
{
    static const struct example examples[] = {
        {"203.0.113.9", "203.0.113.9"},
        {"203.0.113.9, 10.0.0.7", "203.0.113.9"},
        {"6.6.6.6, 203.0.113.9, 10.0.0.7,10.0.0.8", "203.0.113.9"},
        {"10.6.6.6, 203.0.113.9", "203.0.113.9"},
        {"2001:db8::9", "2001:db8::9"},
        {"[2001:db8::9]:4711 , 2001:db8:1::5", "2001:db8::9"},
        {"203.0.113.9:4711", "203.0.113.9"},
        {"10.0.0.9", "10.0.0.9"}, /* all trusted: the first of them */
        {"", "10.0.0.1"},
        {NULL, NULL},
    };

    (void)state;
    check(FORWARDED_X_FORWARDED_FOR, examples);
}

static void a_hop_that_is_no_address_leaves_the_proxy_that_wrote_it(void **state)
{
    static const struct example examples[] = {
        {"unknown", "10.0.0.1"},
        {"203.0.113.9, unknown, 10.0.0.7", "10.0.0.7"},
        {"203.0.113.9, , 10.0.0.7", "10.0.0.7"},
        {"203.0.113.9,", "10.0.0.1"},
        {"[2001:db8::9", "10.0.0.1"},
        {"203.0.113.9\x01", "10.0.0.1"},
        {NULL, NULL},
    };

    (void)state;
    check(FORWARDED_X_FORWARDED_FOR, examples);
}

static void forwarded_is_read_by_its_grammar(void **state)
{
    static const struct example examples[] = {
        {"for=203.0.113.9", "203.0.113.9"},
        {"For=203.0.113.9;proto=http;by=10.0.0.2", "203.0.113.9"},
        {"proto=https; for=\"203.0.113.9:80\"", "203.0.113.9"},
        {"for=6.6.6.6, for=\"[2001:db8:cafe::17]:4711\", for=10.0.0.7", "2001:db8:cafe::17"},
        {"for=_hidden, for=10.0.0.7", "10.0.0.7"},
        {"for=unknown", "10.0.0.1"},
        {"by=203.0.113.9", "10.0.0.1"},
        {"for=", "10.0.0.1"},
        {"for", "10.0.0.1"},
        {";;;", "10.0.0.1"},
        {"203.0.113.9", "10.0.0.1"},
        {NULL, NULL},
    };

    (void)state;
    check(FORWARDED_FORWARDED, examples);
}

static void an_open_quote_on_the_left_does_not_reach_what_our_proxies_wrote(void **state)
{
    static const struct example examples[] = {
        {"for=\"6.6.6.6, for=203.0.113.9", "203.0.113.9"},
        {"for=\"6.6.6.6\\\", for=203.0.113.9, for=10.0.0.7", "203.0.113.9"},
        {NULL, NULL},
    };

    (void)state;
    check(FORWARDED_FORWARDED, examples);
}

static void it_tells_whether_a_hop_was_named(void **state)
{
    struct networks none = {0};
    struct ip_address address = {0};

    (void)state;
    assert_false(
        forwarded_client(FORWARDED_X_FORWARDED_FOR, (struct sr_span){0}, &none, &address));
    assert_false(
        forwarded_client(FORWARDED_X_FORWARDED_FOR, sr_span_text("x"), &none, &address));
    assert_true(
        forwarded_client(FORWARDED_X_FORWARDED_FOR, sr_span_text("::1"), &none, &address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_most_untrusted_hop_is_the_client),
        cmocka_unit_test(a_hop_that_is_no_address_leaves_the_proxy_that_wrote_it),
        cmocka_unit_test(forwarded_is_read_by_its_grammar),
        cmocka_unit_test(an_open_quote_on_the_left_does_not_reach_what_our_proxies_wrote),
        cmocka_unit_test(it_tells_whether_a_hop_was_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
