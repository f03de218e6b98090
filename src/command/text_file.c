/*
 * Small files of text that options name.
 */
#include "command/text_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum sr_result text_file_read(const char *option, const char *path, char *ret_text, size_t size,
                              struct sr_err *err)
{
    FILE *file = fopen(path, "re");
    size_t got;
    bool failed;

    if (file == NULL) {
        return sr_fail_errno(err, SR_INVALID, errno, "--%s %.200s", option, path);
    }
    got = fread(ret_text, 1, size, file);
    failed = ferror(file) != 0;
    (void)fclose(file); /* only read from */
    if (failed || got == size || memchr(ret_text, '\0', got) != NULL) {
        return sr_fail(err, SR_INVALID, "--%s %.200s: %s", option, path,
                       failed        ? "cannot be read"
                       : got == size ? "is larger than such a file can be"
                                     : "is no text file");
    }
    ret_text[got] = '\0';
    return SR_OK;
}

enum sr_result text_file_first_line(const char *option, const char *path, char *ret_text,
                                    size_t size, struct sr_err *err)
{
    enum sr_result result = text_file_read(option, path, ret_text, size, err);

    if (result != SR_OK) {
        return result;
    }
    ret_text[strcspn(ret_text, "\r\n")] = '\0';
    return ret_text[0] != '\0'
               ? SR_OK
               : sr_fail(err, SR_INVALID, "--%s %.200s: its first line is empty", option, path);
}
