/*
 * Memory of a worker's connections and waiting requests: taken in slabs and kept for the next
 * ones, so that neither a request nor, as a rule, a connection allocates.
 */
#include "server/worker.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

#define SLAB_CONNECTIONS 64
#define WAITING_KEPT_MAX 1024

struct slab {
    struct slab *next;
    struct connection connections[SLAB_CONNECTIONS];
};

static bool add_slab(struct worker *w)
{
    struct slab *slab = malloc(sizeof(*slab));

    if (slab == NULL) {
        return false;
    }
    slab->next = w->slabs;
    w->slabs = slab;
    for (size_t i = 0; i < SLAB_CONNECTIONS; i++) {
        slab->connections[i].queue_link = (struct list_link){0};
        list_append(&w->free, &slab->connections[i].queue_link);
    }
    return true;
}

struct connection *worker_connection_new(struct worker *w)
{
    struct list_link *link;
    struct connection *c;

    if (list_first(&w->free) == NULL && !add_slab(w)) {
        return NULL;
    }
    /* The one used last: its memory is warm, and slabs not needed stay untouched. */
    link = w->free.prev;
    list_remove(link);
    c = LIST_OWNER(link, struct connection, queue_link);
    memset(c, 0, sizeof(*c));
    w->connection_count++;
    return c;
}

void worker_bury(struct worker *w)
{
    struct list_link *link;

    while ((link = list_take_first(&w->dead)) != NULL) {
        SR_CHECK(LIST_OWNER(link, struct connection, queue_link)->fd < 0);
        list_append(&w->free, link);
        w->connection_count--;
    }
}

struct waiting *worker_waiting_new(struct worker *w)
{
    struct waiting *waiting = w->waiting_free;

    if (waiting == NULL) {
        return malloc(sizeof(*waiting));
    }
    w->waiting_free = waiting->next_free;
    w->waiting_free_count--;
    return waiting;
}

void worker_waiting_free(struct worker *w, struct waiting *waiting)
{
    free(waiting->facts);
    waiting->facts = NULL;
    free(waiting->token);
    waiting->token = NULL;
    if (w->waiting_free_count == WAITING_KEPT_MAX) {
        free(waiting);
        return;
    }
    waiting->next_free = w->waiting_free;
    w->waiting_free = waiting;
    w->waiting_free_count++;
}

void worker_memory_done(struct worker *w)
{
    while (w->slabs != NULL) {
        struct slab *slab = w->slabs;

        w->slabs = slab->next;
        free(slab);
    }
    while (w->waiting_free != NULL) {
        struct waiting *waiting = w->waiting_free;

        w->waiting_free = waiting->next_free;
        free(waiting);
    }
}
