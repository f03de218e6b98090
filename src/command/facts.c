/*
 * What a start finds out for the metrics, and `simple-request version` tells too.
 */
#include "command/facts.h"

#include "command/cgroup.h"

#include "build_info.h"

#include <gnu/libc-version.h>
#include <libpq-fe.h>
#include <llhttp.h>
#include <openssl/crypto.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <yyjson.h>
#include <zlib.h>

#define VERSION_SIZE 24

#define TEXT(number) #number
#define NUMBER_TEXT(number) TEXT(number)

static const char *libpq_version(void)
{
    static char text[VERSION_SIZE];
    int version = PQlibVersion(); /* 150006 is 15.6 */

    (void)snprintf(text, sizeof(text), "%d.%d", version / 10000, version % 10000);
    return text;
}

static const char *yyjson_text(void)
{
    static char text[VERSION_SIZE];
    unsigned version = yyjson_version();

    (void)snprintf(text, sizeof(text), "%u.%u.%u", version >> 16, version >> 8 & 0xFF,
                   version & 0xFF);
    return text;
}

static const char *kernel_version(void)
{
    static struct utsname name;

    return uname(&name) == 0 ? name.release : "unknown";
}

size_t facts_dependencies(struct metrics_fact ret_facts[FACTS_DEPENDENCIES_MAX])
{
    const struct metrics_fact facts[] = {
        /* llhttp tells its version to the compiler only. */
        {"llhttp", NUMBER_TEXT(LLHTTP_VERSION_MAJOR) "." NUMBER_TEXT(
                       LLHTTP_VERSION_MINOR) "." NUMBER_TEXT(LLHTTP_VERSION_PATCH)},
        {"yyjson", yyjson_text()},
        {"libpq", libpq_version()},
        {"sqlite", sqlite3_libversion()},
        {"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)},
        {"zlib", zlibVersion()},
        {"libc", gnu_get_libc_version()},
        {"kernel", kernel_version()},
        {"compiler", SR_BUILD_COMPILER},
    };

    _Static_assert(sizeof(facts) / sizeof(facts[0]) <= FACTS_DEPENDENCIES_MAX, "all fit");
    memcpy(ret_facts, facts, sizeof(facts));
    return sizeof(facts) / sizeof(facts[0]);
}

/* "http://[::1]:80" and "https://a:80" to address and port; "unix:/path" has no port. */
static void split_url(struct metrics_listener *listener)
{
    const char *host = strstr(listener->url, "://");
    const char *port = host == NULL ? NULL : strrchr(host + 3, ':');

    if (port == NULL) {
        (void)snprintf(listener->address, sizeof(listener->address), "%s", listener->url);
        return;
    }
    host += 3;
    (void)snprintf(listener->address, sizeof(listener->address), "%.*s", (int)(port - host),
                   host);
    (void)snprintf(listener->port, sizeof(listener->port), "%s", port + 1);
}

static void add_listeners(const struct server *server, struct metrics_facts *facts)
{
    const char *url;

    for (size_t i = 0; i < METRICS_LISTENERS_MAX && (url = server_url(server, i)) != NULL;
         i++) {
        facts->listeners[i].url = url;
        split_url(&facts->listeners[i]);
        facts->listener_count++;
    }
}

static uint64_t at_least_none(long count)
{
    return count > 0 ? (uint64_t)count : 0;
}

static void add_machine(struct metrics_facts *facts)
{
    uint64_t limit = cgroup_memory_limit("");
    cpu_set_t allowed;

    facts->cores_configured = at_least_none(sysconf(_SC_NPROCESSORS_CONF));
    facts->cores_online = at_least_none(sysconf(_SC_NPROCESSORS_ONLN));
    facts->cores_allowed = sched_getaffinity(0, sizeof(allowed), &allowed) == 0
                               ? at_least_none(CPU_COUNT(&allowed))
                               : facts->cores_online;
    facts->quota_millicores = cgroup_cpu_quota("");
    facts->memory_limit_bytes = limit == UINT64_MAX ? 0 : limit;
    facts->page_size_bytes = at_least_none(sysconf(_SC_PAGESIZE));
}

void facts_gather(const struct config *config, const struct server *server,
                  const struct store *store, struct metrics_facts *ret_facts)
{
    static const struct metrics_fact build_options[] = {
        {"compiler", SR_BUILD_COMPILER},   {"optimisation", SR_BUILD_OPTIMISATION},
        {"hardening", SR_BUILD_HARDENING}, {"sanitizers", SR_BUILD_SANITIZERS},
        {"linking", SR_BUILD_LINKING},
    };
    static struct metrics_fact dependencies[FACTS_DEPENDENCIES_MAX];
    struct store_info info;

    store->ops->info(store, &info);
    *ret_facts = (struct metrics_facts){
        .dependencies = dependencies,
        .dependency_count = facts_dependencies(dependencies),
        .build_options = build_options,
        .build_option_count = sizeof(build_options) / sizeof(build_options[0]),
        .database_system = info.driver,
        .database_address = info.hosts,
        .database_port = info.ports,
        .database_name = info.database,
        .database_timeout_ms = config_number(config, CONFIG_DATABASE_TIMEOUT),
        .sync_interval_ms = config_number(config, CONFIG_SYNC_INTERVAL),
    };
    add_listeners(server, ret_facts);
    add_machine(ret_facts);
}
