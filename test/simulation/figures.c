/*
 * The figures of a history that the parts of its instances have counted.
 */
#include "world.h"

void figures_add(struct instance *i)
{
    struct figures *figures = &i->world->figures;
    struct counters_stats table;
    struct flusher_stats flusher;
    struct loader_stats loader;
    struct journal_stats journal;

    if (!i->up) {
        return;
    }
    counters_stats(i->counters, &table);
    flusher_stats(i->flusher, &flusher);
    loader_stats(i->loader, &loader);
    journal_stats(i->journal, &journal);
    figures->evictions += table.evictions;
    figures->flushes += flusher.flushes_applied;
    figures->flushes_unknown += flusher.flushes_unknown;
    figures->replayed += flusher.flushes_replayed;
    figures->taken_back += flusher.ledger_taken_back != 0;
    figures->refused += flusher.rows_refused;
    figures->loads_stale += loader.stale;
    figures->loads_failed += loader.failures;
    figures->compactions += journal.compactions;
    figures->retired += journal.retired_files;
    figures->journal_failed += journal.failures;
}
