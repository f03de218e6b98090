/*
 * Claims requests and chooses their keys.
 */
#include "load/source.h"

#include <stdbool.h>
#include <stddef.h>

void load_source_init(struct load_source *source, const struct load_options *options,
                      const struct load_request *request)
{
    *source =
        (struct load_source){.options = options, .request = request, .random = options->seed};
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(struct load_source *source)
{
    uint64_t z = source->random += 0x9e3779b97f4a7c15U;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static uint32_t choose_key(struct load_source *source)
{
    if (source->options->sequential) {
        return (uint32_t)(source->next_key++ % source->options->keys);
    }
    return (uint32_t)(((draw(source) >> 32) * source->options->keys) >> 32);
}

static bool claim(struct load_source *source)
{
    if (source->options->requests != 0 && source->claimed == source->options->requests) {
        return false;
    }
    source->claimed++;
    return true;
}

uint32_t load_source_fill(struct load_source *source, struct load_connection *c)
{
    const struct load_request *request = source->request;
    uint32_t burst = c->kept;

    while (burst < source->options->depth && claim(source)) {
        uint32_t *indexes = load_connection_indexes(c, request, burst);

        for (size_t i = 0; source->options->keys > 1 && i < request->items; i++) {
            indexes[i] = choose_key(source);
        }
        burst++;
    }
    for (uint32_t i = 0; source->options->keys > 1 && i < burst; i++) {
        load_request_set_keys(request, load_connection_indexes(c, request, i),
                              c->out + i * request->size);
    }
    return burst;
}
