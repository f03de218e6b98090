/*
 * Control groups' limits: /proc/self/cgroup names the group in each hierarchy, the limit
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

/* What a group says of itself in a file; false where there is none. */
static bool read_value(const char *directory, const char *group, const char *name,
                       char *ret_line, int line_size)
{
    char path[PATH_MAX];
    int size = snprintf(path, sizeof(path), "%s%s/%s", directory, group, name);

    return size >= 0 && (size_t)size < sizeof(path) && read_line(path, ret_line, line_size);
}

/* A controller, and how the limit of one of its groups is read; UINT64_MAX: none. */
struct controller {
    const char *name;
    uint64_t (*limit)(const char *directory, const char *group, bool unified);
};

static uint64_t memory_in(const char *directory, const char *group, bool unified)
{
    const char *name = unified ? "memory.max" : "memory.limit_in_bytes";
    char line[64];
    uint64_t limit;

    if (!read_value(directory, group, name, line, sizeof(line)) ||
        !sr_parse_u64(line, &limit) || limit > LIMIT_MOST) {
        return UINT64_MAX;
    }
    return limit;
}

/* "200000 100000" or "max 100000" of version 2; two files of version 1, -1 for no quota. */
static uint64_t quota_in(const char *directory, const char *group, bool unified)
{
    char quota_text[64], period_text[64];
    uint64_t quota, period;

    if (!read_value(directory, group, unified ? "cpu.max" : "cpu.cfs_quota_us", quota_text,
                    sizeof(quota_text))) {
        return UINT64_MAX;
    }
    if (unified) {
        size_t size = strcspn(quota_text, " ");

        (void)snprintf(period_text, sizeof(period_text), "%s",
                       quota_text + size + (quota_text[size] == ' '));
        quota_text[size] = '\0';
    } else if (!read_value(directory, group, "cpu.cfs_period_us", period_text,
                           sizeof(period_text))) {
        return UINT64_MAX;
    }
    if (!sr_parse_u64(quota_text, &quota) || !sr_parse_u64(period_text, &period) ||
        period == 0 || quota > LIMIT_MOST / 1000) {
        return UINT64_MAX;
    }
    return quota * 1000 / period;
}

/* The lowest limit of a group and all above it, down to the root of the mount. */
static uint64_t lowest_limit(const struct controller *controller, const char *directory,
                             char *group, bool unified)
{
    uint64_t lowest = UINT64_MAX;
    char *slash = group + strlen(group);

    do {
        uint64_t limit;

        *slash = '\0';
        limit = controller->limit(directory, group, unified);
        lowest = limit < lowest ? limit : lowest;
        slash = strrchr(group, '/');
    } while (slash != NULL);
    return lowest;
}

/* True where the comma list has the name. */
static bool is_named(const char *controllers, const char *name)
{
    size_t size;

    for (;; controllers += size + 1) {
        size = strcspn(controllers, ",");
        if (size == strlen(name) && strncmp(controllers, name, size) == 0) {
            return true;
        }
        if (controllers[size] == '\0') {
            return false;
        }
    }
}

/* The limit of one line of /proc/self/cgroup: "0::/group" of version 2, "9:cpu,memory:/group"
 * of version 1. */
static uint64_t line_limit(const struct controller *controller, const char *root, char *line)
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
    if (!unified && !is_named(controllers + 1, controller->name)) {
        return UINT64_MAX;
    }
    (void)snprintf(directory, sizeof(directory), "%s/sys/fs/cgroup%s%s", root,
                   unified ? "" : "/", unified ? "" : controller->name);
    return lowest_limit(controller, directory, group, unified);
}

static uint64_t lowest_of_all(const struct controller *controller, const char *root)
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
        limit = line_limit(controller, root, line);
        lowest = limit < lowest ? limit : lowest;
    }
    (void)fclose(file); /* only read from */
    return lowest;
}

uint64_t cgroup_memory_limit(const char *root)
{
    return lowest_of_all(&(struct controller){.name = "memory", .limit = memory_in}, root);
}

uint64_t cgroup_cpu_quota(const char *root)
{
    uint64_t quota =
        lowest_of_all(&(struct controller){.name = "cpu", .limit = quota_in}, root);

    return quota == UINT64_MAX ? 0 : quota;
}

uint64_t cgroup_table_share(uint64_t limit)
{
    uint64_t left = limit > BESIDE_TABLE + SHARE_LEAST ? limit - BESIDE_TABLE : SHARE_LEAST;

    return left < limit / 2 ? left : limit / 2;
}
