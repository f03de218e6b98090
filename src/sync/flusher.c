/*
 * The flusher's thread: what to do when, back-off, stop, figures. The work itself is in
 * epoch.c, claim.c and apply.c.
 */
#include "sync/flusher_internal.h"

#include <stdio.h>
#include <string.h>

#define RETRY_LAST_MS 2000U
#define RETRY_REFUSED_MS 10000U
#define DOWN_AFTER_MS                                                                          \
    1000U /* a shorter failure is a reconnect: requests wait for their totals */
#define EXPIRE_STEPS 100000U /* of the idempotency window an interval, some milliseconds */
#define POLL_MS 100U         /* how soon pressure is seen */
#define COMPACT_EVERY_MS 1000U
#define COMPACT_AFTER_INTERVALS 2U

const char *flusher_state_text(enum flusher_state state)
{
    static const char *const texts[] = {
#define FLUSHER_STATE_TEXT(name, text) text,
        FLUSHER_STATES(FLUSHER_STATE_TEXT)
#undef FLUSHER_STATE_TEXT
    };

    return texts[state];
}

uint64_t flusher_now_ms(struct flusher *f)
{
    struct disk *disk = datadir_disk(f->options.datadir);

    return disk->now_ms(disk);
}

void flusher_event(struct flusher *f, enum sync_event_level level, const char *name,
                   const char *text, uint64_t epoch, uint64_t rows, uint64_t elapsed_ms)
{
    struct sync_event event = {.level = level,
                               .name = name,
                               .text = text,
                               .epoch = epoch,
                               .rows = rows,
                               .elapsed_ms = elapsed_ms};

    f->options.event(f->options.event_context, &event);
}

void flusher_set_state(struct flusher *f, enum flusher_state state, const char *reason)
{
    (void)pthread_mutex_lock(&f->lock);
    f->stats.state = state;
    (void)snprintf(f->stats.reason, sizeof(f->stats.reason), "%s", reason);
    (void)pthread_mutex_unlock(&f->lock);
}

void flusher_contact(struct flusher *f)
{
    uint64_t now = flusher_now_ms(f);

    /* Retention is for a database that falls back: time passes only while we see that it has
     * not. */
    if (f->contact_ms != 0) {
        f->retention_clock_ms += now - f->contact_ms;
    }
    f->contact_ms = now;
    f->retry_ms = FLUSHER_RETRY_FIRST_MS;
    f->down_since_ms = 0;
    atomic_store(&f->store_up, true);
}

static uint32_t jitter(struct flusher *f, uint32_t ms)
{
    f->random_state =
        f->random_state * 1664525U + 1013904223U; /* Numerical Recipes' generator */
    return ms / 2 + (uint32_t)(((uint64_t)(f->random_state >> 8) * ms) >> 25);
}

void flusher_store_failed(struct flusher *f, enum sr_result why, const struct sr_err *err)
{
    uint64_t now = flusher_now_ms(f);
    bool first = f->down_since_ms == 0;

    if (why == SR_DAMAGED) { /* no later call can make it good */
        flusher_stop_for_good(f, err->text);
        return;
    }
    f->down_since_ms = first ? now : f->down_since_ms;
    if (now - f->down_since_ms >= DOWN_AFTER_MS || why == SR_REFUSED) {
        atomic_store(&f->store_up, false);
    }
    f->claimed = false;
    f->contact_ms = 0;
    if (why == SR_REFUSED) {
        f->retry_ms = RETRY_REFUSED_MS;
    }
    f->retry_at_ms = now + jitter(f, f->retry_ms);
    f->retry_ms = f->retry_ms * 2 > RETRY_LAST_MS ? RETRY_LAST_MS : f->retry_ms * 2;
    flusher_set_state(f, FLUSHER_STORE_DOWN, err->text);
    if (first || why == SR_REFUSED) {
        flusher_event(f, why == SR_REFUSED ? SYNC_EVENT_ERROR : SYNC_EVENT_WARN,
                      "sync.store_down", err->text, 0, 0, 0);
    }
}

