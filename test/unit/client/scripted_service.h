/*
 * A service on a unix socket that answers as a script says, on a thread of its own, and keeps
 * what it was asked.
 */
#ifndef SR_TEST_CLIENT_SCRIPTED_SERVICE_H
#define SR_TEST_CLIENT_SCRIPTED_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#define SCRIPT_MAX 16
#define ASKED_SIZE 1024

struct exchange {
    const char *answer; /* NULL: the connection is closed in its place */
    bool silent;        /* no answer, and the connection stays until the service stops */
    bool close;         /* the connection is closed behind it */
};

struct scripted_service;

/* The script ends with an exchange of zeros. It is borrowed. */
struct scripted_service *scripted_service_start(const struct exchange *script);

/* "unix:PATH" */
const char *scripted_service_url(const struct scripted_service *service);

/* Waits until the script is done, and frees; of every request its text, in order, goes to
 * ret_asked (SCRIPT_MAX of them). Returns how many there were; *ret_connections: taken. */
size_t scripted_service_end(struct scripted_service **service, char (*ret_asked)[ASKED_SIZE],
                            unsigned *ret_connections);

#endif
