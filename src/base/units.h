/*
 * Numbers, durations and sizes as people write them: 3333, 500ms, 10s, 5m, 24h, 128MiB. Pure.
 */
#ifndef SR_BASE_UNITS_H
#define SR_BASE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* All three take decimal digits at once followed by the unit, and nothing else: no sign,
 * fraction, space. False, and the output untouched, for anything else or beyond 64 bits. */

bool sr_parse_u64(const char *text, uint64_t *ret_number);

/* With a unit of ms, s, m, h or d; 0 needs none. In milliseconds. */
bool sr_parse_duration(const char *text, uint64_t *ret_ms);

/* In bytes, or with KiB, MiB, GiB or TiB. */
bool sr_parse_size(const char *text, uint64_t *ret_bytes);

#define SR_UNITS_TEXT_SIZE 32

/* The shortest text that parses back to the value: the largest unit that divides it. */
void sr_format_duration(uint64_t ms, char ret_text[SR_UNITS_TEXT_SIZE]);
void sr_format_size(uint64_t bytes, char ret_text[SR_UNITS_TEXT_SIZE]);

#endif
