/*
 * The table of the service's options: flag, environment variable, default, bounds and help are
 * all from here.
 */
#include "command/config.h"

#include "store/store.h"

#define HOURS ((uint64_t)3600000) /* milliseconds */
#define DAYS (24 * HOURS)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)
#define TIB ((uint64_t)1 << 40)

static const char *const durabilities[] = {"fsync", "write", "none", NULL};
static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const log_formats[] = {"text", "json", NULL};

static const char *const id_choices[] = {"echo", "always", NULL};
static const char *const off_on[] = {"off", "on", NULL};
static const char *const proxy_headers[] = {"x-forwarded-for", "forwarded", NULL};

/* A default as one would write it, or words for one that config.c finds out. */
#define USUAL(text) .fallback = (text)
#define FOUND(words) .fallback_help = (words)

#define TEXT(name_, value_, default_, help_)                                                   \
    .name = (name_), .type = SR_OPTION_TEXT, .value_name = (value_), default_, .help = (help_)
#define RANGE(type_, value_, name_, default_, min_, max_, help_)                               \
    .name = (name_), .type = (type_), .value_name = (value_), default_, .min = (min_),         \
    .max = (max_), .help = (help_)
#define NUMBER(...) RANGE(SR_OPTION_NUMBER, "NUMBER", __VA_ARGS__)
#define DURATION(...) RANGE(SR_OPTION_DURATION, "DURATION", __VA_ARGS__)
#define SIZE(...) RANGE(SR_OPTION_SIZE, "SIZE", __VA_ARGS__)
#define OR_ZERO .zero_allowed = true
#define CHOICE(name_, value_, default_, choices_, help_)                                       \
    .name = (name_), .type = SR_OPTION_CHOICE, .value_name = (value_), default_,               \
    .choices = (choices_), .help = (help_)
#define FLAG(name_, help_) .name = (name_), .type = SR_OPTION_FLAG, .help = (help_)

