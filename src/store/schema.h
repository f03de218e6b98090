/*
 * The schema's migrations, embedded from schema/postgres.sql and schema/sqlite.sql: the one
 * place that says what the tables are. Pure.
 */
#ifndef SR_STORE_SCHEMA_H
#define SR_STORE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The files' text, each migration after a line "-- migration N", N ascending from 1. */
extern const char store_schema_postgres[];
extern const char store_schema_sqlite[];

struct store_migration {
    uint32_t version;
    const char *sql; /* into the text; ends after size bytes, not by a NUL */
    size_t size;
};

/* Finds the first migration above `version`; false where there is none. */
bool store_schema_next(const char *text, uint32_t version,
                       struct store_migration *ret_migration);

/* The version of the last migration: what this program knows. */
uint32_t store_schema_newest(const char *text);

#endif
