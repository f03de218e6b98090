/*
 * What a start tells on standard output.
 */
#include "command/banner.h"

#include "build_info.h"

#include <string.h>

/* A URL that a client on this machine can use: not the address that stands for all. */
static void reachable(const char *url, char *ret_url, size_t size)
{
    static const char v4[] = "://0.0.0.0:";
    static const char v6[] = "://[::]:";
    const char *host = strstr(url, "://");
    int scheme = host == NULL ? 0 : (int)(host - url);

    if (host != NULL && strncmp(host, v4, sizeof(v4) - 1) == 0) {
        (void)snprintf(ret_url, size, "%.*s://127.0.0.1:%s", scheme, url,
                       host + sizeof(v4) - 1);
    } else if (host != NULL && strncmp(host, v6, sizeof(v6) - 1) == 0) {
        (void)snprintf(ret_url, size, "%.*s://[::1]:%s", scheme, url, host + sizeof(v6) - 1);
    } else {
        (void)snprintf(ret_url, size, "%s", url);
    }
}

static void print_curl(const char *url, FILE *out)
{
    char base[512];

    if (strncmp(url, "unix:", 5) == 0) {
        (void)snprintf(base, sizeof(base), "--unix-socket %s http://localhost", url + 5);
    } else {
        reachable(url, base, sizeof(base));
    }
    (void)fprintf(out,
                  "  try   curl %s/increment -H 'Content-Type: application/json' "
                  "-d '{\"key\":\"test1\",\"value\":2}'\n",
                  base);
}

void banner_print(const struct service *service, FILE *out)
{
    char store[SR_OPTION_SHOWN_SIZE];
    const char *url;

    store_url_redact(config_text(service->config, CONFIG_DATABASE_URL), store, sizeof(store));
    (void)fputs("simple-request " SR_BUILD_VERSION "\n", out);
    for (size_t i = 0; (url = server_url(service->server, i)) != NULL; i++) {
        (void)fprintf(out, "  url   %s\n", url);
    }
    (void)fprintf(out, "  data  %s\n  store %s\n", datadir_path(service->datadir), store);
    print_curl(server_url(service->server, 0), out);
    (void)fflush(out); /* nobody may be reading: the log says the same */
}
