/*
 * simulate SEEDS [FIRST]: that many histories from FIRST (1) on. Prints the seed of a violation
 * and exits 1.
 */
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 100;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    struct world *w = malloc(sizeof(*w));
    uint64_t crashes = 0;
    int64_t acknowledged = 0;

    for (uint64_t seed = first; seed < first + seeds; seed++) {
        world_history(seed, w);
        crashes += w->crashes;
        for (int key = 0; key < KEYS; key++) {
            acknowledged += w->judge.acknowledged[key];
        }
    }
    free(w);
    (void)printf("%" PRIu64 " histories, %" PRIu64 " crashes, %" PRId64
                 " acknowledged increments: no violation\n",
                 seeds, crashes, acknowledged);
    return 0;
}
