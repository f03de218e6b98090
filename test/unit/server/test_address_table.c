/*
 * Connections counted per address.
 */
#include "support/unit.h"

#include "server/address_table.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static struct address_key key_of(const char *text)
{
    struct sockaddr_storage storage = {0};

    if (strchr(text, ':') == NULL) {
        struct sockaddr_in v4 = {.sin_family = AF_INET};

        assert_int_equal(inet_pton(AF_INET, text, &v4.sin_addr), 1);
        memcpy(&storage, &v4, sizeof(v4));
    } else {
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        memcpy(&storage, &v6, sizeof(v6));
    }
    return address_key_of(&storage);
}

static bool same(const char *a, const char *b)
{
    struct address_key x = key_of(a);
    struct address_key y = key_of(b);

    return x.bits == y.bits && x.is_v6 == y.is_v6;
}

static void an_ipv6_network_is_one_client_and_mapped_ipv4_is_ipv4(void **state)
{
    struct sockaddr_storage local = {.ss_family = AF_UNIX};

    (void)state;
    assert_true(same("2001:db8:1:2::3", "2001:db8:1:2:ffff::1"));
    assert_false(same("2001:db8:1:2::3", "2001:db8:1:3::3"));
    assert_true(same("::ffff:192.0.2.1", "192.0.2.1"));
    assert_false(same("192.0.2.1", "192.0.2.2"));
    assert_false(address_key_of(&local).counted);
    assert_true(key_of("192.0.2.1").counted);
}

static void an_address_has_its_maximum_and_gets_it_back(void **state)
{
    struct address_key one = key_of("192.0.2.1");
    struct address_key other = key_of("192.0.2.2");
    struct address_key local = {0};
    struct address_table *table;

    (void)state;
    assert_int_equal(address_table_open(10, 2, &table, NULL), SR_OK);
    assert_true(address_table_enter(table, &one));
    assert_true(address_table_enter(table, &one));
    assert_false(address_table_enter(table, &one));
    assert_true(address_table_enter(table, &other));
    address_table_leave(table, &one);
    assert_true(address_table_enter(table, &one));
    for (int i = 0; i < 5; i++) {
        assert_true(address_table_enter(table, &local));
    }
    address_table_close(&table);
    assert_null(table);
}

/* Against a plain array of counts, until the table has been full and empty again many times. */
static void many_addresses_come_and_go(void **state)
{
    enum { ADDRESSES = 500, OPEN_MAX = 400, STEPS = 100000 };
    static uint32_t counts[ADDRESSES];
    struct address_table *table;
    unsigned seed = 1;
    uint32_t open = 0;

    (void)state;
    assert_int_equal(address_table_open(OPEN_MAX, 3, &table, NULL), SR_OK);
    for (int step = 0; step < STEPS; step++) {
        uint32_t i = (uint32_t)rand_r(&seed) % ADDRESSES;
        struct address_key key = {.bits = i, .is_v6 = i % 2 == 0, .counted = true};
        bool come = step / 5000 % 2 == 0 ? rand_r(&seed) % 3 > 0 : rand_r(&seed) % 3 == 0;

        if (come && open < OPEN_MAX) {
            assert_int_equal(address_table_enter(table, &key), counts[i] < 3);
            open += counts[i] < 3;
            counts[i] += counts[i] < 3;
        } else if (counts[i] > 0) {
            address_table_leave(table, &key);
            counts[i]--;
            open--;
        }
    }
    address_table_close(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ipv6_network_is_one_client_and_mapped_ipv4_is_ipv4),
        cmocka_unit_test(an_address_has_its_maximum_and_gets_it_back),
        cmocka_unit_test(many_addresses_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
