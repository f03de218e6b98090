/*
 * Which lines an import takes: a file's, or a query's rows.
 */
#ifndef SR_COMMAND_IMPORT_SOURCE_H
#define SR_COMMAND_IMPORT_SOURCE_H

#include "command/client_options.h"
#include "transfer/source.h"

/* As FILE or --from-postgres and --query tell. SR_INVALID: not one of them, or rows that are no
 * counters; else as of source_open_file, source_spool and store_query. Texts are borrowed from
 * the settings. */
enum sr_result import_source_open(const struct client_settings *settings,
                                  struct source **ret_source, struct sr_err *err) SR_MUST_USE;

#endif
