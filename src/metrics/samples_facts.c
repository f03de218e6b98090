/*
 * The families that tell of program, machine and place.
 */
#include "metrics/samples.h"

#include "build_info.h"

#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <sys/resource.h>

static const struct metric_number one = {.value = 1};

void samples_build(struct exposition *page, const struct metrics_snapshot *s)
{
    const char *const values[] = {"simple-request", SR_BUILD_VERSION, SR_BUILD_GIT_SHA,
                                  SR_BUILD_GIT_AUTHOR, SR_BUILD_COMPILER};

    (void)s;
    exposition_sample(page, values, one);
}

static void tell(struct exposition *page, const struct metrics_fact *facts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *const values[] = {facts[i].name, facts[i].value};

        exposition_sample(page, values, one);
    }
}

void samples_build_options(struct exposition *page, const struct metrics_snapshot *s)
{
    tell(page, s->facts->build_options, s->facts->build_option_count);
}

void samples_dependencies(struct exposition *page, const struct metrics_snapshot *s)
{
    tell(page, s->facts->dependencies, s->facts->dependency_count);
}

void samples_listeners(struct exposition *page, const struct metrics_snapshot *s)
{
    for (size_t i = 0; i < s->facts->listener_count; i++) {
        const struct metrics_listener *listener = &s->facts->listeners[i];
        const char *const values[] = {listener->url, listener->address, listener->port};

        exposition_sample(page, values, one);
    }
}

void samples_database_info(struct exposition *page, const struct metrics_snapshot *s)
{
    const char *const values[] = {s->facts->database_system, s->facts->database_address,
                                  s->facts->database_port, s->facts->database_name};

    exposition_sample(page, values, one);
}

static void cores(struct exposition *page, const char *kind, uint64_t value)
{
    exposition_sample(page, &kind, (struct metric_number){.value = value});
}

void samples_cores(struct exposition *page, const struct metrics_snapshot *s)
{
    cores(page, "configured", s->facts->cores_configured);
    cores(page, "online", s->facts->cores_online);
    cores(page, "allowed", s->facts->cores_allowed);
}

static int count_object(struct dl_phdr_info *info, size_t size, void *count)
{
    (void)info;
    (void)size;
    ++*(uint64_t *)count;
    return 0;
}

void samples_shared_objects(struct exposition *page, const struct metrics_snapshot *s)
{
    struct metric_number number = {.value = 0};

    (void)s;
    (void)dl_iterate_phdr(count_object, &number.value); /* the callback ends nothing early */
    exposition_sample(page, NULL, number);
}

#define LIMIT_TEXT_SIZE 24

static void limit_text(rlim_t limit, char ret_text[LIMIT_TEXT_SIZE])
{
    if (limit == RLIM_INFINITY) {
        (void)snprintf(ret_text, LIMIT_TEXT_SIZE, "unlimited");
    } else {
        (void)snprintf(ret_text, LIMIT_TEXT_SIZE, "%" PRIu64, (uint64_t)limit);
    }
}

void samples_rlimits(struct exposition *page, const struct metrics_snapshot *s)
{
    static const struct {
        __rlimit_resource_t resource;
        const char *name;
    } limits[] = {
        {RLIMIT_NOFILE, "nofile"}, {RLIMIT_NPROC, "nproc"}, {RLIMIT_MEMLOCK, "memlock"},
        {RLIMIT_AS, "as"},         {RLIMIT_CORE, "core"},   {RLIMIT_STACK, "stack"},
        {RLIMIT_FSIZE, "fsize"},
    };

    (void)s;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        char soft[LIMIT_TEXT_SIZE], hard[LIMIT_TEXT_SIZE];
        const char *const values[] = {limits[i].name, soft, hard};
        struct rlimit limit;

        if (getrlimit(limits[i].resource, &limit) == 0) {
            limit_text(limit.rlim_cur, soft);
            limit_text(limit.rlim_max, hard);
            exposition_sample(page, values, one);
        }
    }
}
