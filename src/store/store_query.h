/*
 * The rows of any query on any PostgreSQL database, as counters: for an import.
 */
#ifndef SR_STORE_STORE_QUERY_H
#define SR_STORE_STORE_QUERY_H

#include "store/store.h"

/*
 * Runs one query, read-only, whose rows are a key (text or bytea) and a value (an integer, or a
 * numeric that is one), and tells them as store_ops.read_all does; what a key must be is the
 * caller's to check. They come sorted by key and value, so that the same rows are told in the
 * same order whatever plan finds them.
 *
 * connect_ms: longest time to connect; the query may take as long as it does, while the
 * server's machine answers. SR_INVALID: the URL, a query that is none, or of other columns,
 * NULLs and values that are no 64-bit integers, with the row's number; else as of read_all.
 */
enum sr_result store_query(const char *url, const char *sql, uint32_t connect_ms,
                           const struct store_rows *rows, struct sr_err *err) SR_MUST_USE;

#endif
