/*
 * What the two halves of TLS have in common. For tls.c and tls_session.c only.
 */
#ifndef SR_SERVER_TLS_INTERNAL_H
#define SR_SERVER_TLS_INTERNAL_H

#include "server/tls.h"

#include <openssl/ssl.h>

/* A session of the context in force; NULL: no memory. */
SSL *tls_new_ssl(struct tls *tls);

#endif
