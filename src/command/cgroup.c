/*
 * Control groups' memory limits: /proc/self/cgroup names the group in each hierarchy, the limit
 * stands in a file below /sys/fs/cgroup. A container may see its group as "/" or see a path
 * that is not mounted in it: what cannot be read limits nothing, and the walk up ends at the
 * mount's root, which always belongs to us.
 */
#include "command/cgroup.h"

#include "base/units.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Version 1 says "no limit" by a number near 2^63. */
#define LIMIT_MOST ((uint64_t)1 << 60)

/* What the service takes beside its table: connections, a flush, a merge of journal files. */
#define BESIDE_TABLE ((uint64_t)96 << 20)
#define SHARE_LEAST ((uint64_t)8 << 20)

/* The first line of a file without its end; false where it cannot be read. */
static bool read_line(const char *path, char *ret_line, int size)
{
    FILE *file = fopen(path, "re");
    bool got;

    if (file == NULL) {
        return false;
    }
    got = fgets(ret_line, size, file) != NULL;
    (void)fclose(file); /* only read from */
    if (got) {
        ret_line[strcspn(ret_line, "\n")] = '\0';
    }
    return got;
}

static uint64_t limit_in(const char *directory, const char *group, const char *name)
{
    char path[PATH_MAX], line[64];
    uint64_t limit;
    int size = snprintf(path, sizeof(path), "%s%s/%s", directory, group, name);

    if (size < 0 || (size_t)size >= sizeof(path) || !read_line(path, line, sizeof(line)) ||
        !sr_parse_u64(line, &limit) || limit > LIMIT_MOST) {
        return UINT64_MAX;
    }
    return limit;
}

/* The lowest limit of a group and all above it, down to the root of the mount. */
static uint64_t lowest_limit(const char *directory, char *group, const char *name)
{
    uint64_t lowest = UINT64_MAX;
    char *slash = group + strlen(group);

    do {
        uint64_t limit;

        *slash = '\0';
        limit = limit_in(directory, group, name);
        lowest = limit < lowest ? limit : lowest;
        slash = strrchr(group, '/');
    } while (slash != NULL);
    return lowest;
}

/* True where the comma list names the memory controller. */
static bool names_memory(const char *controllers)
{
    size_t size;

    for (;; controllers += size + 1) {
        size = strcspn(controllers, ",");
        if (size == strlen("memory") && strncmp(controllers, "memory", size) == 0) {
            return true;
        }
        if (controllers[size] == '\0') {
            return false;
        }
    }
}

/* The limit of one line of /proc/self/cgroup: "0::/group" of version 2, "9:cpu,memory:/group"
 * of version 1. */
static uint64_t line_limit(const char *root, char *line)
{
    char directory[PATH_MAX];
    char *controllers = strchr(line, ':');
    char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    bool unified;

    if (group == NULL || group[1] != '/') {
        return UINT64_MAX;
    }
    *group++ = '\0';
    unified = controllers[1] == '\0';
    if (!unified && !names_memory(controllers + 1)) {
        return UINT64_MAX;
    }
    (void)snprintf(directory, sizeof(directory), "%s/sys/fs/cgroup%s", root,
                   unified ? "" : "/memory");
    return lowest_limit(directory, group, unified ? "memory.max" : "memory.limit_in_bytes");
}

uint64_t cgroup_memory_limit(const char *root)
{
    char path[PATH_MAX], line[PATH_MAX];
    uint64_t lowest = UINT64_MAX;
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
    file = fopen(path, "re");
    if (file == NULL) {
        return UINT64_MAX;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        uint64_t limit;

        line[strcspn(line, "\n")] = '\0';
        limit = line_limit(root, line);
        lowest = limit < lowest ? limit : lowest;
    }
    (void)fclose(file); /* only read from */
    return lowest;
}

uint64_t cgroup_table_share(uint64_t limit)
{
    uint64_t left = limit > BESIDE_TABLE + SHARE_LEAST ? limit - BESIDE_TABLE : SHARE_LEAST;

    return left < limit / 2 ? left : limit / 2;
}
