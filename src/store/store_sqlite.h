/*
 * The SQLite driver. One writer a file, on a local disk (WAL needs shared memory).
 */
#ifndef SR_STORE_STORE_SQLITE_H
#define SR_STORE_STORE_SQLITE_H

#include "store/store.h"

/* store_open for the path after "sqlite:". SR_INVALID for an empty path or ":memory:",
 * SR_NO_MEMORY. */
enum sr_result store_sqlite_open(const char *path, const struct store_options *options,
                                 struct store **ret_store, struct sr_err *err) SR_MUST_USE;

#endif
