/*
 * Shared by options.c and options_text.c alone.
 */
#ifndef SR_BASE_OPTIONS_INTERNAL_H
#define SR_BASE_OPTIONS_INTERNAL_H

#include "base/options.h"

#define SR_OPTION_NAME_SIZE 64 /* more than any option's name */

/* What values the option takes: "a number from 0 to 65535", "one of fsync, write, none". */
void sr_option_allowed(const struct sr_option *option, char *ret_text, size_t size);

/* The option that a mistyped argument most likely means; NULL where none is near. */
const struct sr_option *sr_options_nearest(const struct sr_option *table, size_t count,
                                           const char *argument);

#endif
