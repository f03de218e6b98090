/*
 * Database URLs as text: what Ecto writes rewritten to what libpq reads. Percent-encoding is
 * left alone throughout. Pure.
 */
#ifndef SR_STORE_STORE_URL_H
#define SR_STORE_STORE_URL_H

#include "base/buffer.h"
#include "base/result.h"

#include <stdbool.h>

/* True where url begins with scheme ("sqlite:") in any case. */
bool store_url_has_scheme(const char *url, const char *scheme);

/*
 * Appends a URL for libpq and a NUL: postgres:// and postgresql:// as they are; ecto:// as
 * postgresql://, its pool and driver settings dropped, ssl=true as sslmode=require, socket_dir
 * as host. Anything else stays, so that libpq refuses what nobody knows. Errors of the buffer.
 */
enum sr_result store_url_for_libpq(const char *url, struct sr_buffer *text) SR_MUST_USE;

#endif
