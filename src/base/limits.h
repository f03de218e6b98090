/*
 * Bounds that more than one module must agree on.
 */
#ifndef SR_BASE_LIMITS_H
#define SR_BASE_LIMITS_H

/* A key is 1 to this many bytes of UTF-8 without U+0000 (PostgreSQL's text cannot hold it). */
#define SR_KEY_SIZE_MAX 512
#define SR_BATCH_ITEMS_MAX 10000 /* increments in one request */

#endif
