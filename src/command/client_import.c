/*
 * simple-request import FILE: the counters of a file of JSON lines, or of a query's rows, added
 * or set.
 *
 * All lines are looked at first; then they are sent in batches whose keys are made of the
 * content and of the line, so that the service counts a batch once, however often it is sent.
 * The service remembers that for its idempotency window; beyond it, the resume file tells how
 * far the import was.
 */
#include "base/clock.h"
#include "command/import.h"
#include "command/import_source.h"

#include <inttypes.h>

#define RETRY_MS                                                                               \
    300000U /* where --retry is not given: a restart, a flush of millions of keys */

/* ---- the source ---- */

static void tell_bad(void *context, uint64_t line, const char *message)
{
    struct import *m = context;

    import_show_bad(&m->show, line, message);
}

static void tell_checked(void *context, uint64_t bytes)
{
    struct import *m = context;

    import_show_progress(&m->show, "checking", "bytes", bytes, source_size(m->source));
}

static enum sr_result check(struct import *m, struct sr_err *err)
{
    const struct check check = {.tell = tell_bad, .progress = tell_checked, .context = m};
    enum sr_result result;

    import_show_begin(&m->show, 0);
    result = check_source(m->source, &check, &m->checked, err);
    import_show_clear(&m->show);
    if (result == SR_OK && m->checked.bad > 0) {
        return sr_fail(err, SR_REFUSED,
                       "%.200s: %" PRIu64 " of %" PRIu64 " lines are wrong, nothing was sent",
                       m->show.name, m->checked.bad, m->checked.bad + m->checked.pairs);
    }
    return result;
}

/* ---- sending ---- */

/* What the former run may have sent, it sent when it says: a service that is sent a batch again
 * remembers it no longer for that. */
static void keep_doubt(struct import *m)
{
    const struct resume *old = &m->old;

    if (m->resume.place.items < old->place.items + (uint64_t)old->ahead * old->items_max) {
        m->resume.since_ms = old->since_ms;
        m->resume.ahead = old->ahead > m->ahead ? old->ahead : m->ahead;
    } else {
        m->resume.ahead = m->ahead;
    }
}

static enum sr_result save(struct import *m, const struct batch_place *place, uint64_t since_ms,
                           struct sr_err *err)
{
    m->resume.place = *place;
    m->resume.since_ms = since_ms;
    keep_doubt(m);
    return m->path[0] == '\0' ? SR_OK : resume_save(m->path, &m->resume, err);
}

static enum sr_result settle(void *context, const struct batch_place *place, uint64_t since_ms,
                             struct sr_err *err)
{
    struct import *m = context;

    import_show_progress(&m->show, m->resume.sets ? "setting" : "adding", "counters",
                         place->items, m->checked.pairs);
    return save(m, place, since_ms, err);
}

static enum sr_result send_batch(void *context, unsigned connection, const struct batch *batch,
                                 struct sr_err *err)
{
    struct import *m = context;
    enum sr_result result = source_check(m->source, err);

    return result == SR_OK ? import_send_batch(&m->send, connection, batch, err) : result;
}

static enum sr_result run_sender(struct import *m, unsigned connections, struct sr_err *err)
{
    const struct sender_calls calls = {.context = m,
                                       .send = send_batch,
                                       .settle = settle,
                                       .now_ms = sr_clock_wall_ms};
    struct batches batches;
    enum sr_result result = batches_init(&batches, source_descriptor(m->source),
                                         &m->resume.place, m->resume.items_max);

    if (result != SR_OK) {
        batches_done(&batches);
        return sr_fail(err, result, "out of memory");
    }
    import_show_begin(&m->show, m->first_item);
    result = sender_run(&batches, connections, &calls, err);
    import_show_clear(&m->show);
    batches_done(&batches);
    return result;
}

/* Whether somebody answers there: what is lost later is waited for. */
static int greet(struct import *m)
{
    const struct client_request request = {.method = "GET", .target = "/livez"};
    yyjson_doc *doc = NULL;
    int code = client_command_ask(m->command, &request, &doc);

    yyjson_doc_free(doc);
    return code;
}

static enum sr_result send_all(struct import *m, struct sr_err *err)
{
    struct batch_place place = m->resume.place;
    unsigned connections = (unsigned)import_number(m, CLIENT_CONNECTIONS);
    unsigned batches = m->resume.sets ? 1 : connections; /* one after the other sets in order */
    enum sr_result result;

