/*
 * One deflate over the whole.
 */
#include "server/gzip.h"

#include "base/check.h"

#include <limits.h>

#define ZLIB_CONST /* zlib only reads its input */
#include <zlib.h>

#define WINDOW_BITS_GZIP (15 + 16) /* the largest window, and gzip's wrapper */
#define MEMORY_LEVEL 6 /* a metrics page gets as small as with 8, in 3/4 of the time */

enum sr_result gzip_append(struct sr_buffer *out, struct sr_span bytes)
{
    z_stream stream = {.next_in = bytes.data, .avail_in = (uInt)bytes.size};
    enum sr_result result;
    uLong bound;

    SR_CHECK(bytes.size <= UINT_MAX / 2);
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, WINDOW_BITS_GZIP, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return SR_NO_MEMORY;
    }
    bound = deflateBound(&stream, bytes.size);
    result = sr_buffer_reserve(out, bound);
    if (result == SR_OK) {
        stream.next_out = out->data + out->size;
        stream.avail_out = (uInt)bound;
        SR_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END); /* the bound is enough */
        out->size += stream.total_out;
    }
    (void)deflateEnd(&stream); /* complains of a stream that did not end, which was freed */
    return result;
}
