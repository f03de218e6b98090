/*
 * An SQLite file system that fails at the n-th write, sync or truncation: for the SQLite
 * driver's tests. Wraps the default one and becomes the default.
 */
#ifndef SR_TEST_STORE_FAULTY_VFS_H
#define SR_TEST_STORE_FAULTY_VFS_H

#include <stdbool.h>

/* Registers it; to be called once, before the first file is opened. */
void faulty_vfs_register(void);

/* From now on the number-th operation (1 is the next) returns the code, once: the kernel
 * reports a lost write no second time. A write does nothing then; a failed sync may have
 * synced. 0 takes the fault away. */
void faulty_vfs_fail_at(unsigned number, int code);

/* Whether the fault has happened. */
bool faulty_vfs_failed(void);

#endif
