/*
 * Limits of control groups, on trees of files made for the purpose.
 */
#include "command/cgroup.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

/* Writes text to a file below the root, making its directories. */
static void put(const char *name, const char *text)
{
    char path[512];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    for (char *slash = strchr(path + strlen(root) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int begin(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof(root), "/tmp/sr-cgroup-XXXXXX");
    return mkdtemp(root) == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static int end(void **state)
{
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void the_limit_of_version_2_is_found(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/a/b\n");
    put("sys/fs/cgroup/a/b/memory.max", "268435456\n");
    put("sys/fs/cgroup/a/memory.max", "max\n");
    assert_int_equal(cgroup_memory_limit(root), 268435456);
}

static void a_lower_limit_above_the_group_counts(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/a/b/c\n");
    put("sys/fs/cgroup/a/b/c/memory.max", "2000\n");
    put("sys/fs/cgroup/a/memory.max", "1000\n");
    assert_int_equal(cgroup_memory_limit(root), 1000);
}

static void a_container_that_sees_itself_as_the_root_is_limited(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/\n");
    put("sys/fs/cgroup/memory.max", "5000\n");
    assert_int_equal(cgroup_memory_limit(root), 5000);
}

static void a_group_that_is_not_mounted_here_falls_back_to_the_mount(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/../elsewhere/docker-1\n");
    put("sys/fs/cgroup/memory.max", "6000\n");
    assert_int_equal(cgroup_memory_limit(root), 6000);
}

static void the_limit_of_version_1_is_found_beside_other_controllers(void **state)
{
    (void)state;
    put("proc/self/cgroup", "12:cpu,cpuacct:/x\n9:hugetlb,memory:/docker/1\n0::/\n");
    put("sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "7000\n");
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    assert_int_equal(cgroup_memory_limit(root), 7000);
}

static void a_controller_with_a_longer_name_is_not_memory(void **state)
{
    (void)state;
    put("proc/self/cgroup", "9:memory2,xmemory:/a\n");
    put("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "7000\n");
    assert_true(cgroup_memory_limit(root) == UINT64_MAX);
}

static void no_limit_is_told_as_the_greatest_number(void **state)
{
    const char *const nothing[] = {"0::/\n", "", "garbage\n", "1:memory\n", "9:memory:/a\n"};

    (void)state;
    assert_true(cgroup_memory_limit(root) == UINT64_MAX);
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
        put("proc/self/cgroup", nothing[i]);
        put("sys/fs/cgroup/memory.max", "max\n");
        put("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
        assert_true(cgroup_memory_limit(root) == UINT64_MAX);
    }
}

static void the_quota_of_version_2_is_the_lowest_up_to_the_root(void **state)
{
    (void)state;
    assert_int_equal(cgroup_cpu_quota(root), 0);
    put("proc/self/cgroup", "0::/a/b\n");
    put("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    assert_int_equal(cgroup_cpu_quota(root), 0);
    put("sys/fs/cgroup/a/cpu.max", "150000 100000\n");
    put("sys/fs/cgroup/cpu.max", "800000 200000\n");
    assert_int_equal(cgroup_cpu_quota(root), 1500);
    put("sys/fs/cgroup/a/cpu.max", "150000\n");
    assert_int_equal(cgroup_cpu_quota(root), 4000);
}

static void the_quota_of_version_1_stands_in_two_files(void **state)
{
    (void)state;
    put("proc/self/cgroup", "12:cpu,cpuacct:/x\n9:memory:/y\n");
    put("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "50000\n");
    assert_int_equal(cgroup_cpu_quota(root), 0);
    put("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cgroup_cpu_quota(root), 500);
    put("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "-1\n");
    assert_int_equal(cgroup_cpu_quota(root), 0);
}

static void a_table_takes_half_and_leaves_enough_for_the_rest(void **state)
{
    const uint64_t mib = (uint64_t)1 << 20;

    (void)state;
    assert_int_equal(cgroup_table_share(1024 * mib), 512 * mib);
    assert_int_equal(cgroup_table_share(256 * mib), 128 * mib);
    assert_int_equal(cgroup_table_share(192 * mib), 96 * mib);
    assert_int_equal(cgroup_table_share(128 * mib), 32 * mib);
    assert_int_equal(cgroup_table_share(104 * mib), 8 * mib);
    assert_int_equal(cgroup_table_share(32 * mib), 8 * mib);
    assert_int_equal(cgroup_table_share(4 * mib), 2 * mib);
    assert_true(cgroup_table_share(UINT64_MAX) == UINT64_MAX / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_limit_of_version_2_is_found, begin, end),
        cmocka_unit_test_setup_teardown(a_lower_limit_above_the_group_counts, begin, end),
        cmocka_unit_test_setup_teardown(a_container_that_sees_itself_as_the_root_is_limited,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            a_group_that_is_not_mounted_here_falls_back_to_the_mount, begin, end),
        cmocka_unit_test_setup_teardown(
            the_limit_of_version_1_is_found_beside_other_controllers, begin, end),
        cmocka_unit_test_setup_teardown(a_controller_with_a_longer_name_is_not_memory, begin,
                                        end),
        cmocka_unit_test_setup_teardown(no_limit_is_told_as_the_greatest_number, begin, end),
        cmocka_unit_test_setup_teardown(the_quota_of_version_2_is_the_lowest_up_to_the_root,
                                        begin, end),
        cmocka_unit_test_setup_teardown(the_quota_of_version_1_stands_in_two_files, begin, end),
        cmocka_unit_test(a_table_takes_half_and_leaves_enough_for_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
