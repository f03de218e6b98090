-- The tables of the store. Every migration runs once, in one transaction under an advisory lock; never change one that was
-- released, add the next. Nothing here that Citus cannot distribute: create_distributed_table('counters', 'key').

-- migration 1
-- Which migrations ran; the highest version is the schema's.
CREATE TABLE counter_schema (
    version integer PRIMARY KEY,
    migrated_at timestamptz NOT NULL DEFAULT now()
);

-- The totals: the users' table, to be joined, read and backed up. The free space lets updates stay in their page (HOT).
CREATE TABLE counters (
    key text COLLATE "C" PRIMARY KEY,
    value bigint NOT NULL,
    inserted_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 90);

-- One row per data directory: the newest epoch that is in the totals, and whose token may bring the next.
CREATE TABLE counter_writers (
    instance uuid PRIMARY KEY,
    owner uuid NOT NULL,
    epoch bigint NOT NULL,
    synced_at timestamptz NOT NULL DEFAULT now()
);

-- Answers under an Idempotency-Key, until they expire.
CREATE TABLE counter_requests (
    token text COLLATE "C" PRIMARY KEY,
    request_hash bytea NOT NULL,
    answer text NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX counter_requests_expires_at ON counter_requests (expires_at);

-- Changes that the table would not take (a sum outside bigint, a constraint of the users' own): set aside, never lost.
-- delta is what was to be added, or with is_set the value to be set; NULL with is_set was a delete.
CREATE TABLE counter_refused (
    instance uuid NOT NULL,
    epoch bigint NOT NULL,
    key bytea NOT NULL,
    delta bigint,
    is_set boolean NOT NULL,
    sqlstate text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
