/*
 * The scratch that bodies are read with.
 */
#include "http/body.h"

#include <stdlib.h>

#define POOL_SIZE 65536 /* enough for the document of any body up to 5,000 bytes */

enum sr_result http_body_scratch_init(struct http_body_scratch *scratch)
{
    uint8_t *pool = malloc(POOL_SIZE);

    if (pool == NULL) {
        return SR_NO_MEMORY;
    }
    scratch->pool = pool;
    scratch->pool_size = POOL_SIZE;
    return SR_OK;
}

void http_body_scratch_done(struct http_body_scratch *scratch)
{
    free(scratch->pool);
    scratch->pool = NULL;
    scratch->pool_size = 0;
}
