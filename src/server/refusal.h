/*
 * Why a request is refused before its body is looked at. For server/ only.
 */
#ifndef SR_SERVER_REFUSAL_H
#define SR_SERVER_REFUSAL_H

#include <stdint.h>

struct refusal {
    uint16_t status;           /* 0: it is not refused */
    const char *detail;        /* for people */
    const char *extra_headers; /* NULL or whole lines; static or the guard's */
};

#endif
