/*
 * Output of many lines: to standard output, or to a file that has its name only when it is
 * whole.
 */
#ifndef SR_COMMAND_LINES_FILE_H
#define SR_COMMAND_LINES_FILE_H

#include "base/buffer.h"

struct lines_file {
    int fd;
    const char *path;     /* NULL: standard output */
    char *temporary;      /* where the file is written: PATH.PID.partial */
    struct sr_buffer out; /* not yet written */
};

/* path NULL or "-": standard output. SR_INVALID: a path that is there and is no plain file;
 * SR_IO: it cannot be made. The path is borrowed. */
enum sr_result lines_file_open(struct lines_file *file, const char *path,
                               struct sr_err *err) SR_MUST_USE;

/* Appends {"key":...,"value":...} as a line. SR_IO, SR_NO_MEMORY. */
enum sr_result lines_file_counter(struct lines_file *file, struct sr_span key, int64_t value,
                                  struct sr_err *err) SR_MUST_USE;

/* Writes what is left, and gives the file its name once it is on the disk. */
enum sr_result lines_file_finish(struct lines_file *file, struct sr_err *err) SR_MUST_USE;

/* Frees it, finished or not; an unfinished file is removed. */
void lines_file_close(struct lines_file *file);

#endif
