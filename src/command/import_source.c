/*
 * The source of an import: a file, or a query's rows, which are written as a file's lines.
 */
#include "command/import_source.h"

#include "command/text_file.h"
#include "http/utf8.h"
#include "store/store_query.h"

#include <inttypes.h>

#define URL_SIZE 4096

struct query {
    const char *url, *sql;
    uint32_t connect_ms;
    struct spool *spool;
    uint64_t row; /* counted from 1: its line */
    struct sr_err *err;
};

static enum sr_result write_row(void *context, struct sr_span key, int64_t value)
{
    struct query *q = context;

    q->row++;
    if (!http_utf8_valid(key)) {
        return sr_fail(q->err, SR_INVALID,
                       "row %" PRIu64 " of the query: the key is not valid UTF-8: write it as "
                       "encode(..., 'hex') or leave such rows out",
                       q->row);
    }
    return spool_pair(q->spool, key, value, q->err);
}

static enum sr_result write_rows(void *context, struct spool *spool, struct sr_err *err)
{
    struct query *q = context;
    const struct store_rows rows = {.context = q, .row = write_row};

    q->spool = spool;
    q->err = err;
    return store_query(q->url, q->sql, q->connect_ms, &rows, err);
}

static enum sr_result check_choice(const char *file, const char *url, const char *url_file,
                                   const char *sql, struct sr_err *err)
{
    bool has_url = url != NULL || url_file != NULL;

    if (file != NULL && has_url) {
        return sr_fail(err, SR_INVALID,
                       "import: FILE and --from-postgres are both given: one of them is meant");
    }
    if (url != NULL && url_file != NULL) {
        return sr_fail(err, SR_INVALID,
                       "--from-postgres-file: --from-postgres is given as well: one of them is "
                       "meant");
    }
    if (sql != NULL && !has_url) {
        return sr_fail(err, SR_INVALID, "--query: --from-postgres URL is missing");
    }
    if (sql == NULL && has_url) {
        return sr_fail(err, SR_INVALID,
                       "--from-postgres: --query is missing: --query 'SELECT key, value FROM "
                       "...'");
    }
    return file != NULL || has_url
               ? SR_OK
               : sr_fail(err, SR_INVALID,
                         "import: a FILE is missing (- is standard input), or --from-postgres "
                         "URL --query SQL");
}

enum sr_result import_source_open(const struct client_settings *settings,
                                  struct source **ret_source, struct sr_err *err)
{
    const struct sr_option_value *values = settings->values;
    const char *file = settings->parts.word_count > 0 ? settings->parts.words[0] : NULL;
    const char *url_file = values[CLIENT_FROM_POSTGRES_FILE].text;
    struct query query = {.url = values[CLIENT_FROM_POSTGRES].text,
                          .sql = values[CLIENT_QUERY].text,
                          .connect_ms = (uint32_t)values[CLIENT_TIMEOUT].number};
    char url[URL_SIZE];
    enum sr_result result = check_choice(file, query.url, url_file, query.sql, err);

    if (result == SR_OK && url_file != NULL) {
        result = text_file_first_line("from-postgres-file", url_file, url, sizeof(url), err);
        query.url = url;
    }
    if (result != SR_OK) {
        return result;
    }
    return file != NULL ? source_open_file(file, ret_source, err)
                        : source_spool("the query", write_rows, &query, ret_source, err);
}
