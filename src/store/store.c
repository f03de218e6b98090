/*
 * Opens the driver that a database URL names.
 */
#include "store/store.h"

#include "store/store_postgres.h"
#include "store/store_sqlite.h"
#include "store/store_url.h"

#include <string.h>

enum sr_result store_open(const char *url, const struct store_options *options,
                          struct store **ret_store, struct sr_err *err)
{
    char shown[200];

    if (store_url_has_scheme(url, "sqlite:")) {
        return store_sqlite_open(url + strlen("sqlite:"), options, ret_store, err);
    }
    if (store_url_has_scheme(url, "postgres://") ||
        store_url_has_scheme(url, "postgresql://") || store_url_has_scheme(url, "ecto://")) {
        return store_postgres_open(url, options, ret_store, err);
    }
    store_url_redact(url, shown, sizeof(shown));
    return sr_fail(err, SR_INVALID,
                   "database URL '%s': unknown scheme; write sqlite:PATH, "
                   "postgres://USER:PASSWORD@HOST:PORT/DATABASE, postgresql:// or ecto://",
                   shown);
}

void store_close(struct store **store)
{
    if (*store != NULL) {
        (*store)->ops->close(*store);
        *store = NULL;
    }
}
