/*
 * TLS by OpenSSL 3, for connections that are otherwise like plain ones: what is decrypted is
 * read with the meaning of recv(2), what is sent with that of send(2), neither ever blocks.
 * TLS 1.2 and 1.3, no renegotiation, no compression, ALPN http/1.1.
 */
#ifndef SR_SERVER_TLS_H
#define SR_SERVER_TLS_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Certificate and key in force, for all workers. Any thread. */
struct tls;

/* Reads PEM files: the certificate with its chain, the key without passphrase. Paths are
 * borrowed. SR_INVALID says what is wrong with which file. */
enum sr_result tls_open(const char *certificate_path, const char *key_path,
                        struct tls **ret_tls, struct sr_err *err) SR_MUST_USE;

/* Accepts NULL. Sessions must have ended. */
void tls_close(struct tls **tls);

/* Reads the files again, for connections that come from now on; on failure those from before
 * stay in force. */
enum sr_result tls_reload(struct tls *tls, struct sr_err *err) SR_MUST_USE;

/* One connection's; of its worker's thread alone. Buffers of 16 KiB exist only while a record
 * is under way. */
struct tls_session;

/* On an accepted, non-blocking socket, which stays the caller's. NULL: no memory. */
struct tls_session *tls_session_open(struct tls *tls, int fd);

/* Frees it, telling the peer that no more comes if that was not told and can be now. Accepts
 * NULL. */
void tls_session_close(struct tls_session **session);

/* As recv: less than `size` only where no more is there now. -1 with EAGAIN, or with EPROTO
 * where the handshake or a record failed; who spoke plain HTTP was answered then. */
ssize_t tls_receive(struct tls_session *session, void *at, size_t size);

/* As send. A later call must begin with the bytes that were not taken, wherever they stand. */
ssize_t tls_send(struct tls_session *session, const void *data, size_t size);

/* Tells the peer that no more comes. */
void tls_session_shut(struct tls_session *session);

/* The peer has told, or closed without, that no more comes from it. */
bool tls_session_ended(const struct tls_session *session);

/* The handshake is not complete. */
bool tls_session_handshakes(const struct tls_session *session);

/* The last tls_receive goes on when the socket can be written. */
bool tls_session_wants_writable(const struct tls_session *session);

#endif