void flusher_stop_for_good(struct flusher *f, const char *why)
{
    atomic_store(&f->store_up, false);
    f->claimed = false;
    flusher_set_state(f, FLUSHER_STOPPED, why);
    flusher_event(f, SYNC_EVENT_ERROR, "sync.stopped", why, 0, 0, 0);
}

bool flusher_stopped_for_good(struct flusher *f)
{
    bool stopped;

    (void)pthread_mutex_lock(&f->lock);
    stopped = f->stats.state == FLUSHER_STOPPED;
    (void)pthread_mutex_unlock(&f->lock);
    return stopped;
}

/* Since when each parity is dirty: never understated, overstated by the time since the last
 * look at most. Also called by whoever reads the figures, since the flusher itself may be
 * waiting for the database. */
static void watch_dirt(struct flusher *f)
{
    uint64_t now = flusher_now_ms(f);
    struct counters_stats stats;

    counters_stats(f->options.counters, &stats);
    (void)pthread_mutex_lock(&f->lock);
    for (int parity = 0; parity < 2; parity++) {
        if (stats.dirty[parity] == 0) {
            f->clean_seen_ms[parity] = now;
            f->dirty_since_ms[parity] = 0;
        } else if (f->dirty_since_ms[parity] == 0) {
            f->dirty_since_ms[parity] = f->clean_seen_ms[parity];
        }
    }
    (void)pthread_mutex_unlock(&f->lock);
}

/* Under lock. */
static uint64_t oldest_dirt_ms(const struct flusher *f)
{
    uint64_t a = f->dirty_since_ms[0];
    uint64_t b = f->dirty_since_ms[1];

    if (a == 0 || b == 0) {
        return a == 0 ? b : a;
    }
    return a < b ? a : b;
}

void flusher_publish_stats(struct flusher *f)
{
    uint64_t pending = f->phase == EPOCH_SEALED ? 1 : 0;

    (void)pthread_mutex_lock(&f->lock);
    f->stats.open_epoch = f->open_epoch;
    f->stats.applied_epoch = f->applied_known ? f->applied : 0;
    f->stats.pending_epochs = pending;
    (void)pthread_mutex_unlock(&f->lock);
}

/* The journal's own threads have nobody to tell. */
static void watch_journal(struct flusher *f)
{
    struct journal_stats journal;

    journal_stats(f->options.journal, &journal);
    if (journal.failures != f->journal_failures) {
        f->journal_failures = journal.failures;
        f->journal_failed = true;
        flusher_event(f, SYNC_EVENT_ERROR, "journal.failed", journal.failure.text, 0, 0, 0);
    }
    if (f->journal_failed && !journal.failed) {
        f->journal_failed = false;
        flusher_event(f, SYNC_EVENT_INFO, "journal.mended",
                      "what was not durable is in a fresh file", 0, 0, 0);
    }
}

/* Memory or journal filling up: do not wait for the interval. */
static bool under_pressure(struct flusher *f)
{
    struct journal_stats journal;
    struct counters_stats table;

    counters_stats(f->options.counters, &table);
    journal_stats(f->options.journal, &journal);
    return (table.memory_bytes > table.memory_max_bytes / 4 * 3 &&
            (table.dirty[0] + table.dirty[1]) * 2 > table.keys) ||
           (journal.disk_full && journal.bytes > journal.limit_bytes / 2);
}

static bool tick_is_due(struct flusher *f)
{
    return flusher_now_ms(f) >= f->next_tick_ms || atomic_load(&f->tick_wanted) ||
           atomic_load(&f->stopping) || under_pressure(f);
}

static void forget_expired(struct flusher *f, uint64_t now)
{
    if (f->options.dedup != NULL && f->applied_known) {
        dedup_expire(f->options.dedup, f->applied, now, EXPIRE_STEPS);
    }
}

