/*
 * Results and errors. What can fail returns `enum sr_result`; the words for a person go to the
 * caller's `struct sr_err`. Depends on nothing; safe on any thread.
 */
#ifndef SR_BASE_RESULT_H
#define SR_BASE_RESULT_H

#include <stddef.h>

/* One list for the enum and its names: X(NAME, "text"). */
#define SR_RESULTS(X)                                                                          \
    X(SR_OK, "ok")                                                                             \
    X(SR_INVALID, "invalid input or option")                                                   \
    X(SR_NOT_FOUND, "not found")                                                               \
    X(SR_EXISTS, "exists already or is in use")                                                \
    X(SR_FULL, "a bound is reached")                                                           \
    X(SR_NO_MEMORY, "out of memory")                                                           \
    X(SR_IO, "input/output error")                                                             \
    X(SR_DAMAGED, "stored data is damaged")                                                    \
    X(SR_UNAVAILABLE, "not reachable now, nothing was applied")                                \
    X(SR_UNKNOWN, "outcome unknown")                                                           \
    X(SR_FENCED, "the writer's row belongs to somebody else or is at another epoch")           \
    X(SR_REFUSED, "refused for good, an operator must act")                                    \
    X(SR_TIMEOUT, "deadline passed")                                                           \
    X(SR_CLOSED, "closed")                                                                     \
    X(SR_AGAIN, "not yet, try again later")                                                    \
    X(SR_UNSUPPORTED, "not supported")

enum sr_result {
#define SR_RESULT_ENUM(name, text) name,
    SR_RESULTS(SR_RESULT_ENUM)
#undef SR_RESULT_ENUM
};

#define SR_MUST_USE __attribute__((warn_unused_result))

/* What was tried, on what, why it failed, what to do: for people. Owned by the caller. */
struct sr_err {
    enum sr_result code;
    char text[360];
};

/* Returns the fixed text of a result. */
const char *sr_result_text(enum sr_result code);

/* Fills err (which may be NULL) and returns code, so that `return sr_fail(...)` reads well. */
enum sr_result sr_fail(struct sr_err *err, enum sr_result code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Like sr_fail for a failed system call: appends ": " and the text of errno_value. */
enum sr_result sr_fail_errno(struct sr_err *err, enum sr_result code, int errno_value,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
