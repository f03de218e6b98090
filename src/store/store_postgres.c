#include "store/store_postgres.h"
enum sr_result store_postgres_open(const char *url, const struct store_options *options,
                                   struct store **ret_store, struct sr_err *err)
{
    (void)url;
    (void)options;
    (void)ret_store;
    return sr_fail(err, SR_UNSUPPORTED, "not yet built");
}
