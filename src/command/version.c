/*
 * simple-request version: what this binary was made of, and the libraries it runs with.
 */
#include "command/command.h"

#include "command/facts.h"

#include "build_info.h"

#include <stdio.h>
#include <string.h>

int command_version(const struct config *config)
{
    struct metrics_fact facts[FACTS_DEPENDENCIES_MAX];
    size_t count = facts_dependencies(facts);

    (void)config;
    (void)printf("simple-request " SR_BUILD_VERSION "\n"
                 "  commit    " SR_BUILD_GIT_SHA "\n"
                 "  compiler  " SR_BUILD_COMPILER "\n"
                 "  flags     " SR_BUILD_FLAGS "\n");
    for (size_t i = 0; i < count; i++) {
        if (strcmp(facts[i].name, "compiler") != 0) {
            (void)printf("  %-9s %s\n", facts[i].name, facts[i].value);
        }
    }
    return fflush(stdout) == 0 ? COMMAND_OK : COMMAND_FAILED;
}
