/*
 * What a service manager is told, read from a socket that stands for its own.
 */
#include "command/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/unit.h"

#define PID 4711

static char directory[64];
static const char *socket_name, *watchdog_usec, *watchdog_pid;

static const char *environment(const char *variable)
{
    if (strcmp(variable, "NOTIFY_SOCKET") == 0) {
        return socket_name;
    }
    return strcmp(variable, "WATCHDOG_USEC") == 0 ? watchdog_usec : watchdog_pid;
}

static int begin(void **state)
{
    (void)state;
    socket_name = watchdog_usec = watchdog_pid = NULL;
    (void)snprintf(directory, sizeof(directory), "/tmp/sr-notify-XXXXXX");
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    if (socket_name != NULL && socket_name[0] == '/') {
        (void)unlink(socket_name);
    }
    return rmdir(directory);
}

/* The manager's socket; with an '@' in front in the abstract namespace. */
static int listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    memcpy(address.sun_path, name, size);
    if (name[0] == '@') {
        address.sun_path[0] = '\0';
    }
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size +
                                      (name[0] == '@' ? 0 : 1))),
                     0);
    socket_name = name;
    return fd;
}

static int listen_in_directory(void)
{
    static char path[96];

    (void)snprintf(path, sizeof(path), "%s/notify", directory);
    return listen_at(path);
}

/* The next datagram; "" where there is none. */
static const char *heard(int fd)
{
    static char text[1024];
    ssize_t size = recv(fd, text, sizeof(text) - 1, 0);

    text[size < 0 ? 0 : size] = '\0';
    return text;
}

static struct notify opened(void)
{
    struct notify notify;
    struct sr_err err;

    assert_int_equal(notify_open(&notify, environment, PID, &err), SR_OK);
    return notify;
}

static void the_manager_hears_of_start_reload_and_end(void **state)
{
    int fd = listen_in_directory();
    struct notify notify = opened();

    (void)state;
    notify_ready(&notify, "http://127.0.0.1:3333");
    assert_string_equal(heard(fd), "READY=1\nSTATUS=http://127.0.0.1:3333");
    notify_reloading(&notify, 1234567);
    assert_string_equal(heard(fd), "RELOADING=1\nMONOTONIC_USEC=1234567");
    notify_stopping(&notify);
    assert_string_equal(heard(fd),
                        "STOPPING=1\nSTATUS=answering and flushing what is in flight");
    assert_string_equal(heard(fd), "");
    notify_close(&notify);
    (void)close(fd);
}

static void a_name_in_the_abstract_namespace_is_reached(void **state)
{
    static char name[96]; /* end() looks at it */
    struct notify notify;
    int fd;

    (void)state;
    (void)snprintf(name, sizeof(name), "@%s", directory);
    fd = listen_at(name);
    notify = opened();
    notify_ready(&notify, "here");
    assert_string_equal(heard(fd), "READY=1\nSTATUS=here");
    notify_close(&notify);
    (void)close(fd);
}

static void without_a_manager_nothing_happens(void **state)
{
    struct notify notify = opened();

    (void)state;
    assert_int_equal(notify.fd, -1);
    notify_ready(&notify, "here");
    notify_alive(&notify);
    notify_close(&notify);
    socket_name = "";
    notify = opened();
    assert_int_equal(notify.fd, -1);
}

/* What is heard of one notify_alive under these two variables. */
static const char *alive_with(int fd, const char *usec, const char *pid)
{
    struct notify notify;

    watchdog_usec = usec;
    watchdog_pid = pid;
    notify = opened();
    notify_alive(&notify);
    notify_close(&notify);
    return heard(fd);
}

static void the_watchdog_is_told_where_it_waits_for_this_process(void **state)
{
    int fd = listen_in_directory();

    (void)state;
    assert_string_equal(alive_with(fd, "30000000", "4711"), "WATCHDOG=1");
    assert_string_equal(alive_with(fd, "30000000", NULL), "WATCHDOG=1");
    assert_string_equal(alive_with(fd, "30000000", "4712"), "");
    assert_string_equal(alive_with(fd, NULL, "4711"), "");
    (void)close(fd);
}

static void a_socket_that_comes_anew_under_its_name_is_found(void **state)
{
    int first = listen_in_directory(), second;
    struct notify notify = opened();

    (void)state;
    (void)close(first);
    assert_int_equal(unlink(socket_name), 0);
    notify_ready(&notify, "lost"); /* nobody is there: no harm */
    second = listen_in_directory();
    notify_ready(&notify, "found");
    assert_string_equal(heard(second), "READY=1\nSTATUS=found");
    notify_close(&notify);
    (void)close(second);
}

static void an_address_of_another_kind_is_refused(void **state)
{
    static const char *const names[] = {"vsock:2:1234", "relative", "/", "@"};
    static char too_long[256];
    struct notify notify;
    struct sr_err err;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        socket_name = names[i];
        assert_int_equal(notify_open(&notify, environment, PID, &err), SR_INVALID);
        assert_int_equal(notify.fd, -1);
    }
    memset(too_long, '/', sizeof(too_long) - 1);
    too_long[sizeof(too_long) - 1] = '\0';
    socket_name = too_long;
    assert_int_equal(notify_open(&notify, environment, PID, &err), SR_INVALID);
    notify_ready(&notify, "nobody");
    socket_name = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_manager_hears_of_start_reload_and_end),
        TEST(a_name_in_the_abstract_namespace_is_reached),
        TEST(without_a_manager_nothing_happens),
        TEST(the_watchdog_is_told_where_it_waits_for_this_process),
        TEST(a_socket_that_comes_anew_under_its_name_is_found),
        TEST(an_address_of_another_kind_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
