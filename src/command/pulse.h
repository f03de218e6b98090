/*
 * What the running service does once a second, on the main thread: brings what the workers
 * counted onto the board of the hottest keys.
 */
#ifndef SR_COMMAND_PULSE_H
#define SR_COMMAND_PULSE_H

struct service;

/* One beat. Those that follow the last one too soon to tell rates are passed over. */
void pulse_beat(struct service *service);

#endif
