/*
 * What open dashboards are fed with: a row of figures a second, of the last ten minutes, and
 * the hottest keys of now. Each row is made and encoded once, by the main thread; every stream
 * (server/connection_stream.c) sends the same bytes, from where it stands.
 *
 * As server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html):
 *
 *   event: hello  once, {"boot":ID,"seconds":600,"fields":[names of the figures]}
 *   id: N         a row, an array of integers in the order of the fields
 *   event: top    after the newest row, what GET /top?limit=20 answers
 *   event: end    {"reason":"draining"}: the service stops
 */
#ifndef SR_SERVER_FEED_H
#define SR_SERVER_FEED_H

#include "base/buffer.h"
#include "base/result.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

#define FEED_ROWS 600U            /* kept */
#define FEED_ROW_SIZE_MAX 4096U   /* bytes of one; longer ones are left out */
#define FEED_TOP_SIZE_MAX 131072U /* of the hottest keys */
#define FEED_STREAMS_MAX 100U     /* open at a time */

struct feed;

/* fields: the JSON array of names, copied. SR_NO_MEMORY, SR_FULL. */
enum sr_result feed_open(uint64_t boot, struct sr_span fields, struct feed **ret_feed,
                         struct sr_err *err) SR_MUST_USE;

/* Accepts NULL and leaves NULL. */
void feed_close(struct feed **feed);

/* The next row, and the hottest keys (a JSON object). The main thread. */
void feed_publish(struct feed *feed, struct sr_span row, struct sr_span top);

/* Number of the newest row, from 1; 0: none yet. Any thread, no lock. */
uint64_t feed_newest(const struct feed *feed);

/* A stream opens, unless too many are; and ends. Any thread. */
bool feed_join(struct feed *feed);
void feed_leave(struct feed *feed);

/* Streams that are open. */
uint32_t feed_streams(const struct feed *feed);

/* Appends what a stream begins with. */
enum sr_result feed_hello(struct feed *feed, struct sr_buffer *out) SR_MUST_USE;

/* The number of the row with which a stream begins that has seen row `after` of boot `boot`. */
uint64_t feed_begin(struct feed *feed, uint64_t boot, uint64_t after);

/*
 * Appends rows from *next on, until about `size` bytes are appended, and behind the newest one
 * the hottest keys; *next is the row to go on with. Rows that are no longer kept are passed
 * over. Errors of the buffer: then less was appended, and *next says how far.
 */
enum sr_result feed_read(struct feed *feed, uint64_t *next, size_t size,
                         struct sr_buffer *out) SR_MUST_USE;

#endif