    m->ahead = sender_ahead(batches);
    result = import_send_open(&m->send, connections, err);
    if (result == SR_OK) {
        result = save(m, &place, sr_clock_wall_ms(), err);
    }
    if (result == SR_OK) {
        result = run_sender(m, batches, err);
    }
    if (result == SR_OK) {
        place = m->resume.place;
        m->resume.finished = true;
        result = save(m, &place, sr_clock_wall_ms(), err);
    }
    return result;
}

static enum sr_result prepare_send(struct import *m, struct sr_err *err)
{
    const struct sr_option_value *retry = &m->command->settings.values[CLIENT_RETRY];

    m->send.command = m->command;
    m->send.name = m->show.name;
    m->send.sets = m->resume.sets;
    m->send.retry_ms = retry->source == SR_OPTION_DEFAULT ? RETRY_MS : (uint32_t)retry->number;
    return token_prefix(m->resume.identity, m->resume.items_max, m->send.prefix, err);
}

/* Where lines were sent and some were not: what to do. */
static void advise(const struct import *m)
{
    char text[PATH_MAX + 200];

    if (m->path[0] != '\0') {
        (void)snprintf(text, sizeof(text),
                       "all up to line %" PRIu64 " is counted, as %s tells; the same command "
                       "goes on there and counts nothing twice",
                       m->resume.place.line, m->path);
    } else {
        (void)snprintf(text, sizeof(text),
                       "all up to line %" PRIu64 " is counted; the same lines again count "
                       "nothing twice within the service's --idempotency-window",
                       m->resume.place.line);
    }
    command_complain(text);
}

static int fail(const struct sr_err *err)
{
    command_complain(err->text);
    return client_exit_code(err->code);
}

static int finish(struct import *m)
{
    struct import_summary *s = &m->summary;

    s->sets = m->resume.sets;
    s->counters = m->checked.pairs;
    s->now = atomic_load(&m->send.counted);
    s->replayed = atomic_load(&m->send.replayed);
    s->elapsed_ms = sr_clock_monotonic_ms() - m->begun_ms;
    s->identity = m->resume.identity;
    if (m->is_finished) {
        char text[PATH_MAX + 100];

        (void)snprintf(text, sizeof(text),
                       "%s tells that all of it is counted; another --id counts it once more",
                       m->path);
        command_complain(text);
    }
    import_show_summary(&m->show, s, m->command->json);
    return COMMAND_OK;
}

/* Everything up to the first request. */
static enum sr_result prepare(struct import *m, struct sr_err *err)
{
    enum sr_result result = import_find_path(m, err);

    if (result == SR_OK) {
        result = import_source_open(&m->command->settings, &m->source, err);
    }
    if (result != SR_OK) {
        return result;
    }
    import_show_init(&m->show, source_name(m->source));
    result = check(m, err);
    return result == SR_OK ? import_describe(m, err) : result;
}

static int import_from(struct import *m)
{
    struct sr_err err;
    enum sr_result result = prepare(m, &err);
    int code = result == SR_OK ? greet(m) : fail(&err);

    if (code != COMMAND_OK) {
        return code;
    }
    result = import_find_place(m, &err);
    if (result == SR_OK && !m->is_finished) {
        result = prepare_send(m, &err);
    }
    if (result != SR_OK) {
        return fail(&err);
    }
    if (!m->is_finished && send_all(m, &err) != SR_OK) {
        (void)fail(&err);
        advise(m);
        return client_exit_code(err.code);
    }
    return finish(m);
}

static int import(struct client_command *c)
{
    static struct import m; /* of PATH_MAX and more: not on the stack */
    int code;

    m.command = c;
    m.begun_ms = sr_clock_monotonic_ms();
    code = import_from(&m);
    import_send_close(&m.send);
    source_close(&m.source);
    return code;
}

int command_import(const char *const *arguments)
{
    static const struct client_usage usage = {
        "import", "[FILE]", 0, 1,
        CLIENT_TAKES(CLIENT_SET) | CLIENT_TAKES(CLIENT_ID) | CLIENT_TAKES(CLIENT_RESUME_FILE) |
            CLIENT_TAKES(CLIENT_BATCH) | CLIENT_TAKES(CLIENT_CONNECTIONS) |
            CLIENT_TAKES(CLIENT_IN_DOUBT) | CLIENT_TAKES(CLIENT_FROM_POSTGRES) |
            CLIENT_TAKES(CLIENT_FROM_POSTGRES_FILE) | CLIENT_TAKES(CLIENT_QUERY)};

    return client_command_run(&usage, arguments, import);
}
