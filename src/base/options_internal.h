/*
 * Shared by options.c and options_text.c alone.
 */
#ifndef SR_BASE_OPTIONS_INTERNAL_H
#define SR_BASE_OPTIONS_INTERNAL_H

#include "base/options.h"

#define SR_OPTION_NAME_SIZE 64 /* more than any option's name */

/* What values the option takes: "a number from 0 to 65535", "one of fsync, write, none". */
void sr_option_allowed(const struct sr_option *option, char *ret_text, size_t size);

/* The option with that name, `name_size` bytes; count where there is none. */
size_t sr_options_find(const struct sr_option *table, size_t count, const char *name,
                       size_t name_size);

/* Reads a value; false where the option does not take it. */
bool sr_option_parse(const struct sr_option *option, const char *text,
                     enum sr_option_source source, struct sr_option_value *ret_value);

/* The option that a mistyped argument most likely means; NULL where none is near. */
const struct sr_option *sr_options_nearest(const struct sr_option *table, size_t count,
                                           const char *argument);

#endif
