/*
 * The files' bytes are in C files that scripts/embed makes of them.
 */
#include "web/web.h"

extern const unsigned char web_openapi_bytes[];
extern const size_t web_openapi_size;

struct sr_span web_openapi(void)
{
    return (struct sr_span){.data = web_openapi_bytes, .size = web_openapi_size};
}
