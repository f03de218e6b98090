/*
 * Addresses of --listen: what is one, and where a client on this machine connects.
 */
#include "command/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

static void lists_of_every_kind_are_taken(void **state)
{
    const char *const good[] = {"127.0.0.1",
                                "0.0.0.0,::",
                                "::1",
                                "[::1],unix:/run/sr.sock",
                                " 127.0.0.1 , [fe80::1] ",
                                "unix:relative"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(address_list_check(good[i], NULL), SR_OK);
    }
}

static void what_is_no_address_is_named(void **state)
{
    static char path[300] = "unix:/";
    const char *const bad[] = {"",     ",",    "127.0.0.1,", "localhost", "127.0.0.1:80",
                               "[::1", "::1]", "unix:",      "1.2.3",     "127.0.0.1 127.0.0.2",
                               path};

    (void)state;
    memset(path + 6, 'a', sizeof(path) - 7);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sr_err err = {0};

        assert_int_equal(address_list_check(bad[i], &err), SR_INVALID);
        assert_non_null(strstr(err.text, "--listen"));
    }
}

static const struct sockaddr_in *v4_of(const struct address *address)
{
    return (const struct sockaddr_in *)(const void *)&address->storage;
}

static void a_client_connects_to_the_first_address(void **state)
{
    struct address address;

    (void)state;
    assert_int_equal(address_to_connect("127.0.0.2,127.0.0.3", 81, &address, NULL), SR_OK);
    assert_int_equal(address.storage.ss_family, AF_INET);
    assert_int_equal(v4_of(&address)->sin_port, htons(81));
    assert_int_equal(v4_of(&address)->sin_addr.s_addr, htonl(0x7F000002));
    assert_int_equal(address_to_connect("unix:/run/s", 0, &address, NULL), SR_OK);
    assert_string_equal(((const struct sockaddr_un *)(const void *)&address.storage)->sun_path,
                        "/run/s");
}

static void for_all_addresses_a_client_takes_the_loopback_one(void **state)
{
    struct address address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&address.storage;

    (void)state;
    assert_int_equal(address_to_connect("0.0.0.0", 81, &address, NULL), SR_OK);
    assert_int_equal(v4_of(&address)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    assert_int_equal(address_to_connect("[::]", 81, &address, NULL), SR_OK);
    assert_memory_equal(&v6->sin6_addr, &in6addr_loopback, sizeof(in6addr_loopback));
    assert_int_equal(v6->sin6_port, htons(81));
}

static void a_clients_url_is_that_of_the_first_address(void **state)
{
    char url[ADDRESS_URL_SIZE];

    (void)state;
    assert_int_equal(address_url("0.0.0.0,::1", 81, false, url, NULL), SR_OK);
    assert_string_equal(url, "http://127.0.0.1:81");
    assert_int_equal(address_url("::", 3333, true, url, NULL), SR_OK);
    assert_string_equal(url, "https://[::1]:3333");
    assert_int_equal(address_url("unix:/run/s", 3333, true, url, NULL), SR_OK);
    assert_string_equal(url, "unix:/run/s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clients_url_is_that_of_the_first_address),
        cmocka_unit_test(lists_of_every_kind_are_taken),
        cmocka_unit_test(what_is_no_address_is_named),
        cmocka_unit_test(a_client_connects_to_the_first_address),
        cmocka_unit_test(for_all_addresses_a_client_takes_the_loopback_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
