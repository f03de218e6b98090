/*
 * SR_CHECK: a check for bugs, never for input. It stays on in release builds: a counter service
 * that has lost its invariants must stop before it acknowledges or flushes anything more; the
 * journal still holds what was acknowledged.
 */
#ifndef SR_BASE_CHECK_H
#define SR_BASE_CHECK_H

/* Writes the place and the condition to standard error and aborts. */
_Noreturn void sr_check_failed(const char *file, int line, const char *condition);

#define SR_CHECK(condition)                                                                    \
    (__builtin_expect(!!(condition), 1) ? (void)0                                              \
                                        : sr_check_failed(__FILE__, __LINE__, #condition))

#endif
