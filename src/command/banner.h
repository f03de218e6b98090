/*
 * What a start tells on standard output.
 */
#ifndef SR_COMMAND_BANNER_H
#define SR_COMMAND_BANNER_H

#include "command/service.h"

#include <stdio.h>

/* The URLs, where the data is, and a curl line to try; without passwords. */
void banner_print(const struct service *service, FILE *out);

#endif
