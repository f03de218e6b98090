/*
 * A service that answers as a script says.
 */
#include "scripted_service.h"

#include "base/check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct scripted_service {
    const struct exchange *script;
    char folder[32], url[64];
    int listener;
    pthread_t thread;
    char asked[SCRIPT_MAX][ASKED_SIZE];
    size_t asked_count;
    unsigned connections;
};

static size_t body_size(const char *head)
{
    const char *field = strstr(head, "Content-Length: ");

    return field == NULL ? 0 : strtoul(field + strlen("Content-Length: "), NULL, 10);
}

/* Reads a whole request; false: the client is gone. */
static bool read_request(int fd, char *ret_text)
{
    size_t size = 0;

    for (;;) {
        ssize_t got = recv(fd, ret_text + size, ASKED_SIZE - 1 - size, 0);
        const char *end;

        if (got <= 0) {
            return false;
        }
        size += (size_t)got;
        ret_text[size] = '\0';
        end = strstr(ret_text, "\r\n\r\n");
        if (end != NULL && size >= (size_t)(end + 4 - ret_text) + body_size(ret_text)) {
            return true;
        }
    }
}

static void say(int fd, const char *text)
{
    size_t size = strlen(text);

    SR_CHECK(send(fd, text, size, MSG_NOSIGNAL) == (ssize_t)size);
}

/* The next request, on a new connection where the client has left the one there was. */
static int next_request(struct scripted_service *s, int fd)
{
    for (;;) {
        if (fd < 0) {
            fd = accept(s->listener, NULL, NULL);
            SR_CHECK(fd >= 0);
            s->connections++;
        }
        if (read_request(fd, s->asked[s->asked_count])) {
            s->asked_count++;
            return fd;
        }
        (void)close(fd);
        fd = -1;
    }
}

static void *serve(void *context)
{
    struct scripted_service *s = context;
    int fd = -1;

    for (const struct exchange *e = s->script; e->answer != NULL || e->close || e->silent;
         e++) {
        SR_CHECK(s->asked_count < SCRIPT_MAX);
        fd = next_request(s, fd);
        if (e->answer != NULL) {
            say(fd, e->answer);
        }
        if (e->close) {
            (void)close(fd);
            fd = -1;
        }
    }
    (void)close(s->listener); /* nobody answers any more */
    if (fd >= 0) {
        char rest;

        SR_CHECK(recv(fd, &rest, 1, 0) <= 0); /* the client leaves, without another word */
        (void)close(fd);
    }
    return NULL;
}

struct scripted_service *scripted_service_start(const struct exchange *script)
{
    struct scripted_service *s = calloc(1, sizeof(*s));
    union {
        struct sockaddr_un name;
        struct sockaddr any;
    } address = {.name = {.sun_family = AF_UNIX}};

    SR_CHECK(s != NULL);
    s->script = script;
    strcpy(s->folder, "/tmp/unit-client-XXXXXX");
    SR_CHECK(mkdtemp(s->folder) != NULL);
    (void)snprintf(s->url, sizeof(s->url), "unix:%s/socket", s->folder);
    strcpy(address.name.sun_path, s->url + strlen("unix:"));
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SR_CHECK(s->listener >= 0 && bind(s->listener, &address.any, sizeof(address.name)) == 0 &&
             listen(s->listener, 8) == 0);
    SR_CHECK(pthread_create(&s->thread, NULL, serve, s) == 0);
    return s;
}

const char *scripted_service_url(const struct scripted_service *s)
{
    return s->url;
}

size_t scripted_service_end(struct scripted_service **service, char (*ret_asked)[ASKED_SIZE],
                            unsigned *ret_connections)
{
    struct scripted_service *s = *service;
    size_t count;

    SR_CHECK(pthread_join(s->thread, NULL) == 0);
    count = s->asked_count;
    memcpy(ret_asked, s->asked, sizeof(s->asked));
    *ret_connections = s->connections;
    SR_CHECK(unlink(s->url + strlen("unix:")) == 0 && rmdir(s->folder) == 0);
    free(s);
    *service = NULL;
    return count;
}
