/*
 * Addresses, what a client is told apart by, networks.
 */
#include "support/unit.h"

#include "server/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static struct ip_address address(const char *text)
{
    struct ip_address parsed;

    if (!ip_address_parse(sr_span_text(text), &parsed)) {
        fail_msg("'%s' is an address", text);
    }
    return parsed;
}

static uint64_t client(const char *text)
{
    struct ip_address parsed = address(text);

    return ip_address_client(&parsed);
}

static void both_families_are_read_and_written(void **state)
{
    static const char *const texts[] = {"192.0.2.7", "255.255.255.255", "::1", "2001:db8::17"};
    char text[IP_ADDRESS_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ip_address parsed = address(texts[i]);

        ip_address_text(&parsed, text);
        assert_string_equal(text, texts[i]);
    }
}

static void what_is_no_address_is_not_read(void **state)
{
    static const char *const texts[] = {
        "",          "1.2.3",    "1.2.3.4.5",
        "256.1.1.1", "01.2.3.4", "1.2.3.4:80",
        "[::1]",     "::1%lo",   "localhost",
        " 1.2.3.4",  "1::2::3",  "12345::",
        "1.2.3.4/8", "unix",     "1111:2222:3333:4444:5555:6666:7777:8888:9999"};
    struct ip_address parsed;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (ip_address_parse(sr_span_text(texts[i]), &parsed)) {
            fail_msg("'%s' is no address", texts[i]);
        }
    }
    assert_false(ip_address_parse((struct sr_span){(const uint8_t *)"::1\0", 4}, &parsed));
}

static void a_client_is_an_ipv4_address_or_an_ipv6_network(void **state)
{
    (void)state;
    assert_true(client("192.0.2.1") == client("::ffff:192.0.2.1"));
    assert_true(client("192.0.2.1") != client("192.0.2.2"));
    assert_true(client("2001:db8:1:2::1") == client("2001:db8:1:2:ffff::9"));
    assert_true(client("2001:db8:1:2::1") != client("2001:db8:1:3::1"));
    assert_true(client("0.0.0.1") != client("::1"));
    assert_true(client("1.2.3.4") != client("102:304::"));
}

static void a_socket_address_is_the_same_address(void **state)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct ip_address wanted = address("192.0.2.9");
    struct ip_address found;

    (void)state;
    assert_int_equal(inet_pton(AF_INET, "192.0.2.9", &v4.sin_addr), 1);
    memcpy(&storage, &v4, sizeof(v4));
    assert_true(ip_address_of(&storage, &found));
    assert_memory_equal(&found, &wanted, sizeof(found));
    storage.ss_family = AF_UNIX;
    assert_false(ip_address_of(&storage, &found));
}

static bool holds(const struct networks *networks, const char *text)
{
    struct ip_address parsed = address(text);

    return networks_hold(networks, &parsed);
}

static void a_network_holds_what_has_its_prefix(void **state)
{
    struct networks networks;
    struct sr_err err;

    (void)state;
    assert_int_equal(networks_parse("10.0.0.0/8, 192.0.2.128/25,2001:db8::/33 ,203.0.113.5",
                                    &networks, &err),
                     SR_OK);
    assert_int_equal(networks.count, 4);
    assert_false(networks.unix_sockets);
    assert_true(holds(&networks, "10.255.0.1"));
    assert_true(holds(&networks, "::ffff:10.0.0.1"));
    assert_false(holds(&networks, "11.0.0.1"));
    assert_true(holds(&networks, "192.0.2.128"));
    assert_false(holds(&networks, "192.0.2.127"));
    assert_true(holds(&networks, "2001:db8:7fff::1"));
    assert_false(holds(&networks, "2001:db8:8000::1"));
    assert_true(holds(&networks, "203.0.113.5"));
    assert_false(holds(&networks, "203.0.113.4"));
}

static void everybody_and_unix_sockets_can_be_named(void **state)
{
    struct networks networks;
    struct sr_err err;

    (void)state;
    assert_int_equal(networks_parse("0.0.0.0/0,unix", &networks, &err), SR_OK);
    assert_true(networks.unix_sockets);
    assert_true(holds(&networks, "8.8.8.8"));
    assert_false(holds(&networks, "2001:db8::1"));
    assert_int_equal(networks_parse("::/0", &networks, &err), SR_OK);
    assert_true(holds(&networks, "2001:db8::1"));
}

static void a_slip_in_a_list_is_named(void **state)
{
    static const char *const lists[] = {
        "",    "10.0.0.0/8,", ",::1",         "10.0.0.1/8",     "10.0.0.0/33", "::/129",
        "::/", "10.0.0.0/-1", "10.0.0.0/0x8", "2001:db8::1/32", "Unix",        "10.0.0.0/8/8"};
    struct networks networks;
    struct sr_err err;
    char many[NETWORKS_MAX * 10 + 20] = "10.0.0.1";

    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (networks_parse(lists[i], &networks, &err) != SR_INVALID) {
            fail_msg("'%s' is no list", lists[i]);
        }
    }
    for (int i = 0; i < NETWORKS_MAX; i++) {
        size_t size = strlen(many);

        (void)snprintf(many + size, sizeof(many) - size, ",10.0.0.2");
    }
    assert_int_equal(networks_parse(many, &networks, &err), SR_INVALID);
    assert_non_null(strstr(err.text, "64"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_families_are_read_and_written),
        cmocka_unit_test(what_is_no_address_is_not_read),
        cmocka_unit_test(a_client_is_an_ipv4_address_or_an_ipv6_network),
        cmocka_unit_test(a_socket_address_is_the_same_address),
        cmocka_unit_test(a_network_holds_what_has_its_prefix),
        cmocka_unit_test(everybody_and_unix_sockets_can_be_named),
        cmocka_unit_test(a_slip_in_a_list_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
