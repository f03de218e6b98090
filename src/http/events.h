/*
 * What llhttp calls while it reads: notes where things lie in the region and passes what is
 * complete on to http/head. For http/parser.c only. Pure.
 */
#ifndef SR_HTTP_EVENTS_H
#define SR_HTTP_EVENTS_H

#include "http/parser.h"

/* To be given to llhttp_init. llhttp pauses (HPE_PAUSED) behind the head of a request with a
 * chunked body and behind each whole request; any other error has a refusal set or is its own.
 */
extern const llhttp_settings_t http_events;

/* Where in the region of the call under way an address of llhttp's lies. */
static inline uint32_t http_offset_of(const struct http_parser *parser, const char *at)
{
    return (uint32_t)((const uint8_t *)at - parser->region);
}

#endif
