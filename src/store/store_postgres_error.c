/*
 * What a PostgreSQL error means: whose fault it is, and whether waiting helps (PostgreSQL
 * documentation, appendix A, "PostgreSQL Error Codes").
 */
#include "store/store_postgres_internal.h"

#include <stdio.h>
#include <string.h>

static bool begins(const char *sqlstate, const char *with)
{
    return strncmp(sqlstate, with, strlen(with)) == 0;
}

/* What no waiting cures: syntax, permission, missing or changed tables, features, damage. */
static bool needs_operator(const char *sqlstate)
{
    static const char *const beginnings[] = {
        "0A", "21", "22", "23", "26", "28", "2F", "34", "38",    "39",
        "3D", "3F", "42", "44", "54", "F0", "HV", "P0", "XX001", "XX002",
    };

    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        if (begins(sqlstate, beginnings[i])) {
            return true;
        }
    }
    return false;
}

enum pg_verdict pg_verdict(const char *sqlstate)
{
    if (begins(sqlstate, "22") || begins(sqlstate, "23") || begins(sqlstate, "54000")) {
        return PG_ROW;
    }
    if (begins(sqlstate, "40001") || begins(sqlstate, "40P01")) {
        return PG_AGAIN;
    }
    return needs_operator(sqlstate) ? PG_OPERATOR : PG_OUTAGE;
}

const char *pg_sqlstate(const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    return sqlstate == NULL ? "" : sqlstate;
}

void pg_one_line(const char *text, char *ret_line, size_t size)
{
    size_t used = 0;

    for (; *text != '\0' && used + 1 < size; text++) {
        bool blank = (unsigned char)*text <= ' ';

        if (!blank || (used > 0 && ret_line[used - 1] != ' ')) {
            ret_line[used++] = blank ? ' ' : *text;
        }
    }
    while (used > 0 && ret_line[used - 1] == ' ') {
        used--;
    }
    ret_line[used] = '\0';
}

enum sr_result pg_refuse(struct store_postgres *store, const PGresult *result, const char *what,
                         struct sr_err *err)
{
    const char *sqlstate = pg_sqlstate(result);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    char line[200];

    store->timed_out = strcmp(sqlstate, "57014") == 0;
    (void)snprintf(store->sqlstate, sizeof(store->sqlstate), "%s", sqlstate);
    pg_one_line(primary != NULL ? primary : PQresultErrorMessage(result), line, sizeof(line));
    return sr_fail(err, needs_operator(sqlstate) ? SR_REFUSED : SR_UNAVAILABLE,
                   "%s: %s: %s (%s)", store->where, what, line, sqlstate);
}

enum sr_result pg_lose(struct store_postgres *store, const char *what, const char *reason,
                       struct sr_err *err)
{
    char line[200];

    if (reason == NULL) {
        reason = store->connection == NULL ? "" : PQerrorMessage(store->connection);
    }
    pg_one_line(reason[0] == '\0' ? "connection lost" : reason, line, sizeof(line));
    pg_disconnect(store);
    return sr_fail(err, SR_UNAVAILABLE, "%s: %s: %s", store->where, what, line);
}
