/*
 * The PostgreSQL driver: libpq, never blocking, under our own deadline.
 */
#ifndef SR_STORE_STORE_POSTGRES_H
#define SR_STORE_STORE_POSTGRES_H

#include "store/store.h"

/* Opens for a postgres://, postgresql:// or ecto:// URL without connecting. SR_INVALID where
 * libpq cannot parse it. */
enum sr_result store_postgres_open(const char *url, const struct store_options *options,
                                   struct store **ret_store, struct sr_err *err) SR_MUST_USE;

#endif
