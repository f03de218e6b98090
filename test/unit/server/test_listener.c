/*
 * Listening sockets: addresses, ports that others hold, files of unix sockets, inherited ones.
 */
#include "support/unit.h"

#include "server/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static enum sr_result open_on(const char *addresses, uint16_t port, struct listeners *ret,
                              struct sr_err *err)
{
    struct listen_options options = {.addresses = addresses, .port = port, .worker_count = 3};

    return listeners_open(&options, ret, err);
}

static uint16_t port_of(const struct listener *listener)
{
    return (uint16_t)atoi(strrchr(listener->url, ':') + 1);
}

static void every_worker_gets_a_socket_on_the_same_port(void **state)
{
    struct listeners listeners;
    struct sr_err err;

    (void)state;
    assert_int_equal(open_on("127.0.0.1, 127.0.0.2", 0, &listeners, &err), SR_OK);
    assert_int_equal(listeners.count, 2);
    assert_int_equal(listeners.items[0].fd_count, 3);
    assert_int_not_equal(port_of(&listeners.items[0]), 0);
    assert_int_equal(port_of(&listeners.items[0]), port_of(&listeners.items[1]));
    assert_memory_equal(listeners.items[1].url, "http://127.0.0.2:", 17);
    listeners_close(&listeners);
}

static void ipv6_addresses_may_have_brackets(void **state)
{
    struct listeners listeners;
    struct sr_err err;
    enum sr_result result = open_on("::1,127.0.0.1", 0, &listeners, &err);

    (void)state;

    if (result == SR_IO) {
        skip(); /* a machine without IPv6 */
    }
    assert_int_equal(result, SR_OK);
    assert_memory_equal(listeners.items[0].url, "http://[::1]:", 13);
    listeners_close(&listeners);
    assert_int_equal(open_on("[::1]", 0, &listeners, &err), SR_OK);
    listeners_close(&listeners);
}

/* Many ports of one address are held: what is drawn for the first address is often one of them.
 */
static void a_drawn_port_that_is_held_on_another_address_is_drawn_anew(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002)};
    int held[800];
    struct listeners listeners;
    struct sr_err err;

    (void)state;
    for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
        held[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_true(held[i] >= 0);
        assert_int_equal(bind(held[i], (struct sockaddr *)&address, sizeof(address)), 0);
    }
    for (int i = 0; i < 500; i++) {
        assert_int_equal(open_on("127.0.0.1,127.0.0.2", 0, &listeners, &err), SR_OK);
        assert_int_equal(port_of(&listeners.items[0]), port_of(&listeners.items[1]));
        listeners_close(&listeners);
    }
    for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
        assert_int_equal(close(held[i]), 0);
    }
}

static void what_is_no_address_is_refused_by_name(void **state)
{
    static const char *const bad[] = {"",      "localhost",    "127.0.0.1,,::1", "300.0.0.1",
                                      "unix:", "127.0.0.1:80", "[::1",           "tcp:1"};
    struct listeners listeners;
    struct sr_err err;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(open_on(bad[i], 0, &listeners, &err), SR_INVALID);
        assert_true(strlen(err.text) > 10);
        assert_int_equal(listeners.count, 0);
    }
}

/* The second instance asks for SO_REUSEPORT as well, and must not get it. */
static void a_port_that_another_set_holds_is_refused(void **state)
{
    struct listeners first;
    struct listeners second;
    struct sr_err err;

    (void)state;
    assert_int_equal(open_on("127.0.0.1", 0, &first, &err), SR_OK);
    assert_int_equal(open_on("127.0.0.1", port_of(&first.items[0]), &second, &err), SR_EXISTS);
    assert_non_null(strstr(err.text, "another process listens there"));
    listeners_close(&first);
}

