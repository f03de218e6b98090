/*
 * An SQLite file system that fails at the n-th operation.
 */
#include "store/faulty_vfs.h"

#include "base/check.h"

#include <sqlite3.h>

#include <stddef.h>

/* SQLite allocates szOsFile bytes: ours, then the wrapped file's. */
struct faulty_file {
    sqlite3_file base;
    sqlite3_file *inner;
};

static sqlite3_vfs *inner_vfs;
static sqlite3_vfs faulty_vfs;
static unsigned countdown; /* operations until the fault, 0: none */
static int fault_code;
static bool has_failed;

void faulty_vfs_fail_at(unsigned number, int code)
{
    countdown = number;
    fault_code = code;
    has_failed = false;
}

bool faulty_vfs_failed(void)
{
    return has_failed;
}

static int next_fault(void)
{
    if (countdown == 0 || --countdown > 0) {
        return SQLITE_OK;
    }
    has_failed = true;
    return fault_code;
}

static sqlite3_file *inner(sqlite3_file *file)
{
    return ((struct faulty_file *)file)->inner;
}

static int file_close(sqlite3_file *file)
{
    return inner(file)->pMethods->xClose(inner(file));
}

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
    return inner(file)->pMethods->xRead(inner(file), data, size, offset);
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    int code = next_fault();

    return code != SQLITE_OK ? code
                             : inner(file)->pMethods->xWrite(inner(file), data, size, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int code = next_fault();

    return code != SQLITE_OK ? code : inner(file)->pMethods->xTruncate(inner(file), size);
}

/* Nobody pulls the plug here, and a thousand syncs take their time. */
static int file_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return next_fault();
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return inner(file)->pMethods->xFileSize(inner(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
    return inner(file)->pMethods->xLock(inner(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return inner(file)->pMethods->xUnlock(inner(file), level);
}

static int file_check_lock(sqlite3_file *file, int *is_locked)
{
    return inner(file)->pMethods->xCheckReservedLock(inner(file), is_locked);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
    return inner(file)->pMethods->xFileControl(inner(file), operation, argument);
}

static int file_sector(sqlite3_file *file)
{
    return inner(file)->pMethods->xSectorSize(inner(file));
}

static int file_traits(sqlite3_file *file)
{
    return inner(file)->pMethods->xDeviceCharacteristics(inner(file));
}

static int file_shm_map(sqlite3_file *file, int region, int size, int extend,
                        void volatile **memory)
{
    return inner(file)->pMethods->xShmMap(inner(file), region, size, extend, memory);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return inner(file)->pMethods->xShmLock(inner(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    inner(file)->pMethods->xShmBarrier(inner(file));
}

static int file_shm_unmap(sqlite3_file *file, int and_delete)
{
    return inner(file)->pMethods->xShmUnmap(inner(file), and_delete);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                    int *ret_flags)
{
    struct faulty_file *faulty = (struct faulty_file *)file;
    int code;

    (void)vfs;
    faulty->inner = (sqlite3_file *)(faulty + 1);
    code = inner_vfs->xOpen(inner_vfs, name, faulty->inner, flags, ret_flags);
    file->pMethods = faulty->inner->pMethods == NULL ? NULL : &methods;
    return code;
}

void faulty_vfs_register(void)
{
    inner_vfs = sqlite3_vfs_find(NULL);
    SR_CHECK(inner_vfs != NULL);
    faulty_vfs = *inner_vfs;
    faulty_vfs.zName = "faulty";
    faulty_vfs.szOsFile = (int)sizeof(struct faulty_file) + inner_vfs->szOsFile;
    faulty_vfs.xOpen = vfs_open;
    SR_CHECK(sqlite3_vfs_register(&faulty_vfs, 1) == SQLITE_OK);
}