const struct sr_option config_table[CONFIG_OPTION_COUNT] = {
    [CONFIG_LISTEN] = {TEXT("listen", "ADDRESSES", USUAL("127.0.0.1"),
                            "comma list of IPv4 addresses, IPv6 addresses and unix:PATH")},
    [CONFIG_PORT] = {NUMBER("port", USUAL("3333"), 0, 65535,
                            "port to listen on; 0: any that is free")},
    [CONFIG_DATABASE_URL] = {TEXT("database-url", "URL", FOUND("sqlite:<data-dir>/counters.db"),
                                  "sqlite:PATH, postgres://, postgresql:// or ecto://"),
                             .redact = store_url_redact},
    [CONFIG_DATABASE_URL_FILE] = {TEXT("database-url-file", "PATH", FOUND("none"),
                                       "file whose first line is the database URL: keeps a "
                                       "password out of process lists and environments")},
    [CONFIG_DATA_DIR] = {TEXT("data-dir", "PATH", FOUND("$STATE_DIRECTORY"),
                              "journal and SQLite file; else below $XDG_STATE_HOME or "
                              "~/.local/state")},
    [CONFIG_SYNC_INTERVAL] = {DURATION("sync-interval", USUAL("10s"), 10, DAYS,
                                       "time between flushes to the database")},
    [CONFIG_DURABILITY] = {CHOICE("durability", "MODE", USUAL("fsync"), durabilities,
                                  "what is acknowledged survives power loss (fsync), kill -9 "
                                  "(write), or neither (none)")},
    [CONFIG_WORKERS] = {NUMBER("workers", FOUND("one per core"), 1, 512, "worker threads")},
    [CONFIG_MEMORY_LIMIT] = {SIZE("memory-limit", FOUND("1GiB"), MIB, 32 * GIB,
                                  "memory of the counter table; at most half of the control "
                                  "group's limit by default")},
    [CONFIG_JOURNAL_LIMIT] = {SIZE("journal-limit", USUAL("8GiB"), 64 * MIB, 1024 * TIB,
                                   "disk space of the journal; beyond it increments are "
                                   "refused")},
    [CONFIG_JOURNAL_RETENTION] = {DURATION("journal-retention", USUAL("10m"), 1000, 30 * DAYS,
                                           "how long applied epochs are kept for a database "
                                           "that falls back; 0: the newest alone"),
                                  OR_ZERO},
    [CONFIG_JOURNAL_RETENTION_BYTES] = {SIZE("journal-retention-bytes", USUAL("1GiB"), 1,
                                             1024 * TIB, "and how many bytes of them at most"),
                                        OR_ZERO},
    [CONFIG_IDEMPOTENCY_WINDOW] = {DURATION("idempotency-window", USUAL("24h"), 1000, 30 * DAYS,
                                            "how long the first answer to an Idempotency-Key "
                                            "is given again")},
    [CONFIG_IDEMPOTENCY_MAX] = {NUMBER("idempotency-max", USUAL("1000000"), 1, 10000000,
                                       "Idempotency-Keys remembered at most; beyond it new "
                                       "ones are refused")},
    [CONFIG_READY_MAX_LAG] = {DURATION("ready-max-lag", USUAL("0"), 100, 30 * DAYS,
                                       "not ready while a change is unsynced for longer; 0: "
                                       "off"),
                              OR_ZERO},
    [CONFIG_DATABASE_TIMEOUT] = {DURATION("database-timeout", USUAL("30s"), 100, HOURS,
                                          "silence of the database after which an operation "
                                          "is given up")},
    [CONFIG_DRAIN_TIMEOUT] = {DURATION("drain-timeout", USUAL("20s"), 0, HOURS,
                                       "longest time from SIGTERM to the end")},
    [CONFIG_CONNECTIONS_MAX] = {NUMBER("connections-max", FOUND("what RLIMIT_NOFILE allows"), 1,
                                       1000000, "connections in all")},
    [CONFIG_CONNECTIONS_PER_ADDRESS] = {NUMBER("connections-per-address", USUAL("0"), 0,
                                               1000000,
                                               "connections of one client address; 0: no "
                                               "limit of its own")},
    [CONFIG_BODY_LIMIT] = {SIZE("body-limit", USUAL("8MiB"), 1024, GIB,
                                "bytes of a request's body")},
    [CONFIG_HEADER_TIMEOUT] = {DURATION("header-timeout", USUAL("10s"), 100, HOURS,
                                        "from a request's first byte to the end of its "
                                        "headers")},
    [CONFIG_BODY_TIMEOUT] = {DURATION("body-timeout", USUAL("10s"), 100, HOURS,
                                      "for the whole body")},
    [CONFIG_IDLE_TIMEOUT] = {DURATION("idle-timeout", USUAL("60s"), 100, DAYS,
                                      "between requests")},
    [CONFIG_WRITE_TIMEOUT] = {DURATION("write-timeout", USUAL("10s"), 100, HOURS,
                                       "without the client taking a byte of its answers")},
    [CONFIG_HOLD_TIMEOUT] = {DURATION("hold-timeout", USUAL("10s"), 100, HOURS,
                                      "for the journal to make an answer durable; then the "
                                      "connection closes without it")},
    [CONFIG_TLS_CERTIFICATE] = {TEXT("tls-certificate", "PATH", FOUND("none: plain HTTP"),
                                     "PEM file of certificate and chain, for TLS on all but "
                                     "unix sockets; read again on SIGHUP")},
    [CONFIG_TLS_KEY] = {TEXT("tls-key", "PATH", FOUND("none"), "PEM file of its private key")},
    [CONFIG_TOKENS_FILE] = {TEXT("tokens-file", "PATH", FOUND("none: open to everybody"),
                                 "bearer tokens, a line each: name, scopes (read,write,admin), "
                                 "SHA-256; read again on SIGHUP")},
    [CONFIG_RATE_LIMIT] = {TEXT("rate-limit", "RATE", USUAL("off"),
                                "requests of one client address: 100/s, 600/m, 1000/h, 5000/d; "
                                "an IPv6 address counts as its /64")},
    [CONFIG_RATE_LIMIT_BURST] = {NUMBER("rate-limit-burst", USUAL("0"), 0, 1000000,
                                        "requests of it that may come at once; 0: the rate's "
                                        "number")},
    [CONFIG_TRUSTED_PROXIES] = {TEXT("trusted-proxies", "NETWORKS", USUAL("none"),
                                     "peers that tell whose request they pass on: comma list "
                                     "of addresses, CIDR networks and the word unix")},
    [CONFIG_PROXY_HEADER] = {CHOICE("proxy-header", "NAME", USUAL("x-forwarded-for"),
                                    proxy_headers,
                                    "where they tell it: x-forwarded-for or forwarded; the "
                                    "other one is ignored")},
    [CONFIG_CORS_ORIGINS] = {TEXT("cors-origins", "ORIGINS", USUAL("none"),
                                  "comma list of origins whose pages may read answers: "
                                  "https://app.example")},
    [CONFIG_REQUEST_IDS] = {CHOICE("request-ids", "WHICH", USUAL("echo"), id_choices,
                                   "X-Request-Id: echo the client's, or draw one where it "
                                   "sends none (always)")},
    [CONFIG_ACCESS_LOG] = {CHOICE("access-log", "WHETHER", USUAL("off"), off_on,
                                  "a log line a request: off or on; draws request ids")},
    [CONFIG_ACCESS_LOG_SAMPLE] = {NUMBER("access-log-sample", USUAL("1"), 1, 1000000000,
                                         "log one of so many requests of each worker")},
    [CONFIG_GRAFANA_URL] = {TEXT("grafana-url", "URL", FOUND("none"),
                                 "a Grafana that is told of start and stop by an annotation: "
                                 "http://HOST:PORT or https://HOST")},
    [CONFIG_GRAFANA_TOKEN_FILE] = {TEXT("grafana-token-file", "PATH", FOUND("none"),
                                        "its service account's token, the file's first line")},
    [CONFIG_GRAFANA_DASHBOARD_UID] = {TEXT("grafana-dashboard-uid", "UID", FOUND("none"),
                                           "annotate this dashboard, not the organisation")},
    [CONFIG_GRAFANA_FOLDER_UID] = {TEXT("grafana-folder-uid", "UID", FOUND("none"),
                                        "annotate each dashboard of this folder (folderUid)")},
    [CONFIG_LOG_LEVEL] = {CHOICE("log-level", "LEVEL", USUAL("info"), log_levels,
                                 "least to log: debug, info, warn or error")},
    [CONFIG_LOG_FORMAT] = {CHOICE("log-format", "FORMAT",
                                  FOUND("text on a terminal, else json"), log_formats,
                                  "text or json, to standard error")},
    [CONFIG_FILE] = {TEXT("config", "FILE", FOUND("none"),
                          "file of options, a line each: sync-interval = 5s; environment and "
                          "flags go before it"),
                     .variable = "SIMPLE_REQUEST_CONFIG"},
    [CONFIG_PRINT_CONFIG] = {FLAG("print-config", "show what is in force and from where")},
    [CONFIG_HELP] = {FLAG("help", "show this")},
    [CONFIG_VERSION] = {FLAG("version", "show the versions of program and libraries")},
};
