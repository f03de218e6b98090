/*
 * Memory and processor time that the control group of this process allows: a container's limit.
 */
#ifndef SR_COMMAND_CGROUP_H
#define SR_COMMAND_CGROUP_H

#include <stdint.h>

/* The lowest memory limit in bytes of this process's group and those above it, of version 2 or
 * 1 (cgroups(7)); UINT64_MAX where there is none or none is told. root: "" for the machine, a
 * directory with proc/ and sys/ in tests. */
uint64_t cgroup_memory_limit(const char *root);

/* The lowest quota of processor time, the same way, in thousandths of a core; 0: none. */
uint64_t cgroup_cpu_quota(const char *root);

/* How much of a limit one large table may take: half, or less where half would not do for all
 * the rest. */
uint64_t cgroup_table_share(uint64_t limit);

#endif