static void a_port_is_free_again_at_once_although_connections_were_open(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct listeners listeners;
    struct sr_err err;
    uint16_t port;
    int client = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(open_on("127.0.0.1", 0, &listeners, &err), SR_OK);
    port = port_of(&listeners.items[0]);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    listeners_close(&listeners);
    assert_int_equal(open_on("127.0.0.1", port, &listeners, &err), SR_OK);
    assert_int_equal(close(client), 0);
    listeners_close(&listeners);
}

static void a_stale_unix_socket_is_replaced_and_a_live_one_is_not(void **state)
{
    char address[64];
    struct listeners first;
    struct listeners second;
    struct sr_err err;

    (void)state;
    (void)snprintf(address, sizeof(address), "unix:/tmp/sr-listener-%d.sock", (int)getpid());
    assert_int_equal(open_on(address, 0, &first, &err), SR_OK);
    assert_string_equal(first.items[0].url, address);
    assert_int_equal(open_on(address, 0, &second, &err), SR_EXISTS);
    first.items[0].inode = 0; /* as if the process had died: the file stays */
    listeners_close(&first);
    assert_int_equal(access(address + 5, F_OK), 0);
    assert_int_equal(open_on(address, 0, &second, &err), SR_OK);
    listeners_close(&second);
    assert_int_not_equal(access(address + 5, F_OK), 0);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
    char address[64];
    struct listeners listeners;
    struct sr_err err;
    int fd;

    (void)state;
    (void)snprintf(address, sizeof(address), "unix:/tmp/sr-listener-%d.txt", (int)getpid());
    fd = open(address + 5, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(open_on(address, 0, &listeners, &err), SR_EXISTS);
    assert_int_equal(unlink(address + 5), 0); /* it was there still */
}

/* In a child, since the descriptors' numbers are given. Its exit status is the result. */
static int inherit(int socket_fd, const char *pid, const char *count)
{
    char own_pid[16];
    struct listeners listeners;
    struct sr_err err;
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        (void)snprintf(own_pid, sizeof(own_pid), "%d", (int)getpid());
        (void)dup2(socket_fd, 3);
        (void)setenv("LISTEN_PID", pid != NULL ? pid : own_pid, 1);
        (void)setenv("LISTEN_FDS", count, 1);
        status = (int)open_on("127.0.0.1", 0, &listeners, &err);
        if (status == SR_OK) {
            status = listeners.items[0].kind == LISTENER_INHERITED ? 100 : 101;
            status += getenv("LISTEN_FDS") != NULL ? 50 : 0;
        }
        _exit(status);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
}

static void inherited_sockets_are_taken_where_they_are_for_us(void **state)
{
    struct listeners listeners;
    struct sr_err err;
    int plain = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(open_on("127.0.0.1", 0, &listeners, &err), SR_OK);
    assert_int_equal(inherit(listeners.items[0].fds[0], NULL, "1"), 100);
    assert_int_equal(inherit(listeners.items[0].fds[0], "1", "1"), 101);
    assert_int_equal(inherit(listeners.items[0].fds[0], NULL, "0"), 101);
    assert_int_equal(inherit(listeners.items[0].fds[0], NULL, "1x"), 101);
    assert_int_equal(inherit(plain, NULL, "1"), SR_INVALID);
    assert_int_equal(inherit(listeners.items[0].fds[0], NULL, "17"), SR_INVALID);
    assert_int_equal(close(plain), 0);
    listeners_close(&listeners);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_worker_gets_a_socket_on_the_same_port),
        cmocka_unit_test(ipv6_addresses_may_have_brackets),
        cmocka_unit_test(a_drawn_port_that_is_held_on_another_address_is_drawn_anew),
        cmocka_unit_test(what_is_no_address_is_refused_by_name),
        cmocka_unit_test(a_port_that_another_set_holds_is_refused),
        cmocka_unit_test(a_port_is_free_again_at_once_although_connections_were_open),
        cmocka_unit_test(a_stale_unix_socket_is_replaced_and_a_live_one_is_not),
        cmocka_unit_test(a_file_that_is_no_socket_is_left_alone),
        cmocka_unit_test(inherited_sockets_are_taken_where_they_are_for_us),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
