/*
 * Small files of text that options name.
 */
#ifndef SR_COMMAND_TEXT_FILE_H
#define SR_COMMAND_TEXT_FILE_H

#include "base/result.h"

#include <stddef.h>

/* The file's text, ended by NUL. `option` ("config") names it in errors. SR_INVALID: it cannot
 * be read, has `size` bytes or more, or a NUL. */
enum sr_result text_file_read(const char *option, const char *path, char *ret_text, size_t size,
                              struct sr_err *err) SR_MUST_USE;

/* Its first line, without the line break; of a file that fits as a whole. SR_INVALID where that
 * is empty too. */
enum sr_result text_file_first_line(const char *option, const char *path, char *ret_text,
                                    size_t size, struct sr_err *err) SR_MUST_USE;

#endif
