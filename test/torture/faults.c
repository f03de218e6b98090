/*
 * A shim for LD_PRELOAD: lets the n-th system call of one kind, or the n-th allocation, of a
 * process fail or fall short. lib/faults.py compiles it and says which through a file that both
 * map (FAULT_PLAN); there it also reads whether the fault was reached.
 *
 * Counted is what program and libraries ask the C library for, from main() on and only while
 * the plan is armed. A short write really writes its part: the kernel is called with half the
 * size.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The file FAULT_PLAN; lib/faults.py has the same layout. */
struct plan {
    char call[32];          /* as the functions below are called; "alloc" for memory */
    char target[32];        /* what the descriptor or path must be, as in `targets`; "" any */
    char directory[256];    /* the data directory */
    int32_t error;          /* errno to fail with; 0: a short result */
    uint32_t from_on;       /* 1: every call from the n-th on, 0: the n-th alone */
    uint64_t n;             /* 1: the first; 0: none, only count */
    _Atomic uint32_t armed; /* counted only while it is 1 */
    uint32_t unused;
    _Atomic uint64_t seen;     /* matching calls so far */
    _Atomic uint64_t injected; /* of which failed */
};

/* What a descriptor stands for. */
enum target { OTHER, JOURNAL, DATABASE, LISTENER, CLIENT, WAKE, LOG, TARGETS };

static const char *const targets[TARGETS] = {"other",  "journal", "database", "listener",
                                             "client", "wake",    "log"};

#define DESCRIPTORS 65536

static struct plan *plan;
static bool in_main;
static _Atomic unsigned char kinds[DESCRIPTORS];

static enum target kind_of(int fd)
{
    return fd >= 0 && fd <= 2           ? LOG
           : fd > 2 && fd < DESCRIPTORS ? (enum target)atomic_load(&kinds[fd])
                                        : OTHER;
}

/* Returns fd, so that a wrapper ends with it. */
static int become(int fd, enum target kind)
{
    if (fd > 2 && fd < DESCRIPTORS) {
        atomic_store(&kinds[fd], (unsigned char)kind);
    }
    return fd;
}

static enum target kind_of_path(int directory, const char *path)
{
    if (strstr(path, "counters.db") != NULL) {
        return DATABASE;
    }
    if (plan != NULL && path[0] == '/') {
        return strncmp(path, plan->directory, strlen(plan->directory)) == 0 ? JOURNAL : OTHER;
    }
    return directory == AT_FDCWD ? OTHER : kind_of(directory);
}

/* Whether this call is the one (or one of those) that must fail; errno is set then. */
static bool strikes(const char *call, enum target target)
{
    uint64_t at;

    if (plan == NULL || !in_main || atomic_load(&plan->armed) == 0 ||
        strcmp(call, plan->call) != 0 ||
        (plan->target[0] != '\0' && strcmp(plan->target, targets[target]) != 0)) {
        return false;
    }
    at = atomic_fetch_add(&plan->seen, 1) + 1;
    if (plan->n == 0 || at < plan->n || (at > plan->n && plan->from_on == 0)) {
        return false;
    }
    atomic_fetch_add(&plan->injected, 1);
    errno = plan->error;
    return true;
}

/* For calls with a size: true where the call fails; else *size may have become smaller. */
static bool strikes_sized(const char *call, enum target target, size_t *size)
{
    if (*size < 2 || !strikes(call, target)) {
        return false;
    }
    if (plan->error != 0) {
        return true;
    }
    *size /= 2;
    return false;
}

__attribute__((constructor)) static void map_plan(void)
{
    const char *path = getenv("FAULT_PLAN");
    long fd = path == NULL ? -1 : syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    long address = fd < 0 ? -1
                          : syscall(SYS_mmap, NULL, sizeof(struct plan), PROT_READ | PROT_WRITE,
                                    MAP_SHARED, fd, 0);

    if (fd >= 0) {
        (void)syscall(SYS_close, fd);
    }
    if (address != -1) {
        plan = (struct plan *)address;
    }
}

/* The next definition of a symbol, into a function pointer of any type. */
static void find_next(const char *symbol, void *ret_function)
{
    void *address = dlsym(RTLD_NEXT, symbol);

    if (address == NULL) {
        abort();
    }
    memcpy(ret_function, &address, sizeof(address));
}

/* ---- from main() on ---- */

