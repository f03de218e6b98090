/*
 * The context in force, made from files.
 */
#include "server/tls.h"

#include "base/check.h"
#include "server/tls_internal.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct tls {
    const char *certificate_path, *key_path;
    pthread_mutex_t lock; /* over context; innermost */
    SSL_CTX *context;     /* sessions hold theirs on their own */
};

/* Without it OpenSSL would ask the terminal. */
static int no_passphrase(char *text, int size, int writing, void *context)
{
    (void)text;
    (void)size;
    (void)writing;
    (void)context;
    return 0;
}

/* RFC 7301: who offers protocols and not ours is refused. */
static int select_protocol(SSL *ssl, const unsigned char **ret_protocol,
                           unsigned char *ret_size, const unsigned char *offered,
                           unsigned offered_size, void *context)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *selected;

    (void)ssl;
    (void)context;
    if (SSL_select_next_proto(&selected, ret_size, ours, sizeof(ours) - 1, offered,
                              offered_size) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *ret_protocol = selected;
    return SSL_TLSEXT_ERR_OK;
}

static bool configure(SSL_CTX *context)
{
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    /* Sessions resume by tickets, which the client keeps: no memory of ours grows. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
}

static enum sr_result fail_with(struct sr_err *err, const char *what, const char *path)
{
    char why[160] = "unknown reason";
    unsigned long code = ERR_get_error();

    if (code != 0) {
        ERR_error_string_n(code, why, sizeof(why));
    }
    ERR_clear_error();
    return sr_fail(err, SR_INVALID, "%s %s: %s", what, path, why);
}

static enum sr_result load(const struct tls *tls, SSL_CTX *context, struct sr_err *err)
{
    if (SSL_CTX_use_certificate_chain_file(context, tls->certificate_path) != 1) {
        return fail_with(err, "TLS certificate", tls->certificate_path);
    }
    if (SSL_CTX_use_PrivateKey_file(context, tls->key_path, SSL_FILETYPE_PEM) != 1) {
        return fail_with(err, "TLS key", tls->key_path);
    }
    if (SSL_CTX_check_private_key(context) != 1) {
        return fail_with(err, "the TLS certificate is not for the key", tls->key_path);
    }
    return SR_OK;
}

static enum sr_result make_context(const struct tls *tls, SSL_CTX **ret_context,
                                   struct sr_err *err)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    enum sr_result result;

    ERR_clear_error();
    if (context == NULL || !configure(context)) {
        SSL_CTX_free(context);
        return sr_fail(err, SR_NO_MEMORY, "OpenSSL cannot make a TLS context");
    }
    result = load(tls, context, err);
    if (result != SR_OK) {
        SSL_CTX_free(context);
        return result;
    }
    *ret_context = context;
    return SR_OK;
}

enum sr_result tls_open(const char *certificate_path, const char *key_path,
                        struct tls **ret_tls, struct sr_err *err)
{
    struct tls *tls = calloc(1, sizeof(*tls));
    enum sr_result result;

    if (tls == NULL) {
        return sr_fail(err, SR_NO_MEMORY, "no memory for TLS");
    }
    tls->certificate_path = certificate_path;
    tls->key_path = key_path;
    result = make_context(tls, &tls->context, err);
    if (result != SR_OK) {
        free(tls);
        return result;
    }
    SR_CHECK(pthread_mutex_init(&tls->lock, NULL) == 0);
    *ret_tls = tls;
    return SR_OK;
}

void tls_close(struct tls **tls)
{
    if (*tls == NULL) {
        return;
    }
    SSL_CTX_free((*tls)->context);
    SR_CHECK(pthread_mutex_destroy(&(*tls)->lock) == 0);
    free(*tls);
    *tls = NULL;
}

enum sr_result tls_reload(struct tls *tls, struct sr_err *err)
{
    SSL_CTX *made = NULL;
    SSL_CTX *before;
    enum sr_result result = make_context(tls, &made, err);

    if (result != SR_OK) {
        return result;
    }
    SR_CHECK(made != NULL);
    SR_CHECK(pthread_mutex_lock(&tls->lock) == 0);
    before = tls->context;
    tls->context = made;
    SR_CHECK(pthread_mutex_unlock(&tls->lock) == 0);
    SSL_CTX_free(before); /* lives on as long as sessions of it do */
    return SR_OK;
}

SSL *tls_new_ssl(struct tls *tls)
{
    SSL *ssl;

    SR_CHECK(pthread_mutex_lock(&tls->lock) == 0);
    ssl = SSL_new(tls->context);
    SR_CHECK(pthread_mutex_unlock(&tls->lock) == 0);
    return ssl;
}
