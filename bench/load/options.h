/*
 * The command line of the load generator.
 */
#ifndef BENCH_LOAD_OPTIONS_H
#define BENCH_LOAD_OPTIONS_H

#include "base/result.h"

#include <stdbool.h>
#include <stdint.h>

#define LOAD_CONNECTIONS_MAX 16384U
#define LOAD_IN_FLIGHT_MAX 1048576U /* items of one connection: depth * batch */
#define LOAD_KEYS_MAX 100000000U
#define LOAD_KEY_PREFIX_MAX 200U
#define LOAD_KEY_DIGITS 10U

struct load_options {
    const char
        *address; /* IPv4 in dots, 127.0.0.1 by default; borrowed from argv, as all text */
    uint64_t port;
    uint64_t connections;
    uint64_t depth;         /* requests sent in one write, before any of their replies */
    uint64_t batch;         /* items of one request; above 1 a JSON array */
    uint64_t keys;          /* distinct keys, 1 for a hot one */
    uint64_t first_key;     /* the number of the first one */
    uint64_t value;         /* of each increment */
    uint64_t requests;      /* how many in all; 0: as long as duration_ms says */
    uint64_t duration_ms;   /* 0: until all requests are answered */
    uint64_t rate;          /* requests a second, due at fixed times; 0: as fast as answered */
    uint64_t seed;          /* of the random choice of keys */
    const char *key_prefix; /* a key is this and its number in LOAD_KEY_DIGITS digits */
    const char *ledger;     /* NULL, or the file that gets what became of each key */
    bool sequential;        /* keys in turn instead of at random */
    bool minimal;           /* sends Prefer: return=minimal */
    bool retry;             /* repeats what was answered 503, after a pause */
    bool json;              /* report as one line of JSON */
    bool help;              /* print load_options_help and do nothing else */
};

/* Reads the command line. SR_INVALID with words that name the option. */
enum sr_result load_options_read(int argc, char **argv, struct load_options *ret_options,
                                 struct sr_err *err) SR_MUST_USE;

/* Prints every option with its meaning and default to standard output. */
void load_options_help(void);

#endif
