/*
 * Results and errors: texts and the one place that formats an error.
 */
#include "base/result.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *sr_result_text(enum sr_result code)
{
    static const char *const texts[] = {
#define SR_RESULT_TEXT(name, text) text,
        SR_RESULTS(SR_RESULT_TEXT)
#undef SR_RESULT_TEXT
    };

    return (size_t)code < sizeof(texts) / sizeof(texts[0]) ? texts[code] : "unknown result";
}

__attribute__((format(printf, 2, 0))) static size_t format_text(struct sr_err *err,
                                                                const char *format,
                                                                va_list args)
{
    int size = vsnprintf(err->text, sizeof(err->text), format, args);

    if (size < 0) {
        return 0;
    }
    return (size_t)size < sizeof(err->text) ? (size_t)size : sizeof(err->text) - 1;
}

enum sr_result sr_fail(struct sr_err *err, enum sr_result code, const char *format, ...)
{
    va_list args;

    if (err == NULL) {
        return code;
    }
    err->code = code;
    va_start(args, format);
    (void)format_text(err, format, args);
    va_end(args);
    return code;
}

enum sr_result sr_fail_errno(struct sr_err *err, enum sr_result code, int errno_value,
                             const char *format, ...)
{
    va_list args;
    char why[96];
    size_t size;

    if (err == NULL) {
        return code;
    }
    err->code = code;
    va_start(args, format);
    size = format_text(err, format, args);
    va_end(args);
    /* The GNU strerror_r returns the text, which may or may not lie in the buffer. */
    (void)snprintf(err->text + size, sizeof(err->text) - size, ": %s",
                   strerror_r(errno_value, why, sizeof(why)));
    return code;
}
