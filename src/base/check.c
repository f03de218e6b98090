/*
 * The end of a process whose invariants are broken.
 */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void sr_check_failed(const char *file, int line, const char *condition)
{
    (void)fprintf(stderr, "simple-request: broken invariant at %s:%d: %s\n", file, line,
                  condition);
    abort();
}
