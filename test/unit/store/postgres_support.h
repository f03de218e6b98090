/*
 * The private cluster as the PostgreSQL tests see it: a connection behind the driver's back,
 * and stores on its database.
 */
#ifndef SR_TEST_STORE_POSTGRES_SUPPORT_H
#define SR_TEST_STORE_POSTGRES_SUPPORT_H

#include "store/contract_support.h"

/* Connects to the database of SIMPLE_REQUEST_TEST_POSTGRES; false, with a message on standard
 * error, where that is not set or does not answer. */
bool postgres_open(void);
void postgres_close(void);

/* The database's URL. */
const char *postgres_url(void);

/* Its parts: postgresql://USER@HOST:PORT/DATABASE, as with-postgres makes it. */
struct postgres_parts {
    char user[64], host[64], database[64];
    unsigned port;
};

struct postgres_parts postgres_split_url(void);

/* Runs SQL, which must succeed. */
void postgres_exec(const char *sql);

/* The first column of the first row as a number. */
int64_t postgres_number(const char *sql);

/* Drops our tables and what tests have added. */
void postgres_reset(void *context);

/* A store of an instance on a URL. */
struct store *postgres_store(const char *url, const struct sr_uuid *instance,
                             uint32_t timeout_ms, uint32_t rows);

extern const struct contract_target postgres_target;

#endif
