/*
 * Where an import begins: at its first line, or where a former run of it was. Batches that were
 * under way then are sent again while the service remembers their keys; after that a person
 * decides.
 */
#include "command/import.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdlib.h>

enum sr_result import_find_path(struct import *m, struct sr_err *err)
{
    const char *given = import_text(m, CLIENT_RESUME_FILE);
    const struct sr_option_parts *parts = &m->command->settings.parts;
    int size = 0;

    if (given != NULL) {
        size = strcmp(given, "none") == 0 ? 0 : snprintf(m->path, PATH_MAX, "%s", given);
    } else if (parts->word_count > 0 && strcmp(parts->words[0], "-") != 0) {
        size = snprintf(m->path, PATH_MAX, "%s.import", parts->words[0]);
    }
    return size < PATH_MAX ? SR_OK
                           : sr_fail(err, SR_INVALID, "--resume-file: the path is too long");
}

enum sr_result import_describe(struct import *m, struct sr_err *err)
{
    const char *name = import_text(m, CLIENT_ID);
    const char *url = import_text(m, CLIENT_URL);
    struct resume *r = &m->resume;

    for (const char *at = name; at != NULL && *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~') {
            return sr_fail(err, SR_INVALID, "--id must be printable ASCII without spaces");
        }
    }
    *r = (struct resume){.sets = import_number(m, CLIENT_SET) != 0,
                         .items_max = (uint32_t)import_number(m, CLIENT_BATCH)};
    (void)snprintf(r->digest, sizeof(r->digest), "%s", m->checked.digest);
    if (snprintf(r->identity, sizeof(r->identity), "%s", name == NULL ? r->digest : name) >=
        (int)sizeof(r->identity)) {
        return sr_fail(err, SR_INVALID, "--id must be %d characters at most",
                       RESUME_IDENTITY_SIZE - 1);
    }
    if (snprintf(r->url, sizeof(r->url), "%s", url) >= (int)sizeof(r->url)) {
        return sr_fail(err, SR_INVALID, "--url is too long");
    }
    return SR_OK;
}

/* How long the service remembers a batch, by its own word; 0 where it does not tell. */
static uint64_t ask_window(struct import *m)
{
    static const char name[] = "\nsimple_request_idempotency_window_seconds ";
    const struct client_request request = {.method = "GET",
                                           .target = "/metrics",
                                           .accept = "text/plain"};
    struct client_answer answer;
    struct sr_err err;
    const char *at = NULL;

    if (client_ask(m->command->client, &request, &answer, &err) == SR_OK &&
        answer.status == 200) {
        at = strstr((const char *)answer.body.data, name); /* a NUL follows the body */
    }
    m->window_unknown = at == NULL;
    return at == NULL ? 0 : (uint64_t)(strtod(at + sizeof(name) - 1, NULL) * 1000.0);
}

/* Moves over the batches that may have been counted. */
static enum sr_result skip_doubtful(struct import *m, struct sr_err *err)
{
    struct batches batches;
    struct batch *batch = malloc(sizeof(*batch));
    enum sr_result result = batches_init(&batches, source_descriptor(m->source),
                                         &m->resume.place, m->resume.items_max);

    if (batch == NULL || result != SR_OK) {
        free(batch);
        batches_done(&batches);
        return sr_fail(err, SR_NO_MEMORY, "out of memory for a batch");
    }
    batch_init(batch);
    for (uint32_t i = 0; i < m->resume.ahead && result == SR_OK; i++) {
        result = batches_next(&batches, batch, err);
        if (result == SR_OK) {
            m->summary.skipped += batch->items;
            m->resume.place = batch->after;
        }
    }
    batch_done(batch);
    batches_done(&batches);
    free(batch);
    return result == SR_CLOSED ? SR_OK : result;
}

static enum sr_result refuse_doubt(const struct import *m, struct sr_err *err)
{
    return sr_fail(err, SR_REFUSED,
                   "%.80s: of the lines behind %" PRIu64 ", the next %" PRIu64
                   " may be counted, %s; look at their totals: --in-doubt skip leaves them "
                   "out, --in-doubt "
                   "send sends them",
                   m->show.name, m->resume.place.line,
                   (uint64_t)m->resume.ahead * m->resume.items_max,
                   m->window_unknown
                       ? "and the service does not tell this token, which lacks the scope "
                         "read, how long it remembers that"
                       : "so long ago that the service has forgotten it");
}

static enum sr_result judge_doubt(struct import *m, struct sr_err *err)
{
    if (!resume_in_doubt(&m->resume, sr_clock_wall_ms(), ask_window(m))) {
        return SR_OK;
    }
    switch ((enum client_in_doubt)import_number(m, CLIENT_IN_DOUBT)) {
    case CLIENT_IN_DOUBT_SKIP:
        return skip_doubtful(m, err);
    case CLIENT_IN_DOUBT_SEND:
        return SR_OK;
    case CLIENT_IN_DOUBT_STOP:
    default:
        return refuse_doubt(m, err);
    }
}

static enum sr_result go_on_behind(struct import *m, const struct resume *old,
                                   struct sr_err *err)
{
    enum sr_result result;

    m->old = *old;
    m->resume = *old;
    m->summary.resumed = old->place.items;
    result = judge_doubt(m, err);
    m->first_item = m->resume.place.items;
    return result;
}

enum sr_result import_find_place(struct import *m, struct sr_err *err)
{
    struct resume old;
    enum sr_result result = m->path[0] == '\0' ? SR_NOT_FOUND : resume_load(m->path, &old, err);

    if (result != SR_OK) {
        return result == SR_NOT_FOUND ? SR_OK : result;
    }
    switch (resume_compare(&old, &m->resume, m->path, err)) {
    case RESUME_GOES_ON:
        return go_on_behind(m, &old, err);
    case RESUME_FINISHED:
        m->is_finished = true;
        m->summary.resumed = m->checked.pairs;
        return SR_OK;
    case RESUME_REFUSED:
        return err->code;
    case RESUME_NEW:
    default:
        return SR_OK;
    }
}
