/*
 * Connections that are worked on together: each one's requests are answered as if it were
 * alone, whatever the others send.
 */
#include "service.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENTS 60
#define SPACES 60000
#define TEXT_SIZE (SPACES + 512)
#define PATIENCE_MS 10000

/* What a client sends in a round. */
enum kind { ONE, HALVES, TWO, BAD, LARGE, GONE, KINDS };

struct client {
    enum kind kind;
    int fd;
    int total;   /* so far */
    size_t sent; /* of HALVES */
    char key[16];
    char text[TEXT_SIZE];
    size_t size;
};

static size_t large_request(char *text, const char *key)
{
    char object[64];
    int object_size = snprintf(object, sizeof(object), "{\"key\":\"%s\",\"value\":1}", key);
    int head_size = snprintf(text, TEXT_SIZE,
                             "POST /increment HTTP/1.1\r\nHost: x\r\nContent-Type: "
                             "application/json\r\nContent-Length: %d\r\n\r\n",
                             SPACES + object_size);

    memset(text + head_size, ' ', SPACES);
    memcpy(text + head_size + SPACES, object, (size_t)object_size);
    return (size_t)(head_size + SPACES + object_size);
}

static void prepare(struct client *client, const struct service *service, int number)
{
    client->kind = (enum kind)(number % KINDS);
    client->fd = client_open(service);
    client->total = 0;
    (void)snprintf(client->key, sizeof(client->key), "key %d", number);
    client->size = add_increment(client->text, TEXT_SIZE, 0, client->key, 1);
    if (client->kind == TWO) {
        client->size = add_increment(client->text, TEXT_SIZE, client->size, client->key, 1);
    }
    if (client->kind == LARGE) {
        client->size = large_request(client->text, client->key);
    }
    if (client->kind == BAD) {
        client->size = (size_t)snprintf(client->text, TEXT_SIZE, "%s",
                                        "POST increment\r\n\r\n{\"key\":\"bad\",\"value\":1}");
    }
}

static void send_round(struct client *client)
{
    client->sent = client->kind == HALVES ? client->size / 2 : client->size;
    client_send_bytes(client->fd, client->text, client->sent);
    if (client->kind == GONE) {
        client_close(&client->fd);
    }
}

static void expect_total(struct client *client)
{
    char body[128];

    client->total++;
    (void)snprintf(body, sizeof(body), "{\"data\":{\"key\":\"%s\",\"value\":%d}}", client->key,
                   client->total);
    client_expect(client->fd, 200, body);
}

static void expect_round(struct client *client, const struct service *service)
{
    switch (client->kind) {
    case GONE:
        client->fd = client_open(service); /* what it sent may have been counted or not */
        return;
    case BAD:
        client_expect(client->fd, 400, NULL);
        client_expect_end(client->fd);
        client_close(&client->fd);
        client->fd = client_open(service);
        return;
    case HALVES:
        client_send_bytes(client->fd, client->text + client->sent, client->size - client->sent);
        break;
    case TWO:
        expect_total(client);
        break;
    default:
        break;
    }
    expect_total(client);
}

/* Again until connections were really found ready together. */
static void connections_that_are_ready_together_do_not_mix(void **state)
{
    struct client *clients = calloc(CLIENTS, sizeof(*clients));
    uint64_t since_ms = sr_clock_monotonic_ms();
    struct service service;

    (void)state;
    service_run(&service);
    for (int i = 0; i < CLIENTS; i++) {
        prepare(&clients[i], &service, i);
    }
    do {
        for (int i = 0; i < CLIENTS; i++) {
            send_round(&clients[i]);
        }
        for (int i = 0; i < CLIENTS; i++) {
            expect_round(&clients[i], &service);
        }
        assert_true(sr_clock_monotonic_ms() - since_ms < PATIENCE_MS);
    } while (fake_engine_seen(service.engine).prefetched < CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        if (clients[i].kind != GONE) {
            assert_int_equal(fake_engine_total(service.engine, clients[i].key),
                             clients[i].total);
        }
        client_close(&clients[i].fd);
    }
    assert_int_equal(fake_engine_total(service.engine, "bad"), 0);
    service_await_no_connections(&service);
    free(clients);
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_that_are_ready_together_do_not_mix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