static void tick(struct flusher *f)
{
    uint64_t now = flusher_now_ms(f);
    bool regular = now >= f->next_tick_ms;
    uint64_t asked;

    atomic_store(&f->tick_wanted, false);
    asked = atomic_load(&f->flush_asked); /* before the table is looked at */
    if (regular) {
        atomic_fetch_add(&f->tick, 1);
        f->next_tick_ms = now + f->options.interval_ms;
        forget_expired(f, now);
    }
    if (flusher_epoch_dirty(f, f->open_epoch)) {
        flusher_epoch_begin_close(f);
    } else if (f->claimed && (regular || asked != f->flush_noted)) {
        f->next_look_ms = now; /* idle: one look an interval, or who waits is told the truth */
    }
    if (asked != f->flush_noted) {
        f->flush_noted = asked;
        f->flush_target = f->phase == EPOCH_CLOSING ? f->slot_epoch : f->last_sealed;
    }
}

/* Whoever waits for a flush is told when the store has everything and was just heard of. */
static void settle_flush(struct flusher *f)
{
    if (f->claimed && f->phase == EPOCH_OPEN && f->applied >= f->flush_target &&
        f->next_look_ms == UINT64_MAX) {
        atomic_store(&f->flush_done, f->flush_noted);
    }
}

static void compact_if_waiting(struct flusher *f)
{
    uint64_t now = flusher_now_ms(f);
    struct sr_err err;
    enum sr_result result;

    if (f->phase != EPOCH_SEALED || now < f->next_compact_ms ||
        now - f->slot_closed_ms < COMPACT_AFTER_INTERVALS * (uint64_t)f->options.interval_ms) {
        return;
    }
    f->next_compact_ms = now + COMPACT_EVERY_MS;
    result = journal_compact(f->options.journal, f->open_epoch, f->last_sealed, &err);
    if (result == SR_OK) {
        flusher_event(f, SYNC_EVENT_INFO, "journal.compacted",
                      "closed journal files were brought into a state file", f->open_epoch, 0,
                      flusher_now_ms(f) - now);
    } else if (result != SR_NOT_FOUND) {
        flusher_event(f, SYNC_EVENT_WARN, "journal.compaction_failed", err.text, f->open_epoch,
                      0, 0);
    }
}

static void talk_to_store(struct flusher *f)
{
    if (!f->claimed) {
        if (flusher_now_ms(f) >= f->retry_at_ms) {
            flusher_epoch_write_state(f);
            flusher_claim(f);
        }
        return;
    }
    if (f->applied < f->last_sealed) {
        flusher_apply_next(f);
    } else if (flusher_now_ms(f) >= f->next_look_ms ||
               atomic_exchange(&f->look_wanted, false)) {
        f->next_look_ms = UINT64_MAX;
        flusher_look(f);
    }
}

uint32_t flusher_step(struct flusher *f)
{
    bool soon;

    watch_dirt(f);
    watch_journal(f);
    if (f->phase == EPOCH_OPEN && tick_is_due(f)) {
        tick(f);
    }
    soon = flusher_epoch_step(f);
    flusher_publish_stats(f); /* what follows may take long */
    if (!soon && !flusher_stopped_for_good(f)) {
        talk_to_store(f);
        compact_if_waiting(f);
    }
    flusher_publish_stats(f);
    settle_flush(f);
    if (soon) {
        return 1; /* turns end, and seals become durable, within about that time */
    }
    return f->claimed && f->applied < f->last_sealed ? 0 : POLL_MS;
}

bool flusher_idle(struct flusher *f)
{
    bool chain_applied =
        f->last_sealed == 0 || (f->applied_known && f->applied == f->last_sealed);

    return f->phase == EPOCH_OPEN && chain_applied && !flusher_epoch_dirty(f, f->open_epoch);
}

bool flusher_store_up(struct flusher *f)
{
    return atomic_load_explicit(&f->store_up, memory_order_relaxed);
}

void flusher_stats(struct flusher *f, struct flusher_stats *ret_stats)
{
    uint64_t since;

    watch_dirt(f);
    (void)pthread_mutex_lock(&f->lock);
    *ret_stats = f->stats;
    since = oldest_dirt_ms(f);
    (void)pthread_mutex_unlock(&f->lock);
    ret_stats->oldest_unsynced_ms = since == 0 ? 0 : flusher_now_ms(f) - since + 1;
    ret_stats->flush_ns = &f->flush_ns;
    ret_stats->flush_rows = &f->flush_rows;
    ret_stats->key_age_ms = &f->key_age_ms;
}
