/*
 * One history: a seed draws the world and every step; then everything heals, and the judge
 * compares.
 */
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t world_draw(struct world *w, uint64_t below)
{
    w->random = w->random * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
    return (w->random >> 33) % below;
}

_Noreturn void world_fail(const struct world *w, const char *what, int key, int64_t a,
                          int64_t b)
{
    (void)fprintf(stderr,
                  "VIOLATION seed %" PRIu64 ": %s (key %d, %" PRId64 " against %" PRId64 ")\n",
                  w->seed, what, key, a, b);
    exit(1);
}
