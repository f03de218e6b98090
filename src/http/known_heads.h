/*
 * Heads of requests that were read before. A client sends the same head again and again; what
 * bytes mean does not change, so a head that a connection sent before need not be read anew.
 * Only the digits of Content-Length may differ. For http/parser.c. Pure; one thread.
 *
 *    bytes:  | POST /increment HTTP/1.1 ... Content-Length: | 31 | ... CR LF CR LF |
 *            0                                              length_at              size
 *
 * A head is compared only with the one that the same connection sent last: how long that takes
 * tells nobody what others send.
 */
#ifndef SR_HTTP_KNOWN_HEADS_H
#define SR_HTTP_KNOWN_HEADS_H

#include "base/siphash.h"
#include "http/parser.h"

#define HTTP_KNOWN_HEADS 64 /* a power of two */
#define HTTP_KNOWN_HEAD_MAX 512

/* A head and what it says, as if its first byte were at the region's start. */
struct http_known_head {
    uint64_t hash; /* of its bytes */
    uint32_t size; /* 0: none */
    uint32_t length_at;
    uint32_t length_size;        /* digits of Content-Length; 0: none was sent */
    uint32_t fields;             /* bit set over enum http_field */
    bool path_absent;            /* "/" stands for it, which is not in the head */
    struct http_request request; /* spans point into `bytes`; body of no meaning */
    uint8_t bytes[HTTP_KNOWN_HEAD_MAX];
};

/* Shared by parsers of the same limits and one thread. */
struct http_known_heads {
    struct sr_siphash_key key;
    struct http_known_head heads[HTTP_KNOWN_HEADS];
};

/* key is random, so that nobody can choose heads that displace each other. */
void http_known_heads_init(struct http_known_heads *known, const struct sr_siphash_key *key);

/* Keeps the head of the request that the parser has just read and not forgotten, as the one the
 * connection sent last. Heads that differ each time, are long or have a body in chunks are not
 * kept. */
void http_known_heads_keep(struct http_parser *parser, const struct http_request *request);

/*
 * True where the region starts with a whole request whose head is the one the connection sent
 * last: *ret_request and *ret_consumed are what reading it would give. False where it must be
 * read.
 */
bool http_known_heads_take(const struct http_parser *parser, const uint8_t *region, size_t size,
                           struct http_request *ret_request, size_t *ret_consumed);

#endif
