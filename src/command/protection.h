/*
 * The options that say who may do what, as the guard wants them.
 */
#ifndef SR_COMMAND_PROTECTION_H
#define SR_COMMAND_PROTECTION_H

#include "command/config.h"
#include "server/guard.h"

/* SR_INVALID, naming the option, what is wrong and what would be right. Texts are borrowed from
 * the configuration. */
enum sr_result protection_options(const struct config *config,
                                  struct guard_options *ret_options,
                                  struct sr_err *err) SR_MUST_USE;

#endif
