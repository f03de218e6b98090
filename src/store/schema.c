/*
 * Splits a schema file into its migrations. Pure.
 */
#include "store/schema.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

static const char marker[] = "\n-- migration ";

bool store_schema_next(const char *text, uint32_t version,
                       struct store_migration *ret_migration)
{
    for (const char *at = strstr(text, marker); at != NULL; at = strstr(at + 1, marker)) {
        const char *number = at + sizeof(marker) - 1;
        unsigned long found = strtoul(number, NULL, 10);

        SR_CHECK(found > 0 && found < UINT32_MAX);
        if (found > version) {
            const char *sql = strchr(number, '\n');
            const char *end;

            SR_CHECK(sql != NULL);
            end = strstr(sql, marker);
            ret_migration->version = (uint32_t)found;
            ret_migration->sql = sql;
            ret_migration->size = end == NULL ? strlen(sql) : (size_t)(end - sql);
            return true;
        }
    }
    return false;
}

uint32_t store_schema_newest(const char *text)
{
    struct store_migration migration = {.version = 0};

    while (store_schema_next(text, migration.version, &migration)) {
    }
    return migration.version;
}