typedef int main_fn(int argc, char **argv, char **envp);

static main_fn *real_main;

static int counted_main(int argc, char **argv, char **envp)
{
    in_main = true;
    return real_main(argc, argv, envp);
}

int __libc_start_main(main_fn *given, int argc, char **argv, void (*init)(void),
                      void (*done)(void), void (*loader_done)(void), void *stack_end);

int __libc_start_main(main_fn *given, int argc, char **argv, void (*init)(void),
                      void (*done)(void), void (*loader_done)(void), void *stack_end)
{
    int (*next)(main_fn *, int, char **, void (*)(void), void (*)(void), void (*)(void),
                void *);

    find_next("__libc_start_main", &next);
    real_main = given;
    return next(counted_main, argc, argv, init, done, loader_done, stack_end);
}

/* ---- files ---- */

/* A call that the kernel is asked for as it stands, unless it is struck. Programs are compiled
 * for 64-bit offsets: those names alone are taken. */
#define CALL(declaration, call, target, real)                                                  \
    declaration                                                                                \
    {                                                                                          \
        return strikes(call, target) ? -1 : (int)(real);                                       \
    }
/* The same with a size, which may be halved. */
#define SIZED(declaration, call, target, real)                                                 \
    declaration                                                                                \
    {                                                                                          \
        return strikes_sized(call, target, &size) ? -1 : (real);                               \
    }
/* open and its kin: a mode follows the flags where they ask for one. */
#define OPEN(declaration, call, directory)                                                     \
    declaration                                                                                \
    {                                                                                          \
        enum target kind = kind_of_path(directory, path);                                      \
        va_list arguments;                                                                     \
        mode_t mode;                                                                           \
                                                                                               \
        va_start(arguments, flags);                                                            \
        mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;           \
        va_end(arguments);                                                                     \
        return strikes(call, kind)                                                             \
                   ? -1                                                                        \
                   : become((int)syscall(SYS_openat, directory, path, flags, mode), kind);     \
    }
/* Locks, flags and the like: one argument of a pointer's size at most. */
#define FCNTL(name)                                                                            \
    int name(int fd, int command, ...)                                                         \
    {                                                                                          \
        va_list arguments;                                                                     \
        void *argument;                                                                        \
                                                                                               \
        va_start(arguments, command);                                                          \
        argument = va_arg(arguments, void *);                                                  \
        va_end(arguments);                                                                     \
        return strikes("fcntl", kind_of(fd)) ? -1                                              \
                                             : (int)syscall(SYS_fcntl, fd, command, argument); \
    }

OPEN(int open(const char *path, int flags, ...), "open", AT_FDCWD)
OPEN(int open64(const char *path, int flags, ...), "open", AT_FDCWD)
OPEN(int openat64(int directory, const char *path, int flags, ...), "openat", directory)
FCNTL(fcntl)
FCNTL(fcntl64)

SIZED(ssize_t read(int fd, void *data, size_t size), "read", kind_of(fd),
      syscall(SYS_read, fd, data, size))
SIZED(ssize_t write(int fd, const void *data, size_t size), "write", kind_of(fd),
      syscall(SYS_write, fd, data, size))
SIZED(ssize_t pread64(int fd, void *data, size_t size, off64_t offset), "pread", kind_of(fd),
      syscall(SYS_pread64, fd, data, size, offset))
SIZED(ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset), "pwrite",
      kind_of(fd), syscall(SYS_pwrite64, fd, data, size, offset))
CALL(int ftruncate64(int fd, off64_t size), "ftruncate", kind_of(fd),
     syscall(SYS_ftruncate, fd, size))
CALL(int fallocate64(int fd, int mode, off64_t offset, off64_t size), "fallocate", kind_of(fd),
     syscall(SYS_fallocate, fd, mode, offset, size))
CALL(int fsync(int fd), "fsync", kind_of(fd), syscall(SYS_fsync, fd))
CALL(int fdatasync(int fd), "fdatasync", kind_of(fd), syscall(SYS_fdatasync, fd))
CALL(int flock(int fd, int operation), "flock", kind_of(fd), syscall(SYS_flock, fd, operation))
CALL(int mkdir(const char *path, mode_t mode), "mkdir", kind_of_path(AT_FDCWD, path),
     syscall(SYS_mkdir, path, mode))
CALL(int renameat(int from, const char *path, int to, const char *name), "renameat",
     kind_of_path(from, path), syscall(SYS_renameat, from, path, to, name))
