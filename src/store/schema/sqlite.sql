-- The tables in SQLite's words; the meaning of each is told in postgres.sql. Times are seconds since 1970 UTC, UUIDs their
-- 36 characters. Every migration runs once, in the transaction of a claim; never change one that was released, add the next.

-- migration 1
CREATE TABLE counter_schema (
    version INTEGER NOT NULL PRIMARY KEY,
    migrated_at INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER))
);

-- Without the check 2^63 would silently become a floating-point number.
CREATE TABLE counters (
    key TEXT NOT NULL PRIMARY KEY COLLATE BINARY,
    value INTEGER NOT NULL CONSTRAINT value_fits_64_bits CHECK (typeof(value) = 'integer'),
    inserted_at INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER)),
    updated_at INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER))
) WITHOUT ROWID;

CREATE TABLE counter_writers (
    instance TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    synced_at INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER))
) WITHOUT ROWID;

CREATE TABLE counter_requests (
    token TEXT NOT NULL PRIMARY KEY COLLATE BINARY,
    request_hash BLOB NOT NULL,
    answer TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX counter_requests_expires_at ON counter_requests (expires_at);

CREATE TABLE counter_refused (
    instance TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    key BLOB NOT NULL,
    delta INTEGER,
    is_set INTEGER NOT NULL,
    sqlstate TEXT NOT NULL,
    at INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER))
);
