/*
 * simple-request version: what this binary was made of, and the libraries it runs with.
 */
#include "command/command.h"

#include "build_info.h"

#include <gnu/libc-version.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <llhttp.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <stdio.h>
#include <yyjson.h>

int command_version(const struct config *config)
{
    uint32_t yyjson = yyjson_version();
    int libpq = PQlibVersion(); /* 150006 is 15.6 */

    (void)config;
    (void)printf("simple-request " SR_BUILD_VERSION "\n"
                 "  commit    " SR_BUILD_GIT_SHA "\n"
                 "  compiler  " SR_BUILD_COMPILER "\n"
                 "  flags     " SR_BUILD_FLAGS "\n");
    /* llhttp tells its version to the compiler only. */
    (void)printf("  llhttp    %d.%d.%d\n", LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR,
                 LLHTTP_VERSION_PATCH);
    (void)printf("  yyjson    %" PRIu32 ".%" PRIu32 ".%" PRIu32 "\n", yyjson >> 16,
                 yyjson >> 8 & 0xFF, yyjson & 0xFF);
    (void)printf("  libpq     %d.%d\n", libpq / 10000, libpq % 10000);
    (void)printf("  sqlite    %s\n", sqlite3_libversion());
    (void)printf("  openssl   %s\n", OpenSSL_version(OPENSSL_VERSION_STRING));
    (void)printf("  libc      glibc %s\n", gnu_get_libc_version());
    return fflush(stdout) == 0 ? COMMAND_OK : COMMAND_FAILED;
}