CALL(int unlinkat(int directory, const char *path, int flags), "unlinkat",
     kind_of_path(directory, path), syscall(SYS_unlinkat, directory, path, flags))
CALL(int unlink(const char *path), "unlink", kind_of_path(AT_FDCWD, path),
     syscall(SYS_unlink, path))

int close(int fd)
{
    become(fd, OTHER);
    return (int)syscall(SYS_close, fd);
}

int fstat64(int fd, struct stat64 *status)
{
    int (*next)(int, struct stat64 *);

    find_next("fstat64", &next);
    return strikes("fstat", kind_of(fd)) ? -1 : next(fd, status);
}

DIR *fdopendir(int fd)
{
    DIR *(*next)(int);

    find_next("fdopendir", &next);
    return strikes("fdopendir", kind_of(fd)) ? NULL : next(fd);
}

struct dirent64 *readdir64(DIR *directory)
{
    struct dirent64 *(*next)(DIR *);

    find_next("readdir64", &next);
    return strikes("readdir", kind_of(dirfd(directory))) ? NULL : next(directory);
}

/* ---- sockets, events, threads ---- */

CALL(int socket(int domain, int type, int protocol), "socket", OTHER,
     become((int)syscall(SYS_socket, domain, type, protocol), OTHER))
CALL(int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t size), "bind", kind_of(fd),
     syscall(SYS_bind, fd, address.__sockaddr__, size))
CALL(int listen(int fd, int backlog), "listen", kind_of(fd),
     syscall(SYS_listen, become(fd, LISTENER), backlog))
CALL(int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t size), "connect", DATABASE,
     syscall(SYS_connect, become(fd, DATABASE), address.__sockaddr__, size))
CALL(int accept4(int fd, __SOCKADDR_ARG address, socklen_t *size, int flags), "accept4",
     kind_of(fd),
     become((int)syscall(SYS_accept4, fd, address.__sockaddr__, size, flags), CLIENT))
CALL(int poll(struct pollfd *descriptors, nfds_t count, int timeout), "poll", OTHER,
     syscall(SYS_poll, descriptors, count, timeout))
SIZED(ssize_t recv(int fd, void *data, size_t size, int flags), "recv", kind_of(fd),
      syscall(SYS_recvfrom, fd, data, size, flags, NULL, NULL))
SIZED(ssize_t send(int fd, const void *data, size_t size, int flags), "send", kind_of(fd),
      syscall(SYS_sendto, fd, data, size, flags, NULL, 0))
SIZED(ssize_t getrandom(void *data, size_t size, unsigned flags), "getrandom", OTHER,
      syscall(SYS_getrandom, data, size, flags))
CALL(int epoll_create1(int flags), "epoll_create1", OTHER, syscall(SYS_epoll_create1, flags))
CALL(int epoll_wait(int epoll_fd, struct epoll_event *events, int count, int timeout),
     "epoll_wait", OTHER, syscall(SYS_epoll_wait, epoll_fd, events, count, timeout))
CALL(int eventfd(unsigned count, int flags), "eventfd", OTHER,
     become((int)syscall(SYS_eventfd2, count, flags), WAKE))

/* Taking a descriptor out cannot fail for want of anything. */
int epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
    return operation != EPOLL_CTL_DEL && strikes("epoll_ctl", kind_of(fd))
               ? -1
               : (int)syscall(SYS_epoll_ctl, epoll_fd, operation, fd, event);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument)
{
    int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    find_next("pthread_create", &next);
    return strikes("pthread_create", OTHER) ? plan->error
                                            : next(thread, attributes, run, argument);
}

/* ---- memory ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    return strikes("alloc", OTHER) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return strikes("alloc", OTHER) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return strikes("alloc", OTHER) ? NULL : __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return strikes("alloc", OTHER) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **ret_memory, size_t alignment, size_t size)
{
    void *memory = strikes("alloc", OTHER) ? NULL : __libc_memalign(alignment, size);

    if (memory == NULL) {
        return ENOMEM;
    }
    *ret_memory = memory;
    return 0;
}

void *mmap64(void *address, size_t size, int protection, int flags, int fd, off64_t offset)
{
    bool anonymous = (flags & MAP_ANONYMOUS) != 0;

    if (strikes(anonymous ? "alloc" : "mmap", kind_of(fd))) {
        return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}
