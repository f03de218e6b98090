/*
 * Files without a name for the tests of what reads lines.
 */
#ifndef SR_TEST_TRANSFER_FILE_H
#define SR_TEST_TRANSFER_FILE_H

#include "support/unit.h"

#include <stddef.h>
#include <stdio.h>

/* An open file that holds the text; closed by fclose. */
static inline FILE *file_of(const char *text, size_t size)
{
    FILE *file = tmpfile();

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fflush(file), 0);
    return file;
}

#endif
