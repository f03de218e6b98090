/*
 * A database file of the SQLite tests: stores on it, and connections behind the driver's back.
 */
#ifndef SR_TEST_STORE_SQLITE_SUPPORT_H
#define SR_TEST_STORE_SQLITE_SUPPORT_H

#include "store/contract_support.h"

#include <sqlite3.h>

extern char sqlite_path[64];
extern const struct contract_target sqlite_target;

/* Makes the folder, and removes it. */
void sqlite_open(void);
void sqlite_close(void);

/* A test's setup: no file. */
int sqlite_fresh_file(void **state);

struct store *sqlite_store(const struct sr_uuid *instance, uint32_t timeout_ms, bool create);

/* The first number that a query tells on the store's own, live connection. */
int64_t sqlite_number(struct store *store, const char *sql);

/* A connection that knows nothing of the driver; the caller closes it. */
sqlite3 *sqlite_open_outside(void);

/* Runs SQL on one, which must succeed. */
void sqlite_exec_outside(const char *sql);

/* A claim of instance 1 must end so, with the word in its error. */
void sqlite_assert_claim(uint32_t timeout_ms, bool create, bool insert_row,
                         enum sr_result wanted, const char *word);

#endif
