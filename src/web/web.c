/*
 * The files' bytes are in C files that scripts/embed and embed_dashboard.py make of them.
 */
#include "web/web.h"

extern const unsigned char web_openapi_bytes[];
extern const size_t web_openapi_size;

extern const struct web_file web_files[];
extern const size_t web_files_count;

struct sr_span web_openapi(void)
{
    return (struct sr_span){.data = web_openapi_bytes, .size = web_openapi_size};
}

const struct web_file *web_file(struct sr_span name)
{
    for (size_t i = 0; i < web_files_count; i++) {
        if (sr_span_equal(name, sr_span_text(web_files[i].name))) {
            return &web_files[i];
        }
    }
    return NULL;
}
