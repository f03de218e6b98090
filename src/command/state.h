/*
 * What the dashboard's first page tells: build, health with its reasons, the store's state, the
 * limits; and, apart, the configuration in force, without secrets.
 */
#ifndef SR_COMMAND_STATE_H
#define SR_COMMAND_STATE_H

#include "server/server.h"

/* The server's render_page; context is the service. */
enum sr_result state_render(void *context, enum server_page page,
                            struct sr_buffer *out) SR_MUST_USE;

#endif
