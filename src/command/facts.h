/*
 * What a start finds out for the metrics: versions, build options, addresses, the machine.
 */
#ifndef SR_COMMAND_FACTS_H
#define SR_COMMAND_FACTS_H

#include "command/config.h"
#include "metrics/facts.h"
#include "server/server.h"
#include "store/store.h"

#define FACTS_DEPENDENCIES_MAX 12

/* The libraries that this process runs with, the kernel and the compiler; returns how many.
 * The texts are static: one thread, before others ask. */
size_t facts_dependencies(struct metrics_fact ret_facts[FACTS_DEPENDENCIES_MAX]);

/* All of them. The server listens; everything outlives the facts. Static, as above. */
void facts_gather(const struct config *config, const struct server *server,
                  const struct store *store, struct metrics_facts *ret_facts);

#endif
