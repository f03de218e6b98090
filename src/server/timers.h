/*
 * Deadlines of connections. All deadlines of a kind run equally long, so that each kind is a
 * list in order of deadline: setting, stopping and finding the next one take constant time.
 * One worker's thread; time is an argument.
 */
#ifndef SR_SERVER_TIMERS_H
#define SR_SERVER_TIMERS_H

#include "server/list.h"

#include <stdint.h>

enum timer_kind {
    TIMER_NONE,      /* no deadline: the answer is ours to give */
    TIMER_HANDSHAKE, /* of TLS */
    TIMER_IDLE,      /* between requests */
    TIMER_HEADER,    /* from a request's first byte to the end of its fields */
    TIMER_BODY,      /* of the whole body */
    TIMER_WRITE,     /* the client takes no bytes */
    TIMER_LINGER,    /* after our end was shut: bytes still coming in are discarded */
    TIMER_KIND_COUNT
};

struct timer {
    struct list_link link;
    uint64_t deadline_ms; /* monotonic; meaningless in TIMER_NONE */
    enum timer_kind kind;
};

struct timers {
    struct list_link lists[TIMER_KIND_COUNT];
    uint32_t timeouts_ms[TIMER_KIND_COUNT];
};

/* timeouts_ms[TIMER_NONE] is not looked at. */
void timers_init(struct timers *timers, const uint32_t timeouts_ms[TIMER_KIND_COUNT]);

/* (Re)starts the timer in a kind; TIMER_NONE stops it. A zeroed timer is a stopped one. */
void timers_set(struct timers *timers, struct timer *timer, enum timer_kind kind,
                uint64_t now_ms);

/* Takes a timer whose deadline has passed out of its list and returns it, its kind still
 * telling which deadline it was; NULL where there is none. */
struct timer *timers_take_expired(struct timers *timers, uint64_t now_ms);

/* The next deadline; UINT64_MAX where no timer runs. */
uint64_t timers_next_ms(const struct timers *timers);

#endif
